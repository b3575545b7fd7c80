"""What coupons are worth and who they are for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.coupons.labels import headline, label
from app.coupons.rules import (
    CustomerFacts,
    Goods,
    Reason,
    discount_on,
    evaluate,
    is_sound_rule,
    matches_segment,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Terms:
    """A coupon without a database."""

    id: int = 1
    code: str = "C"
    name: str = "券"
    name_en: str = "Coupon"
    type: str = "full_reduction"
    threshold_cents: int = 30_000
    benefit: int = 5_000
    max_discount_cents: int | None = None
    max_redemptions: int | None = None
    redeemed_count: int = 0
    category_id: int | None = None
    start_at: datetime = NOON - timedelta(days=1)
    end_at: datetime = NOON + timedelta(days=1)
    status: str = "published"


def goods(*cents: int, category_id: int = 1) -> list[Goods]:
    return [Goods(f"S{n}", category_id, amount) for n, amount in enumerate(cents)]


def test_a_full_reduction_applies_from_its_threshold_on() -> None:
    below = evaluate(Terms(), goods(20_000, 9_999), at=NOON)
    assert (below.applicable, below.missing_cents, below.discount_cents) == (False, 1, 0)
    assert below.reason is Reason.BELOW_THRESHOLD
    reached = evaluate(Terms(), goods(20_000, 10_000), at=NOON)
    assert (reached.applicable, reached.missing_cents, reached.discount_cents) == (True, 0, 5_000)
    assert reached.in_scope == (0, 1)


def test_only_goods_of_the_coupons_category_count() -> None:
    coupon = Terms(category_id=2, threshold_cents=10_000)
    cart = [*goods(90_000), *goods(9_000, category_id=2)]
    offer = evaluate(coupon, cart, at=NOON)
    assert (offer.applicable, offer.missing_cents, offer.in_scope) == (False, 1_000, (1,))
    offer = evaluate(coupon, [*cart, *goods(1_000, category_id=2)], at=NOON)
    assert (offer.applicable, offer.in_scope) == (True, (1, 2))
    assert evaluate(coupon, goods(90_000), at=NOON).reason is Reason.OUT_OF_SCOPE


def test_a_coupon_never_takes_off_more_than_its_goods_cost() -> None:
    coupon = Terms(threshold_cents=0, benefit=5_000)
    assert evaluate(coupon, goods(1_200), at=NOON).discount_cents == 1_200
    assert evaluate(replace(coupon, category_id=7), goods(9_000), at=NOON).discount_cents == 0


@pytest.mark.parametrize(
    ("amount", "percent", "off"), [(10_000, 85, 1_500), (99, 85, 15), (1, 85, 1), (33, 50, 17), (0, 85, 0)]
)
def test_a_discount_rounds_to_the_cent_in_the_customers_favour(amount: int, percent: int, off: int) -> None:
    assert discount_on(Terms(type="discount", benefit=percent), amount) == off


def test_a_discount_has_a_maximum() -> None:
    coupon = Terms(type="discount", benefit=85, threshold_cents=0, max_discount_cents=8_000)
    assert evaluate(coupon, goods(100_000), at=NOON).discount_cents == 8_000


def test_points_take_nothing_off_and_are_awarded_from_the_threshold_on() -> None:
    coupon = Terms(type="points", benefit=200)
    assert (evaluate(coupon, goods(30_000), at=NOON).discount_cents) == 0
    assert evaluate(coupon, goods(30_000), at=NOON).points == 200
    assert evaluate(coupon, goods(29_999), at=NOON).points == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": "draft"}, Reason.NOT_STARTED),
        ({"start_at": NOON + timedelta(seconds=1)}, Reason.NOT_STARTED),
        ({"start_at": NOON}, None),
        ({"end_at": NOON}, Reason.EXPIRED),
        ({"end_at": NOON + timedelta(microseconds=1)}, None),
        ({"max_redemptions": 3, "redeemed_count": 3}, Reason.EXHAUSTED),
        ({"max_redemptions": 3, "redeemed_count": 2}, None),
    ],
)
def test_a_coupon_is_in_use_within_its_time_and_under_its_cap(changed: dict, reason: Reason | None) -> None:
    offer = evaluate(replace(Terms(), **changed), goods(30_000), at=NOON)
    assert offer.reason is reason
    assert offer.applicable is (reason is None)
    assert (offer.discount_cents > 0) is (reason is None)


coupons = st.builds(
    Terms,
    type=st.sampled_from(["full_reduction", "discount", "points"]),
    threshold_cents=st.integers(0, 100_000),
    benefit=st.integers(1, 100),
    max_discount_cents=st.none() | st.integers(1, 50_000),
    category_id=st.none() | st.integers(1, 3),
) | st.builds(Terms, threshold_cents=st.integers(0, 100_000), benefit=st.integers(1, 200_000))
carts = st.lists(st.builds(Goods, st.just("S"), st.integers(1, 3), st.integers(0, 10**9)), max_size=8)


@given(coupons, carts)
def test_offers_stay_within_bounds(coupon: Terms, cart: list[Goods]) -> None:
    offer = evaluate(coupon, cart, at=NOON)
    amount = sum(cart[i].subtotal_cents for i in offer.in_scope)
    assert 0 <= offer.discount_cents <= amount
    assert offer.missing_cents == max(0, coupon.threshold_cents - amount)
    assert offer.applicable == (amount > 0 and not offer.missing_cents)
    if coupon.max_discount_cents is not None:
        assert offer.discount_cents <= coupon.max_discount_cents
    if not offer.applicable:
        assert (offer.discount_cents, offer.points) == (0, 0)


@given(st.integers(0, 10**11), st.integers(1, 99))
def test_a_discount_pays_the_percentage_less_than_a_cent_off(amount: int, percent: int) -> None:
    paid = amount - discount_on(Terms(type="discount", benefit=percent), amount)
    assert 0 <= amount * percent - paid * 100 < 100


@given(carts, st.integers(0, 2))
def test_more_goods_never_make_an_offer_worse(cart: list[Goods], extra: int) -> None:
    coupon = Terms(type="discount", benefit=85, category_id=1, threshold_cents=5_000)
    bigger = [*cart, Goods("S", 1, extra)]
    assert evaluate(coupon, bigger, at=NOON).discount_cents >= evaluate(coupon, cart, at=NOON).discount_cents


LOYAL = CustomerFacts(
    level=3, paid_orders=4, total_spent_cents=120_000, member_days=400, days_since_last_order=45
)
NEW = CustomerFacts()


@pytest.mark.parametrize(
    ("rules", "loyal", "new"),
    [
        ([], True, True),
        ([{"field": "level", "op": ">=", "value": 3}], True, False),
        ([{"field": "level", "op": "in", "value": [1, 2]}], False, True),
        ([{"field": "level", "op": "not_in", "value": [1, 2]}], True, False),
        ([{"field": "has_ordered", "op": "==", "value": False}], False, True),
        ([{"field": "paid_orders", "op": "eq", "value": 0}], False, True),
        ([{"field": "days_since_last_order", "op": ">", "value": 30}], True, False),
        ([{"field": "days_since_last_order", "op": "<", "value": 30}], False, False),
        ([{"field": "days_since_last_order", "op": "==", "value": None}], False, True),
        (
            [
                {"field": "total_spent_cents", "op": "gte", "value": 100_000},
                {"field": "member_days", "op": "<", "value": 365},
            ],
            False,
            False,
        ),
    ],
)
def test_a_segment_is_for_whom_every_rule_holds(rules: list[dict], loyal: bool, new: bool) -> None:
    assert matches_segment(rules, LOYAL) is loyal
    assert matches_segment(rules, NEW) is new


@pytest.mark.parametrize(
    "rule",
    [
        {"field": "password_hash", "op": "==", "value": 1},
        {"field": "__class__", "op": "==", "value": 1},
        {"field": "level", "op": "~", "value": 1},
        {"field": "level", "op": ">=", "value": "3"},
        {"field": "level", "op": "in", "value": 3},
        {"field": "level", "op": "in", "value": []},
        {"field": "level", "op": ">=", "value": None},
        {"field": "level", "op": ">="},
        {"field": ["level"], "op": ">=", "value": 1},
        {"field": "level", "op": ["in"], "value": [1]},
        "level >= 3",
        None,
    ],
)
def test_a_rule_that_makes_no_sense_holds_for_nobody(rule: object) -> None:
    assert not is_sound_rule(rule)
    assert not matches_segment([rule], LOYAL)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("terms", "zh", "en"),
    [
        (Terms(), "满300减50", "50 off 300"),
        (Terms(threshold_cents=0, benefit=1_050), "立减10.5", "10.5 off"),
        (
            Terms(type="discount", benefit=85, threshold_cents=0, max_discount_cents=8_000),
            "8.5折 最多减¥80",
            "15% off, up to ¥80",
        ),
        (Terms(type="discount", benefit=80, threshold_cents=20_000), "满200享8折", "20% off from 200"),
        (Terms(type="points", benefit=200, threshold_cents=0), "+200 积分", "+200 points"),
        (Terms(type="points", benefit=200), "满300 +200 积分", "+200 points from 300"),
    ],
)
def test_a_label_says_the_promise_in_both_languages(terms: Terms, zh: str, en: str) -> None:
    assert (label(terms, "zh"), label(terms, "en")) == (zh, en)


def test_a_headline_is_the_one_figure() -> None:
    discount = Terms(type="discount", benefit=75)
    assert headline(Terms(), "zh") == "¥50"
    assert (headline(discount, "zh"), headline(discount, "en")) == ("7.5折", "25% off")
    assert headline(Terms(type="points", benefit=200), "en") == "+200"
