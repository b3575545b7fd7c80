"""Real threads on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from app.accounts import wallet
from app.catalogue.models import Product
from app.core.actor import Actor
from app.core.clock import now, shifted
from app.core.errors import DomainError
from app.coupons.models import Coupon, CustomerCoupon
from app.db import db, in_transaction, transaction
from app.orders import jobs, service
from app.orders.models import Order, OrderItem, Payment, Refund
from app.orders.placing import Placement, PlaceOrder
from tests.builders import make_coupon, make_product
from tests.orders.order_helpers import (
    buy,
    codes,
    fill_cart,
    ledger_sums,
    make_customer,
    make_operator,
    pay,
    race,
    stock_of,
    wallet_of,
)

pytestmark = pytest.mark.slow


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def customers(number: int, **pieces: int) -> list[Actor]:
    actors = [make_customer() for _ in range(number)]
    for actor in actors:
        fill_cart(actor, **pieces)
    return actors


def test_200_buyers_of_one_piece_make_one_order(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=1)
        buyers = customers(200, A=1)
    results = race(each_app, [partial(service.place, buyer, PlaceOrder()) for buyer in buyers])
    with each_app.app_context():
        assert codes(results) == {"INSUFFICIENT_STOCK"}
        assert sum(isinstance(result, Placement) for result in results) == 1
        assert (count(Order), count(OrderItem), stock_of("A")) == (1, 1, 0)


def test_200_redemptions_of_a_coupon_for_three_make_three(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=1_000)
        make_coupon("THREE", threshold_cents=0, max_redemptions=3)
        buyers = customers(200, A=1)
    request = PlaceOrder(coupon_code="THREE")
    results = race(each_app, [partial(service.place, buyer, request) for buyer in buyers])
    with each_app.app_context():
        assert codes(results) == {"COUPON_EXHAUSTED"}
        assert (count(Order), count(CustomerCoupon)) == (3, 3)
        assert db.session.scalar(select(Coupon.redeemed_count)) == 3
        assert stock_of("A") == 997


def test_one_key_50_times_makes_one_order_and_identical_answers(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=100)
        [alice] = customers(1, A=2)
    request = PlaceOrder(idempotency_key="once")
    results = race(each_app, [partial(service.place, alice, request)] * 50)
    with each_app.app_context():
        assert len({json.dumps(result.answer) for result in results}) == 1
        assert (count(Order), stock_of("A")) == (1, 98)


def test_carts_in_any_order_never_deadlock(each_app: Flask) -> None:
    skus = [f"S{number}" for number in range(8)]
    chance = Random(7)
    with each_app.app_context():
        for sku in skus:
            make_product(sku, stock=1_000)
        buyers = [make_customer() for _ in range(100)]
        wanted = dict.fromkeys(skus, 0)
        for buyer in buyers:
            for sku in chance.sample(skus, 4):
                fill_cart(buyer, **{sku: 1})
                wanted[sku] += 1
    results = race(each_app, [partial(service.place, buyer, PlaceOrder()) for buyer in buyers])
    with each_app.app_context():
        assert all(isinstance(result, Placement) for result in results)
        assert {sku: 1_000 - stock_of(sku) for sku in skus} == wanted


def test_one_customer_in_many_windows_orders_a_cart_once(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=100)
        [alice] = customers(1, A=2)
    results = race(each_app, [partial(service.place, alice, PlaceOrder())] * 20)
    with each_app.app_context():
        assert codes(results) == {"CART_EMPTY"}
        assert (count(Order), stock_of("A")) == (1, 98)


def test_of_payments_at_once_one_wins(each_app: Flask) -> None:
    with each_app.app_context():
        alice = make_customer()
        make_product("A", price_cents=10_000)
        order_id = buy(alice, A=1).id
    results = race(each_app, [partial(service.pay, alice, order_id)] * 20)
    with each_app.app_context():
        assert codes(results) == {"ALREADY_PAID"}
        assert (count(Payment), wallet_of(alice)) == (1, (100, 0))


def test_of_cancelling_and_paying_one_wins(each_app: Flask) -> None:
    with each_app.app_context():
        operator = make_operator()
        make_product("A", price_cents=10_000, stock=100)
        make_coupon("SAVE", threshold_cents=0, benefit=100, per_customer_limit=10)
        buyers = [make_customer() for _ in range(10)]
        orders = [buy(buyer, {"coupon_code": "SAVE"}, A=1).id for buyer in buyers]
    calls = [
        partial(act, actor, order_id)
        for buyer, order_id in zip(buyers, orders, strict=True)
        for act, actor in ((service.pay, buyer), (service.cancel, buyer), (service.cancel, operator))
    ]
    results = race(each_app, calls)
    with each_app.app_context():
        assert not [result for result in results if isinstance(result, Exception) and not is_refusal(result)]
        # A payment that came first is paid back by the cancellation: all goods are back exactly once.
        assert stock_of("A") == 100
        assert all(wallet_of(buyer) == (0, 0) for buyer in buyers)


def is_refusal(result: Exception) -> bool:
    return isinstance(result, DomainError) and result.code in ("CANNOT_CANCEL", "CANNOT_PAY", "ALREADY_PAID")


def test_of_expiry_and_payment_one_wins(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", price_cents=10_000, stock=100)
        buyers = [make_customer() for _ in range(20)]
        orders = [buy(buyer, A=1).id for buyer in buyers]
        with transaction() as session:
            # The time runs out while the payments and the sweep are under way.
            session.execute(update(Order).values(expires_at=now() + timedelta(milliseconds=60)))
    pays = [partial(service.pay, buyer, order_id) for buyer, order_id in zip(buyers, orders, strict=True)]
    expires = [partial(service.expire, order_id) for order_id in orders]
    results = race(each_app, [call for pair in zip(pays, expires, strict=True) for call in pair])
    with each_app.app_context():
        assert codes(results) <= {"ORDER_EXPIRED"}
        with shifted(timedelta(hours=1)):
            jobs.expire_unpaid_orders()
        paid = db.session.scalar(select(func.count()).where(Order.status == "PAID"))
        assert db.session.scalar(select(func.count()).where(Order.status == "CANCELLED")) == 20 - paid
        assert stock_of("A") == 100 - paid
        assert sum(wallet_of(buyer)[0] for buyer in buyers) == 100 * paid


def test_parallel_refunds_never_pay_back_more_than_was_paid(each_app: Flask) -> None:
    with each_app.app_context():
        alice, operator = make_customer(), make_operator()
        make_product("A", price_cents=3_333, stock=10)
        make_coupon("SAVE", threshold_cents=0, benefit=1_000)
        order_id = pay(alice, buy(alice, {"coupon_code": "SAVE"}, A=5)).id
    results = race(each_app, [partial(service.refund, operator, order_id, {"A": 1})] * 20)
    with each_app.app_context():
        assert codes(results) <= {"INVALID_PARAM", "CANNOT_REFUND"}
        order = db.session.get_one(Order, order_id)
        assert (order.status, order.refunded_cents, count(Refund)) == ("REFUNDED", order.amount_cents, 5)
        assert (stock_of("A"), wallet_of(alice)) == (10, (0, 0))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(st.integers(1, 99_999), st.integers(1, 7)), min_size=1, max_size=4),
    terms=st.sampled_from(
        [
            None,
            {"type": "full_reduction", "benefit": 4_999},
            {"type": "discount", "benefit": 85, "max_discount_cents": 8_000},
            {"type": "points", "benefit": 77},
        ]
    ),
    wealth=st.tuples(st.integers(0, 20_000), st.integers(0, 60_000)),
    chance=st.randoms(use_true_random=False),
)
def test_whatever_is_ordered_and_refunded_the_sums_hold(
    each_app: Flask, lines: list, terms: dict | None, wealth: tuple[int, int], chance: Random
) -> None:
    with each_app.app_context():
        operator, alice = make_operator(), make_customer()
        skus = {make_product(price_cents=cents, stock=10).sku: pieces for cents, pieces in lines}
        code = make_coupon(threshold_cents=0, **terms).code if terms else None
        with transaction():
            wallet.move(alice.user_id, "points", wealth[0], reason="welcome")
            wallet.move(alice.user_id, "credit", wealth[1], reason="welcome")
        fill_cart(alice, **skus)
        quote = service.quote(alice, coupon_code=code, points=wealth[0], credit_cents=wealth[1])
        priced = quote.price
        request = PlaceOrder(coupon_code=code, points=priced.points, credit_cents=priced.credit_cents)
        order_id = in_transaction(lambda: service.place(alice, request)).order_id
        db.session.rollback()
        order = db.session.get_one(Order, order_id)
        assert (order.amount_cents, order.due_cents) == (priced.amount_cents, priced.due_cents)
        assert sum(item.discount_cents for item in order.items) == order.discount_cents
        assert all(0 <= item.discount_cents <= item.subtotal_cents for item in order.items)
        if order.status == "PENDING":
            in_transaction(lambda: service.pay(alice, order_id))
        assert wallet_of(alice)[0] == wealth[0] - priced.points + order.points_awarded
        left = dict(skus)
        while any(left.values()):
            sku = chance.choice([sku for sku, pieces in left.items() if pieces])
            pieces = chance.randint(1, left[sku])
            left[sku] -= pieces
            in_transaction(partial(service.refund, operator, order_id, {sku: pieces}))
            order = db.session.get_one(Order, order_id)
            assert order.refunded_cents <= order.amount_cents
        assert (order.status, order.refunded_cents) == ("REFUNDED", order.amount_cents)
        refunds = db.session.scalars(select(Refund).where(Refund.order_id == order_id)).all()
        assert sum(refund.provider_cents for refund in refunds) == order.due_cents
        assert all(stock_of(sku) == 10 for sku in skus)
        assert wallet_of(alice) == wealth
        sums = ledger_sums(alice)
        assert (sums.get("points", 0), sums.get("credit", 0)) == wealth
        assert all(db.session.get_one(Product, sku).units_sold == 0 for sku in skus)


def test_a_busy_hour_ends_with_every_piece_accounted_for(each_app: Flask) -> None:
    """Placing, paying and cancelling at once, over the same goods and one coupon: nobody sees a deadlock."""
    chance = Random(3)
    with each_app.app_context():
        skus = [make_product(f"S{number}", price_cents=5_000, stock=500).sku for number in range(5)]
        make_coupon("ALL", threshold_cents=0, benefit=100, per_customer_limit=10)
        buyers = [make_customer() for _ in range(40)]
        first = [
            buy(buyer, {"coupon_code": "ALL"}, **dict.fromkeys(chance.sample(skus, 3), 1)).id
            for buyer in buyers
        ]
        for buyer in buyers:
            fill_cart(buyer, **dict.fromkeys(chance.sample(skus, 3), 2))
    calls = [partial(service.place, buyer, PlaceOrder(coupon_code="ALL")) for buyer in buyers]
    for buyer, order_id in zip(buyers, first, strict=True):
        calls.append(partial(chance.choice([service.pay, service.cancel]), buyer, order_id))
    chance.shuffle(calls)
    results = race(each_app, calls)
    with each_app.app_context():
        assert not [result for result in results if isinstance(result, Exception)]
        kept = select(func.sum(OrderItem.qty)).join(Order).where(Order.status != "CANCELLED")
        assert sum(500 - stock_of(sku) for sku in skus) == db.session.scalar(kept)
        held = select(func.count()).where(CustomerCoupon.status != "claimed")
        assert db.session.scalar(select(Coupon.redeemed_count)) == db.session.scalar(held)
