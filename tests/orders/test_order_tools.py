"""The order tools: what the model gets, what the customer is asked, in whose language."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.catalogue.models import Product
from app.consultants import tools as consultant_tools
from app.conversations.models import Conversation
from app.core.actor import Actor
from app.core.errors import DomainError
from app.db import db, in_transaction, transaction
from app.orders import tools
from app.orders.tools import ListArguments, OrderArguments, PlaceArguments
from tests.builders import actor_of, make_coupon, make_product, make_user
from tests.orders.order_helpers import buy, fill_cart, make_customer, make_operator, pay

pytestmark = pytest.mark.usefixtures("ctx")


@pytest.fixture
def alice(ctx: None) -> Actor:
    make_product("A", price_cents=20_000, name="防晒乳", name_en="Sun milk")
    return actor_of(make_user("alice"), locale="en")


def test_the_confirmation_shows_items_coupon_and_total(alice: Actor) -> None:
    make_coupon("SAVE")
    fill_cart(alice, A=2)
    preview = tools.place_order.preview(alice, PlaceArguments(coupon_code="SAVE"))
    assert preview["items"] == [
        {"sku": "A", "name": "Sun milk", "qty": 2, "line_total": "400.00", "line_total_cents": 40_000}
    ]
    assert (preview["coupon"], preview["discount"], preview["total"]) == ("50 off 300", "50.00", "350.00")
    assert preview["title"] == "Place this order?"


def test_the_confirmation_raises_what_stands_in_the_way(alice: Actor) -> None:
    def code(**arguments: str) -> str:
        with pytest.raises(DomainError) as caught:
            tools.place_order.preview(alice, PlaceArguments(**arguments))
        db.session.rollback()
        return caught.value.code

    assert code() == "CART_EMPTY"
    fill_cart(alice, A=2)
    assert code(coupon_code="NONE") == "NOT_FOUND"
    make_coupon("BIG", threshold_cents=99_999)
    assert code(coupon_code="BIG") == "COUPON_NOT_APPLICABLE"
    for values, expected in (({"price_cents": 1}, "PRICE_CHANGED"), ({"stock": 1}, "INSUFFICIENT_STOCK")):
        with transaction() as session:
            for name, value in values.items():
                setattr(session.get_one(Product, "A"), name, value)
        assert code() == expected


def test_placing_answers_with_the_order_and_where_to_pay(alice: Actor) -> None:
    fill_cart(alice, A=2)
    order = in_transaction(lambda: tools.place_order.run(alice, PlaceArguments()))["order"]
    assert (order["status"], order["status_label"], order["total"]) == (
        "PENDING",
        "Waiting for payment",
        "400.00",
    )
    assert order["pay_url"] == f"/orders/{order['order_id']}/pay"
    assert [(item["sku"], item["name"], item["quantity"]) for item in order["items"]] == [
        ("A", "Sun milk", 2)
    ]


def test_orders_are_listed_and_shown(alice: Actor) -> None:
    first, second = buy(alice, A=1), buy(alice, A=2)
    listed = tools.list_orders.run(alice, ListArguments(limit=1))
    assert [order["order_id"] for order in listed["orders"]] == [second.id]
    shown = tools.get_order.run(alice, OrderArguments(order_id=first.id))["order"]
    assert shown["total_cents"] == 20_000


def test_cancelling_asks_first_and_then_cancels(alice: Actor) -> None:
    order = pay(alice, buy(alice, A=1))
    preview = tools.cancel_order.preview(alice, OrderArguments(order_id=order.id))
    assert (preview["title"], preview["total"]) == (f"Cancel order {order.id}?", "200.00")
    cancelled = in_transaction(lambda: tools.cancel_order.run(alice, OrderArguments(order_id=order.id)))
    assert (cancelled["order"]["status"], cancelled["order"]["refunded"]) == ("CANCELLED", "200.00")
    with pytest.raises(DomainError) as caught:
        tools.cancel_order.preview(alice, OrderArguments(order_id=order.id))
    assert caught.value.code == "CANNOT_CANCEL"


def test_an_operators_assistant_reaches_only_the_operators_own_orders(alice: Actor) -> None:
    order, operator = buy(alice, A=1), make_operator()
    for spec in (tools.get_order, tools.cancel_order):
        with pytest.raises(DomainError) as caught:
            in_transaction(lambda spec=spec: spec.run(operator, OrderArguments(order_id=order.id)))
        assert caught.value.code == "NOT_FOUND"


@pytest.mark.parametrize("wrong", [{"order_id": 0}, {"order_id": 2**40}, {"order_id": "x"}, {}, {"other": 1}])
def test_wrong_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        OrderArguments(**wrong)


def test_a_call_for_a_person_marks_the_latest_conversation() -> None:
    bob = make_customer()
    spec = consultant_tools.talk_to_consultant
    assert in_transaction(lambda: spec.run(bob, spec.arguments()))["status"] == "waiting"
    with transaction() as session:
        session.add(Conversation(id="c" * 32, owner=bob.subject, user_id=bob.user_id))
    in_transaction(lambda: spec.run(bob, spec.arguments(reason="skin")))
    db.session.rollback()
    assert db.session.get_one(Conversation, "c" * 32).status == "waiting"
