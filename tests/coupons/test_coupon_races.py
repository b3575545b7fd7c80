"""Coupons under parallel claims and orders, with real threads on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core.actor import Actor
from app.coupons import service
from app.coupons.models import Coupon, CustomerCoupon
from app.coupons.rules import Goods
from app.db import db, in_transaction
from tests.builders import actor_of, make_coupon, make_user
from tests.parallel import at_once, in_parallel

GOODS = [Goods("A", 1, 40_000)]


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        yield each_app


def order_with(actor: Actor, code: str, order_id: int) -> Any:
    return lambda: service.hold(actor, code, GOODS, order_id)[0].discount_cents


def redeemed(coupon: Coupon) -> int | None:
    return db.session.scalar(select(Coupon.redeemed_count).where(Coupon.id == coupon.id))


def pieces(status: str) -> int | None:
    return db.session.scalar(select(func.count()).where(CustomerCoupon.status == status))


def test_two_hundred_redemptions_of_a_cap_of_three_are_exactly_three(shop: Flask) -> None:
    coupon = make_coupon(max_redemptions=3)
    buyers = [actor_of(make_user()) for _ in range(20)]
    outcomes = in_parallel(shop, [order_with(buyers[n % 20], coupon.code, n + 1) for n in range(200)])
    assert outcomes.count(5_000) == 3
    assert redeemed(coupon) == pieces("held") == 3
    assert set(outcomes) <= {5_000, "COUPON_EXHAUSTED", "COUPON_NOT_APPLICABLE"}


def test_of_two_that_hold_the_last_use_one_wins_and_the_other_keeps_the_coupon(shop: Flask) -> None:
    for round_ in range(5):
        coupon = make_coupon(max_redemptions=1)
        pair = [actor_of(make_user()), actor_of(make_user())]
        for actor in pair:
            in_transaction(lambda: service.claim(actor, coupon.id))  # noqa: B023
        calls = [order_with(actor, coupon.code, round_ * 2 + n + 1) for n, actor in enumerate(pair)]
        assert sorted(in_parallel(shop, calls), key=str) == [5_000, "COUPON_EXHAUSTED"]
        assert redeemed(coupon) == 1
        assert pieces("claimed") == round_ + 1


def test_the_limit_per_customer_holds_when_claims_race(shop: Flask) -> None:
    coupon_id, actor = make_coupon(per_customer_limit=2).id, actor_of(make_user())
    outcomes = in_parallel(shop, at_once(lambda: service.claim(actor, coupon_id).ordinal, 12))
    assert sorted(outcome for outcome in outcomes if isinstance(outcome, int)) == [1, 2]
    assert outcomes.count("ALREADY_CLAIMED") == 10


@pytest.mark.parametrize("claimed_before", [True, False])
def test_one_piece_cannot_be_held_by_two_orders(shop: Flask, claimed_before: bool) -> None:
    coupon, actor = make_coupon(), actor_of(make_user())
    if claimed_before:
        in_transaction(lambda: service.claim(actor, coupon.id))
    numbers = count(1)
    code = coupon.code
    work = at_once(lambda: order_with(actor, code, next(numbers))(), 12)
    outcomes = in_parallel(shop, work)
    assert outcomes.count(5_000) == 1
    assert redeemed(coupon) == pieces("held") == 1


def test_holding_and_giving_back_at_once_keeps_the_count_right(shop: Flask) -> None:
    coupon, actor = make_coupon(max_redemptions=5), actor_of(make_user())
    code = coupon.code

    def hold_and_give_back(order_id: int) -> Any:
        def run() -> bool:
            service.hold(actor, code, GOODS, order_id)
            return service.give_back(order_id)

        return run

    in_parallel(shop, [hold_and_give_back(n) for n in range(1, 41)])
    assert redeemed(coupon) == 0
    assert pieces("held") == 0


def test_a_cancelled_order_gives_its_coupon_back_only_once(shop: Flask) -> None:
    coupon = make_coupon(max_redemptions=9)
    for order_id, actor in enumerate([actor_of(make_user()), actor_of(make_user())], start=1):
        in_transaction(order_with(actor, coupon.code, order_id))
    outcomes = in_parallel(shop, [lambda: service.give_back(1)] * 10)
    assert outcomes.count(True) == 1
    assert redeemed(coupon) == 1
