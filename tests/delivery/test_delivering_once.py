"""However often it is planned and however many workers send it: each delivery once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db, in_transaction
from app.delivery.planning import plan
from app.delivery.sending import send_due
from app.notifications.models import Notification
from app.onboarding.jobs import run_automations
from app.outbox.jobs import deliver_new
from tests.builders import actor_of
from tests.customers.buying import stock_shelves
from tests.delivery.push_service import PushService
from tests.delivery.telling import consultant, deliver, deliveries, let_take, registers
from tests.onboarding.registering import admin, register, set_values


@pytest.fixture
def shop(told_app: Flask) -> Iterator[Flask]:
    with told_app.app_context():
        stock_shelves()
        yield told_app
        db.session.rollback()


def test_planning_again_adds_nothing(shop: Flask, service: PushService) -> None:
    let_take(consultant(), service.browser())
    alice = registers()
    before = len(deliveries())
    payload = {"dedupe": f"registered:{alice.id}", "kind": "customer.registered", "about_user_id": alice.id}
    in_transaction(lambda: plan(payload))
    assert len(deliveries()) == before == 3


def test_workers_side_by_side_send_each_once(shop: Flask, service: PushService) -> None:
    for number in range(30):
        let_take(consultant(f"c{number}"), service.browser(f"c{number}"))
    registers()

    def run() -> None:
        with shop.app_context():
            while send_due():
                pass
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(request.path for request in service.requests) == {f"/push/c{n}": 1 for n in range(30)}
    outside = [row for row in deliveries() if row.channel != "in_app"]
    assert len(outside) == 60 and {(row.status, row.attempts) for row in outside} == {("sent", 1)}


def test_500_consultants_are_written_at_once(shop: Flask) -> None:
    from tests.browsing import counted_statements
    from tests.delivery.test_streams import hire

    hire(500)
    alice = register()
    deliver_new()
    with counted_statements(shop) as statements:
        run_automations()
        deliver_new()
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 500
    inserts = [each for each in statements if "INTO notification" in each]
    # SQLAlchemy sends a thousand rows in one statement on MariaDB, and binds them one by one to one on SQLite.
    assert len(inserts) <= 6, inserts
    assert len(deliveries(channel="in_app")) == 500
    assert alice.id


def test_a_channel_that_was_switched_off_plans_nothing_for_it(shop: Flask, service: PushService) -> None:
    set_values(admin(), channel_web_push=False)
    let_take(consultant(), service.browser())
    registers()
    deliver()
    assert service.requests == []
    assert [row.channel for row in deliveries()] == ["in_app", "email"]


def test_a_closed_account_gets_no_mail(shop: Flask) -> None:
    clara = consultant()
    registers()

    def close() -> None:
        clara.is_active = False
        db.session.merge(clara)

    in_transaction(close)
    deliver()
    assert [row.result for row in deliveries(clara, channel="email")] == ["account_closed"]
    assert actor_of(clara).user_id
