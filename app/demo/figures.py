"""The check figures of the demo data, as reports must show them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import case, func, select

from app.core.money import yuan
from app.db import db
from app.orders.models import Order


def check_figures(today: date) -> Iterator[str]:
    """Lines to print: orders and paid orders, the last 7 days' GMV, orders and AOV, two repeat rates."""
    total = db.session.scalar(select(func.count()).select_from(Order)) or 0
    paid = db.session.scalar(select(func.count()).where(Order.pay_status == 1)) or 0
    start = today - timedelta(days=6)
    count, cents = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Order.amount_cents), 0)).where(
            Order.pay_status == 1, Order.paid_on.between(start, today)
        )
    ).one()
    yield f"orders {total}, paid {paid}"
    yield (
        f"last 7 days ({start} to {today}): GMV {yuan(int(cents))}, orders {count}, "
        f"AOV {yuan(round(int(cents) / count)) if count else '-'}"
    )
    before = start - timedelta(days=1)
    now_rate, before_rate = repeat_rate(start, today), repeat_rate(before - timedelta(days=6), before)
    yield f"repeat rate: last 7 days {now_rate:.2%}, the 7 days before {before_rate:.2%}"
    db.session.rollback()


def repeat_rate(start: date, end: date) -> float:
    """Buyers of the period with 2 or more paid orders up to its end / buyers of the period (product.md)."""
    buyers = (
        select(func.count().label("orders"))
        .where(Order.pay_status == 1, Order.member_id.is_not(None), Order.paid_on <= end)
        .group_by(Order.member_id)
        .having(func.max(Order.paid_on) >= start)
        .subquery()
    )
    repeats, everyone = db.session.execute(
        select(func.sum(case((buyers.c.orders >= 2, 1), else_=0)), func.count()).select_from(buyers)
    ).one()
    return float(repeats or 0) / everyone if everyone else 0.0
