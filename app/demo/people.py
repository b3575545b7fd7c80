"""The demo accounts and what they hold."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.accounts.models import DeliveryContact, User, WalletEntry
from app.core.actor import Role
from app.coupons.models import Coupon, CouponType, CustomerCoupon
from app.db import db

ACCOUNTS = {
    "demo": (Role.CUSTOMER,),
    "consultant": (Role.CUSTOMER, Role.CONSULTANT),
    "operator": (Role.CUSTOMER, Role.OPERATOR),
    "admin": (Role.CUSTOMER, Role.ADMIN),
}
DEMO_POINTS = 1_200
DEMO_CREDIT_CENTS = 5_000


def add_accounts(password_hash: str, at: datetime) -> dict[str, User]:
    """The four accounts; each user's member row is made by the loader."""
    users = {
        name: User(
            username=name,
            username_key=name,
            email=f"{name}@example.com",
            password_hash=password_hash,
            role_names=" ".join(roles),
            created_at=at,
        )
        for name, roles in ACCOUNTS.items()
    }
    db.session.add_all(users.values())
    db.session.flush()
    _fill_wallet(users["demo"], at)
    _add_contact(users["demo"])
    return users


def _fill_wallet(user: User, at: datetime) -> None:
    user.points, user.credit_cents = DEMO_POINTS, DEMO_CREDIT_CENTS
    for kind, amount in (("points", DEMO_POINTS), ("credit", DEMO_CREDIT_CENTS)):
        db.session.add(
            WalletEntry(
                user_id=user.id,
                kind=kind,
                delta=amount,
                balance_after=amount,
                reason="welcome_gift",
                created_at=at,
            )
        )


def _add_contact(user: User) -> None:
    db.session.add(
        DeliveryContact(
            user_id=user.id,
            recipient="林小澄",
            phone="13800000000",
            city="上海",
            address="静安区南京西路 1 号",
            is_default=True,
        )
    )


def add_coupons(holder: User, at: datetime) -> None:
    """Published coupons of every kind; the demo customer holds the first two."""
    for coupon in _coupons(at):
        db.session.add(coupon)
        db.session.flush()
        if coupon.code in ("WELCOME50", "SKIN85"):
            db.session.add(CustomerCoupon(coupon_id=coupon.id, user_id=holder.id, claimed_at=at))


def _coupons(at: datetime) -> list[Coupon]:
    start, soon, late = at - timedelta(days=7), at + timedelta(days=30), at + timedelta(days=90)
    full, discount, points = CouponType.FULL_REDUCTION, CouponType.DISCOUNT, CouponType.POINTS
    common = {"status": "published", "start_at": start, "created_at": start}
    return [
        Coupon(
            code="WELCOME50",
            name="满300减50",
            name_en="¥50 off ¥300",
            type=full,
            threshold_cents=30_000,
            benefit=5_000,
            end_at=late,
            max_redemptions=5_000,
            **common,
        ),
        Coupon(
            code="SKIN85",
            name="护肤 8.5 折",
            name_en="15% off skin care",
            type=discount,
            threshold_cents=20_000,
            benefit=85,
            max_discount_cents=8_000,
            category_id=1,
            end_at=soon,
            **common,
        ),
        Coupon(
            code="SAVE20",
            name="满200减20",
            name_en="¥20 off ¥200",
            type=full,
            threshold_cents=20_000,
            benefit=2_000,
            end_at=soon,
            per_customer_limit=3,
            **common,
        ),
        Coupon(
            code="POINTS200",
            name="满100送200积分",
            name_en="200 points from ¥100",
            type=points,
            threshold_cents=10_000,
            benefit=200,
            end_at=soon,
            per_customer_limit=2,
            **common,
        ),
        Coupon(
            code="GIFT100",
            name="礼盒满500减100",
            name_en="¥100 off gift sets over ¥500",
            type=full,
            threshold_cents=50_000,
            benefit=10_000,
            category_id=7,
            end_at=soon,
            max_redemptions=200,
            **common,
        ),
        Coupon(
            code="VIP90",
            name="高等级会员 9 折",
            name_en="10% off for level 3 and above",
            type=discount,
            threshold_cents=0,
            benefit=90,
            max_discount_cents=20_000,
            end_at=soon,
            segment=[{"field": "level", "op": ">=", "value": 3}],
            **common,
        ),
    ]
