"""Plans and rows of campaign tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import User
from app.campaigns.models import ActionLog, Campaign
from app.core.actor import Actor, Role
from app.core.clock import business_day, now
from app.coupons.models import Coupon, CustomerCoupon
from app.db import db, transaction
from app.members.models import Member
from app.orders.models import Order
from tests.builders import actor_of, make_store, make_user

PLAN: dict[str, Any] = {
    "goal": "提升复购率",
    "duration_days": 7,
    "budget": 30_000,
    "target_segment": {"definition": "2级以上会员", "rules": [{"field": "level", "op": ">=", "value": 2}]},
    "offer": {"type": "full_reduction", "threshold": 300, "value": 50, "max_redemptions": 600},
    "channels": ["优惠券中心"],
    "kpi": {"primary": "repeat_rate", "targets": ["高于活动前"]},
    "risk_controls": ["每位顾客限用一次"],
}


def plan_with(**changes: Any) -> dict[str, Any]:
    return {**PLAN, **changes}


def operator(name: str = "olga") -> Actor:
    return actor_of(make_user(name, roles=(Role.CUSTOMER, Role.OPERATOR)))


def make_customer(name: str, *, level: int = 2, store_id: int = 1) -> User:
    """A customer whose membership is of a level and a store."""
    make_store(id=store_id, name=f"店{store_id}", name_en=f"Store {store_id}")
    make_store()
    user = make_user(name)
    with transaction() as session:
        member = session.scalars(select(Member).where(Member.user_id == user.id)).one()
        member.level, member.store_id = level, store_id
    return user


def make_member(*, level: int = 2, store_id: int = 1, **values: Any) -> int:
    """A member without an account."""
    make_store(id=store_id)
    member = Member(store_id=store_id, level=level, **values)
    with transaction() as session:
        session.add(member)
    return member.id


def member_id_of(user: User) -> int:
    return db.session.scalars(select(Member.id).where(Member.user_id == user.id)).one()


def make_paid_order(member_id: int, cents: int, *, days_ago: int = 0, **values: Any) -> Order:
    """A paid order of so many days ago."""
    at = now() - timedelta(days=days_ago)
    store_id = db.session.get_one(Member, member_id).store_id
    order = Order(
        **{
            "store_id": store_id,
            "member_id": member_id,
            "status": "PAID",
            "pay_status": 1,
            "original_amount_cents": cents,
            "amount_cents": cents,
            "created_at": at,
            "paid_at": at,
            "paid_on": business_day(at, "Asia/Shanghai"),
            **values,
        }
    )
    with transaction() as session:
        session.add(order)
    return order


def count_rows(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def only_campaign() -> Campaign:
    db.session.rollback()
    return db.session.scalars(select(Campaign).execution_options(populate_existing=True)).one()


def only_coupon() -> Coupon:
    db.session.rollback()
    return db.session.scalars(select(Coupon).execution_options(populate_existing=True)).one()


def holders() -> list[int]:
    """The users who hold a coupon, in order."""
    db.session.rollback()
    return sorted(db.session.scalars(select(CustomerCoupon.user_id)))


def steps() -> dict[str, str]:
    """The log: step -> status."""
    db.session.rollback()
    rows = db.session.scalars(select(ActionLog).execution_options(populate_existing=True)).all()
    return {row.action_type: row.status for row in rows}
