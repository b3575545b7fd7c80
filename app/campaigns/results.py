"""What came of a campaign: pieces and redemptions, and the redeemers' GMV against a matched group, by day.

The matched group of a redeemer are members of the same store, level and recency class (as of the campaign's first day) who
were not issued the coupon. A class's GMV per member, times its redeemers, is what the redeemers would have spent had they
been like the others; redeemers whose class has nobody else are left out of the comparison.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, func, select

from app.campaigns.models import Campaign, CampaignMember
from app.campaigns.recency import BOUNDS, LONG_AGO, NEVER
from app.core.clock import business_day, now
from app.coupons.models import CustomerCoupon, HoldingStatus
from app.db import db
from app.members.models import Member
from app.orders.models import Order
from app.runtime import settings

Stratum = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Day:
    """One business day; amounts are cents. `matched_cents` is what as many of the matched group spent."""

    day: date
    redeemed: int = 0
    discount_cents: int = 0
    gmv_cents: int = 0
    matched_cents: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """`claimed` are pieces in customers' hands or used. `compared` redeemers have somebody to be compared with, of whom
    there are `matched_members`; `compared_cents` and `matched_cents` are the GMV of the two.
    """

    issued: int
    claimed: int
    redeemed: int
    held: int
    discount_cents: int
    redeemers: int
    gmv_cents: int
    compared: int
    compared_cents: int
    matched_members: int
    matched_cents: int
    days: list[Day] = field(default_factory=list)

    @property
    def uplift_percent(self) -> float | None:
        """How much more the compared redeemers spent than the matched group; None where that spent nothing."""
        if not self.matched_cents:
            return None
        return round(100 * (self.compared_cents - self.matched_cents) / self.matched_cents, 1)


@dataclass(frozen=True, slots=True)
class _Window:
    first: date
    last: date


def results_of(campaign: Campaign) -> Results:
    """The results up to now, or to the campaign's end."""
    zone = settings().shop_timezone
    last = business_day(max(campaign.start_at, min(now(), campaign.end_at)), zone)
    window = _Window(business_day(campaign.start_at, zone), last)
    pieces = _pieces(campaign)
    redeemers = _redeemers(campaign)
    spent = _spent_by_day(redeemers, window)
    matched, sizes = _matched(campaign, Counter(redeemers.values()), window)
    compared = [member_id for member_id, stratum in redeemers.items() if sizes.get(stratum)]
    used = _used_by_day(campaign)
    return Results(
        issued=pieces["issued"],
        claimed=pieces["claimed"],
        held=pieces["held"],
        redeemed=pieces["used"],
        discount_cents=sum(cents for _, cents in used.values()),
        redeemers=len(redeemers),
        gmv_cents=sum(spent.values()),
        compared=len(compared),
        compared_cents=sum(cents for (member_id, _), cents in spent.items() if member_id in set(compared)),
        matched_members=sum(sizes.values()),
        matched_cents=round(sum(matched.values())),
        days=_days(window, used, spent, matched),
    )


def _pieces(campaign: Campaign) -> dict[str, int]:
    issued = db.session.scalar(
        select(func.count()).where(
            CampaignMember.campaign_id == campaign.id, CampaignMember.issued_at.is_not(None)
        )
    )
    rows = db.session.execute(
        select(CustomerCoupon.status, func.count())
        .where(CustomerCoupon.coupon_id == campaign.coupon_id)
        .group_by(CustomerCoupon.status)
    )
    counts = dict(rows.all())
    return {
        "issued": issued or 0,
        "claimed": sum(counts.values()),
        "held": counts.get(HoldingStatus.HELD.value, 0),
        "used": counts.get(HoldingStatus.USED.value, 0),
    }


def _redeemers(campaign: Campaign) -> dict[int, Stratum]:
    """Members whose piece was used, and the class each was in."""
    rows = db.session.execute(
        select(
            CampaignMember.member_id, CampaignMember.store_id, CampaignMember.level, CampaignMember.recency
        )
        .join(CustomerCoupon, CustomerCoupon.user_id == CampaignMember.user_id)
        .where(
            CampaignMember.campaign_id == campaign.id,
            CustomerCoupon.coupon_id == campaign.coupon_id,
            CustomerCoupon.status == HoldingStatus.USED.value,
        )
        .distinct()
    )
    return {row.member_id: (row.store_id, row.level, row.recency) for row in rows}


def _used_by_day(campaign: Campaign) -> dict[date, tuple[int, int]]:
    rows = db.session.execute(
        select(Order.paid_on, func.count(), func.sum(Order.coupon_discount_cents))
        .join(CustomerCoupon, CustomerCoupon.order_id == Order.id)
        .where(
            CustomerCoupon.coupon_id == campaign.coupon_id,
            CustomerCoupon.status == HoldingStatus.USED.value,
            Order.pay_status == 1,
        )
        .group_by(Order.paid_on)
    )
    return {day: (count, int(cents or 0)) for day, count, cents in rows if day is not None}


def _spent_by_day(redeemers: Mapping[int, Stratum], window: _Window) -> dict[tuple[int, date], int]:
    """GMV of the redeemers within the window, by member and day."""
    if not redeemers:
        return {}
    found: dict[tuple[int, date], int] = {}
    ids = list(redeemers)
    for start in range(0, len(ids), 500):
        rows = db.session.execute(
            select(Order.member_id, Order.paid_on, func.sum(Order.amount_cents))
            .where(
                Order.member_id.in_(ids[start : start + 500]),
                Order.pay_status == 1,
                Order.paid_on.between(window.first, window.last),
            )
            .group_by(Order.member_id, Order.paid_on)
        )
        found |= {
            (member_id, day): int(cents) for member_id, day, cents in rows if member_id is not None and day
        }
    return found


def _matched(
    campaign: Campaign, wanted: Counter[Stratum], window: _Window
) -> tuple[dict[date, float], dict[Stratum, int]]:
    """What as many of the matched groups spent, by day, and how many members each group has."""
    if not wanted:
        return {}, {}
    others = _others(campaign, wanted, window)
    sizes = _sizes(others, wanted)
    spent = _spent_by_class(others, window)
    by_day: dict[date, float] = defaultdict(float)
    for (stratum, day), cents in spent.items():
        if sizes.get(stratum):
            by_day[day] += cents / sizes[stratum] * wanted[stratum]
    return by_day, sizes


def _others(campaign: Campaign, wanted: Counter[Stratum], window: _Window) -> Any:
    """Members of the redeemers' stores and levels who were not issued the coupon, with their recency class."""
    last = (
        select(Order.member_id, func.max(Order.paid_on).label("day"))
        .where(Order.pay_status == 1, Order.paid_on < window.first, Order.member_id.is_not(None))
        .group_by(Order.member_id)
        .subquery()
    )
    classes = [
        (last.c.day >= window.first - timedelta(days=most), number) for number, most in enumerate(BOUNDS)
    ]
    recency = case((last.c.day.is_(None), NEVER), *classes, else_=LONG_AGO)
    issued = select(CampaignMember.member_id).where(CampaignMember.campaign_id == campaign.id)
    return (
        select(Member.id, Member.store_id, Member.level, recency.label("recency"))
        .outerjoin(last, last.c.member_id == Member.id)
        .where(
            Member.store_id.in_({store for store, _, _ in wanted}),
            Member.level.in_({level for _, level, _ in wanted}),
            Member.id.not_in(issued),
        )
        .subquery()
    )


def _sizes(others: Any, wanted: Counter[Stratum]) -> dict[Stratum, int]:
    keys = (others.c.store_id, others.c.level, others.c.recency)
    rows = db.session.execute(select(*keys, func.count()).group_by(*keys))
    found = {(store, level, recency): count for store, level, recency, count in rows}
    return {stratum: found[stratum] for stratum in wanted if stratum in found}


def _spent_by_class(others: Any, window: _Window) -> dict[tuple[Stratum, date], int]:
    keys = (others.c.store_id, others.c.level, others.c.recency, Order.paid_on)
    rows = db.session.execute(
        select(*keys, func.sum(Order.amount_cents))
        .join(Order, Order.member_id == others.c.id)
        .where(Order.pay_status == 1, Order.paid_on.between(window.first, window.last))
        .group_by(*keys)
    )
    return {((store, level, recency), day): int(cents) for store, level, recency, day, cents in rows}


def _days(
    window: _Window,
    used: Mapping[date, tuple[int, int]],
    spent: Mapping[tuple[int, date], int],
    matched: Mapping[date, float],
) -> list[Day]:
    gmv: Counter[date] = Counter()
    for (_, day), cents in spent.items():
        gmv[day] += cents
    days = [window.first + timedelta(days=n) for n in range((window.last - window.first).days + 1)]
    return [
        Day(day, *used.get(day, (0, 0)), gmv_cents=gmv[day], matched_cents=round(matched.get(day, 0)))
        for day in days
    ]
