"""What segments may ask of a customer, read from the customer's own rows."""

from __future__ import annotations

from sqlalchemy import bindparam, column, func, select, table

from app.accounts.models import User
from app.core.clock import now
from app.coupons.rules import CustomerFacts
from app.db import UtcDateTime, db
from app.members.models import Member

# Orders are a layer above; their table and column names are part of the agreed schema (docs/architecture.md).
orders = table("orders", column("member_id"), column("pay_status"), column("paid_at", UtcDateTime()))
# Every order of a registered customer names the member, also one made in a store before registering.
_is_own = (orders.c.member_id == Member.id) & (orders.c.pay_status == 1)
_paid = select(func.count()).select_from(orders).where(_is_own)
_last = select(func.max(orders.c.paid_at)).where(_is_own)
_facts = (
    select(
        Member.level,
        Member.total_spent_cents,
        User.created_at,
        Member.created_at,
        _paid.correlate(User, Member).scalar_subquery(),
        _last.correlate(User, Member).scalar_subquery(),
    )
    .outerjoin(Member, Member.user_id == User.id)
    .where(User.id == bindparam("user_id"))
)


def get_facts(user_id: int) -> CustomerFacts:
    """What segments may ask, from the customer's own member row and paid orders. One statement."""
    row = db.session.execute(_facts, {"user_id": user_id}).one_or_none()
    if row is None:
        return CustomerFacts()
    level, spent, registered_at, joined_at, paid_orders, last_paid_at = row
    at = now()
    return CustomerFacts(
        level=level or 1,
        paid_orders=paid_orders,
        total_spent_cents=spent or 0,
        member_days=(at - (joined_at or registered_at)).days,
        days_since_last_order=(at - last_paid_at).days if last_paid_at else None,
    )
