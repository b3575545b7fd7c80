"""One subscription for all streams of a process: slow readers are let go, nothing is told twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from app.core.actor import Role
from app.db import db, in_transaction
from app.delivery import live
from app.delivery.live import MOST_WAITING, Live, Seat, exchange_of
from app.notifications.service import announce, notify
from app.outbox.jobs import deliver_new
from tests.builders import make_user


@pytest.fixture
def shop(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app
        db.session.rollback()


def test_a_reader_who_is_too_far_behind_is_let_go() -> None:
    seat = Seat(1)
    for number in range(MOST_WAITING + 1):
        seat.put(Live("message", "{}", number))
    assert seat.is_closed
    assert len(seat.take(0.0)) == MOST_WAITING


def test_a_reader_waits_and_is_woken() -> None:
    seat = Seat(1)
    threading.Timer(0.05, seat.put, [Live("message", "{}")]).start()
    started = time.monotonic()
    assert [event.event for event in seat.take(5.0)] == ["message"]
    assert time.monotonic() - started < 2
    assert seat.take(0.01) == []


def test_many_streams_take_one_subscription(shop: Flask) -> None:
    exchange = exchange_of(shop)
    clara = make_user("clara", roles=(Role.CONSULTANT,))
    # Those of other tests' applications live on for some seconds.
    before = set(threading.enumerate())
    with exchange.listening(clara.id), exchange.listening(clara.id), exchange.listening(clara.id + 1):
        assert exchange.count == 3
        started = set(threading.enumerate()) - before
        named = [each for each in started if each.name == "notifications"]
        assert len(named) == 1
    assert exchange.count == 0


def test_a_signal_that_comes_twice_tells_once(shop: Flask) -> None:
    clara = make_user("clara", roles=(Role.CONSULTANT,))
    with exchange_of(shop).listening(clara.id) as seat:
        in_transaction(lambda: notify([clara.id], "customer.registered", dedupe="one"))
        deliver_new()
        assert [event.event for event in _all(seat, 1)] == ["notification"]
        in_transaction(lambda: announce({"dedupe": "one", "kind": "customer.registered"}))
        assert _all(seat, 1, seconds=0.6) == []


def test_a_subscription_that_breaks_is_made_again(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened in between is found in the table."""
    clara = make_user("clara", roles=(Role.CONSULTANT,))
    exchange = exchange_of(shop)
    with exchange.listening(clara.id) as seat:

        def breaks(_self: object, _message: object) -> None:
            monkeypatch.undo()
            raise RuntimeError("broken in mid-flight")

        monkeypatch.setattr(live.Exchange, "_handle", breaks)
        in_transaction(lambda: notify([clara.id], "customer.registered", dedupe="one"))
        deliver_new()
        assert [event.event for event in _all(seat, 1)] == ["notification"]


def _all(seat: Seat, number: int, seconds: float = 5.0) -> list[Live]:
    """What comes within some seconds, at least `number` if there are so many."""
    found: list[Live] = []
    deadline = time.monotonic() + seconds
    while len(found) < number and time.monotonic() < deadline:
        found += seat.take(0.1)
    return found
