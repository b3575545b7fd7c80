"""The wallet never goes below nothing, its ledger adds up; one contact is the default. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import contacts, wallet
from app.accounts.models import DeliveryContact, WalletEntry
from app.core.errors import Conflict, InvalidParam, NotFound
from app.db import db, in_transaction
from tests.builders import make_user
from tests.parallel import in_parallel

DETAILS = contacts.ContactDetails(
    recipient="林小澄", phone="13800000000", city="上海", address="南京西路 1 号"
)


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        yield each_app


def move(user_id: int, kind: wallet.Kind, delta: int, *, floor_at_zero: bool = False) -> int:
    return in_transaction(
        lambda: wallet.move(
            user_id, kind, delta, reason="adjustment", order_id=5, floor_at_zero=floor_at_zero
        )
    )


def ledger(user_id: int) -> list[tuple[str, int, int]]:
    rows = select(WalletEntry).where(WalletEntry.user_id == user_id).order_by(WalletEntry.id)
    return [(row.kind, row.delta, row.balance_after) for row in db.session.scalars(rows)]


def test_a_movement_changes_the_balance_and_is_written_down(shop: Flask) -> None:
    alice = make_user("alice").id
    assert [move(alice, "points", 100), move(alice, "points", -30), move(alice, "credit", 5_000)] == [
        100,
        70,
        5_000,
    ]
    assert wallet.get_balance(alice) == wallet.Balance(70, 5_000)
    assert ledger(alice) == [("points", 100, 100), ("points", -30, 70), ("credit", 5_000, 5_000)]


@pytest.mark.parametrize(("kind", "code"), [("points", "NOT_ENOUGH_POINTS"), ("credit", "NOT_ENOUGH_CREDIT")])
def test_more_than_there_is_cannot_be_taken(shop: Flask, kind: wallet.Kind, code: str) -> None:
    alice = make_user("alice").id
    move(alice, kind, 10)
    with pytest.raises(Conflict) as refused:
        move(alice, kind, -11)
    assert refused.value.code == code
    assert len(ledger(alice)) == 1


def test_taking_what_is_there_stops_at_nothing(shop: Flask) -> None:
    alice = make_user("alice").id
    move(alice, "points", 10)
    assert move(alice, "points", -25, floor_at_zero=True) == 0
    assert move(alice, "points", -25, floor_at_zero=True) == 0
    assert ledger(alice) == [("points", 10, 10), ("points", -10, 0)]


def test_a_movement_of_nothing_is_not_written(shop: Flask) -> None:
    alice = make_user("alice").id
    assert move(alice, "points", 0) == 0
    assert ledger(alice) == []


def test_nobody_has_no_wallet(shop: Flask) -> None:
    with pytest.raises(NotFound):
        wallet.get_balance(999)
    with pytest.raises(NotFound):
        move(999, "points", 1)


def test_of_fifty_who_take_at_once_only_as_many_get_as_there_is(shop: Flask) -> None:
    alice = make_user("alice").id
    move(alice, "credit", 100)
    take = partial(wallet.move, alice, "credit", -10, reason="order_placed")
    outcomes = in_parallel(shop, [take] * 50)
    assert outcomes.count("NOT_ENOUGH_CREDIT") == 40
    assert wallet.get_balance(alice).credit_cents == 0
    assert sorted(after for _, delta, after in ledger(alice) if delta < 0) == list(range(0, 100, 10))


def test_flooring_takes_never_too_much_when_many_do_it(shop: Flask) -> None:
    alice = make_user("alice").id
    move(alice, "points", 95)
    outcomes = in_parallel(
        shop, [lambda: wallet.move(alice, "points", -10, reason="adjustment", floor_at_zero=True)] * 20
    )
    assert outcomes.count(0) >= 10 and wallet.get_balance(alice).points == 0
    assert sum(delta for _, delta, _ in ledger(alice)) == 0


def add(user_id: int, **values: object) -> DeliveryContact:
    details = contacts.ContactDetails(
        **{"recipient": "A", "phone": "12345", "city": "上海", "address": "B", **values}  # type: ignore[arg-type]
    )
    return in_transaction(lambda: contacts.add_contact(user_id, details))


def defaults(user_id: int) -> list[str]:
    return [row.recipient for row in contacts.list_contacts(user_id) if row.is_default]


def test_the_first_contact_is_the_default_until_another_is_made_it(shop: Flask) -> None:
    alice = make_user("alice").id
    assert contacts.default_contact(alice) is None
    add(alice, recipient="first")
    second = add(alice, recipient="second")
    assert defaults(alice) == ["first"]
    in_transaction(lambda: contacts.make_default(alice, second.id))
    assert defaults(alice) == ["second"]
    add(alice, recipient="third", is_default=True)
    assert defaults(alice) == ["third"]
    assert contacts.default_contact(alice).recipient == "third"  # type: ignore[union-attr]


def test_when_the_default_goes_the_oldest_takes_its_place(shop: Flask) -> None:
    alice = make_user("alice").id
    first, _, _ = (add(alice, recipient=name) for name in ("first", "second", "third"))
    in_transaction(lambda: contacts.remove_contact(alice, first.id))
    assert defaults(alice) == ["second"]


def test_contacts_added_at_once_leave_one_default(shop: Flask) -> None:
    alice = make_user("alice").id
    in_parallel(shop, [lambda: contacts.add_contact(alice, DETAILS)] * 10)
    assert len(defaults(alice)) == 1


def test_there_is_a_most_of_contacts(shop: Flask) -> None:
    alice = make_user("alice").id
    for _ in range(contacts.MOST_CONTACTS):
        add(alice)
    with pytest.raises(Conflict, match="20"):
        add(alice)


def test_blanks_and_line_breaks_are_tidied(shop: Flask) -> None:
    contact = add(make_user("alice").id, recipient="  Lin \r\n Xiaocheng\0 ", phone="+86 138-0000-0000")
    assert (contact.recipient, contact.phone) == ("Lin Xiaocheng", "+8613800000000")


def test_all_problems_are_named_at_once(shop: Flask) -> None:
    with pytest.raises(InvalidParam) as refused:
        add(make_user("alice").id, recipient="", phone="", city=" ", address="x" * 201)
    assert set(refused.value.fields) == {"recipient", "phone", "city", "address"}


def test_bobs_contact_is_not_alices(shop: Flask) -> None:
    alice, bob = make_user("alice").id, make_user("bob").id
    contact_id = add(bob).id
    for work in (
        lambda: contacts.get_contact(alice, contact_id),
        lambda: contacts.make_default(alice, contact_id),
        lambda: contacts.remove_contact(alice, contact_id),
        lambda: contacts.update_contact(alice, contact_id, DETAILS),
    ):
        with pytest.raises(NotFound):
            in_transaction(work)
    assert contacts.get_contact(bob, contact_id).recipient == "A"
