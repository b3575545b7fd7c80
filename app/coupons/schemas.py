"""Coupons as JSON, for the API and for tools."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from app.core.money import yuan
from app.coupons.queries import CouponView


class CouponOut(BaseModel):
    """A coupon as the caller sees it; `name` and `label` are in the request's language.

    `benefit`: cents off (full_reduction), percent still paid (discount), points (points). `discount_cents` is
    what it takes off the present cart, `missing_cents` what the cart lacks of the threshold.
    """

    coupon_id: int
    code: str
    name: str
    label: str
    type: Literal["full_reduction", "discount", "points"]
    benefit: int
    threshold: str
    threshold_cents: int
    max_discount_cents: int | None
    category_id: int | None
    category: str
    status: Literal["claimable", "claimed", "held", "used", "expired"]
    applicable: bool
    discount_cents: int
    points: int
    missing_cents: int
    left: int | None
    start_at: datetime
    end_at: datetime


def coupon_json(view: CouponView, locale: str) -> CouponOut:
    """The JSON form of a coupon."""
    coupon, offer = view.coupon, view.offer
    return CouponOut.model_validate(
        {
            "coupon_id": coupon.id,
            "code": coupon.code,
            "name": view.title(locale),
            "label": view.label(locale),
            "type": coupon.type,
            "benefit": coupon.benefit,
            "threshold": yuan(coupon.threshold_cents),
            "threshold_cents": coupon.threshold_cents,
            "max_discount_cents": coupon.max_discount_cents,
            "category_id": coupon.category_id,
            "category": view.scope(locale),
            "status": view.status,
            "applicable": view.is_usable and offer.applicable,
            "discount_cents": offer.discount_cents,
            "points": offer.points,
            "missing_cents": offer.missing_cents,
            "left": view.left,
            "start_at": coupon.start_at,
            "end_at": coupon.end_at,
        }
    )
