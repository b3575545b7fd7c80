"""A customer whom nobody takes: everybody is told again by all ways, then the admins; each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import User
from app.consultants.models import Consultation
from app.consultants.service import claim
from app.core.actor import Role
from app.core.clock import shifted
from app.db import db, in_transaction
from app.delivery.escalation import KIND, escalate_waiting
from app.delivery.jobs import escalate
from app.notifications.models import Notification
from app.outbox.jobs import deliver_new
from tests.builders import actor_of, make_user
from tests.customers.buying import stock_shelves
from tests.delivery.telling import comes, consultant, deliveries, registers
from tests.onboarding.registering import admin, set_values


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        stock_shelves()
        yield each_app
        db.session.rollback()


def told() -> list[str]:
    """Who was told of an escalation, in order."""
    db.session.rollback()
    rows = db.session.execute(
        select(User.username)
        .join(Notification, Notification.user_id == User.id)
        .where(Notification.kind == KIND)
        .order_by(Notification.id)
    )
    return [row.username for row in rows]


def escalate_after(minutes: float) -> None:
    with shifted(timedelta(minutes=minutes)):
        escalate()
        deliver_new()


def test_nobody_is_told_before_the_time(shop: Flask) -> None:
    consultant()
    registers()
    escalate_after(4.5)
    assert told() == []


def test_everybody_then_the_admins_each_once(shop: Flask) -> None:
    for name in ("clara", "carl"):
        consultant(name)
    make_user("ada", roles=(Role.ADMIN,))
    registers()
    for minutes in (5.5, 5.6, 6, 10):
        escalate_after(minutes)
    assert told() == ["clara", "carl"]
    for minutes in (15.5, 16, 60):
        escalate_after(minutes)
    assert told() == ["clara", "carl", "ada"]


def test_it_goes_out_by_all_ways_though_somebody_is_at_the_desk(shop: Flask) -> None:
    clara = consultant()
    comes(clara)
    registers()
    assert {row.channel for row in deliveries(clara)} == {"in_app"}
    with shifted(timedelta(minutes=5.5)):
        comes(clara)
    escalate_after(5.5)
    assert [row.channel for row in deliveries(clara)] == ["in_app", "in_app", "email"]


def test_the_minutes_are_settings(shop: Flask) -> None:
    set_values(admin(), escalate_minutes=1, escalate_admin_minutes=2)
    consultant()
    registers()
    escalate_after(1.5)
    assert told() == ["clara"]
    escalate_after(2.5)
    assert told() == ["clara", "ada"]


def test_admins_are_never_told_before_the_consultants(shop: Flask) -> None:
    set_values(admin(), escalate_minutes=10, escalate_admin_minutes=1)
    consultant()
    registers()
    escalate_after(5)
    assert told() == []
    escalate_after(11)
    assert told() == ["clara"]
    escalate_after(11)
    assert told() == ["clara", "ada"]


def test_who_was_claimed_is_not_escalated(shop: Flask) -> None:
    clara = consultant()
    alice = registers()
    in_transaction(lambda: claim(actor_of(clara), alice.id))
    escalate_after(20)
    assert told() == []


def test_after_an_escalation_anybody_may_claim(shop: Flask) -> None:
    set_values(admin(), assignment="round_robin", offer_seconds=3_600)
    clara, carl = consultant(), consultant("carl")
    comes(clara)
    registers()
    assert db.session.scalars(select(Consultation.offered_to)).one() == clara.id
    escalate_after(6)
    db.session.rollback()
    with shifted(timedelta(minutes=6)):
        alice_id = db.session.scalars(select(Consultation.user_id)).one()
        in_transaction(lambda: claim(actor_of(carl), alice_id))


def test_notifications_that_are_off_are_not_escalated(shop: Flask) -> None:
    ada = admin()
    consultant()
    registers()
    set_values(ada, notifications=False)
    escalate_after(20)
    assert told() == []


def test_of_several_schedulers_one_tells(shop: Flask) -> None:
    consultant()
    registers()
    found: list[int] = []
    barrier = threading.Barrier(4)

    def run() -> None:
        with shop.app_context():
            barrier.wait()
            found.append(escalate_waiting())
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    # One clock for all threads.
    with shifted(timedelta(minutes=6)):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sum(found) == 1 and told() == ["clara"]
    assert db.session.scalar(select(func.max(Consultation.escalations))) == 1
