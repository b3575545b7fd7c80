"""Carts under parallel writes, with real threads on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.cart import queries, service, statements
from app.cart.merge import merge_guest_cart
from app.core.actor import Actor
from app.db import in_transaction, transaction
from tests.builders import actor_of, make_product, make_user
from tests.parallel import at_once, in_parallel


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        yield each_app


def test_fifty_parallel_adds_of_a_new_product_add_up(shop: Flask) -> None:
    actor = actor_of(make_user())
    sku = make_product(stock=500).sku
    in_parallel(shop, [lambda: service.add_item(actor, sku, 2)] * 50)
    assert [(line.sku, line.quantity) for line in queries.get_cart(actor).lines] == [(sku, 100)]


def test_parallel_adds_never_exceed_the_stock(shop: Flask) -> None:
    actor = actor_of(make_user())
    sku = make_product(stock=20).sku
    outcomes = in_parallel(shop, [lambda: service.add_item(actor, sku, 3)] * 50)
    assert queries.get_cart(actor).count == 18
    assert outcomes.count("INSUFFICIENT_STOCK") == 44


def test_the_first_add_is_taken_back_when_another_filled_the_line_meanwhile(shop: Flask) -> None:
    actor = actor_of(make_user())
    sku = make_product(stock=5).sku
    outcomes = in_parallel(shop, at_once(lambda: service.add_item(actor, sku, 4), 8))
    assert queries.get_cart(actor).count == 4
    assert outcomes.count("INSUFFICIENT_STOCK") == 7


def test_a_line_that_is_there_already_takes_more_up_to_the_limit_only(shop: Flask) -> None:
    actor = actor_of(make_user())
    line = service.new_line(actor, make_product(stock=9).sku, 4, 100)
    with transaction():
        assert statements.insert_line(line, limit=9)
        assert statements.insert_line(line, limit=9)
        assert not statements.insert_line(line, limit=9)
    assert queries.get_cart(actor).count == 8


def test_adding_and_removing_at_once_loses_no_add_that_came_last(shop: Flask) -> None:
    actor = actor_of(make_user())
    sku = make_product(stock=500).sku
    in_parallel(shop, [lambda: service.add_item(actor, sku), lambda: service.clear(actor)] * 20)
    in_transaction(lambda: service.clear(actor))
    in_transaction(lambda: service.add_item(actor, sku, 2))
    assert queries.get_cart(actor).count == 2


def test_two_logins_at_once_merge_a_guest_cart_once(shop: Flask) -> None:
    guest, user = Actor(guest_id="g1"), actor_of(make_user())
    sku = make_product(stock=100).sku
    in_transaction(lambda: service.add_item(guest, sku, 4))
    in_transaction(lambda: service.add_item(user, sku, 1))
    in_parallel(shop, at_once(lambda: merge_guest_cart(guest, user), 8))
    assert queries.get_cart(user).count == 5
    assert queries.get_cart(guest).is_empty
