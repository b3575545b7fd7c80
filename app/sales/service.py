"""Adding days up again; and checking that the sums are what the orders say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Insert, delete, insert, or_, select

from app.core.clock import now
from app.db import Model, db
from app.sales.models import (
    DailyBuyerItems,
    DailyBuyers,
    DailyItemSales,
    DailySales,
    FirstPurchases,
    PaymentAttempts,
    StaleDay,
)
from app.sales.periods import bounds_of
from app.sales.stale import Kind
from app.sales.statements import (
    add_up_attempts,
    add_up_buyer_items,
    add_up_buyers,
    add_up_items,
    add_up_orders,
    first_two,
)

OF_SALES = (DailySales, DailyBuyers, DailyItemSales, DailyBuyerItems)


def add_up(kind: Kind, days: Sequence[date]) -> None:
    """Make the sums of these days anew, within the current transaction.

    The day's name is taken off first: on MariaDB that waits for whoever is changing the day, and what begins to change
    it afterwards waits for us and puts the name back. SQLite has one writer.
    """
    if not days:
        return
    db.session.execute(delete(StaleDay).where(StaleDay.kind == kind, StaleDay.day.in_(days)))
    if kind == "sales":
        for model in OF_SALES:
            db.session.execute(delete(model).where(model.day.in_(days)))
    else:
        within = (
            (PaymentAttempts.placed_at >= start) & (PaymentAttempts.placed_at < end)
            for start, end in bounds_of(days)
        )
        db.session.execute(delete(PaymentAttempts).where(or_(*within)))
    for statement in _statements(kind, days):
        db.session.execute(statement)


def _statements(kind: Kind, days: Sequence[date]) -> list[Insert]:
    if kind == "sales":
        return [add_up_orders(days), add_up_buyers(days), add_up_items(days), add_up_buyer_items(days)]
    return [add_up_attempts(days, db.engine.dialect.name)]


def is_over(kind: Kind, day: date, today: date) -> bool:
    """True for a day on which nothing more is expected to happen: adding it up will not be in the way of payments."""
    return day < (today if kind == "sales" else (now() - timedelta(hours=1)).date())


def find_differences(kind: Kind, day: date) -> list[str]:
    """Names of the tables whose sums of a day are not what the orders say; none when the day is stale."""
    is_stale = select(StaleDay.day).where(StaleDay.kind == kind, StaleDay.day == day)
    if db.session.scalar(is_stale) is not None:
        return []
    return [
        table.__tablename__
        for table, statement in _checked(kind, day)
        if _rows(statement) != _kept(table, day)
    ]


def find_wrong_members(member_ids: Sequence[int]) -> list[int]:
    """Of these members those whose first purchases are not what the orders say."""
    said = {row[0]: _plain(row) for row in db.session.execute(first_two(member_ids))}
    columns = (FirstPurchases.member_id, FirstPurchases.first_on, FirstPurchases.second_on)
    found = select(*columns).where(FirstPurchases.member_id.in_(member_ids))
    kept = {row[0]: _plain(row) for row in db.session.execute(found)}
    return sorted(one for one in said.keys() | kept.keys() if said.get(one) != kept.get(one))


def mend_members(member_ids: Sequence[int]) -> None:
    """Look their first purchases up anew, within the current transaction."""
    db.session.execute(delete(FirstPurchases).where(FirstPurchases.member_id.in_(member_ids)))
    names = ["member_id", "first_on", "second_on"]
    db.session.execute(insert(FirstPurchases).from_select(names, first_two(member_ids)))


def _checked(kind: Kind, day: date) -> list[tuple[type[Model], Insert]]:
    tables: tuple[type[Model], ...] = OF_SALES if kind == "sales" else (PaymentAttempts,)
    return list(zip(tables, _statements(kind, [day]), strict=True))


def _rows(statement: Insert) -> set[tuple[Any, ...]]:
    """What would be inserted."""
    found = statement.select
    assert found is not None  # noqa: S101 - each of them is INSERT ... SELECT
    return {_plain(row) for row in db.session.execute(found)}


def _kept(table: type[Model], day: date) -> set[tuple[Any, ...]]:
    columns = [column for column in table.__table__.columns if column.computed is None]
    within: ColumnElement[bool]
    if table is PaymentAttempts:
        ((start, end),) = bounds_of([day])
        within = (PaymentAttempts.placed_at >= start) & (PaymentAttempts.placed_at < end)
    else:
        within = table.__table__.c.day == day
    return {_plain(row) for row in db.session.execute(select(*columns).where(within))}


def _plain(row: Any) -> tuple[Any, ...]:
    """Engines differ in how they give back sums and moments."""
    return tuple(cell if isinstance(cell, str) and not cell[:4].isdigit() else str(cell)[:19] for cell in row)
