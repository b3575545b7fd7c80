"""What came of a campaign, on both databases, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask

from app.campaigns import publishing, service
from app.campaigns.audiences import fix_audience
from app.campaigns.counting import estimate_plan
from app.campaigns.models import Campaign
from app.campaigns.plans import complete
from app.campaigns.queries import list_campaigns
from app.campaigns.results import Results, results_of
from app.core.actor import SYSTEM
from app.core.clock import shifted
from app.coupons import service as coupons
from app.coupons.creation import create_coupon, publish_coupon
from app.coupons.rules import Goods
from app.db import db, in_transaction, transaction
from app.runtime import settings
from tests.builders import actor_of, make_store
from tests.campaigns.campaign_rows import (
    PLAN,
    make_customer,
    make_member,
    make_paid_order,
    member_id_of,
    only_campaign,
    only_coupon,
    operator,
)

pytestmark = pytest.mark.redis


@pytest.fixture
def shop(each_app: Flask) -> Iterator[None]:
    """Alice (level 2, bought 10 days ago) and Bob (level 3, never) hold the coupon of a campaign."""
    with each_app.app_context():
        make_store()
        make_store(id=2, name="店2", name_en="Store 2")
        make_paid_order(member_id_of(make_customer("alice")), 20_000, days_ago=10)
        make_customer("bob", level=3)
        yield


def launch() -> Campaign:
    """A published campaign, without a CRM."""
    submitted = in_transaction(partial(service.submit, operator(), complete(PLAN)[0]))
    work = in_transaction(partial(publishing._claim, submitted.campaign_id))
    assert work is not None
    with transaction():
        campaign = db.session.get_one(Campaign, submitted.campaign_id)
        draft = service.coupon_draft(work.plan, work.key, campaign.start_at, campaign.end_at)
        campaign.coupon_id = create_coupon(SYSTEM, draft).id
        publish_coupon(SYSTEM, campaign.coupon_id)
    fix_audience(campaign.id, work.plan, partial(publishing._hold, work))
    while in_transaction(partial(publishing._issue_batch, work, campaign.coupon_id)):
        pass
    in_transaction(partial(publishing._finish, work))
    return only_campaign()


def redeem(name: str, cents: int, *, paid: bool = True) -> None:
    """An order with the coupon."""
    from sqlalchemy import select

    from app.accounts.models import User

    user = db.session.scalars(select(User).where(User.username == name)).one()
    values = {"amount_cents": cents - 5_000, "coupon_discount_cents": 5_000}
    if not paid:
        values |= {"pay_status": None, "paid_on": None, "paid_at": None, "status": "PENDING"}
    order = make_paid_order(member_id_of(user), cents, **values)
    in_transaction(
        partial(coupons.hold, actor_of(user), only_coupon().code, [Goods("A", 1, cents)], order.id)
    )
    if paid:
        in_transaction(partial(coupons.use, order.id))


def results() -> Results:
    return results_of(only_campaign())


def test_before_anybody_uses_it_there_is_only_what_was_issued(shop: None) -> None:
    launch()
    found = results()
    assert (found.issued, found.claimed, found.redeemed, found.gmv_cents) == (2, 2, 0, 0)
    assert (found.uplift_percent, len(found.days)) == (None, 1)


def test_redemptions_discount_and_gmv_are_counted_by_day(shop: None) -> None:
    launch()
    redeem("alice", 40_000)
    redeem("bob", 50_000, paid=False)
    with shifted(timedelta(days=2)):
        make_paid_order(_member("alice"), 7_000)
        found = results()
    assert (found.redeemed, found.held, found.discount_cents, found.redeemers) == (1, 1, 5_000, 1)
    assert found.gmv_cents == 35_000 + 7_000
    assert [(day.redeemed, day.discount_cents, day.gmv_cents) for day in found.days] == [
        (1, 5_000, 35_000), (0, 0, 0), (0, 0, 7_000),
    ]  # fmt: skip


def test_the_matched_group_is_of_the_same_store_level_and_recency(shop: None) -> None:
    like_alice = [make_member(level=2) for _ in range(2)]
    for member in like_alice:
        make_paid_order(member, 10_000, days_ago=12)
    strangers = [make_member(level=1), make_member(level=2, store_id=2), make_member(level=2)]
    make_paid_order(strangers[0], 1_000, days_ago=12)
    make_paid_order(strangers[1], 1_000, days_ago=12)
    # The third never bought: another class of recency.
    launch()
    redeem("alice", 40_000)
    make_paid_order(like_alice[0], 30_000)
    for stranger in strangers:
        make_paid_order(stranger, 99_000)
    found = results()
    assert (found.compared, found.compared_cents, found.matched_members) == (1, 35_000, 2)
    # One redeemer against two like her who spent 300 yuan together.
    assert found.matched_cents == 15_000
    assert found.uplift_percent == round(100 * 20_000 / 15_000, 1)
    assert [day.matched_cents for day in found.days] == [15_000]


def test_who_has_nobody_like_her_is_left_out_of_the_comparison(shop: None) -> None:
    launch()
    redeem("alice", 40_000)
    found = results()
    assert (found.redeemers, found.compared, found.compared_cents, found.matched_cents) == (1, 0, 0, 0)


def test_nothing_after_the_end_counts(shop: None) -> None:
    launch()
    redeem("alice", 40_000)
    with shifted(timedelta(days=9)):
        make_paid_order(_member("alice"), 7_000)
        found = results()
        assert (found.gmv_cents, len(found.days)) == (35_000, 8)


def test_the_list_has_the_same_figures(shop: None) -> None:
    launch()
    redeem("alice", 40_000)
    (row,) = list_campaigns(1).items
    assert (row.issued, row.redeemed, row.discount_cents) == (2, 1, 5_000)


def test_customers_who_just_got_a_coupon_are_a_risk_of_the_next(shop: None) -> None:
    launch()
    risks = {risk.code: risk.params for risk in estimate_plan(complete(PLAN)[0]).risks}
    assert risks["FREQUENCY"]["members"] == 2
    with shifted(timedelta(days=15)):
        assert "FREQUENCY" not in {risk.code for risk in estimate_plan(complete(PLAN)[0]).risks}
    assert settings().campaign_margin_percent == 60


def _member(name: str) -> int:
    from sqlalchemy import select

    from app.accounts.models import User

    return member_id_of(db.session.scalars(select(User).where(User.username == name)).one())
