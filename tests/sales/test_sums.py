"""Sums of sales by day: after any change, whoever makes it, reports say what the orders say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import delete, func, insert, select, update

from app.core.clock import frozen
from app.db import db, in_transaction, transaction
from app.insights.compiling.compiler import Compiled, compile_question
from app.insights.compiling.sums import order_count
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.queries import current_context
from app.insights.question import Comparison, Filter, Question, Threshold, Top
from app.insights.reporting import make_report
from app.language.periods import rolling
from app.members.models import Member, Store
from app.orders.models import Order, OrderItem
from app.sales import jobs
from app.sales.models import (
    DailyBuyerItems,
    DailyBuyers,
    DailyItemSales,
    DailySales,
    FirstPurchases,
    PaymentAttempts,
    StaleDay,
)
from app.sales.queries import find_stale
from app.sales.service import add_up, find_differences, find_wrong_members
from tests.conftest import MakeApp

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)
DAYS = 20
GOODS = [("A", "护肤", 12_345), ("B", "护肤", 9_900), ("C", "彩妆", 5_001), ("D", "仪器", 100_000)]
# Of all questions, each time others.
PART = 0.08
SUMMED = [
    metric.key
    for metric in catalogue().metrics.values()
    if any(catalogue().sources[source].sums_of for source in metric.formulas)
]
SPLITS: tuple[tuple[str, ...], ...] = (
    (), ("store",), ("city",), ("channel",), ("membership",), ("category",), ("product",), ("day",), ("week",),
    ("store", "channel"), ("category", "day"), ("product", "store"),
    ("level",), ("customer",), ("customer", "week"), ("level", "store"), ("month",),
    ("category", "level"), ("product", "customer"), ("city", "week"), ("category", "city", "day"),
)  # fmt: skip


@pytest.fixture
def shop(each_app: Flask) -> Iterator[random.Random]:
    """Two stores, ten members, some orders of the last days."""
    dice = random.Random(11)
    with each_app.app_context(), frozen(NOW):
        with transaction():
            stores = [{"id": 1, "name": "一店", "name_en": "One", "city": "上海", "city_en": "Shanghai"},
                      {"id": 2, "name": "二店", "name_en": "Two", "city": "北京", "city_en": "Beijing"}]  # fmt: skip
            db.session.execute(insert(Store), stores)
            members = [
                {"id": number, "store_id": 1, "level": 1 + number % 3, "created_at": NOW}
                for number in range(1, 11)
            ]
            db.session.execute(insert(Member), members)
        for _ in range(120):
            add_order(dice)
        yield dice
        db.session.remove()


def add_order(dice: random.Random) -> int:
    """An order of a random moment that was paid, failed, or was not tried; its id."""
    placed = NOW - timedelta(seconds=dice.randrange(DAYS * 86_400))
    pay_status = dice.choice([1, 1, 1, 0, None])
    original = dice.randrange(1_000, 90_000)
    order = Order(
        store_id=dice.choice([1, 2]),
        member_id=dice.choice([None, None, *range(1, 11)]),
        status="PAID" if pay_status else "PENDING",
        pay_status=pay_status,
        channel=dice.choice(["online", "offline", "delivery"]),
        original_amount_cents=original,
        amount_cents=original - dice.choice([0, 500]),
        created_at=placed,
        paid_at=placed if pay_status else None,
        paid_on=(placed + timedelta(hours=8)).date() if pay_status else None,
    )
    order.items = [line(dice) for _ in range(dice.randrange(1, 5))]
    with transaction() as session:
        session.add(order)
        session.flush()
        return order.id


def line(dice: random.Random) -> OrderItem:
    sku, category, price = dice.choice(GOODS)
    return OrderItem(sku=sku, name=sku, category=category, qty=dice.randrange(1, 4), price_cents=price)


def change_something(dice: random.Random) -> None:
    """One of the things that can happen to an order, whoever does it."""
    ids = list(db.session.scalars(select(Order.id).order_by(Order.id)))
    one = Order.id == dice.choice(ids)
    day = TODAY - timedelta(days=dice.randrange(DAYS))
    paid = {"pay_status": 1, "paid_on": day, "paid_at": NOW}
    changes = [
        update(Order).where(one).values(**paid),
        update(Order).where(one).values(pay_status=0, paid_on=None),
        update(Order).where(one).values(amount_cents=dice.randrange(100, 900)),
        update(Order).where(one).values(store_id=dice.choice([1, 2]), channel="online"),
        update(Order).where(one).values(member_id=dice.choice([None, 3])),
        update(Order).where(one).values(created_at=NOW - timedelta(hours=dice.randrange(400))),
        update(OrderItem).where(OrderItem.order_id == dice.choice(ids)).values(qty=dice.randrange(1, 9)),
        update(OrderItem).where(OrderItem.order_id == dice.choice(ids)).values(sku="B", category="护肤"),
        delete(OrderItem).where(OrderItem.order_id == dice.choice(ids)),
        delete(Order).where(one),
    ]
    with transaction():
        db.session.execute(dice.choice(changes), execution_options={"synchronize_session": False})
    if dice.random() < 0.3:
        add_order(dice)


def questions(dice: random.Random) -> Iterator[Question]:
    """Every metric that has sums, by the dimensions it can be split by, with filters and the rest now and then."""
    filters = [
        (), (Filter(dimension="store", values=("一店",)),), (Filter(dimension="channel", values=("online", "delivery")),),
        (Filter(dimension="category", values=("护肤",)),), (Filter(dimension="product", values=("A", "B")),),
        (Filter(dimension="category", operator="not_in", values=("护肤",)),),
        (Filter(dimension="level", operator="ge", values=(2,)),), (Filter(dimension="customer", values=("new",)),),
        (Filter(dimension="city", values=("上海",)), Filter(dimension="membership", values=("member",))),
    ]  # fmt: skip
    for metric in SUMMED:
        for split in SPLITS:
            chosen = dice.choice(filters)
            reach = (*split, *(part.dimension for part in chosen))
            if dice.random() > PART or catalogue().sources_of(metric, reach) is None:
                continue
            groups = [key for key in split if key not in ("day", "week", "month")]
            is_sum = catalogue().metrics[metric].kind == "sum"
            yield Question(
                metrics=(metric,),
                dimensions=split,
                filters=chosen,
                period=rolling(dice.choice([1, 7, DAYS])),
                comparison=dice.choice([None, Comparison()]),
                share=is_sum and bool(groups) and dice.random() < 0.3,
                top=Top(metric=metric, count=2)
                if groups and len(groups) == len(split) and dice.random() < 0.3
                else None,
                thresholds=(Threshold(metric=metric, comparator="ge"),)
                if groups and dice.random() < 0.2
                else (),
            )


def check_all(dice: random.Random) -> int:
    """Each question from the sums and from the orders; how many statements read sums."""
    context = current_context(ZONE)
    from_sums = 0
    for question in questions(dice):
        summed = compile_question(question, context)
        plain = compile_question(question, replace(context, stale=None))
        assert rows_of(summed, context) == rows_of(plain, context), summed.sql
        from_sums += any(table in summed.sql for table in ("daily_", "payment_attempts"))
    return from_sums


def rows_of(compiled: Compiled, context: Context) -> list[tuple[object, ...]]:
    rows = make_report(compiled, context).report.rows
    return [tuple(round(cell, 4) if isinstance(cell, float) else cell for cell in row) for row in rows]


def test_reports_from_sums_say_what_the_orders_say_after_any_history(shop: random.Random) -> None:
    # Nothing is added up yet: all of it comes from the orders, in the form that sums have.
    check_all(shop)
    jobs.add_up_stale_days(everything=True)
    assert stale() == set()
    assert check_all(shop) > 5
    for _ in range(12):
        change_something(shop)
    check_all(shop)
    jobs.add_up_stale_days()
    assert check_all(shop) > 5


def test_a_change_makes_its_day_stale_until_it_is_added_up(shop: random.Random) -> None:
    jobs.add_up_stale_days(everything=True)
    assert stale() == set()
    order_id = add_order(shop)
    with transaction():
        values = {"pay_status": 1, "paid_on": TODAY, "created_at": NOW}
        db.session.execute(update(Order).where(Order.id == order_id).values(**values))
    assert ("sales", TODAY) in stale()
    assert ("attempts", NOW.date()) in stale()
    # The day that runs is left alone; the others are added up.
    jobs.add_up_stale_days()
    assert stale() == {("sales", TODAY), ("attempts", NOW.date())}
    with frozen(NOW + timedelta(days=2)):
        jobs.add_up_stale_days()
    assert stale() == set()


def test_what_no_report_reads_makes_nothing_stale(shop: random.Random) -> None:
    jobs.add_up_stale_days(everything=True)
    with transaction():
        db.session.execute(update(Order).values(status="COMPLETED", refunded_cents=5))
        db.session.execute(update(OrderItem).values(refunded_qty=1))
    assert stale() == set()


def test_sums_that_were_spoilt_are_found_and_mended(shop: random.Random) -> None:
    jobs.add_up_stale_days(everything=True)
    days = list(db.session.scalars(select(DailySales.day).distinct().order_by(DailySales.day)))
    assert not any(find_differences("sales", day) or find_differences("attempts", day) for day in days)
    with transaction():
        db.session.execute(
            update(DailySales).where(DailySales.day == days[3]).values(orders=DailySales.orders + 1)
        )
        db.session.execute(delete(DailyItemSales).where(DailyItemSales.day == days[4]))
        db.session.execute(update(DailyBuyers).where(DailyBuyers.day == days[5]).values(amount_cents=1))
        db.session.execute(delete(DailyBuyerItems).where(DailyBuyerItems.day == days[6]))
        db.session.execute(update(PaymentAttempts).values(paid=PaymentAttempts.paid + 1))
    assert find_differences("sales", days[3]) == ["daily_sales"]
    assert find_differences("sales", days[4]) == ["daily_item_sales"]
    assert find_differences("sales", days[5]) == ["daily_buyers"]
    assert find_differences("sales", days[6]) == ["daily_buyer_items"]
    assert find_differences("attempts", days[5]) == ["payment_attempts"]
    for hour in range(45):
        with frozen(NOW + timedelta(hours=hour)):
            jobs.reconcile()
    jobs.add_up_stale_days()
    assert not any(find_differences("sales", day) for day in days[:-1])


def test_first_purchases_are_what_the_orders_say_after_any_history(shop: random.Random) -> None:
    everybody = range(12)
    assert find_wrong_members(everybody) == []
    for _ in range(60):
        change_something(shop)
        assert find_wrong_members(everybody) == []
    assert db.session.scalar(select(func.count()).select_from(FirstPurchases)) == 10


def test_a_spoilt_first_purchase_is_found_and_mended(shop: random.Random) -> None:
    with transaction():
        db.session.execute(update(FirstPurchases).where(FirstPurchases.member_id < 3).values(second_on=None))
        db.session.execute(delete(FirstPurchases).where(FirstPurchases.member_id == 5))
    wrong = find_wrong_members(range(12))
    assert 5 in wrong
    jobs.reconcile()
    assert find_wrong_members(range(12)) == []


def test_without_triggers_no_sums_are_read(shop: random.Random) -> None:
    jobs.add_up_stale_days(everything=True)
    with transaction() as session:
        session.add(StaleDay(kind="off", day=date(2000, 1, 1)))
    assert find_stale() is None and jobs.add_up_stale_days(everything=True) == 0
    assert check_all(shop) == 0


def stale() -> set[tuple[str, date]]:
    found = {(row.kind, row.day) for row in db.session.execute(select(StaleDay.kind, StaleDay.day))}
    db.session.rollback()
    return found


@pytest.mark.parametrize(
    ("dimensions", "filters", "expected"),
    [
        ((), (), "baskets"),
        (("store", "day"), (), "baskets"),
        (("category",), (), "category_orders"),
        (("category", "product"), (), "product_orders"),
        ((), (Filter(dimension="category", values=("护肤",)),), "category_orders"),
        ((), (Filter(dimension="category", values=("护肤", "彩妆")),), None),
        ((), (Filter(dimension="category", operator="not_in", values=("护肤",)),), None),
        (("category",), (Filter(dimension="product", values=("A", "B")),), None),
        (("product",), (Filter(dimension="category", values=("护肤", "彩妆")),), "product_orders"),
    ],
)
def test_an_order_is_never_counted_twice(
    dimensions: tuple[str, ...], filters: tuple[Filter, ...], expected: str | None
) -> None:
    assert order_count(dimensions, filters) == expected


@pytest.mark.mariadb
def test_adding_up_waits_for_whoever_is_changing_the_day(make_app: MakeApp, mariadb_url: str) -> None:
    """On SQLite nothing else can be written meanwhile."""
    app = make_app(mariadb_url)
    day = TODAY - timedelta(days=3)
    with app.app_context(), frozen(NOW):
        with transaction() as session:
            session.add(Store(id=1, name="一店", name_en="One", city="上海", city_en="Shanghai"))
        with transaction() as session:
            values = {"original_amount_cents": 500, "amount_cents": 500, "created_at": NOW}
            session.add_all(Order(store_id=1, pay_status=1, paid_on=day, **values) for _ in range(2))
        done = Event()
        with db.engine.connect() as payment:
            # The day is stale already, so this finds its name there.
            payment.execute(insert(Order).values(store_id=1, pay_status=1, paid_on=day, **values))
            adding = Thread(target=lambda: (added_up(app, day), done.set()))
            adding.start()
            assert not done.wait(0.5)
            payment.commit()
        adding.join(20)
        assert done.is_set() and stale() == {("attempts", NOW.date())}
        assert db.session.scalar(select(DailySales.orders).where(DailySales.day == day)) == 3


def added_up(app: Flask, day: date) -> None:
    with app.app_context():
        in_transaction(lambda: add_up("sales", [day]))
