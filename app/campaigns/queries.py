"""Reads of campaigns: the list, one with its log, and the receipt of a publishing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from app.campaigns.models import ActionLog, Campaign, CampaignMember
from app.campaigns.states import STEPS
from app.core.errors import N_, NotFound
from app.core.pagination import Page
from app.coupons.models import CustomerCoupon, HoldingStatus
from app.db import db
from app.orders.models import Order

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Row:
    """A campaign in the list with what came of it so far; the discount is cents."""

    campaign: Campaign
    issued: int
    redeemed: int
    discount_cents: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far a campaign is, with its steps in order, None for one that was not tried."""

    campaign: Campaign
    steps: tuple[tuple[str, ActionLog | None], ...]
    issued: int


def get_campaign(campaign_id: int) -> Campaign:
    """Raises NotFound."""
    campaign = db.session.get(Campaign, campaign_id, populate_existing=True)
    if campaign is None:
        raise NotFound(N_("There is no such campaign."))
    return campaign


def get_receipt(key: str) -> Receipt:
    """By the idempotency key. Raises NotFound."""
    campaign = db.session.scalars(select(Campaign).where(Campaign.idempotency_key == key)).one_or_none()
    if campaign is None:
        raise NotFound(N_("There is no such campaign."))
    return receipt_of(campaign)


def receipt_of(campaign: Campaign) -> Receipt:
    """The steps of a campaign."""
    logs = {
        row.action_type: row
        for row in db.session.scalars(select(ActionLog).where(ActionLog.campaign_id == campaign.id))
    }
    return Receipt(campaign, tuple((step, logs.get(step)) for step in STEPS), count_issued(campaign.id))


def count_issued(campaign_id: int) -> int:
    """How many customers were given the coupon."""
    issued = select(func.count()).where(
        CampaignMember.campaign_id == campaign_id, CampaignMember.issued_at.is_not(None)
    )
    return db.session.scalar(issued) or 0


def list_campaigns(number: int) -> Page[Row]:
    """A page of campaigns, newest first, with their figures. Three statements."""
    total = db.session.scalar(select(func.count()).select_from(Campaign)) or 0
    campaigns = db.session.scalars(
        select(Campaign).order_by(Campaign.id.desc()).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
    ).all()
    issued = _issued_of([each.id for each in campaigns])
    used = _used_of([each.coupon_id for each in campaigns if each.coupon_id is not None])
    rows = [Row(each, issued.get(each.id, 0), *used.get(each.coupon_id or 0, (0, 0))) for each in campaigns]
    return Page(rows, total, PAGE_SIZE, (number - 1) * PAGE_SIZE)


def _issued_of(campaign_ids: Sequence[int]) -> dict[int, int]:
    rows = db.session.execute(
        select(CampaignMember.campaign_id, func.count())
        .where(CampaignMember.campaign_id.in_(campaign_ids), CampaignMember.issued_at.is_not(None))
        .group_by(CampaignMember.campaign_id)
    )
    return dict(rows.all())


def _used_of(coupon_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Redemptions and discount in cents, by coupon: orders that were paid with it."""
    paid = case((Order.pay_status == 1, Order.coupon_discount_cents), else_=0)
    rows = db.session.execute(
        select(CustomerCoupon.coupon_id, func.count(), func.sum(paid))
        .outerjoin(Order, Order.id == CustomerCoupon.order_id)
        .where(CustomerCoupon.coupon_id.in_(coupon_ids), CustomerCoupon.status == HoldingStatus.USED.value)
        .group_by(CustomerCoupon.coupon_id)
    )
    return {coupon_id: (count, int(cents or 0)) for coupon_id, count, cents in rows}
