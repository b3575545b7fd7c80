"""Who gets a campaign's coupon: fixed once when it is published, then issued in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, insert, select, update

from app.campaigns.models import Campaign, CampaignMember
from app.campaigns.plans import Plan
from app.campaigns.recency import recency_of
from app.campaigns.segments import CHUNK, find_members, today
from app.db import Base, db, in_transaction
from app.members.models import Member
from app.orders.models import Order

MEMBERS = Base.metadata.tables[CampaignMember.__tablename__]
BATCH = 200


def fix_audience(campaign_id: int, plan: Plan, hold: Callable[[], None]) -> int:
    """Write down who is to get the coupon: the segment's members with an account. Returns the segment's size.

    `hold` is called first in the transaction and must refuse, by an exception, whoever is not alone with the campaign.
    """
    member_ids = find_members(plan.target_segment.rules)
    db.session.rollback()
    day = today()
    in_transaction(lambda: _write(campaign_id, member_ids, day, hold))
    return len(member_ids)


def _write(campaign_id: int, member_ids: Sequence[int], day: date, hold: Callable[[], None]) -> None:
    hold()
    for start in range(0, len(member_ids), CHUNK):
        rows = _rows(campaign_id, member_ids[start : start + CHUNK], day)
        if rows:
            db.session.execute(insert(MEMBERS), rows)
    db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(segment_size=len(member_ids))
        .execution_options(synchronize_session=False)
    )


def _rows(campaign_id: int, member_ids: Sequence[int], day: date) -> list[dict[str, Any]]:
    holders = db.session.execute(
        select(Member.id, Member.user_id, Member.store_id, Member.level).where(
            Member.id.in_(member_ids), Member.user_id.is_not(None)
        )
    ).all()
    last = _last_days([row.id for row in holders])
    return [
        {
            "campaign_id": campaign_id,
            "member_id": row.id,
            "user_id": row.user_id,
            "store_id": row.store_id,
            "level": row.level,
            "recency": recency_of(last.get(row.id), day),
            "issued_at": None,
        }
        for row in holders
    ]


def _last_days(member_ids: Sequence[int]) -> dict[int, date]:
    rows = db.session.execute(
        select(Order.member_id, func.max(Order.paid_on))
        .where(Order.member_id.in_(member_ids), Order.pay_status == 1)
        .group_by(Order.member_id)
    )
    return {member_id: day for member_id, day in rows if member_id is not None and day is not None}


def next_batch(campaign_id: int) -> dict[int, int]:
    """Members who have not got it yet, and their accounts."""
    rows = db.session.execute(
        select(CampaignMember.member_id, CampaignMember.user_id)
        .where(CampaignMember.campaign_id == campaign_id, CampaignMember.issued_at.is_(None))
        .order_by(CampaignMember.member_id)
        .limit(BATCH)
    )
    return dict(rows.all())
