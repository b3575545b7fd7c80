"""Carrying out a refund on an order that is locked: money, points, spending, stock, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts import wallet
from app.core.errors import Conflict
from app.db import db
from app.members import service as members
from app.orders import stock
from app.orders.models import Order, OrderItem, Payment, Refund
from app.orders.payment import provider
from app.orders.refund_plan import Line, Paid, RefundPlan, plan_refund
from app.orders.settlement import announce, move_wallet

_items = cast(Table, OrderItem.__table__)


def pay_back(order: Order, wanted: Mapping[str, int] | None, refunded_by: int) -> bool:
    """Refund `wanted` pieces by SKU, or all that are left; True when nothing is left. Raises InvalidParam."""
    plan = plan_refund([_line(item) for item in order.items], wanted, _paid(order))
    _mark_lines(order, plan)
    taken = _move_wallet(order, plan)
    if order.member_id is not None and plan.amount_cents:
        members.record_spending(order.member_id, -plan.amount_cents)
    _record(order, plan, taken, refunded_by)
    _return_goods(plan)
    return plan.is_complete


def _line(item: OrderItem) -> Line:
    return Line(
        item_id=item.id,
        sku=item.sku,
        quantity=item.qty,
        subtotal_cents=item.subtotal_cents,
        paid_cents=item.paid_cents,
        refunded_quantity=item.refunded_qty,
        refunded_cents=item.refunded_cents,
    )


def _paid(order: Order) -> Paid:
    return Paid(
        due_cents=order.due_cents,
        refunded_cents=order.refunded_cents,
        points_used=order.points_used,
        points_awarded=order.points_awarded,
    )


def _mark_lines(order: Order, plan: RefundPlan) -> None:
    """Count the pieces as refunded, each line only if it is as the plan saw it."""
    seen = {item.id: item.refunded_qty for item in order.items}
    rows = [
        {"of": line.item_id, "seen": seen[line.item_id], "pieces": line.quantity, "cents": line.amount_cents}
        for line in plan.lines
    ]
    statement = (
        update(_items)
        .where(_items.c.id == bindparam("of"), _items.c.refunded_qty == bindparam("seen"))
        .values(
            refunded_qty=_items.c.refunded_qty + bindparam("pieces"),
            refunded_cents=_items.c.refunded_cents + bindparam("cents"),
        )
    )
    if db.session.connection().execute(statement, rows).rowcount != len(rows):
        raise Conflict(code="REFUND_CHANGED")
    for item, line in (
        (item, line) for item in order.items for line in plan.lines if line.item_id == item.id
    ):
        set_committed_value(item, "refunded_qty", item.refunded_qty + line.quantity)
        set_committed_value(item, "refunded_cents", item.refunded_cents + line.amount_cents)


def _move_wallet(order: Order, plan: RefundPlan) -> int:
    """Move points and credit; returns how many awarded points were taken back (at most the balance)."""
    move_wallet(
        order, {wallet.POINTS: plan.points_returned, wallet.CREDIT: plan.credit_cents}, "order_refunded"
    )
    if order.user_id is None or not plan.points_taken:
        return 0
    before = wallet.get_balance(order.user_id).points
    after = wallet.move(
        order.user_id,
        wallet.POINTS,
        -plan.points_taken,
        reason="points_taken_back",
        order_id=order.id,
        floor_at_zero=True,
    )
    return before - after


def _record(order: Order, plan: RefundPlan, points_taken: int, refunded_by: int) -> None:
    if plan.provider_cents:
        paid = select(Payment.reference).where(Payment.order_id == order.id, Payment.status == "success")
        provider.pay_back(db.session.scalar(paid) or "", plan.provider_cents)
    refund = Refund(
        order_id=order.id,
        amount_cents=plan.amount_cents,
        credit_cents=plan.credit_cents,
        provider_cents=plan.provider_cents,
        points_returned=plan.points_returned,
        points_taken=points_taken,
        lines=[asdict(line) for line in plan.lines],
        refunded_by=refunded_by,
    )
    db.session.add(refund)
    order.refunded_cents += plan.amount_cents
    db.session.flush()
    announce(
        "order.refunded",
        order,
        kind=str(refund.id),
        amount_cents=plan.amount_cents,
        credit_cents=plan.credit_cents,
        points=plan.points_returned,
    )


def _return_goods(plan: RefundPlan) -> None:
    pieces: dict[str, int] = {}
    for line in plan.lines:
        pieces[line.sku] = pieces.get(line.sku, 0) + line.quantity
    stock.put_back(pieces)
    stock.count_sold({sku: -quantity for sku, quantity in pieces.items()})
