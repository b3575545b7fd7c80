"""Levels and spending, stores and joining."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.errors import NotFound
from app.db import db, in_transaction
from app.members import queries, service
from app.members.levels import THRESHOLDS, level_for, next_threshold
from app.members.models import Member, Store
from tests.builders import make_store, make_user, save
from tests.parallel import in_parallel

EDGES = sorted({0, 1, *(t + d for t in THRESHOLDS for d in (-1, 0, 1) if t + d >= 0), 10**12})


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        yield each_app


def member_of(user_id: int) -> Member:
    member = queries.find_member_of(user_id)
    assert member is not None
    db.session.refresh(member)
    return member


def spend(member_id: int, cents: int) -> None:
    in_transaction(lambda: service.record_spending(member_id, cents))


@pytest.mark.parametrize(
    ("cents", "level"),
    [(-1, 1), (0, 1), (99_999, 1), (100_000, 2), (4_999_999, 4), (5_000_000, 5), (10**12, 5)],
)
def test_a_level_begins_at_its_threshold(cents: int, level: int) -> None:
    assert level_for(cents) == level


def test_the_next_threshold_is_where_the_next_level_begins() -> None:
    assert [next_threshold(level) for level in range(1, 6)] == [*THRESHOLDS[1:], None]


def test_the_databases_levels_are_the_rules(shop: Flask) -> None:
    user_id = make_user("alice").id
    member_id = member_of(user_id).id
    for before, total in zip([0, *EDGES], EDGES, strict=False):
        spend(member_id, total - before)
        member = member_of(user_id)
        assert (member.total_spent_cents, member.level) == (total, level_for(total))


def test_a_refund_takes_a_level_back_and_never_below_nothing(shop: Flask) -> None:
    user_id = make_user("alice").id
    member_id = member_of(user_id).id
    spend(member_id, 600_000)
    assert member_of(user_id).level == 3
    spend(member_id, -550_000)
    assert (member_of(user_id).total_spent_cents, member_of(user_id).level) == (50_000, 1)
    spend(member_id, -999_999)
    assert (member_of(user_id).total_spent_cents, member_of(user_id).level) == (0, 1)


def test_orders_paid_at_once_all_count(shop: Flask) -> None:
    user_id = make_user("alice").id
    member_id = member_of(user_id).id
    in_parallel(shop, [partial(service.record_spending, member_id, 10_000)] * 40)
    assert (member_of(user_id).total_spent_cents, member_of(user_id).level) == (400_000, 2)
    assert member_of(user_id).total_spent == 4000


def test_a_membership_says_what_is_missing(shop: Flask) -> None:
    user_id = make_user("alice").id
    assert queries.find_membership(user_id) == queries.Membership(1, 0, 100_000)
    spend(member_of(user_id).id, 9_000_000)
    assert queries.find_membership(user_id) == queries.Membership(5, 9_000_000, None)
    assert queries.find_membership(999) is None


def test_a_new_user_joins_the_first_store(shop: Flask) -> None:
    make_store(id=3, name="深圳店")
    user = make_user(
        "alice",
    )
    in_transaction(lambda: db.session.delete(member_of(user.id)))
    assert in_transaction(lambda: service.enrol(user)).store_id == 1


def test_a_chain_without_stores_gets_one_online(shop: Flask) -> None:
    user = make_user("alice")

    def work() -> Member:
        db.session.delete(queries.find_member_of(user.id))
        db.session.delete(queries.get_store(1))
        db.session.flush()
        return service.enrol(user)

    member = in_transaction(work)
    assert db.session.scalars(select(Store.name)).all() == ["线上商城"]
    assert member.store_id == queries.list_stores()[0].id


@pytest.mark.parametrize(
    ("city", "names"),
    [("上海", ["S"]), ("上海市", ["S"]), (" SHANGHAI ", ["S"]), ("hangzhou city", ["H"]), ("杭州", ["H"]),
     ("Paris", []), ("' OR 1=1", []), (None, ["S", "H"]), ("", ["S", "H"])],
)  # fmt: skip
def test_stores_are_found_by_city_in_both_languages(shop: Flask, city: str | None, names: list[str]) -> None:
    save(Store(id=1, name="S", name_en="S", city="上海", city_en="Shanghai"))
    save(Store(id=2, name="H", name_en="H", city="杭州", city_en="Hangzhou"))
    assert [store.name for store in queries.list_stores(city)] == names


def test_a_store_that_is_not_there_is_not_found(shop: Flask) -> None:
    with pytest.raises(NotFound):
        queries.get_store(999)
