"""What can be done with orders. A change of status is a conditional UPDATE: of two that race, one wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from app.audit.service import record
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.db import db
from app.orders import queries, refunds
from app.orders.locks import lock_order
from app.orders.models import Order, Payment
from app.orders.payment import Outcome, provider
from app.orders.placing import Placement, PlaceOrder, place
from app.orders.quoting import Quote, quote
from app.orders.settlement import announce, deadline, paid_values, quantities_of, release, reward
from app.orders.states import Action, Status, after, refusal

__all__ = [
    "PlaceOrder",
    "Placement",
    "Quote",
    "cancel",
    "complete",
    "expire",
    "pay",
    "place",
    "place_order",
    "quote",
    "refund",
    "ship",
]
MANAGERS = (Role.OPERATOR, Role.ADMIN)
REASON_LENGTH = 40


def place_order(actor: Actor, request: PlaceOrder) -> Order:
    """`place` for callers that want the order itself."""
    return queries.get_own_order(actor, place(actor, request).order_id)


def pay(actor: Actor, order_id: int, outcome: Outcome = "success") -> Order:
    """Try to pay an own order. After a failure it can be tried again until the order expires.

    Raises NotFound, Conflict (ALREADY_PAID, ORDER_EXPIRED, CANNOT_PAY).
    """
    order = queries.get_own_order(actor, order_id)
    settlement = provider.settle(order.id, order.due_cents, outcome)
    values = paid_values() if settlement.succeeded else {"pay_status": 0}
    still_open = Order.expires_at > now()
    if not _change_status(order, Status.PENDING, values, still_open):
        raise _why_not_payable(order_id)
    db.session.add(
        Payment(
            order_id=order.id,
            provider=provider.name,
            reference=settlement.reference,
            status="success" if settlement.succeeded else "failed",
            amount_cents=order.due_cents,
        )
    )
    if settlement.succeeded:
        reward(order, quantities_of(order))
    else:
        announce("order.payment_failed", order, kind=settlement.reference[-12:], expires_at=deadline(order))
    return order


def _why_not_payable(order_id: int) -> Conflict:
    order = lock_order(order_id)
    if order.pay_status == 1:
        return Conflict(N_("This order is already paid."), code="ALREADY_PAID")
    if order.status == Status.PENDING or order.cancel_reason == "expired":
        message = N_("The time to pay this order is over. Please order again.")
        return Conflict(message, code="ORDER_EXPIRED")
    return refusal(Action.PAY)


def cancel(actor: Actor, order_id: int, reason: str = "") -> Order:
    """Cancel an order that was not shipped; a paid one is paid back in full (its coupon stays used).

    The owner may, and an operator. Raises NotFound, Conflict CANNOT_CANCEL.
    """
    order = queries.get_order(actor, order_id)
    user_id = actor.require_user() if order.user_id == actor.user_id else actor.require_role(*MANAGERS)
    why = reason[:REASON_LENGTH] or ("customer" if order.user_id == user_id else "staff")
    values = {"status": Status.CANCELLED, "cancel_reason": why, "closed_at": now()}
    if order.user_id != user_id:
        record(actor, "order.cancelled", order_id, reason=why)
    if _change_status(order, Status.PENDING, values):
        release(order)
        return order
    return _cancel_paid(order_id, user_id, values)


def _cancel_paid(order_id: int, user_id: int, values: Mapping[str, Any]) -> Order:
    order = lock_order(order_id)
    after(Action.CANCEL, order.status)
    if not _change_status(order, Status.PAID, values):
        raise refusal(Action.CANCEL)
    refunds.pay_back(order, None, user_id)
    announce("order.cancelled", order, reason=order.cancel_reason)
    return order


def expire(order_id: int) -> bool:
    """Let go of an unpaid order whose time is over; False when it was paid or cancelled meanwhile."""
    order = lock_order(order_id)
    values = {"status": Status.CANCELLED, "cancel_reason": "expired", "closed_at": now()}
    if not _change_status(order, Status.PENDING, values, Order.expires_at <= now()):
        return False
    release(order)
    return True


def ship(actor: Actor, order_id: int) -> Order:
    """Say that a paid order is on its way. Raises Forbidden, NotFound, Conflict CANNOT_SHIP."""
    return _advance(actor, order_id, Action.SHIP)


def complete(actor: Actor, order_id: int) -> Order:
    """Say that a shipped order arrived. Raises Forbidden, NotFound, Conflict CANNOT_COMPLETE."""
    return _advance(actor, order_id, Action.COMPLETE)


def _advance(actor: Actor, order_id: int, action: Action) -> Order:
    actor.require_role(*MANAGERS)
    order = queries.get_order(actor, order_id)
    target = after(action, order.status)
    values: dict[str, Any] = {"status": target}
    if target == Status.COMPLETED:
        values["closed_at"] = now()
    if not _change_status(order, Status(order.status), values):
        raise refusal(action)
    record(actor, f"order.{target.lower()}", order_id)
    return order


def refund(actor: Actor, order_id: int, lines: Mapping[str, int] | None = None) -> Order:
    """Take back pieces by SKU, or all that are left, and pay for them what was paid for them.

    Raises Forbidden, NotFound, InvalidParam, Conflict CANNOT_REFUND.
    """
    user_id = actor.require_role(*MANAGERS)
    order = lock_order(order_id)
    target = after(Action.REFUND, order.status)
    is_complete = refunds.pay_back(order, lines, user_id)
    values = {"status": target, "closed_at": now()}
    if is_complete and not _change_status(order, Status(order.status), values):
        raise refusal(Action.REFUND)
    record(actor, "order.refunded", order_id, lines or {"pieces": "all"}, refunded_cents=order.refunded_cents)
    return order


def _change_status(order: Order, current: Status, values: Mapping[str, Any], *more: Any) -> bool:
    """Write `values` if the order still is `current`; the object follows when the row was won."""
    statement = update(Order).where(Order.id == order.id, Order.status == current, *more).values(**values)
    result = db.session.execute(statement.execution_options(synchronize_session=False))
    if result.rowcount != 1:  # type: ignore[attr-defined]
        return False
    db.session.refresh(order)
    return True
