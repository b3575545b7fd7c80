"""Pages of a customer's own orders."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.core.errors import Conflict, DomainError
from app.db import db, in_transaction
from app.members import queries as members
from app.orders import queries, service
from app.orders.models import Order
from app.orders.payment import Outcome
from app.orders.presentation import (
    CHANNELS,
    cancel_reason,
    coupon_title,
    is_payable,
    rows_of,
    status_label,
    timeline,
)
from app.orders.states import Action, Status, can, refusal
from app.web.auth import USER, access, current_actor
from app.web.htmx import go_to, page
from app.web.i18n import error_text

bp = Blueprint("orders", __name__)
PER_PAGE = 10
ORDER = "/orders/<int(max=2147483647):order_id>"


@bp.get("/orders")
@access(USER)
def show_orders() -> Response:
    number = request.args.get("page", 1, type=int)
    offset = (min(max(number, 1), 1_000) - 1) * PER_PAGE
    listing = queries.list_orders(current_actor(), PER_PAGE, offset)
    return page(
        "orders/orders.html",
        block="listing",
        listing=listing,
        rows=rows_of(listing.items),
        status_label=status_label,
        is_payable=is_payable,
    )


@bp.get(ORDER)
@access(USER)
def show_order(order_id: int) -> Response:
    order = queries.get_own_order(current_actor(), order_id)
    return page("orders/order.html", **order_context(order))


def order_context(order: Order, *, for_staff: bool = False) -> dict[str, Any]:
    """What the pages of one order read, the customer's and the console's."""
    return {
        "order": order,
        "rows": rows_of([order])[order.id],
        "payments": queries.list_payments(order.id),
        "refunds": queries.list_refunds(order.id),
        "store": members.get_store(order.store_id),
        "status_label": status_label,
        "steps": timeline(order),
        "coupon": coupon_title(order),
        "channel": gettext(CHANNELS.get(order.channel, order.channel)),
        "why_cancelled": cancel_reason(order, for_staff=for_staff),
        "is_payable": is_payable(order),
        "can_cancel": can(Action.CANCEL, order.status),
    }


@bp.get(f"{ORDER}/pay")
@access(USER)
def show_payment(order_id: int) -> Response:
    order = queries.get_own_order(current_actor(), order_id)
    if order.status != Status.PENDING:
        return go_to(f"/orders/{order_id}")
    return _payment_page(order)


@bp.post(f"{ORDER}/pay")
@access(USER)
def pay_order(order_id: int) -> Response:
    outcome: Outcome = "failure" if request.form.get("outcome") == "failure" else "success"
    try:
        order = in_transaction(partial(service.pay, current_actor(), order_id, outcome))
    except Conflict as error:
        return _back(order_id, error)
    if outcome == "failure":
        return _payment_page(order)
    flash(gettext("Thank you. The order is paid."), "ok")
    return go_to(f"/orders/{order_id}")


def _payment_page(order: Order) -> Response:
    has_failed = order.pay_status == 0
    return page("orders/pay.html", order=order, is_payable=is_payable(order), has_failed=has_failed)


@bp.get(f"{ORDER}/cancel")
@access(USER)
def ask_to_cancel(order_id: int) -> Response:
    order = queries.get_own_order(current_actor(), order_id)
    if not can(Action.CANCEL, order.status):
        return _back(order_id, refusal(Action.CANCEL))
    return page("orders/cancel.html", order=order)


@bp.post(f"{ORDER}/cancel")
@access(USER)
def cancel_order(order_id: int) -> Response:
    actor = current_actor()
    queries.get_own_order(actor, order_id)
    try:
        in_transaction(partial(service.cancel, actor, order_id))
    except Conflict as error:
        return _back(order_id, error)
    flash(gettext("The order is cancelled."), "ok")
    return go_to(f"/orders/{order_id}")


def _back(order_id: int, error: DomainError) -> Response:
    """To the order, which shows how it stands now, with the reason of the refusal."""
    db.session.rollback()
    flash(error_text(error), "danger")
    return go_to(f"/orders/{order_id}")
