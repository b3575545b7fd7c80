"""What a cart keeps, refuses and shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from app.cart import queries, service
from app.cart.merge import merge_guest_cart
from app.catalogue.models import Product
from app.core.actor import Actor
from app.core.errors import Conflict, InsufficientStock, InvalidParam, NotFound, Unauthorized
from app.db import db, in_transaction, transaction
from app.outbox.models import OutboxMessage
from tests.builders import actor_of, make_product, make_user

pytestmark = pytest.mark.usefixtures("ctx")


def do(work: Callable[[], Any]) -> Any:
    return in_transaction(work)


def change_product(sku: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Product).where(Product.sku == sku).values(**values))


def in_cart(actor: Actor) -> dict[str, int]:
    return {line.sku: line.quantity for line in queries.get_cart(actor).lines}


@pytest.fixture
def alice() -> Actor:
    return actor_of(make_user("alice"))


@pytest.fixture
def charlie() -> Actor:
    return actor_of(make_user("charlie"))


def test_adding_a_product_again_adds_up(alice: Actor) -> None:
    make_product("A", price_cents=1_050)
    do(lambda: service.add_item(alice, "A", 2))
    line = do(lambda: service.add_item(alice, "A", 3))
    assert (line.quantity, line.line_total_cents, line.price_seen_cents) == (5, 5_250, 1_050)
    assert queries.get_cart(alice).total_cents == 5_250
    assert queries.count_pieces(alice) == 5


def test_a_cart_belongs_to_its_owner(alice: Actor, charlie: Actor) -> None:
    make_product("A")
    line = do(lambda: service.add_item(alice, "A"))
    for work in (
        lambda: service.set_quantity(charlie, line.item_id, 2),
        lambda: service.remove_item(charlie, line.item_id),
        lambda: queries.get_line(charlie, line.item_id),
        lambda: service.set_quantity_by_sku(charlie, "A", 2),
        lambda: service.remove_by_sku(charlie, "A"),
    ):
        with pytest.raises(NotFound):
            do(work)
    do(lambda: service.clear(charlie))
    do(lambda: service.accept_prices(charlie, {line.item_id: 1}))
    assert in_cart(alice) == {"A": 1}
    assert not queries.get_cart(alice).has_problems
    assert queries.get_cart(charlie).is_empty


def test_more_than_there_is_is_refused_and_nothing_changes(alice: Actor) -> None:
    make_product("A", stock=5, name_en="Balm")
    line = do(lambda: service.add_item(alice, "A", 3))
    for work in (
        lambda: service.add_item(alice, "A", 3),
        lambda: service.set_quantity(alice, line.item_id, 6),
        lambda: service.set_quantity_by_sku(alice, "A", 10**30),
        lambda: service.add_item(alice, "A", 10**30),
    ):
        with pytest.raises(InsufficientStock) as refused:
            do(work)
        assert refused.value.params["left"] == 5
    assert in_cart(alice) == {"A": 3}


def test_a_sold_out_product_says_so() -> None:
    make_product("A", stock=0, name="防晒", name_en="Sunscreen")
    with pytest.raises(InsufficientStock, match="Sunscreen is sold out"):
        do(lambda: service.add_item(Actor(guest_id="g", locale="en"), "A"))


@pytest.mark.parametrize("quantity", [0, -1, -(10**30)])
def test_a_quantity_below_one_is_refused(alice: Actor, quantity: int) -> None:
    make_product("A")
    line = do(lambda: service.add_item(alice, "A"))
    for work in (
        lambda: service.add_item(alice, "A", quantity),
        lambda: service.set_quantity(alice, line.item_id, quantity),
    ):
        with pytest.raises(InvalidParam):
            do(work)
    assert in_cart(alice) == {"A": 1}


def test_a_line_holds_at_most_999_pieces(alice: Actor) -> None:
    make_product("A", stock=5_000)
    line = do(lambda: service.add_item(alice, "A", 999))
    for work in (
        lambda: service.add_item(alice, "A", 1),
        lambda: service.set_quantity(alice, line.item_id, 1_000),
    ):
        with pytest.raises(InvalidParam):
            do(work)
    assert in_cart(alice) == {"A": 999}


def test_a_cart_holds_at_most_fifty_products(alice: Actor) -> None:
    for number in range(51):
        make_product(f"P{number:02}")
    for number in range(50):
        do(lambda: service.add_item(alice, f"P{number:02}"))  # noqa: B023
    with pytest.raises(Conflict) as full:
        do(lambda: service.add_item(alice, "P50"))
    assert full.value.code == "CART_FULL"
    do(lambda: service.add_item(alice, "P49"))
    assert queries.get_cart(alice).count == 51


@pytest.mark.parametrize("sku", ["NOPE", "", "x" * 1_000_000, "'; DROP TABLE products; --", "😀"])
def test_an_unknown_sku_is_not_found(alice: Actor, sku: str) -> None:
    with pytest.raises(NotFound):
        do(lambda: service.add_item(alice, sku))


def test_a_retired_product_cannot_be_added_and_is_shown_as_gone(alice: Actor) -> None:
    make_product("A")
    line = do(lambda: service.add_item(alice, "A"))
    change_product("A", is_retired=True)
    for work in (
        lambda: service.add_item(alice, "A"),
        lambda: service.set_quantity(alice, line.item_id, 1),
    ):
        with pytest.raises(NotFound):
            do(work)
    [shown] = queries.get_cart(alice).lines
    assert shown.is_short and shown.left == 0


def test_a_shop_that_ran_short_is_shown_not_fixed(alice: Actor) -> None:
    make_product("A", stock=5)
    do(lambda: service.add_item(alice, "A", 4))
    change_product("A", stock=3)
    cart = queries.get_cart(alice)
    assert cart.has_problems and cart.short_lines == cart.lines
    assert cart.lines[0].quantity == 4
    do(lambda: service.set_quantity_by_sku(alice, "A", 3))
    assert not queries.get_cart(alice).has_problems


def test_a_changed_price_is_shown_until_the_customer_accepts_what_was_shown(alice: Actor) -> None:
    make_product("A", price_cents=1_000)
    line = do(lambda: service.add_item(alice, "A"))
    change_product("A", price_cents=1_200)
    [shown] = queries.get_cart(alice).repriced_lines
    assert (shown.price_seen_cents, shown.price_cents) == (1_000, 1_200)
    do(lambda: service.add_item(alice, "A"))
    assert queries.get_cart(alice).has_problems, "adding more is no agreement to the price"
    change_product("A", price_cents=1_300)
    do(lambda: service.accept_prices(alice, {line.item_id: 1_200}))
    assert queries.get_cart(alice).has_problems, "1,300 was never shown"
    assert do(lambda: service.accept_prices(alice)) == 1
    assert not queries.get_cart(alice).has_problems


def test_clearing_says_how_many_lines_there_were(alice: Actor) -> None:
    make_product("A")
    make_product("B")
    do(lambda: service.add_item(alice, "A"))
    do(lambda: service.add_item(alice, "B"))
    assert do(lambda: service.clear(alice)) == 2
    assert do(lambda: service.clear(alice)) == 0


def test_guests_without_an_id_have_an_empty_cart_and_share_none() -> None:
    make_product("A")
    nobody = Actor()
    assert queries.get_cart(nobody).is_empty
    assert queries.count_pieces(nobody) == 0
    assert service.clear(nobody) == 0
    for work in (lambda: service.add_item(nobody, "A"), lambda: service.accept_prices(nobody)):
        with pytest.raises(Unauthorized):
            do(work)


def test_merging_sums_clamps_and_tells_what_was_cut(alice: Actor) -> None:
    guest = Actor(guest_id="g1")
    for sku, stock in (("BOTH", 10), ("CUT", 5), ("GONE", 3), ("NEW", 9), ("OLD", 9)):
        make_product(sku, stock=stock)
    for sku, count in (("BOTH", 2), ("CUT", 4), ("GONE", 1), ("NEW", 3)):
        do(lambda: service.add_item(guest, sku, count))  # noqa: B023
    for sku, count in (("BOTH", 3), ("CUT", 2), ("OLD", 1)):
        do(lambda: service.add_item(alice, sku, count))  # noqa: B023
    change_product("GONE", stock=0)
    report = do(lambda: merge_guest_cart(guest, alice))
    assert in_cart(alice) == {"BOTH": 5, "CUT": 5, "OLD": 1, "NEW": 3}
    assert {line.sku: (line.wanted, line.kept) for line in report.cuts} == {"CUT": (6, 5), "GONE": (1, 0)}
    assert in_cart(guest) == {}
    [message] = db.session.query(OutboxMessage).filter_by(topic="cart.merged").all()
    assert {line["sku"]: line["kept"] for line in message.payload["lines"]} == {"CUT": 5, "GONE": 0}


def test_merging_never_takes_from_what_the_customer_had(alice: Actor) -> None:
    guest = Actor(guest_id="g1")
    make_product("A", stock=9)
    do(lambda: service.add_item(alice, "A", 8))
    do(lambda: service.add_item(guest, "A", 5))
    change_product("A", stock=4)
    report = do(lambda: merge_guest_cart(guest, alice))
    assert in_cart(alice) == {"A": 8}
    assert [(line.wanted, line.kept) for line in report.cuts] == [(13, 8)]


def test_merging_respects_the_limit_of_lines(alice: Actor) -> None:
    guest = Actor(guest_id="g1")
    for number in range(52):
        make_product(f"P{number:02}")
    for number in range(49):
        do(lambda: service.add_item(alice, f"P{number:02}"))  # noqa: B023
    for number in (0, 49, 50, 51):
        do(lambda: service.add_item(guest, f"P{number:02}"))  # noqa: B023
    report = do(lambda: merge_guest_cart(guest, alice))
    assert len(queries.get_cart(alice).lines) == 50
    assert in_cart(alice)["P00"] == 2
    assert [line.sku for line in report.cuts] == ["P50", "P51"]


def test_a_merge_without_cuts_sends_no_message(alice: Actor) -> None:
    make_product("A")
    do(lambda: service.add_item(Actor(guest_id="g1"), "A"))
    do(lambda: merge_guest_cart(Actor(guest_id="g1"), alice))
    assert db.session.query(OutboxMessage).count() == 0
    assert do(lambda: merge_guest_cart(Actor(), alice)).lines == ()


def test_a_price_that_changed_is_still_shown_after_merging(alice: Actor) -> None:
    make_product("A", price_cents=1_000)
    do(lambda: service.add_item(Actor(guest_id="g1"), "A"))
    change_product("A", price_cents=900)
    do(lambda: merge_guest_cart(Actor(guest_id="g1"), alice))
    assert queries.get_cart(alice).lines[0].price_changed
