"""What a person is shown before a change that they did not ask for in so many words: in their own language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import force_locale, gettext

from app.agent.page_results import asked_of, title_of
from app.cart.queries import CartLine, get_cart, get_line_of
from app.catalogue.queries import get_product
from app.core.actor import Actor
from app.core.money import yuan
from app.coupons.queries import find_by_code
from app.tools.executor import Preview
from app.tools.spec import Summary, ToolSpec


def preview_of(spec: ToolSpec) -> Preview:
    """The preview of a tool that has none of its own: a title that asks, and the products it is about.

    Raises what stands in the way (NotFound ...): nobody is asked about the impossible.
    """

    def preview(actor: Actor, arguments: Any) -> Summary:
        with force_locale(actor.locale):
            ask = _QUESTIONS.get(spec.name)
            return ask(actor, arguments) if ask is not None else _anything(spec, arguments)

    return preview


def _anything(spec: ToolSpec, arguments: Any) -> Summary:
    given = asked_of(arguments.model_dump(mode="json"))
    what = f"{title_of(spec.name)} ({given})" if given else title_of(spec.name)
    return {"title": gettext("Do this: %(what)s?", what=what)}


def _add(actor: Actor, arguments: Any) -> Summary:
    product = get_product(arguments.sku)
    name, qty = product.title(actor.locale), arguments.qty
    return {
        "title": gettext("Add %(qty)s × %(name)s to the cart?", qty=qty, name=name),
        "items": [_item(product.sku, name, qty, product.price_cents * qty)],
    }


def _set(actor: Actor, arguments: Any) -> Summary:
    line = get_line_of(actor, arguments.sku)
    if arguments.qty == 0:
        return _remove(actor, arguments)
    name, qty = line.title(actor.locale), arguments.qty
    return {
        "title": gettext(
            "Change %(name)s in the cart from %(before)s to %(after)s pieces?",
            name=name, before=line.quantity, after=qty,
        ),
        "items": [_item(line.sku, name, qty, line.price_cents * qty)],
    }  # fmt: skip


def _remove(actor: Actor, arguments: Any) -> Summary:
    line = get_line_of(actor, arguments.sku)
    name = line.title(actor.locale)
    return {
        "title": gettext("Take %(name)s out of the cart?", name=name),
        "items": [_line_item(line, actor.locale)],
    }


def _clear(actor: Actor, _arguments: Any) -> Summary:
    lines = get_cart(actor).lines
    return {
        "title": gettext("Take everything out of the cart?"),
        "items": [_line_item(line, actor.locale) for line in lines],
    }


def _claim(actor: Actor, arguments: Any) -> Summary:
    coupon = find_by_code(arguments.code)
    name = coupon.name_en if actor.locale == "en" and coupon.name_en else coupon.name
    return {"title": gettext("Claim the coupon “%(name)s”?", name=name), "code": coupon.code}


def _consultant(_actor: Actor, _arguments: Any) -> Summary:
    return {"title": gettext("Ask a consultant to join this conversation?")}


def _line_item(line: CartLine, locale: str) -> dict[str, Any]:
    return _item(line.sku, line.title(locale), line.quantity, line.line_total_cents)


def _item(sku: str, name: str, qty: int, total_cents: int) -> dict[str, Any]:
    return {
        "sku": sku,
        "name": name,
        "qty": qty,
        "line_total": yuan(total_cents),
        "line_total_cents": total_cents,
    }


_QUESTIONS: dict[str, Callable[[Actor, Any], Summary]] = {
    "add_to_cart": _add,
    "update_cart": _set,
    "remove_from_cart": _remove,
    "clear_cart": _clear,
    "claim_coupon": _claim,
    "talk_to_consultant": _consultant,
}
