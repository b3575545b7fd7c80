"""Claiming, holding, using and giving back; what a customer sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core.actor import SYSTEM, Actor, Role
from app.core.clock import now, shifted
from app.core.errors import Conflict, Forbidden, InvalidParam, NotFound, Unauthorized
from app.coupons import queries, service
from app.coupons.creation import CouponDraft, create_coupon, publish_coupon
from app.coupons.facts import get_facts
from app.coupons.models import Coupon, CustomerCoupon
from app.coupons.rules import Goods, Reason
from app.db import db, in_transaction, transaction
from app.members.models import Member
from app.orders.models import Order
from tests.browsing import counted_statements
from tests.builders import actor_of, make_category, make_coupon, make_user

pytestmark = pytest.mark.usefixtures("ctx")
GOODS = [Goods("A", 1, 40_000)]
FEW = [Goods("A", 1, 10_000)]


def do(work: Callable[[], Any]) -> Any:
    return in_transaction(work)


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(Conflict) as error:
        do(work)
    return error.value.code


def redeemed(coupon: Coupon) -> int:
    db.session.refresh(coupon)
    return coupon.redeemed_count


def status_of(holding_id: int) -> str:
    db.session.rollback()
    return db.session.get_one(CustomerCoupon, holding_id).status


@pytest.fixture
def alice() -> Actor:
    return actor_of(make_user("alice"))


@pytest.fixture
def bob() -> Actor:
    return actor_of(make_user("bob"))


def test_a_claimed_coupon_is_held_used_and_not_given_back_then(alice: Actor) -> None:
    coupon = make_coupon("SAVE50")
    piece = do(lambda: service.claim(alice, coupon.id)).id
    offer, held = do(lambda: service.hold(alice, "save50", GOODS, 7))
    assert (offer.discount_cents, held.id, held.order_id) == (5_000, piece, 7)
    assert (status_of(piece), redeemed(coupon)) == ("held", 1)
    assert do(lambda: service.use(7)) is True
    assert do(lambda: service.use(7)) is False
    assert do(lambda: service.give_back(7)) is False
    assert (status_of(piece), redeemed(coupon)) == ("used", 1)


def test_a_cancelled_order_gives_the_coupon_and_its_use_back(alice: Actor, bob: Actor) -> None:
    coupon = make_coupon(max_redemptions=1)
    _, piece = do(lambda: service.hold(alice, coupon.code, GOODS, 7))
    assert refused(lambda: service.hold(bob, coupon.code, GOODS, 8)) == "COUPON_EXHAUSTED"
    assert do(lambda: service.give_back(7)) is True
    assert (status_of(piece.id), redeemed(coupon)) == ("claimed", 0)
    assert do(lambda: service.hold(alice, coupon.code, GOODS, 9))[1].id == piece.id


def test_a_coupon_is_claimed_on_the_spot_when_an_order_names_it(alice: Actor) -> None:
    coupon = make_coupon()
    _, piece = do(lambda: service.hold(alice, coupon.code, GOODS, 7))
    assert (piece.user_id, status_of(piece.id)) == (alice.user_id, "held")


def test_a_coupon_that_is_held_or_used_cannot_be_held_again(alice: Actor) -> None:
    coupon = make_coupon()
    do(lambda: service.hold(alice, coupon.code, GOODS, 7))
    assert refused(lambda: service.hold(alice, coupon.code, GOODS, 8)) == "COUPON_NOT_APPLICABLE"
    do(lambda: service.use(7))
    assert refused(lambda: service.hold(alice, coupon.code, GOODS, 8)) == "COUPON_NOT_APPLICABLE"
    assert redeemed(coupon) == 1


def test_with_two_pieces_two_orders_may_use_the_coupon(alice: Actor) -> None:
    coupon = make_coupon(per_customer_limit=2)
    do(lambda: service.hold(alice, coupon.code, GOODS, 7))
    do(lambda: service.hold(alice, coupon.code, GOODS, 8))
    assert refused(lambda: service.claim(alice, coupon.id)) == "ALREADY_CLAIMED"
    assert redeemed(coupon) == 2


@pytest.mark.parametrize(
    ("values", "goods", "code"),
    [
        ({}, FEW, "COUPON_NOT_APPLICABLE"),
        ({}, [], "COUPON_NOT_APPLICABLE"),
        ({"max_redemptions": 2, "redeemed_count": 2}, GOODS, "COUPON_EXHAUSTED"),
        ({"end_at": now() - timedelta(hours=1)}, GOODS, "COUPON_EXPIRED"),
        ({"start_at": now() + timedelta(hours=1)}, GOODS, "COUPON_NOT_APPLICABLE"),
        ({"segment": [{"field": "level", "op": ">=", "value": 5}]}, GOODS, "COUPON_NOT_APPLICABLE"),
    ],
)
def test_a_coupon_that_does_not_fit_is_refused_and_nothing_changes(
    alice: Actor, values: dict[str, Any], goods: list[Goods], code: str
) -> None:
    coupon = make_coupon(**values)
    before = coupon.redeemed_count
    assert refused(lambda: service.hold(alice, coupon.code, goods, 7)) == code
    assert redeemed(coupon) == before
    assert db.session.query(CustomerCoupon).count() == 0


@pytest.mark.parametrize("code", ["NOPE", "", "'; --", "x" * 1_000_000, "😀"])
def test_an_unknown_code_is_not_found(alice: Actor, code: str) -> None:
    make_coupon("DRAFT", status="draft")
    for wrong in (code, "DRAFT"):
        with pytest.raises(NotFound):
            do(lambda: service.hold(alice, wrong, GOODS, 7))  # noqa: B023
        with pytest.raises(NotFound):
            do(lambda: service.claim_by_code(alice, wrong))  # noqa: B023


def test_guests_cannot_claim_or_hold() -> None:
    coupon = make_coupon()
    guest = Actor(guest_id="g")
    for work in (
        lambda: service.claim(guest, coupon.id),
        lambda: service.claim_by_code(guest, coupon.code),
        lambda: service.hold(guest, coupon.code, GOODS, 1),
        lambda: queries.find_usable(guest, coupon.code),
    ):
        with pytest.raises(Unauthorized):
            do(work)
    assert queries.best_offer(guest, GOODS) is None


def test_claiming_again_or_too_late_is_refused(alice: Actor) -> None:
    coupon = make_coupon()
    do(lambda: service.claim(alice, coupon.id))
    assert refused(lambda: service.claim(alice, coupon.id)) == "ALREADY_CLAIMED"
    late = make_coupon(end_at=now() - timedelta(minutes=1))
    assert refused(lambda: service.claim(alice, late.id)) == "COUPON_EXPIRED"
    empty = make_coupon(max_redemptions=1, redeemed_count=1)
    assert refused(lambda: service.claim(alice, empty.id)) == "COUPON_EXHAUSTED"
    with pytest.raises(NotFound):
        do(lambda: service.claim(alice, 999))


def test_an_unpaid_order_keeps_its_coupon_past_the_end(alice: Actor) -> None:
    coupon = make_coupon(end_at=now() + timedelta(minutes=10))
    _, piece = do(lambda: service.hold(alice, coupon.code, GOODS, 7))
    with shifted(timedelta(minutes=20)):
        assert do(lambda: service.use(7)) is True
    assert status_of(piece.id) == "used"


def test_a_customer_sees_what_is_theirs_and_what_they_may_claim(alice: Actor, bob: Actor) -> None:
    make_category(id=2)
    mine, scoped = make_coupon("MINE"), make_coupon("SCOPED", category_id=2)
    make_coupon("LATER", start_at=now() + timedelta(days=1))
    make_coupon("DRAFT", status="draft")
    make_coupon("VIP", segment=[{"field": "level", "op": ">=", "value": 4}])
    used, gone = make_coupon("USED"), make_coupon("GONE", end_at=now() + timedelta(hours=1))
    for coupon in (mine, used, gone):
        do(lambda: service.claim(alice, coupon.id))  # noqa: B023
    do(lambda: service.hold(alice, "USED", GOODS, 7))
    do(lambda: service.use(7))
    with shifted(timedelta(hours=2)):
        views = queries.list_for_customer(alice, GOODS)
        assert [(view.coupon.code, view.status) for view in views] == [
            ("MINE", "claimed"),
            ("SCOPED", "claimable"),
            ("USED", "used"),
            ("GONE", "expired"),
        ]
    assert views[1].scope("en") == "Shelf 2"
    assert views[1].offer.reason is Reason.OUT_OF_SCOPE
    assert {view.coupon.code for view in queries.list_for_customer(bob)} == {"MINE", "SCOPED", "USED", "GONE"}
    assert {view.status for view in queries.list_for_customer(Actor())} == {"claimable"}
    assert scoped.code == "SCOPED"


def test_the_best_offer_saves_most_and_the_nearest_lacks_least(alice: Actor) -> None:
    make_coupon("FIFTY")
    make_coupon("TENTH", type="discount", benefit=80, threshold_cents=0)
    make_coupon("POINTS", type="points", benefit=9_000, threshold_cents=0)
    make_coupon("FAR", threshold_cents=90_000, benefit=30_000)
    make_coupon("NEAR", threshold_cents=50_000, benefit=20_000)
    best = queries.best_offer(alice, GOODS)
    assert best is not None and (best.code, best.discount_cents) == ("TENTH", 8_000)
    nearest = queries.nearest_of(queries.list_for_customer(alice, GOODS))
    assert nearest is not None and (nearest.coupon.code, nearest.offer.missing_cents) == ("NEAR", 10_000)
    assert queries.best_offer(alice, []) is None


def test_no_more_is_asked_for_a_coupon_that_would_save_less(alice: Actor) -> None:
    make_coupon("FIFTY")
    make_coupon("LESS", threshold_cents=41_000, benefit=4_000)
    make_coupon("POINTS", type="points", benefit=9_000, threshold_cents=41_000)
    views = queries.list_for_customer(alice, GOODS)
    assert queries.nearest_of(views) is None
    assert queries.nearest_of(queries.list_for_customer(alice, FEW)) is not None


def test_what_is_held_or_used_is_never_suggested(alice: Actor) -> None:
    coupon = make_coupon()
    do(lambda: service.hold(alice, coupon.code, GOODS, 7))
    assert queries.best_offer(alice, GOODS) is None


def test_a_segment_reads_the_customers_own_paid_orders(app: Flask, alice: Actor, bob: Actor) -> None:
    coupon = make_coupon(segment=[{"field": "paid_orders", "op": ">=", "value": 2}])
    with transaction() as session:
        member = session.query(Member).filter_by(user_id=alice.user_id).one()
        member.level, member.total_spent_cents = 3, 500
        for pay_status in (1, 1, 0, None):
            session.add(
                Order(
                    store_id=1,
                    user_id=alice.user_id,
                    member_id=member.id,
                    pay_status=pay_status,
                    paid_at=now() - timedelta(days=3) if pay_status else None,
                    original_amount_cents=100,
                    amount_cents=100,
                )
            )
    with shifted(timedelta(days=2)), counted_statements(app) as statements:
        facts = get_facts(alice.require_user())
    assert len(statements) == 1
    assert (facts.paid_orders, facts.level, facts.total_spent_cents) == (2, 3, 500)
    assert (facts.days_since_last_order, facts.member_days, facts.has_ordered) == (5, 2, True)
    assert do(lambda: service.claim(alice, coupon.id)).ordinal == 1
    assert refused(lambda: service.claim(bob, coupon.id)) == "COUPON_NOT_APPLICABLE"
    assert queries.find_usable(alice, coupon.code).id == coupon.id
    with pytest.raises(Conflict):
        queries.find_usable(bob, coupon.code)


def test_listing_and_holding_need_few_statements(app: Flask, alice: Actor) -> None:
    coupon = make_coupon(segment=[{"field": "paid_orders", "op": "==", "value": 0}])
    code = coupon.code
    with counted_statements(app) as statements:
        queries.list_for_customer(alice, GOODS)
    assert len(statements) <= 3
    do(lambda: service.claim(alice, coupon.id))
    with counted_statements(app) as statements:
        do(lambda: service.hold(alice, code, GOODS, 7))
    assert len(statements) <= 4
    with counted_statements(app) as statements:
        do(lambda: service.give_back(7))
    assert len(statements) <= 3


DRAFT = CouponDraft(
    code=" new10 ",
    name="满100减10",
    type="full_reduction",
    benefit=1_000,
    threshold_cents=10_000,
    start_at=now() - timedelta(days=1),
    end_at=now() + timedelta(days=1),
)


def test_an_operator_creates_a_coupon_and_publishing_makes_it_visible(alice: Actor) -> None:
    operator = Actor(user_id=99, roles=frozenset({Role.OPERATOR}))
    coupon = do(lambda: create_coupon(operator, DRAFT))
    assert (coupon.code, coupon.status) == ("NEW10", "draft")
    assert queries.list_for_customer(alice) == []
    for _ in range(2):
        do(lambda: publish_coupon(operator, coupon.id))
    assert [view.coupon.code for view in queries.list_for_customer(alice)] == ["NEW10"]
    assert refused(lambda: create_coupon(SYSTEM, DRAFT)) == "CODE_TAKEN"


def test_customers_create_no_coupons(alice: Actor) -> None:
    with pytest.raises(Forbidden):
        do(lambda: create_coupon(alice, DRAFT))
    with pytest.raises(Unauthorized):
        do(lambda: create_coupon(Actor(guest_id="g"), DRAFT))
    with pytest.raises(NotFound):
        do(lambda: publish_coupon(SYSTEM, 12345))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", " "),
        ("name", ""),
        ("type", "gift"),
        ("benefit", 0),
        ("benefit", -5),
        ("threshold_cents", -1),
        ("max_discount_cents", 0),
        ("max_redemptions", -1),
        ("per_customer_limit", 0),
        ("end_at", DRAFT.start_at),
        ("segment", [{"field": "shoe_size", "op": "==", "value": 42}]),
    ],
)
def test_terms_that_make_no_sense_are_named(field: str, value: Any) -> None:
    with pytest.raises(InvalidParam) as error:
        do(lambda: create_coupon(SYSTEM, replace(DRAFT, **{field: value})))
    assert set(error.value.fields) == {field}


def test_a_discount_pays_between_1_and_99_percent() -> None:
    with pytest.raises(InvalidParam):
        do(lambda: create_coupon(SYSTEM, replace(DRAFT, type="discount", benefit=100)))
