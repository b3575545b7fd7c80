"""Reads of stores and members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, or_, select

from app.core.errors import NotFound
from app.db import db
from app.members.levels import next_threshold
from app.members.models import Member, Store


@dataclass(frozen=True, slots=True)
class Membership:
    """A member's standing, for showing. `to_next_cents` is None at the highest level."""

    level: int
    total_spent_cents: int
    to_next_cents: int | None


@dataclass(frozen=True, slots=True)
class Home:
    """A user's membership and its store."""

    member_id: int
    store_id: int


def find_member_of(user_id: int) -> Member | None:
    """The membership of a user."""
    return db.session.scalars(select(Member).where(Member.user_id == user_id)).first()


def find_home(user_id: int) -> Home | None:
    """Where a user is a member."""
    row = db.session.execute(_home, {"user_id": user_id}).first()
    return Home(row.id, row.store_id) if row else None


_home = select(Member.id, Member.store_id).where(Member.user_id == bindparam("user_id"))


def find_membership(user_id: int) -> Membership | None:
    """Level and spending of a user, and what is missing to the next level."""
    row = db.session.execute(
        select(Member.level, Member.total_spent_cents).where(Member.user_id == user_id)
    ).first()
    if row is None:
        return None
    threshold = next_threshold(row.level)
    missing = max(0, threshold - row.total_spent_cents) if threshold is not None else None
    return Membership(row.level, row.total_spent_cents, missing)


def list_stores(city: str | None = None) -> Sequence[Store]:
    """The stores, all or those of a city named in Chinese (with or without 市) or English."""
    stores = select(Store).order_by(Store.id)
    wanted = (city or "").strip().lower()
    if wanted:
        names = {wanted, wanted.removesuffix("市"), wanted.removesuffix(" city")}
        stores = stores.where(or_(func.lower(Store.city).in_(names), func.lower(Store.city_en).in_(names)))
    return db.session.scalars(stores).all()


def get_store(store_id: int) -> Store:
    """Raises NotFound."""
    store = db.session.get(Store, store_id)
    if store is None:
        raise NotFound()
    return store
