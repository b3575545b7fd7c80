"""A plan becomes one published coupon in the right hands, whatever the CRM does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.campaigns import jobs, publishing, service
from app.campaigns.models import ActionLog, Campaign, CampaignMember
from app.campaigns.plans import Plan, complete
from app.core.actor import Actor
from app.core.clock import shifted
from app.core.errors import Conflict, Forbidden, InvalidParam
from app.coupons import service as coupons
from app.coupons.models import Coupon, CustomerCoupon
from app.coupons.queries import list_for_customer
from app.coupons.rules import Goods
from app.db import db, in_transaction, transaction
from tests.builders import actor_of, make_user
from tests.campaigns.campaign_rows import (
    PLAN,
    count_rows,
    holders,
    make_customer,
    make_member,
    only_campaign,
    only_coupon,
    operator,
    plan_with,
    steps,
)
from tests.campaigns.crm_server import TOKEN, FakeCrm, crm_server, loses_the_answer, says, status
from tests.conftest import MakeApp
from tests.parallel import in_parallel

pytestmark = pytest.mark.redis
DONE = {"create_coupon": "success", "publish_coupon": "success", "issue_coupon": "success"}


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCrm]:
    monkeypatch.setattr("app.campaigns.crm.PAUSES", (0.01, 0.01))
    with crm_server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, make_app: MakeApp, crm: FakeCrm) -> Iterator[Flask]:
    """A shop whose CRM is the tests' own, with two customers of level 2 and one of level 1."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    app = make_app(url, crm_base_url=crm.url, crm_token=TOKEN)
    with app.app_context():
        make_customer("alice")
        make_customer("bob", level=3)
        make_customer("charlie", level=1)
        yield app


def read(raw: dict[str, object]) -> Plan:
    return complete(raw)[0]


def submit(actor: Actor, **changes: object) -> service.Submitted:
    return in_transaction(partial(service.submit, actor, read(plan_with(**changes))))


def publish(actor: Actor, **changes: object) -> bool:
    """Submit, and do what the worker does."""
    return publishing.publish(submit(actor, **changes).campaign_id)


def run_again(actor: Actor) -> bool:
    campaign_id = only_campaign().id
    in_transaction(partial(service.retry, actor, campaign_id))
    return publishing.publish(campaign_id)


def test_a_plan_becomes_a_published_coupon_in_the_hands_of_its_segment(shop: Flask, crm: FakeCrm) -> None:
    make_member(level=2)
    assert publish(operator())
    campaign, coupon = only_campaign(), only_coupon()
    assert (campaign.status, campaign.segment_size, campaign.coupon_id) == ("published", 3, coupon.id)
    assert (coupon.status, coupon.type, coupon.threshold_cents, coupon.benefit) == (
        "published", "full_reduction", 30_000, 5_000,
    )  # fmt: skip
    assert coupon.max_redemptions == 600
    assert (coupon.end_at - coupon.start_at) == timedelta(days=7)
    assert steps() == DONE
    assert list(crm.coupons.values()) == crm.published == [campaign.crm_coupon_id]
    names = db.session.scalars(
        select(CustomerCoupon.user_id).where(CustomerCoupon.coupon_id == coupon.id)
    ).all()
    assert len(names) == 2


def test_customers_of_the_segment_find_it_and_others_cannot_claim_it(shop: Flask) -> None:
    publish(operator())
    owner, stranger = (actor_of(_user(name)) for name in ("alice", "charlie"))
    assert [(view.coupon.id, view.status) for view in list_for_customer(owner)] == [
        (only_coupon().id, "claimed")
    ]
    assert list_for_customer(stranger) == []
    with pytest.raises(Conflict) as refused:
        in_transaction(partial(coupons.claim, stranger, only_coupon().id))
    assert refused.value.code == "COUPON_NOT_APPLICABLE"


def test_it_is_redeemed_no_more_often_than_the_plan_says(shop: Flask) -> None:
    publish(operator(), offer={**PLAN["offer"], "max_redemptions": 1}, budget=50)
    code, goods = only_coupon().code, [Goods("A", 1, 40_000)]
    alice, bob = actor_of(_user("alice")), actor_of(_user("bob"))
    outcomes = in_parallel(
        shop, [partial(coupons.hold, actor, code, goods, n) for n, actor in enumerate((alice, bob), 1)]
    )
    assert sum(outcome == "COUPON_EXHAUSTED" for outcome in outcomes) == 1
    assert only_coupon().redeemed_count == 1


def test_a_discount_never_costs_more_than_the_budget(shop: Flask) -> None:
    offer = {"type": "discount", "threshold": 0, "value": 85, "max_redemptions": 100}
    publish(operator(), offer=offer, budget=5_000)
    assert (only_coupon().benefit, only_coupon().max_discount_cents) == (85, 5_000)


def test_the_same_plan_again_is_found_and_the_crm_not_called(shop: Flask, crm: FakeCrm) -> None:
    actor = operator()
    publish(actor)
    called = len(crm.calls)
    again = submit(actor)
    assert not again.is_new
    assert not publishing.publish(again.campaign_id)
    assert len(crm.calls) == called
    assert count_rows(Campaign) == count_rows(Coupon) == 1


def test_two_submits_at_once_make_one_coupon(shop: Flask, crm: FakeCrm) -> None:
    actor, plan = operator(), read(PLAN)
    found = in_parallel(shop, [partial(service.submit, actor, plan)] * 8)
    assert len({each.campaign_id for each in found}) == 1
    assert [each.is_new for each in found].count(True) == 1
    campaign_id = found[0].campaign_id
    with shop.app_context():
        _at_once(shop, campaign_id, 4)
    assert only_campaign().status == "published"
    assert count_rows(Coupon) == len(crm.coupons) == 1
    assert len(holders()) == 2


def _at_once(shop: Flask, campaign_id: int, workers: int) -> list[bool]:
    """Several workers on one campaign."""
    from concurrent.futures import ThreadPoolExecutor

    def work(_number: int) -> bool:
        with shop.app_context():
            return publishing.publish(campaign_id)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ([status(500)] * 3, "500"),
        ([status(503)] * 3, "503"),
        ([status(401)], "401"),
        ([says({"id": 3})], "coupon_id"),
        ([says([1, 2])], "object"),
        ([says(b"<html>")], "JSON"),
        ([says({"coupon_id": "x" * 100})], "coupon_id"),
        ([says(b"[" * 70_000)], "long"),
        ([status(302)], "302"),
    ],
)
def test_a_crm_that_answers_wrongly_fails_the_step_and_a_retry_completes(
    shop: Flask, crm: FakeCrm, trouble: list[object], told: str
) -> None:
    actor = operator()
    crm.planned[:] = trouble  # type: ignore[assignment]
    assert not publish(actor)
    campaign = only_campaign()
    assert campaign.status == "failed"
    assert told in campaign.error
    assert steps() == {"create_coupon": "failed"}
    assert count_rows(Coupon) == 0
    assert run_again(actor)
    assert steps() == DONE
    assert count_rows(Coupon) == 1
    row = db.session.scalars(select(ActionLog).where(ActionLog.action_type == "create_coupon")).one()
    assert [each["status"] for each in row.history] == ["failed"]
    assert len(crm.coupons) <= 1


def test_what_passes_is_tried_again_with_the_same_key(shop: Flask, crm: FakeCrm) -> None:
    crm.planned[:] = [status(500), loses_the_answer]
    assert publish(operator())
    created = [key for path, key in crm.calls if path == "/coupons"]
    assert len(created) == 3
    assert len(set(created)) == len(crm.coupons) == 1


def test_a_crm_that_is_slow_is_given_up_and_makes_one_coupon_all_the_same(shop: Flask, crm: FakeCrm) -> None:
    actor = operator()
    shop.extensions["mcpshop_settings"].crm_timeout_seconds = 0.3
    crm.planned[:] = [crm.hang] * 3
    assert not publish(actor)
    assert "reached" in only_campaign().error
    crm.let_go.set()
    assert run_again(actor)
    assert len(crm.coupons) == count_rows(Coupon) == 1


def test_a_crm_that_dies_between_create_and_publish_gets_no_second_coupon(shop: Flask, crm: FakeCrm) -> None:
    actor = operator()
    crm.planned[:] = [lambda path: crm.do(path, crm.calls[-1][1]), *[status(500)] * 3]
    assert not publish(actor)
    assert steps() == {"create_coupon": "success", "publish_coupon": "failed"}
    assert only_coupon().status == "draft"
    assert holders() == []
    assert run_again(actor)
    assert steps() == DONE
    assert [path for path, _ in crm.calls].count("/coupons") == 1
    assert only_coupon().status == "published"


def test_a_dead_crm_is_told_of(make_app: MakeApp) -> None:
    app = make_app(crm_base_url="http://127.0.0.1:9", crm_token=TOKEN, crm_timeout_seconds=0.3)
    with app.app_context():
        assert not publish(operator())
        assert (only_campaign().status, steps()) == ("failed", {"create_coupon": "failed"})


def test_a_worker_that_lost_its_lease_writes_nothing(shop: Flask, crm: FakeCrm) -> None:
    submitted = submit(operator())

    def steal(path: str) -> tuple[int, object]:
        with shop.app_context(), transaction() as session:
            session.execute(update(Campaign).values(lease="another worker's"))
        return crm.do(path, crm.calls[-1][1])

    crm.planned[:] = [steal]
    assert not publishing.publish(submitted.campaign_id)
    assert count_rows(Coupon) == 0
    assert steps() == {}
    assert only_campaign().status == "running"


def test_an_abandoned_campaign_is_taken_up_where_it_stopped(shop: Flask, crm: FakeCrm) -> None:
    campaign_id = submit(operator()).campaign_id
    work = in_transaction(partial(publishing._claim, campaign_id))
    assert work is not None
    publishing._create(work, publishing.crm_of(shop.extensions["mcpshop_settings"]))
    jobs.sweep()
    assert only_campaign().status == "running"
    with shifted(timedelta(seconds=31)):
        jobs.sweep()
        assert only_campaign().status == "pending"
        assert publishing.publish(campaign_id)
    assert steps() == DONE
    assert [path for path, _ in crm.calls].count("/coupons") == 1


def test_issuing_goes_on_where_it_stopped(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [make_customer(f"c{number}") for number in range(7)]
    monkeypatch.setattr("app.campaigns.audiences.BATCH", 2)
    campaign_id = submit(operator()).campaign_id
    work = in_transaction(partial(publishing._claim, campaign_id))
    assert work is not None
    crm = publishing.crm_of(shop.extensions["mcpshop_settings"])
    publishing._create(work, crm)
    publishing._publish(work, crm)
    publishing.fix_audience(campaign_id, work.plan, partial(publishing._hold, work))
    assert in_transaction(partial(publishing._issue_batch, work, only_campaign().coupon_id or 0))
    assert len(holders()) == 2
    # Who comes into the segment after it was fixed is not of this campaign.
    make_customer("late")
    with shifted(timedelta(seconds=31)):
        jobs.sweep()
        assert publishing.publish(campaign_id)
    assert len(holders()) == len(users) + 2
    assert count_rows(CampaignMember) == len(users) + 2


def test_only_operators_submit_run_again_and_end(shop: Flask) -> None:
    customer = actor_of(make_user("dora"))
    campaign_id = submit(operator()).campaign_id
    for act in (
        partial(service.submit, customer, read(PLAN)),
        partial(service.retry, customer, campaign_id),
        partial(service.end, customer, campaign_id),
    ):
        with pytest.raises(Forbidden):
            in_transaction(act)


def test_a_budget_that_does_not_pay_for_the_redemptions_is_refused(shop: Flask) -> None:
    with pytest.raises(InvalidParam) as refused:
        submit(operator(), budget=29_999)
    assert "budget" in refused.value.fields
    assert count_rows(Campaign) == 0


def test_a_name_that_the_shop_does_not_have_is_refused(shop: Flask) -> None:
    segment = {"definition": "x", "rules": [{"field": "city", "op": "==", "value": "亚特兰蒂斯"}]}
    with pytest.raises(InvalidParam):
        submit(operator(), target_segment=segment)


def test_a_campaign_ended_early_can_no_longer_be_used(shop: Flask) -> None:
    actor = operator()
    publish(actor)
    in_transaction(partial(service.end, actor, only_campaign().id))
    assert only_campaign().status == "ended"
    with pytest.raises(Conflict) as refused:
        in_transaction(
            partial(coupons.hold, actor_of(_user("alice")), only_coupon().code, [Goods("A", 1, 40_000)], 1)
        )
    assert refused.value.code == "COUPON_EXPIRED"
    with pytest.raises(Conflict):
        in_transaction(partial(service.end, actor, only_campaign().id))


def test_only_what_failed_is_run_again(shop: Flask) -> None:
    actor = operator()
    publish(actor)
    with pytest.raises(Conflict) as refused:
        run_again(actor)
    assert refused.value.code == "NOT_FAILED"


def _user(name: str):  # type: ignore[no-untyped-def]
    from app.accounts.models import User

    return db.session.scalars(select(User).where(User.username == name)).one()
