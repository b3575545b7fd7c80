"""Putting a coupon into customers' hands, whoever may claim it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select

from app.core.clock import now
from app.coupons.models import CustomerCoupon, HoldingStatus
from app.coupons.service import PIECES
from app.db import db


def issue(coupon_id: int, user_ids: Sequence[int]) -> int:
    """Give each of the users (at most some hundreds) one piece; returns how many had none before.

    Whoever calls sees to it that no two transactions issue one coupon at once: the unique key would fail one of them.
    """
    holders = set(
        db.session.scalars(
            select(CustomerCoupon.user_id).where(
                CustomerCoupon.coupon_id == coupon_id, CustomerCoupon.user_id.in_(user_ids)
            )
        )
    )
    at = now()
    rows = [
        {
            "coupon_id": coupon_id,
            "user_id": user_id,
            "ordinal": 1,
            "status": HoldingStatus.CLAIMED.value,
            "claimed_at": at,
        }
        for user_id in dict.fromkeys(user_ids)
        if user_id not in holders
    ]
    if rows:
        db.session.execute(insert(PIECES), rows)
    return len(rows)
