"""Counting for a plan: its segment and orders through the guard, coupons and campaigns from the shop's own tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select

from app.campaigns.audience import ShopNames
from app.campaigns.drafting import Facts
from app.campaigns.estimates import FREQUENT_DAYS, Assumptions, Counts, Estimate, estimate
from app.campaigns.models import CampaignMember
from app.campaigns.plans import USUAL_BASKET, Plan
from app.campaigns.segments import CHUNK, count_accounts, find_members, find_orders
from app.catalogue.models import Category
from app.core.clock import now
from app.coupons.models import Coupon
from app.coupons.rules import PUBLISHED
from app.db import db
from app.language.normalise import normalise
from app.members.models import Store
from app.runtime import settings


def estimate_plan(plan: Plan) -> Estimate:
    """The estimate as of now. Raises InvalidParam for names that the shop does not have."""
    rules = plan.target_segment.rules
    members = find_members(rules)
    all_orders = find_orders(rules, 0)
    threshold = plan.offer.threshold
    counts = Counts(
        members=len(members),
        accounts=count_accounts(members),
        all_orders=all_orders,
        reaching=find_orders(rules, threshold) if threshold else all_orders,
        recently_issued=_recently_issued(members),
        other_coupons=_other_coupons(plan.duration_days),
    )
    return estimate(plan, counts, assumptions())


def assumptions() -> Assumptions:
    """The settings' percentages."""
    return Assumptions(settings().campaign_margin_percent, settings().campaign_response_percent)


def _recently_issued(member_ids: Sequence[int]) -> int:
    since = now() - timedelta(days=FREQUENT_DAYS)
    recent = select(CampaignMember.member_id).where(CampaignMember.issued_at >= since).distinct()
    if len(member_ids) <= CHUNK:
        recent = recent.where(CampaignMember.member_id.in_(member_ids))
    wanted = set(member_ids)
    return sum(each in wanted for each in db.session.scalars(recent))


def _other_coupons(days: int) -> int:
    at = now()
    return (
        db.session.scalar(
            select(func.count()).where(
                Coupon.status == PUBLISHED,
                Coupon.start_at < at + timedelta(days=days),
                Coupon.end_at > at,
            )
        )
        or 0
    )


def drafting_facts() -> Facts:
    """The names that a brief may use, and the usual order."""
    stores = db.session.execute(select(Store.id, Store.name, Store.name_en, Store.city, Store.city_en)).all()
    categories = db.session.execute(select(Category.name, Category.name_en)).all()
    cities = {normalise(name): row.city for row in stores for name in (row.city, row.city_en) if name}
    names = ShopNames(
        cities=cities,
        categories={normalise(name): zh for zh, en in categories for name in (zh, en) if name},
        stores=_store_names([(row.id, row.name, row.name_en) for row in stores], set(cities)),
        english={row.city: row.city_en for row in stores} | dict(categories),
    )
    basket = find_orders([], 0).basket_cents / 100
    return Facts(names, basket or USUAL_BASKET)


def _store_names(stores: Sequence[tuple[int, str, str]], cities: set[str]) -> dict[str, int]:
    """Whole names and, where it is one store's alone, the part behind the city: 国贸店 for 北京国贸店."""
    names: dict[str, int] = {}
    short: dict[str, set[int]] = {}
    for number, *forms in stores:
        for form in filter(None, map(normalise, forms)):
            names[form] = number
            city = max((each for each in cities if form.startswith(each)), key=len, default="")
            if city and len(form) - len(city) > 1:
                short.setdefault(form.removeprefix(city).strip(), set()).add(number)
    return {**{form: min(found) for form, found in short.items() if len(found) == 1}, **names}
