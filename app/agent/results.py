"""What a tool call means to a person: one line in words, the products it found, the cart it left."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext, ngettext

from app.conversations.digest import products_of
from app.tools.limits import to_json

MAX_TEXT = 4_000
CART_TOOLS = frozenset(
    {"add_to_cart", "update_cart", "remove_from_cart", "clear_cart", "view_cart", "place_order"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCard:
    """One tool call for a page. `products` are the dicts of `list_products` (sku, name, price_cents, image_url ...).

    `summary` is one line in words; `arguments` and `result` are text to show as it is, `given` and `data`
    the same as values. `streamed` is what the tool said while it worked, or a summary of its result; `is_long` says
    that there is more than `result` shows.
    """

    id: str
    run_id: str
    name: str
    status: str
    summary: str
    arguments: str
    result: str
    duration_ms: int | None
    products: tuple[Mapping[str, Any], ...] = ()
    changes_cart: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    streamed: str = ""
    is_long: bool = False


def tool_card(
    *,
    run_id: str,
    call: Mapping[str, Any],
    status: str = "running",
    content: str = "",
    duration_ms: int | None = None,
    streamed: str = "",
    is_long: bool = False,
) -> ToolCard:
    """A card from a call ({id, name, arguments}) and the JSON text of its result ("" while it runs)."""
    result = _read(content)
    shown = pretty(result) if result else ""
    return ToolCard(
        id=call["id"],
        run_id=run_id,
        name=call["name"],
        status=status,
        summary=summary_of(status, result),
        arguments=pretty(call["arguments"]) if call["arguments"] else "",
        result=shown,
        duration_ms=duration_ms,
        products=products_of(result),
        changes_cart=call["name"] in CART_TOOLS and status == "ok",
        given=call["arguments"],
        data=result,
        streamed=streamed,
        is_long=is_long or shown.endswith("…"),
    )


def summary_of(status: str, result: Mapping[str, Any]) -> str:
    """What came back, in a few words; "" while the call runs."""
    if status == "confirmation_required":
        return str(gettext("Waiting for your answer"))
    if status == "denied":
        return str(gettext("Not wanted"))
    error = result.get("error")
    if isinstance(error, dict):
        return str(error.get("message", ""))
    key = next((key for key in _TELLERS if key in result), None)
    # Tools of others may use the same words for other shapes.
    with suppress(TypeError, ValueError, AttributeError):
        return _TELLERS[key](result[key]) if key else ""
    return ""


def _products(found: Any) -> str:
    number = len(found)
    text = ngettext("%(num)d product", "%(num)d products", number) if number else gettext("Nothing found")
    return str(text)


def _cart(cart: Any) -> str:
    number = int(cart.get("count", 0))
    if not number:
        return str(gettext("Empty cart"))
    return str(ngettext("%(num)d piece in the cart", "%(num)d pieces in the cart", number))


def _number(text: Callable[[int], str]) -> Callable[[Any], str]:
    return lambda items: text(len(items))


_TELLERS: dict[str, Callable[[Any], str]] = {
    "products": _products,
    "product": lambda product: str(product.get("name", "")),
    "cart": _cart,
    "coupons": _number(lambda n: ngettext("%(num)d coupon", "%(num)d coupons", n)),
    "coupon": lambda coupon: str(coupon.get("name", "")),
    "orders": _number(lambda n: ngettext("%(num)d order", "%(num)d orders", n)),
    "order": lambda order: gettext("Order %(id)s", id=order.get("order_id", "")),
    "stores": _number(lambda n: ngettext("%(num)d store", "%(num)d stores", n)),
    "topics": _number(lambda n: ngettext("%(num)d answer", "%(num)d answers", n)),
}


def _read(content: str) -> dict[str, Any]:
    try:
        found = json.loads(content) if content else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def pretty(value: Any, most: int = MAX_TEXT) -> str:
    """A JSON value as text for a person, of at most `most` characters; it ends in "…" when there is more."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) > most:
        text = to_json(value)
    return text if len(text) <= most else text[: most - 1] + "…"
