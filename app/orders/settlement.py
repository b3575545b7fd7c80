"""What follows when an order becomes paid, or an unpaid one is let go. Called once the status was won."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.accounts import wallet
from app.core.clock import business_day, now
from app.coupons import service as coupons
from app.db import db
from app.members import service as members
from app.orders import stock
from app.orders.models import Order
from app.orders.states import Status
from app.outbox.service import publish
from app.runtime import settings


def paid_values() -> dict[str, Any]:
    """The columns that say that an order is paid, now."""
    moment = now()
    return {
        "status": Status.PAID,
        "pay_status": 1,
        "paid_at": moment,
        "paid_on": business_day(moment, settings().shop_timezone),
    }


def settle(order: Order, quantities: dict[str, int]) -> None:
    """Mark an order that the wallet or a coupon paid for entirely as paid, while it is being placed."""
    for name, value in paid_values().items():
        setattr(order, name, value)
    db.session.flush()
    reward(order, quantities)


def reward(order: Order, quantities: dict[str, int]) -> None:
    """All that a payment brings: points, level, the coupon's use, the count of pieces sold, the message."""
    move_wallet(order, {wallet.POINTS: order.points_awarded}, "order_paid")
    if order.member_id is not None and order.amount_cents:
        members.record_spending(order.member_id, order.amount_cents)
    if order.customer_coupon_id is not None:
        coupons.use(order.id)
    announce("order.paid", order, points=order.points_awarded)
    stock.count_sold(quantities)


def release(order: Order) -> None:
    """Give back all that an unpaid order held: points, credit, the coupon, the stock."""
    move_wallet(
        order, {wallet.POINTS: order.points_used, wallet.CREDIT: order.credit_used_cents}, "order_cancelled"
    )
    if order.customer_coupon_id is not None:
        coupons.give_back(order.id)
    announce("order.cancelled", order, reason=order.cancel_reason)
    stock.put_back(quantities_of(order))


def move_wallet(order: Order, deltas: Mapping[wallet.Kind, int], reason: str) -> None:
    """Move points and credit of the order's customer; an order without an account has no wallet."""
    if order.user_id is None:
        return
    for kind, delta in deltas.items():
        if delta:
            wallet.move(order.user_id, kind, delta, reason=reason, order_id=order.id)


def quantities_of(order: Order) -> dict[str, int]:
    """Pieces by SKU."""
    pieces: Counter[str] = Counter()
    for item in order.items:
        pieces[item.sku] += item.qty
    return dict(pieces)


def announce(topic: str, order: Order, kind: str = "", **values: Any) -> None:
    """Tell the customer by a message; `kind` tells messages of one topic and order apart."""
    if order.user_id is None:
        return
    dedupe = f"{topic}:{order.id}" + (f":{kind}" if kind else "")
    publish(
        topic,
        {
            "user_id": order.user_id,
            "order_id": order.id,
            "dedupe": dedupe,
            "total_cents": order.amount_cents,
            **values,
        },
    )


def deadline(order: Order) -> str | None:
    """Until when the order must be paid, for a message; None when nothing is due."""
    return order.expires_at.isoformat() if order.expires_at and order.due_cents else None
