from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts import wallet
from app.catalogue import cache
from app.catalogue.models import Product
from app.core.actor import Actor
from app.core.clock import now, shifted
from app.core.errors import Conflict, Forbidden, InvalidParam, NotFound
from app.coupons.models import Coupon, CustomerCoupon
from app.db import db, in_transaction, transaction
from app.members.models import Member
from app.orders import jobs, queries, service
from app.orders.models import Order, Payment, Refund
from app.outbox.models import OutboxMessage
from tests.builders import make_coupon, make_product
from tests.orders.order_helpers import (
    buy,
    ledger_sums,
    make_customer,
    make_operator,
    pay,
    stock_of,
    wallet_of,
)

pytestmark = pytest.mark.usefixtures("ctx")


def give(actor: Actor, points: int = 0, credit_cents: int = 0) -> None:
    with transaction():
        wallet.move(actor.user_id, "points", points, reason="welcome")
        wallet.move(actor.user_id, "credit", credit_cents, reason="welcome")


def spent(actor: Actor) -> int:
    db.session.rollback()
    return db.session.scalars(select(Member).where(Member.user_id == actor.user_id)).one().total_spent_cents


def topics() -> list[str]:
    return list(db.session.scalars(select(OutboxMessage.topic).order_by(OutboxMessage.id)))


def order_with_everything(actor: Actor) -> Order:
    """Two lines for 400 yuan, 50 off by coupon, 10 by points, 40 from credit: 300 are due."""
    make_product("A", price_cents=10_000, stock=5)
    make_product("B", price_cents=20_000, stock=5)
    make_coupon("SAVE", max_redemptions=5)
    give(actor, points=1_000, credit_cents=4_000)
    return buy(actor, {"coupon_code": "SAVE", "points": 1_000, "credit_cents": 4_000}, A=2, B=1)


def test_paying_brings_points_spending_the_coupon_and_the_count() -> None:
    alice = make_customer()
    order = pay(alice, order_with_everything(alice))
    assert (order.status, order.pay_status, order.due_cents) == ("PAID", 1, 30_000)
    assert order.paid_on is not None
    assert wallet_of(alice) == (340, 0)
    assert spent(alice) == 34_000
    assert db.session.scalars(select(CustomerCoupon)).one().status == "used"
    assert db.session.get_one(Product, "A").units_sold == 2
    assert [payment.status for payment in queries.list_payments(order.id)] == ["success"]
    assert topics() == ["order.placed", "order.paid"]


def test_a_points_coupon_is_awarded_with_the_payment() -> None:
    alice = make_customer()
    make_product("A", price_cents=10_050)
    make_coupon("EXTRA", type="points", threshold_cents=0, benefit=200)
    order = buy(alice, {"coupon_code": "EXTRA"}, A=1)
    assert wallet_of(alice) == (0, 0)
    pay(alice, order)
    assert wallet_of(alice) == (300, 0)


def test_a_failed_payment_can_be_tried_again() -> None:
    alice = make_customer()
    make_product("A")
    order = buy(alice, A=1)
    failed = pay(alice, order, "failure")
    assert (failed.status, failed.pay_status) == ("PENDING", 0)
    assert pay(alice, order).status == "PAID"
    assert [payment.status for payment in queries.list_payments(order.id)] == ["failed", "success"]


def test_an_order_is_paid_once_and_only_in_time() -> None:
    alice = make_customer()
    make_product("A")
    order, late = buy(alice, A=1), buy(alice, A=1)
    pay(alice, order)
    with pytest.raises(Conflict) as caught:
        pay(alice, order)
    assert caught.value.code == "ALREADY_PAID"
    with shifted(timedelta(minutes=31)), pytest.raises(Conflict) as caught:
        pay(alice, late)
    assert caught.value.code == "ORDER_EXPIRED"


def test_cancelling_gives_everything_back_once() -> None:
    alice = make_customer()
    order = order_with_everything(alice)
    cancelled = in_transaction(lambda: service.cancel(alice, order.id))
    assert (cancelled.status, cancelled.cancel_reason) == ("CANCELLED", "customer")
    with pytest.raises(Conflict) as caught:
        in_transaction(lambda: service.cancel(alice, order.id))
    assert caught.value.code == "CANNOT_CANCEL"
    assert (stock_of("A"), stock_of("B")) == (5, 5)
    assert wallet_of(alice) == (1_000, 4_000)
    assert db.session.scalars(select(CustomerCoupon)).one().status == "claimed"
    assert db.session.scalars(select(Coupon)).one().redeemed_count == 0
    with pytest.raises(Conflict):
        pay(alice, order)


def test_cancelling_a_paid_order_pays_it_back() -> None:
    alice = make_customer()
    order = order_with_everything(alice)
    pay(alice, order)
    order = in_transaction(lambda: service.cancel(alice, order.id))
    assert (order.status, order.refunded_cents, order.pay_status) == ("CANCELLED", 34_000, 1)
    [refund] = queries.list_refunds(order.id)
    assert (refund.provider_cents, refund.credit_cents, refund.points_returned, refund.points_taken) == (
        30_000,
        4_000,
        1_000,
        340,
    )
    assert wallet_of(alice) == (1_000, 4_000)
    assert (stock_of("A"), stock_of("B"), spent(alice)) == (5, 5, 0)
    assert db.session.scalars(select(CustomerCoupon)).one().status == "used"


def test_a_shipped_order_cannot_be_cancelled() -> None:
    alice, operator = make_customer(), make_operator()
    make_product("A")
    order = pay(alice, buy(alice, A=1))
    in_transaction(lambda: service.ship(operator, order.id))
    with pytest.raises(Conflict) as caught:
        in_transaction(lambda: service.cancel(alice, order.id))
    assert caught.value.code == "CANNOT_CANCEL"
    assert in_transaction(lambda: service.complete(operator, order.id)).status == "COMPLETED"


def test_only_operators_ship_complete_and_refund() -> None:
    alice = make_customer()
    make_product("A")
    order = pay(alice, buy(alice, A=1))
    for act in (service.ship, service.complete, service.refund):
        with pytest.raises(Forbidden):
            in_transaction(lambda act=act: act(alice, order.id))


def test_charlie_sees_and_changes_nothing() -> None:
    alice, charlie = make_customer(), make_customer()
    make_product("A")
    order = buy(alice, A=1)
    for act in (service.pay, service.cancel):
        with pytest.raises(NotFound):
            in_transaction(lambda act=act: act(charlie, order.id))
    with pytest.raises(NotFound):
        queries.get_order(charlie, order.id)
    with pytest.raises(NotFound):
        queries.get_order(Actor(), order.id)
    assert queries.list_orders(charlie).total == 0


def test_unpaid_orders_expire_and_paid_ones_do_not() -> None:
    alice = make_customer()
    order = order_with_everything(alice)
    make_product("C")
    paid = pay(alice, buy(alice, C=1))
    assert jobs.expire_unpaid_orders() == 0
    with shifted(timedelta(minutes=31)):
        assert jobs.expire_unpaid_orders() == 1
        assert jobs.expire_unpaid_orders() == 0
    expired = db.session.get_one(Order, order.id)
    assert (expired.status, expired.cancel_reason) == ("CANCELLED", "expired")
    assert db.session.get_one(Order, paid.id).status == "PAID"
    assert stock_of("A") == 5
    assert wallet_of(alice)[1] == 4_000


def test_refunding_lines_pays_back_their_own_share() -> None:
    alice, operator = make_customer(), make_operator()
    order = order_with_everything(alice)
    pay(alice, order)
    order = in_transaction(lambda: service.refund(operator, order.id, {"A": 1}))
    assert (order.status, order.refunded_cents) == ("PAID", 8_500)
    assert [(item.sku, item.refunded_qty, item.refunded_cents) for item in order.items] == [
        ("A", 1, 8_500),
        ("B", 0, 0),
    ]
    assert (stock_of("A"), stock_of("B")) == (4, 4)
    order = in_transaction(lambda: service.refund(operator, order.id))
    assert (order.status, order.refunded_cents, order.pay_status) == ("REFUNDED", 34_000, 1)
    refunds = db.session.scalars(select(Refund).order_by(Refund.id)).all()
    assert [(r.provider_cents, r.credit_cents) for r in refunds] == [(8_500, 0), (21_500, 4_000)]
    assert (stock_of("A"), stock_of("B"), spent(alice)) == (5, 5, 0)
    assert wallet_of(alice) == (1_000, 4_000)
    assert ledger_sums(alice) == {"points": 1_000, "credit": 4_000}
    assert db.session.get_one(Product, "A").units_sold == 0
    with pytest.raises(Conflict):
        in_transaction(lambda: service.refund(operator, order.id))


def test_points_that_are_spent_already_are_not_taken_below_zero() -> None:
    alice, operator = make_customer(), make_operator()
    make_product("A", price_cents=20_000)
    order = pay(alice, buy(alice, A=1))
    with transaction():
        wallet.move(alice.user_id, "points", -150, reason="adjustment")
    in_transaction(lambda: service.refund(operator, order.id))
    assert wallet_of(alice) == (0, 0)
    assert queries.list_refunds(order.id)[0].points_taken == 50


@pytest.mark.parametrize("wanted", [{"A": 3}, {"NONE": 1}, {"A": 0}])
def test_more_than_there_is_cannot_be_refunded(wanted: dict[str, int]) -> None:
    alice, operator = make_customer(), make_operator()
    make_product("A")
    order = pay(alice, buy(alice, A=2))
    with pytest.raises(InvalidParam):
        in_transaction(lambda: service.refund(operator, order.id, wanted))
    assert stock_of("A") == 8


def test_an_unpaid_order_cannot_be_refunded() -> None:
    alice, operator = make_customer(), make_operator()
    make_product("A")
    order = buy(alice, A=2)
    with pytest.raises(Conflict) as caught:
        in_transaction(lambda: service.refund(operator, order.id))
    assert caught.value.code == "CANNOT_REFUND"


def test_an_operator_may_cancel_for_the_customer() -> None:
    alice, operator = make_customer(), make_operator()
    make_product("A")
    order = buy(alice, A=2)
    order = in_transaction(lambda: service.cancel(operator, order.id))
    assert (order.status, order.cancel_reason) == ("CANCELLED", "staff")


def test_a_sale_is_no_edit_of_the_product() -> None:
    alice = make_customer()
    before = make_product("A").updated_at
    pay(alice, buy(alice, A=1))
    db.session.rollback()
    assert db.session.get_one(Product, "A").updated_at == before < now()


def test_the_number_of_all_orders_is_right_though_few_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "UNSETTLED", 2)
    alice = make_customer()
    make_product("A", stock=50)
    for number in range(1, 8):
        buy(alice, A=1)
        listing = queries.find_orders(queries.OrderFilter(), limit=3)
        assert (listing.total, len(listing.items)) == (number, min(number, 3))
        if number == 5:
            cache.clear()
    assert [line.qty for order in listing.items for line in order.lines] == [1, 1, 1]
    assert queries.find_orders(queries.OrderFilter(), limit=3, offset=9).items == []


def test_the_console_finds_orders() -> None:
    alice = make_customer()
    make_product("A")
    make_product("B")
    first, second = buy(alice, A=1), buy(alice, B=1)
    pay(alice, second)

    def found(**wanted: object) -> list[int]:
        return [order.id for order in queries.find_orders(queries.OrderFilter(**wanted)).items]

    assert found() == [second.id, first.id]
    assert found(status="PAID") == [second.id]
    assert found(text=str(first.id)) == [first.id]
    assert found(text="A") == [first.id]
    assert found(text="'; DROP TABLE orders") == []
    assert found(day=db.session.get_one(Order, second.id).paid_on) == [second.id]
    assert len(db.session.scalars(select(Payment)).all()) == 1
