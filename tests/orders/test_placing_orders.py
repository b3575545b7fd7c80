import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import wallet
from app.accounts.contacts import ContactDetails, list_contacts
from app.cart.models import CartItem
from app.catalogue.models import Product
from app.core.actor import Actor
from app.core.errors import BadRequest, Conflict, IdempotencyConflict, InsufficientStock, InvalidParam
from app.coupons.models import Coupon, CustomerCoupon
from app.db import db, in_transaction, transaction
from app.orders import service
from app.orders.models import Order
from app.orders.placing import PlaceOrder
from app.outbox.models import OutboxMessage
from tests.browsing import counted_statements
from tests.builders import make_category, make_coupon, make_product
from tests.orders.order_helpers import (
    buy,
    fill_cart,
    ledger_sums,
    make_customer,
    place,
    stock_of,
    wallet_of,
)

pytestmark = pytest.mark.usefixtures("ctx")


def change(sku: str, **values: object) -> None:
    with transaction() as session:
        for name, value in values.items():
            setattr(session.get_one(Product, sku), name, value)


def give(actor: Actor, points: int = 0, credit_cents: int = 0) -> None:
    with transaction():
        wallet.move(actor.user_id, "points", points, reason="welcome")
        wallet.move(actor.user_id, "credit", credit_cents, reason="welcome")


def test_an_order_takes_the_stock_empties_the_cart_and_tells_the_customer() -> None:
    alice = make_customer()
    make_product("A", price_cents=10_000, stock=5)
    make_product("B", price_cents=333, stock=5)
    order = buy(alice, A=2, B=3)
    assert (order.status, order.pay_status, order.amount_cents) == ("PENDING", None, 20_999)
    assert [(item.sku, item.qty, item.price_cents, item.category) for item in order.items] == [
        ("A", 2, 10_000, "护肤"),
        ("B", 3, 333, "护肤"),
    ]
    assert (stock_of("A"), stock_of("B")) == (3, 2)
    assert db.session.scalar(select(func.count(CartItem.id))) == 0
    assert (order.expires_at - order.created_at).total_seconds() == 1_800
    [message] = db.session.scalars(select(OutboxMessage))
    assert (message.topic, message.payload["order_id"]) == ("order.placed", order.id)


def test_an_empty_cart_is_no_order() -> None:
    with pytest.raises(BadRequest) as caught:
        place(make_customer())
    assert (caught.value.code, caught.value.status) == ("CART_EMPTY", 400)


def test_a_changed_price_must_be_agreed_to() -> None:
    alice = make_customer()
    make_product("A", price_cents=10_000)
    fill_cart(alice, A=1)
    change("A", price_cents=12_000)
    with pytest.raises(Conflict) as caught:
        place(alice)
    assert caught.value.code == "PRICE_CHANGED"
    assert place(alice, accept_changes=True).amount_cents == 12_000


def test_too_few_pieces_change_nothing() -> None:
    alice = make_customer()
    make_product("A", stock=5)
    make_product("B", stock=5)
    make_coupon("SAVE", threshold_cents=0)
    fill_cart(alice, A=2, B=5)
    change("B", stock=4)
    for accept_changes in (False, True):
        with pytest.raises(InsufficientStock) as caught:
            place(alice, coupon_code="SAVE", accept_changes=accept_changes)
        assert caught.value.params["left"] == 4
    assert (stock_of("A"), stock_of("B")) == (5, 4)
    assert db.session.scalar(select(func.count(Order.id))) == 0
    assert db.session.scalar(select(Coupon.redeemed_count)) == 0
    assert db.session.scalar(select(func.count(CartItem.id))) == 2


def test_a_retired_product_is_not_sold() -> None:
    alice = make_customer()
    make_product("A")
    fill_cart(alice, A=1)
    change("A", is_retired=True)
    with pytest.raises(Conflict) as caught:
        place(alice)
    assert caught.value.code == "PRODUCT_RETIRED"


def test_a_coupon_is_held_and_its_discount_shared_by_the_lines() -> None:
    alice = make_customer()
    make_category(id=2)
    make_product("A", price_cents=20_000)
    make_product("B", price_cents=10_000)
    make_product("C", price_cents=10_000, category_id=2)
    make_coupon("SKIN", threshold_cents=30_000, benefit=4_000, category_id=1)
    order = buy(alice, {"coupon_code": "SKIN"}, A=1, B=1, C=1)
    assert (order.amount_cents, order.coupon_discount_cents) == (36_000, 4_000)
    assert [item.discount_cents for item in order.items] == [2_667, 1_333, 0]
    [held] = db.session.scalars(select(CustomerCoupon))
    assert (held.status, held.order_id, order.customer_coupon_id) == ("held", order.id, held.id)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"threshold_cents": 99_999_99}, "COUPON_NOT_APPLICABLE"),
        ({"max_redemptions": 0}, "COUPON_EXHAUSTED"),
        ({"status": "draft"}, "NOT_FOUND"),
    ],
)
def test_a_coupon_that_does_not_fit_makes_no_order(terms: dict, code: str) -> None:
    alice = make_customer()
    make_product("A")
    make_coupon("NO", **terms)
    fill_cart(alice, A=1)
    with pytest.raises(Exception) as caught:
        place(alice, coupon_code="NO")
    assert caught.value.code == code
    assert stock_of("A") == 10


def test_points_and_credit_pay_and_are_booked() -> None:
    alice = make_customer()
    make_product("A", price_cents=10_000)
    give(alice, points=3_000, credit_cents=2_000)
    order = buy(alice, {"points": 3_000, "credit_cents": 2_000}, A=1)
    assert (order.amount_cents, order.points_discount_cents, order.due_cents) == (7_000, 3_000, 5_000)
    assert wallet_of(alice) == (0, 0)
    assert ledger_sums(alice) == {"points": 0, "credit": 0}


def test_points_and_credit_that_one_has_not_got_make_no_order() -> None:
    alice = make_customer()
    make_product("A", price_cents=10_000)
    fill_cart(alice, A=1)
    for request, code in (({"points": 10}, "NOT_ENOUGH_POINTS"), ({"credit_cents": 10}, "NOT_ENOUGH_CREDIT")):
        with pytest.raises(Conflict) as caught:
            place(alice, **request)
        assert caught.value.code == code
    assert stock_of("A") == 10


def test_what_credit_pays_entirely_is_paid_at_once() -> None:
    alice = make_customer()
    make_product("A", price_cents=10_000)
    give(alice, credit_cents=10_000)
    order = buy(alice, {"credit_cents": 10_000}, A=1)
    assert (order.status, order.pay_status, order.due_cents) == ("PAID", 1, 0)
    assert order.paid_at is not None
    assert wallet_of(alice) == (100, 0)
    assert db.session.get_one(Product, "A").units_sold == 1


def test_the_same_key_and_request_get_the_same_answer() -> None:
    alice = make_customer()
    make_product("A", stock=5)
    fill_cart(alice, A=1)
    request = PlaceOrder(idempotency_key="k-1")
    first = in_transaction(lambda: service.place(alice, request))
    fill_cart(alice, A=1)
    assert in_transaction(lambda: service.place(alice, request)) == first
    assert stock_of("A") == 4


def test_the_same_key_for_another_request_is_refused() -> None:
    alice = make_customer()
    make_product("A")
    fill_cart(alice, A=1)
    place(alice, idempotency_key="k-1")
    with pytest.raises(IdempotencyConflict):
        place(alice, idempotency_key="k-1", points=1)


def test_a_key_belongs_to_its_owner_and_to_its_spelling() -> None:
    alice, bob = make_customer(), make_customer()
    make_product("A")
    orders = {buy(alice, {"idempotency_key": "key"}, A=1).id, buy(bob, {"idempotency_key": "key"}, A=1).id}
    orders.add(buy(alice, {"idempotency_key": "KEY"}, A=1).id)
    assert len(orders) == 3


@pytest.mark.parametrize("key", ["", "x" * 129, "密钥", "a\nb"])
def test_a_key_of_the_wrong_form_is_refused(key: str) -> None:
    with pytest.raises(InvalidParam):
        place(make_customer(), idempotency_key=key)


def test_a_failed_order_does_not_use_up_its_key() -> None:
    alice = make_customer()
    make_product("A", stock=1)
    with pytest.raises(BadRequest):
        place(alice, idempotency_key="k")
    assert buy(alice, {"idempotency_key": "k"}, A=1).status == "PENDING"


def test_a_new_contact_is_kept_and_copied_into_the_order() -> None:
    alice = make_customer()
    make_product("A")
    contact = ContactDetails(recipient="李雷", phone="13800000000", city="上海", address="南京西路 1 号")
    order = buy(alice, {"channel": "delivery", "new_contact": contact}, A=1)
    assert order.contact["recipient"] == "李雷"
    assert len(list_contacts(alice.user_id)) == 1


@pytest.mark.parametrize("request_", [{"store_id": 99}, {"channel": "delivery", "contact_id": 99}])
def test_unknown_stores_and_contacts_are_refused(request_: dict) -> None:
    alice = make_customer()
    make_product("A")
    fill_cart(alice, A=1)
    with pytest.raises(InvalidParam):
        place(alice, **request_)


def test_somebody_elses_contact_is_refused() -> None:
    alice, bob = make_customer(), make_customer()
    make_product("A")
    contact = ContactDetails(recipient="B", phone="13800000000", city="上海", address="1")
    theirs = buy(bob, {"channel": "delivery", "new_contact": contact}, A=1)
    assert theirs.contact
    fill_cart(alice, A=1)
    with pytest.raises(InvalidParam):
        place(alice, channel="delivery", contact_id=list_contacts(bob.user_id)[0].id)


def test_placing_an_order_takes_few_statements(app: Flask) -> None:
    alice = make_customer()
    give(alice, points=100, credit_cents=100)
    for number in range(50):
        make_product(f"P{number:02d}", price_cents=1_000)
    make_coupon("SAVE", threshold_cents=0, benefit=100)
    fill_cart(alice, **{f"P{number:02d}": 1 for number in range(50)})
    with counted_statements(app) as plain:
        in_transaction(lambda: service.place(alice, PlaceOrder(idempotency_key="a")))
    fill_cart(alice, **{f"P{number:02d}": 1 for number in range(50)})
    everything = PlaceOrder(idempotency_key="b", coupon_code="SAVE", points=100, credit_cents=100)
    with counted_statements(app) as full:
        in_transaction(lambda: service.place(alice, everything))
    assert len(plain) <= 10, plain
    assert len(full) <= 22, full
