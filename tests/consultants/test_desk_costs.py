"""What each page and call of the desk asks the database: the same number of statements however many there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.accounts.tokens import issue_token
from app.consultants import service, talking
from app.core.actor import Actor
from app.db import db, in_transaction
from app.onboarding.settings import read_values
from tests.browsing import counted_statements
from tests.consultants.desk_rows import claim, make_consultant, make_talk, make_waiting

pytestmark = pytest.mark.redis
# Beside these every call reads its user, and a consultant's own sign of life is two.
MOST = {
    ("GET", "/api/v1/consultations"): 4,
    ("GET", "/api/v1/presence"): 6,
    ("POST", "/api/v1/presence"): 8,
    ("GET", "/api/v1/conversations/{talk}/notes"): 4,
    ("POST", "/api/v1/conversations/{talk}/messages"): 11,
    ("POST", "/api/v1/customers/{waits}/claim"): 8,
    ("GET", "/consultant/conversations/{talk}"): 13,
}


@pytest.fixture
def desk(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app
        db.session.rollback()


def fill(alice: Actor, number: int) -> tuple[str, int]:
    """So many who wait, so many of Alice's with messages; one talk of hers and one who waits."""
    talk, waits = "", 0
    for _ in range(number):
        bob, talk = make_waiting()
        claim(alice, bob)
        for text in ("one", "two"):
            in_transaction(lambda talk=talk, text=text: talking.send(alice, talk, text))  # type: ignore[misc]
            in_transaction(lambda bob=bob, talk=talk: talking.keep_for_consultant(bob, talk, "three"))  # type: ignore[misc]
        in_transaction(lambda talk=talk: talking.add_note(alice, talk, "note"))  # type: ignore[misc]
        carol, other = make_talk()
        waits = carol.require_user()
        in_transaction(
            lambda waits=waits, other=other: service.open_for_registration(waits, other, read_values())  # type: ignore[misc]
        )
        make_consultant()
    return talk, waits


def counts(app: Flask, alice: Actor, talk: str, waits: int) -> dict[tuple[str, str], int]:
    token, _ = issue_token(alice.require_user())
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    found = {}
    for method, rule in MOST:
        body = {"content": "hello"} if rule.endswith("messages") else {}
        path = rule.format(talk=talk, waits=waits)
        # The first time templates are read.
        if method == "GET":
            app.test_client().get(path, headers=headers)
        with counted_statements(app) as statements:
            response = app.test_client().open(
                path, method=method, json=body if method == "POST" else None, headers=headers
            )
        assert response.status_code in (200, 201), (path, response.text[:300])
        found[method, rule] = len(statements)
    return found


def test_no_page_asks_more_when_there_is_more(desk: Flask) -> None:
    alice = make_consultant("alice")
    few = counts(desk, alice, *fill(alice, 1))
    many = counts(desk, alice, *fill(alice, 12))
    assert {rule: (few[rule], many[rule]) for rule in MOST if many[rule] > few[rule]} == {}
    assert {rule: number for rule, number in many.items() if number > MOST[rule]} == {}
