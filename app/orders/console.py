"""The operators' desk of orders: find, ship, complete, cancel, refund by line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.core.errors import N_, DomainError, InvalidParam
from app.db import db, in_transaction
from app.members import queries as members
from app.orders import queries, service
from app.orders.models import Order
from app.orders.presentation import status_label
from app.orders.queries import OrderFilter
from app.orders.states import Action, Status, can
from app.orders.views import order_context
from app.web.auth import OPERATOR, access, current_actor
from app.web.htmx import go_to, page
from app.web.i18n import error_text
from app.web.routing import read_day, read_page_number, read_row_id

bp = Blueprint("orders_console", __name__)
PER_PAGE = 25
ORDER = "/admin/orders/<int(max=2147483647):order_id>"
MAX_PIECES = 9_999


@bp.get("/admin/orders")
@access(OPERATOR)
def list_orders() -> Response:
    number = read_page_number(4_000)
    wanted = _read_filter()
    listing = queries.find_orders(wanted, PER_PAGE, (number - 1) * PER_PAGE)
    return page(
        "orders/console_orders.html",
        block="listing",
        listing=listing,
        wanted=wanted,
        stores={store.id: store for store in members.list_stores()},
        statuses=list(Status),
        status_label=status_label,
        address=_address(),
    )


def _read_filter() -> OrderFilter:
    status = request.args.get("status", "")
    return OrderFilter(
        status=status if status in Status.__members__ else None,
        store_id=read_row_id(request.args.get("store_id")),
        day=read_day(request.args.get("day")),
        text=request.args.get("q", "").strip()[:32],
    )


def _address() -> str:
    """The list's address with its filters, for the links to other pages."""
    kept = {name: request.args[name] for name in ("status", "store_id", "day", "q") if request.args.get(name)}
    return "/admin/orders" + (f"?{urlencode(kept)}" if kept else "")


@bp.get(ORDER)
@access(OPERATOR)
def show_order(order_id: int) -> Response:
    order = queries.get_order(current_actor(), order_id)
    return page(
        "orders/console_order.html",
        can_ship=can(Action.SHIP, order.status),
        can_complete=can(Action.COMPLETE, order.status),
        can_refund=can(Action.REFUND, order.status),
        **order_context(order, for_staff=True),
    )


@bp.post(f"{ORDER}/ship")
@access(OPERATOR)
def ship_order(order_id: int) -> Response:
    return _act(
        order_id, partial(service.ship, current_actor(), order_id), gettext("The order is marked as shipped.")
    )


@bp.post(f"{ORDER}/complete")
@access(OPERATOR)
def complete_order(order_id: int) -> Response:
    act = partial(service.complete, current_actor(), order_id)
    return _act(order_id, act, gettext("The order is marked as completed."))


@bp.post(f"{ORDER}/cancel")
@access(OPERATOR)
def cancel_order(order_id: int) -> Response:
    return _act(
        order_id, partial(service.cancel, current_actor(), order_id), gettext("The order is cancelled.")
    )


@bp.post(f"{ORDER}/refund")
@access(OPERATOR)
def refund_order(order_id: int) -> Response:
    """Refund the pieces entered per line, or, with the field `all`, everything left."""
    actor = current_actor()

    def act() -> Order:
        wanted = None if "all" in request.form else _read_pieces()
        return service.refund(actor, order_id, wanted)

    return _act(order_id, act, gettext("The refund is done."))


def _read_pieces() -> dict[str, int]:
    """`pieces-<SKU>` fields. Raises InvalidParam."""
    pieces = {}
    for name, value in request.form.items():
        if not name.startswith("pieces-"):
            continue
        text = value.strip() or "0"
        if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MAX_PIECES):
            raise InvalidParam(N_("Enter whole numbers of pieces."))
        pieces[name.removeprefix("pieces-")] = int(text)
    if not any(pieces.values()):
        raise InvalidParam(N_("Enter how many pieces come back."))
    return pieces


def _act(order_id: int, act: Callable[[], Order], done: str) -> Response:
    try:
        in_transaction(act)
        flash(done, "ok")
    except DomainError as error:
        if error.status == 404:
            raise
        db.session.rollback()
        flash(error_text(error), "danger")
    return go_to(f"/admin/orders/{order_id}")
