"""Stores and the chain's loyalty members."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Computed, ForeignKey, Index, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class Store(Model):
    """A shop on a street."""

    __tablename__ = "stores"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    name_en: Mapped[str] = mapped_column(String(80))
    city: Mapped[str] = mapped_column(String(40), index=True)
    city_en: Mapped[str] = mapped_column(String(40))


class Member(Model):
    """A member of the loyalty programme; every registered user is one. `level` is 1 to 5."""

    __tablename__ = "members"
    __table_args__ = (Index("ix_members_created_at", "created_at"), Index("ix_members_level", "level"))

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), unique=True)
    level: Mapped[int] = mapped_column(default=1)
    total_spent_cents: Mapped[Cents] = mapped_column(default=0)
    total_spent: Mapped[Decimal] = mapped_column(
        Numeric(14, 2), Computed("total_spent_cents / 100.0", persisted=False)
    )
    contact_name: Mapped[str | None] = mapped_column(String(60))
    contact_phone: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
