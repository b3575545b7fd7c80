"""Coupons and what customers hold of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Computed, ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class CouponType(StrEnum):
    FULL_REDUCTION = "full_reduction"
    DISCOUNT = "discount"
    POINTS = "points"


class HoldingStatus(StrEnum):
    """claimed -> held (frozen by an unpaid order) -> used; held -> claimed when that order is cancelled."""

    CLAIMED = "claimed"
    HELD = "held"
    USED = "used"


class Coupon(Model):
    """A promise of the shop.

    `benefit` is cents off (full_reduction), the percentage that is still paid, 85 = 8.5折 (discount), or the
    points awarded (points). `threshold_cents` is what the goods in scope must come to. `max_redemptions` caps
    the orders that hold or used it; `segment` is a list of rules `{field, op, value}` (app.coupons.rules).
    """

    __tablename__ = "coupons"
    __table_args__ = (
        CheckConstraint(
            "max_redemptions IS NULL OR redeemed_count <= max_redemptions", name="not_over_redeemed"
        ),
        Index("ix_coupons_status_end_at", "status", "end_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str] = mapped_column(String(80), default="")
    type: Mapped[str] = mapped_column(String(20))
    threshold_cents: Mapped[Cents] = mapped_column(default=0)
    threshold: Mapped[Decimal] = mapped_column(
        Numeric(12, 2), Computed("threshold_cents / 100.0", persisted=False)
    )
    benefit: Mapped[Cents]
    value: Mapped[Decimal] = mapped_column(
        Numeric(12, 2),
        Computed("CASE WHEN type = 'full_reduction' THEN benefit / 100.0 ELSE benefit END", persisted=False),
    )
    max_discount_cents: Mapped[Cents | None]
    max_redemptions: Mapped[int | None]
    redeemed_count: Mapped[int] = mapped_column(default=0)
    per_customer_limit: Mapped[int] = mapped_column(default=1)
    segment: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    start_at: Mapped[datetime] = mapped_column(UtcDateTime)
    end_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(12), default="draft")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class CustomerCoupon(Model):
    """One coupon in a customer's hands; `ordinal` 1..per_customer_limit makes the limit a unique key."""

    __tablename__ = "customer_coupons"
    __table_args__ = (UniqueConstraint("coupon_id", "user_id", "ordinal"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupons.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(String(10), default=HoldingStatus.CLAIMED.value)
    order_id: Mapped[int | None] = mapped_column(index=True)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    coupon: Mapped[Coupon] = relationship(lazy="joined", innerjoin=True)
