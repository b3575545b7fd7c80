"""Writes on members: joining, and what their orders add up to."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import ColumnElement, case, select, update

from app.db import db
from app.members.levels import THRESHOLDS
from app.members.models import Member, Store

ONLINE_STORE = {"name": "线上商城", "name_en": "Online shop", "city": "上海", "city_en": "Shanghai"}


class HasId(Protocol):
    """A user, as far as this feature needs to know it."""

    id: int


def enrol(user: HasId) -> Member:
    """Make a new user a member of the first store; a chain without stores gets an online one."""
    member = Member(store_id=_first_store_id(), user_id=user.id)
    db.session.add(member)
    db.session.flush()
    return member


def _first_store_id() -> int:
    store_id = db.session.scalar(select(Store.id).order_by(Store.id).limit(1))
    if store_id is not None:
        return store_id
    store = Store(**ONLINE_STORE)
    db.session.add(store)
    db.session.flush()
    return store.id


def record_spending(member_id: int, delta_cents: int) -> None:
    """Add what was paid (or take off what was refunded, in cents), and set the level by the new total.

    One arithmetic UPDATE, so that orders paid at the same time all count. The total never falls below 0.
    """
    total = case(
        (Member.total_spent_cents + delta_cents < 0, 0), else_=Member.total_spent_cents + delta_cents
    )
    # The level comes first: MySQL assigns from left to right and would read the new total.
    db.session.execute(
        update(Member)
        .where(Member.id == member_id)
        .ordered_values((Member.level, _level_of(total)), (Member.total_spent_cents, total))
    )


def _level_of(total: ColumnElement[int]) -> ColumnElement[int]:
    """`levels.level_for` in SQL."""
    reached = reversed(list(enumerate(THRESHOLDS[1:], start=2)))
    return case(*((total >= threshold, level) for level, threshold in reached), else_=1)
