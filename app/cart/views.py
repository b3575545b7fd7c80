"""Pages of the cart. Every change is a plain form; HTMX swaps the same page's block in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, after_this_request, flash, request
from flask_babel import gettext, ngettext

from app.cart import badge, queries, service
from app.cart.forms import read_quantity, read_shown_prices
from app.cart.merge import MergedLine, MergeReport, merge_guest_cart
from app.core.actor import Actor
from app.core.errors import Conflict, DomainError
from app.coupons.queries import best_of, list_for_customer, nearest_of
from app.db import after_commit, in_transaction
from app.web.auth import PUBLIC, VISITOR, access, acting_visitor, current_actor
from app.web.htmx import go_to, is_partial, page
from app.web.i18n import error_text

bp = Blueprint("cart", __name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a change was refused, and at which line to say so (None: above the lines)."""

    text: str
    item_id: int | None = None


@bp.get("/cart")
@access(PUBLIC)
def show_cart() -> Response:
    return _cart_page()


@bp.get("/cart/badge")
@access(PUBLIC)
def show_badge() -> Response:
    return page("cart/badge.html", count=badge.count_for_page())


@bp.post("/cart/items")
@access(VISITOR)
def add_item() -> Response:
    actor = acting_visitor()
    try:
        quantity = read_quantity(request.form.get("quantity", "1"))
        line = in_transaction(lambda: service.add_item(actor, request.form.get("sku", ""), quantity))
    except DomainError as error:
        return _refuse_to_add(error)
    text = gettext("%(name)s is in your cart.", name=line.title(actor.locale))
    if is_partial():
        return page("cart/_added.html", text=text, kind="ok", count=queries.count_pieces(actor))
    flash(text, "ok")
    return go_to("/cart")


def _refuse_to_add(error: DomainError) -> Response:
    if is_partial():
        return page("cart/_added.html", text=error_text(error), kind="danger", status=error.status)
    if not isinstance(error, Conflict):
        raise error
    flash(error_text(error), "danger")
    return go_to("/cart")


@bp.post("/cart/items/<int:item_id>")
@access(VISITOR)
def change_quantity(item_id: int) -> Response:
    actor = acting_visitor()

    def change() -> None:
        service.set_quantity(actor, item_id, read_quantity(request.form.get("quantity")))

    return _change(change, item_id)


@bp.post("/cart/items/<int:item_id>/remove")
@access(VISITOR)
def remove_item(item_id: int) -> Response:
    actor = acting_visitor()
    return _change(lambda: service.remove_item(actor, item_id), item_id)


@bp.post("/cart/clear")
@access(VISITOR)
def clear() -> Response:
    actor = acting_visitor()
    return _change(lambda: service.clear(actor))


@bp.post("/cart/accept-prices")
@access(VISITOR)
def accept_prices() -> Response:
    actor = acting_visitor()
    shown = read_shown_prices(request.form.getlist("price"))
    return _change(lambda: service.accept_prices(actor, shown))


def _change(work: Callable[[], Any], item_id: int | None = None) -> Response:
    """Do it and show the cart as it is then; a refusal is told at its line."""
    try:
        in_transaction(work)
    except DomainError as error:
        return _cart_page(status=error.status, problem=Problem(error_text(error), item_id))
    return _cart_page() if is_partial() else go_to("/cart")


def _cart_page(*, status: int = 200, problem: Problem | None = None) -> Response:
    actor = current_actor()
    cart = queries.get_cart(actor)
    badge.show_count(cart.count)
    coupons = list_for_customer(actor, cart.goods()) if cart.lines else []
    return page(
        "cart/cart.html",
        block="content",
        status=status,
        cart=cart,
        best=best_of(coupons),
        nearest=nearest_of(coupons),
        problem=problem,
        is_problem_shown=any(problem and line.item_id == problem.item_id for line in cart.lines),
        max_quantity=service.MAX_QUANTITY,
        is_partial=is_partial(),
    )


def merge_at_login(guest: Actor, user: Actor) -> None:
    """For `app.accounts.login.AFTER_LOGIN`: merge the carts, and tell it on the next page."""
    report = merge_guest_cart(guest, user)
    if report.lines:
        after_commit(lambda: _tell_at_the_end(report, user.locale))


def _tell_at_the_end(report: MergeReport, locale: str) -> None:
    """Signing in empties the session, so what is to be shown next goes in when the request is done."""

    @after_this_request
    def tell(response: Response) -> Response:
        _tell(report, locale)
        return response


def _tell(report: MergeReport, locale: str) -> None:
    moved = len(report.lines) - len(report.cuts)
    if moved:
        text = ngettext(
            "%(num)s product from before you signed in is in your cart.",
            "%(num)s products from before you signed in are in your cart.",
            moved,
        )
        flash(text, "ok")
    for line in report.cuts:
        flash(_cut_text(line, locale), "warn")


def _cut_text(line: MergedLine, locale: str) -> str:
    values = {"name": line.title(locale), "kept": line.kept, "wanted": line.wanted}
    if line.kept:
        told = gettext("%(name)s: %(kept)s instead of %(wanted)s in your cart, there are no more.", **values)
    else:
        told = gettext("%(name)s is sold out and not in your cart any more.", **values)
    return str(told)
