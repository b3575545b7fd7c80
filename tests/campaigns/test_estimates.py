"""Segments and estimates on both databases against plain Python over the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from app.campaigns.counting import drafting_facts, estimate_plan
from app.campaigns.drafting import draft_plan
from app.campaigns.plans import Plan, Rule, complete
from app.campaigns.segments import count_accounts, find_members, find_orders, preview
from app.campaigns.segments import today as shop_today
from app.core.clock import business_day, now
from app.core.errors import InvalidParam
from app.db import db, transaction
from app.insights.guard import check
from app.members.models import Member
from app.orders.models import Order, OrderItem
from tests.builders import make_category, make_store, make_user
from tests.campaigns.campaign_rows import plan_with

ZONE = "Asia/Shanghai"
MEMBERS = 80
STORES = {1: "上海", 2: "北京", 3: "北京"}
CATEGORIES = ("护肤", "彩妆", "个护")


@dataclass
class Person:
    """A member as plain Python knows it."""

    id: int
    store: int
    level: int
    spent: int
    joined: datetime
    has_account: bool
    orders: list[tuple[date, int, str]] = field(default_factory=list)


@pytest.fixture
def people(each_app: Flask) -> Iterator[list[Person]]:
    """Random members, orders and lines, the same on each engine."""
    with each_app.app_context():
        yield _load(Random(7))


def _load(chance: Random) -> list[Person]:
    for number, city in STORES.items():
        english = "Shanghai" if city == "上海" else "Beijing"
        make_store(
            id=number, name=f"{city}{number}店", name_en=f"{english} {number}", city=city, city_en=english
        )
    for number, name in enumerate(CATEGORIES, 1):
        make_category(id=number, name=name, name_en=f"Shelf {number}")
    users = [make_user(f"u{number}") for number in range(3)]
    with transaction() as session:
        session.query(Member).delete()
    found = [_person(chance, number + 1) for number in range(MEMBERS)]
    with transaction() as session:
        session.execute(insert(Member.__table__), [_member_row(each, users) for each in found])  # type: ignore[arg-type]
        session.flush()
        orders, lines = _order_rows(found, chance)
        session.execute(insert(Order.__table__), orders)  # type: ignore[arg-type]
        session.execute(insert(OrderItem.__table__), lines)  # type: ignore[arg-type]
    return found


def _person(chance: Random, number: int) -> Person:
    joined = now() - timedelta(days=chance.randrange(0, 400), hours=chance.randrange(24))
    person = Person(
        number,
        chance.choice([1, 2, 3]),
        chance.randint(1, 5),
        chance.randrange(0, 500_000),
        joined,
        number <= 3,
    )
    for _ in range(chance.choice([0, 0, 1, 2, 3, 6])):
        day = shop_today() - timedelta(days=chance.randrange(0, 150))
        person.orders.append((day, chance.randrange(5_000, 90_000), chance.choice(CATEGORIES)))
    return person


def _member_row(person: Person, users: list[Any]) -> dict[str, Any]:
    return {
        "id": person.id,
        "store_id": person.store,
        "level": person.level,
        "total_spent_cents": person.spent,
        "user_id": users[person.id - 1].id if person.has_account else None,
        "created_at": person.joined,
    }


def _order_rows(people: list[Person], chance: Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    orders, lines = [], []
    for person in people:
        for day, cents, category in person.orders:
            orders.append(_order_row(len(orders) + 1, person, day, cents, paid=True))
            lines.append(_line(len(orders), category, cents))
        if chance.random() < 0.3:
            # What was not paid counts for nothing.
            orders.append(_order_row(len(orders) + 1, person, shop_today(), 70_000, paid=False))
            lines.append(_line(len(orders), "护肤", 70_000))
    return orders, lines


def _order_row(number: int, person: Person, day: date, cents: int, *, paid: bool) -> dict[str, Any]:
    at = datetime.combine(day, datetime.min.time(), now().tzinfo)
    return {
        "id": number, "store_id": person.store, "member_id": person.id, "status": "PAID" if paid else "PENDING",
        "pay_status": 1 if paid else 0, "original_amount_cents": cents, "amount_cents": cents, "created_at": at,
        "paid_at": at if paid else None, "paid_on": day if paid else None,
    }  # fmt: skip


def _line(order_id: int, category: str, cents: int) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "sku": "S",
        "name": "S",
        "category": category,
        "qty": 1,
        "price_cents": cents,
    }


COMPARE = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "in": lambda a, b: a in b, "not_in": lambda a, b: a not in b,
}  # fmt: skip


def holds(rule: Rule, person: Person) -> bool:
    """The rule in plain Python."""
    if rule.field == "category_bought":
        values = rule.value if isinstance(rule.value, list) else [rule.value]
        bought = any(category in values for _, _, category in person.orders)
        return bought == (rule.op in ("==", "in"))
    if rule.field == "days_since_last_order" and not person.orders:
        return False
    facts = {
        "level": lambda: person.level,
        "store": lambda: person.store,
        "city": lambda: STORES[person.store],
        "days_since_last_order": lambda: (shop_today() - max(day for day, _, _ in person.orders)).days,
        "orders_count": lambda: len(person.orders),
        "total_spent": lambda: person.spent / 100,
        "member_days": lambda: (shop_today() - business_day(person.joined, ZONE)).days,
        "customer_type": lambda: "returning" if len(person.orders) >= 2 else "new",
    }
    return bool(COMPARE[rule.op](facts[rule.field](), rule.value))


SEGMENTS: list[list[tuple[str, str, Any]]] = [
    [],
    [("level", ">=", 3)],
    [("level", "not_in", [1, 5])],
    [("store", "==", 2)],
    [("store", "in", [1, 3])],
    [("city", "==", "北京")],
    [("city", "!=", "北京")],
    *[[("days_since_last_order", op, 40)] for op in ("==", "!=", ">", ">=", "<", "<=")],
    *[[("orders_count", op, 2)] for op in ("==", "!=", ">", ">=", "<", "<=")],
    [("orders_count", "in", [0, 3])],
    [("total_spent", ">", 2_000.5)],
    *[[("member_days", op, 90)] for op in ("==", "!=", ">", ">=", "<", "<=")],
    [("customer_type", "==", "new")],
    [("customer_type", "!=", "new")],
    [("category_bought", "==", "护肤")],
    [("category_bought", "!=", "护肤")],
    [("category_bought", "in", ["护肤", "彩妆"])],
    [("category_bought", "not_in", ["护肤", "彩妆"])],
    [
        ("level", ">=", 2),
        ("city", "==", "北京"),
        ("orders_count", ">=", 1),
        ("category_bought", "==", "护肤"),
    ],
]


def rules_of(segment: list[tuple[str, str, Any]]) -> list[Rule]:
    return [Rule.model_validate({"field": name, "op": op, "value": value}) for name, op, value in segment]


def test_every_rule_finds_whom_plain_python_finds(people: list[Person]) -> None:
    for segment in SEGMENTS:
        rules = rules_of(segment)
        wanted = [person.id for person in people if all(holds(rule, person) for rule in rules)]
        assert find_members(rules) == wanted, segment


def test_the_orders_of_a_segment_are_those_of_its_members(people: list[Person]) -> None:
    first = shop_today() - timedelta(days=89)
    for segment in SEGMENTS[:8]:
        rules = rules_of(segment)
        members = [person for person in people if all(holds(rule, person) for rule in rules)]
        reaching = [
            (person.id, cents)
            for person in members
            for day, cents, _ in person.orders
            if cents >= 30_000 and day >= first
        ]
        found = find_orders(rules, 300)
        assert (found.count, found.buyers) == (len(reaching), len({member for member, _ in reaching}))
        assert found.amount_cents == sum(cents for _, cents in reaching)


def test_english_names_mean_the_same(people: list[Person]) -> None:
    for chinese, english in (("city", ("北京", "Beijing")), ("category_bought", ("护肤", "shelf 1"))):
        found = [find_members(rules_of([(chinese, "==", name)])) for name in english]
        assert found[0] == found[1] != []


def test_a_name_that_the_shop_does_not_have_is_told(people: list[Person]) -> None:
    with pytest.raises(InvalidParam):
        find_members(rules_of([("city", "==", "x' OR '1'='1")]))


def test_the_preview_is_sql_that_the_guard_lets_through(people: list[Person]) -> None:
    assert check(preview(rules_of(SEGMENTS[-1]))).tables == ("members", "order_items", "orders", "stores")


def test_an_estimate_is_what_its_definition_says(people: list[Person]) -> None:
    plan = complete(plan_with(target_segment={"definition": "all", "rules": []}, duration_days=30))[0]
    first = shop_today() - timedelta(days=89)
    reaching = [
        (person.id, cents)
        for person in people
        for day, cents, _ in person.orders
        if cents >= 30_000 and day >= first
    ]
    anyway = len({member for member, _ in reaching}) / MEMBERS * 30 / 90
    expected = round(3 * (anyway + (1 - anyway) * 0.05))
    basket = sum(cents for _, cents in reaching) // len(reaching)
    found = estimate_plan(plan)
    assert (found.counts.members, found.counts.accounts, found.basket_cents) == (MEMBERS, 3, basket)
    assert (found.redemptions, found.cost_cents) == (expected, expected * 5_000)
    assert found.worst_cost_cents == 600 * 5_000
    assert found.depth_percent == round(100 * 5_000 / basket, 1)
    assert found.margin_cents == round(expected * basket * 0.6) - expected * 5_000
    assert found.is_publishable
    assert count_accounts([1, 2, 50]) == 2


def risks_of(**changes: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    plan = Plan.model_validate({**plan_with(), **changes})
    return {risk.code: (risk.level, risk.params) for risk in estimate_plan(plan).risks}


def test_risks_are_listed_with_their_figures(people: list[Person]) -> None:
    everybody = {"definition": "all", "rules": []}
    risks = risks_of(target_segment=everybody, budget=20_000)
    assert risks["BUDGET"][0] == "stop"
    assert risks["BUDGET"][1]["needed"] == "30000.00"
    assert risks["ACCOUNTS"] == ("info", {"members": MEMBERS, "accounts": 3})
    offer = {"type": "full_reduction", "threshold": 100, "value": 90, "max_redemptions": 10}
    assert (
        risks_of(target_segment=everybody, offer={**offer, "threshold": 0, "value": 400})["MARGIN"][0]
        == "warn"
    )
    assert "THRESHOLD" in risks_of(target_segment=everybody, offer={**offer, "threshold": 90_000})
    nobody = {"definition": "x", "rules": [{"field": "orders_count", "op": ">", "value": 99}]}
    assert set(risks_of(target_segment=nobody)) == {"EMPTY"}
    halved = {"type": "discount", "threshold": 0, "value": 50, "max_redemptions": 20_000}
    assert risks_of(target_segment=everybody, offer=halved)["CAP"][0] == "warn"


def test_drafts_know_the_shop(people: list[Person]) -> None:
    facts = drafting_facts()
    plan = draft_plan("北京2店 买过彩妆的会员", facts).plan
    assert [(rule.field, rule.value) for rule in plan.target_segment.rules] == [
        ("store", 2),
        ("category_bought", "彩妆"),
    ]
    amounts = [c for p in people for d, c, _ in p.orders if d >= shop_today() - timedelta(days=89)]
    assert facts.basket == sum(amounts) // len(amounts) / 100
    db.session.rollback()
