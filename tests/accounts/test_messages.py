"""What would have been mailed: kept once, whole in both languages, with whatever values come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import messages
from app.accounts.message_texts import PLACE, TEXTS
from app.accounts.models import AccountMessage
from app.core.clock import now
from app.db import db, in_transaction, transaction
from app.outbox.models import OutboxMessage
from app.outbox.service import deliver, publish
from tests.builders import make_user

READER = messages.Reader("en", lambda text: text, lambda moment: moment.strftime("%H:%M"))
CHINESE = messages.Reader("zh", lambda text: text, lambda moment: moment.strftime("%H:%M"))
MOMENT = datetime.fromisoformat("2026-11-20T08:30:00+00:00")


def letter(template: str, reader: messages.Reader = READER, **values: Any) -> messages.Letter:
    message = AccountMessage(id=1, template=template, values=values, created_at=now())
    return messages.render(message, reader)


def test_a_delivered_topic_becomes_one_message_however_often_it_comes(app: Flask) -> None:
    with app.app_context():
        user = make_user("alice")
        payload = {"user_id": user.id, "order_id": 7, "total_cents": 12_300, "dedupe": "order.paid:7"}
        ids = [in_transaction(lambda: publish("order.paid", payload)).id for _ in range(2)]
        assert [deliver(message_id) for message_id in [*ids, *ids]] == [True, True, False, False]
        (message,) = db.session.scalars(select(AccountMessage)).all()
        assert message.values == {"order_id": 7, "total_cents": 12_300}
        assert all(row.last_error == "" for row in db.session.scalars(select(OutboxMessage)))


@pytest.mark.parametrize("topic", ["account.registered", "order.placed", "order.paid", "order.payment_failed",
                                   "order.cancelled", "order.refunded", "cart.merged"])  # fmt: skip
def test_every_topic_has_a_handler_and_a_text_that_needs_no_values(app: Flask, topic: str) -> None:
    with app.app_context():
        user = make_user("alice")
        with transaction():
            messages.HANDLERS[topic]({"user_id": user.id, "dedupe": topic})
        shown = messages.render(db.session.scalars(select(AccountMessage)).one(), READER)
    assert shown.subject and "%(" not in shown.subject + shown.body + shown.link


def test_two_users_may_have_messages_of_the_same_key(app: Flask) -> None:
    with app.app_context():
        alice, bob = make_user("alice"), make_user("bob")
        with transaction():
            kept = [
                messages.write_message(user.id, "order.paid", {}, dedupe="x") for user in (alice, bob, alice)
            ]
        assert kept == [True, True, False]


def test_a_guests_order_has_nobody_to_tell(app: Flask) -> None:
    with app.app_context(), transaction():
        messages.HANDLERS["order.paid"]({"user_id": None, "dedupe": "x"})
        assert db.session.scalar(select(func.count()).select_from(AccountMessage)) == 0


def test_values_are_shown_as_a_person_reads_them() -> None:
    shown = letter(
        "order.placed", order_id=7, total_cents=123_456, discount_cents=500, expires_at=MOMENT.isoformat()
    )
    assert shown.subject == "We have your order 7"
    assert shown.body == (
        "Total: ¥1,234.56. You saved ¥5.00. Please pay by 08:30; after that the goods go back on the shelf."
    )
    assert shown.link == "/orders/7"


def test_sentences_without_their_values_are_left_out() -> None:
    assert letter("order.placed", order_id=7, total_cents=100, discount_cents=0).body == "Total: ¥1.00."


@pytest.mark.parametrize(
    ("reason", "text"),
    [("expired", "not paid in time"), ("customer", "You cancelled"), ("staff", "The store")],
)
def test_a_cancellation_says_why(reason: str, text: str) -> None:
    assert text in letter("order.cancelled", order_id=7, reason=reason).body


def test_cut_products_are_named_in_the_readers_language() -> None:
    lines = [{"sku": "A", "name": "防晒乳", "name_en": "Sunscreen", "wanted": 5, "kept": 2}]
    assert "Sunscreen × 2" in letter("cart.merged", lines=lines).body
    assert "防晒乳 × 2" in letter("cart.merged", CHINESE, lines=lines).body


def test_a_text_names_only_values_that_somebody_sends() -> None:
    sent = {
        "account.registered": {"username"},
        "order.placed": {"order_id", "total", "discount", "expires_at"},
        "order.paid": {"order_id", "total", "points"},
        "order.payment_failed": {"order_id", "total", "expires_at"},
        "order.cancelled": {"order_id", "total", "reason"},
        "order.refunded": {"order_id", "amount", "credit", "points"},
        "cart.merged": {"order_id", "lines"},
        "agent.alert": {"agent", "kind", "status"},
        "automation.alert": {"run_id", "username", "step", "error"},
        "report.ready": {"name", "report_id", "first_day", "last_day"},
        "report.failed": {"name", "report_id"},
        "report.alert": {
            "name",
            "report_id",
            "first_day",
            "last_day",
            "metric",
            "figure",
            "bound",
            "comparator",
        },
    }
    for topic, text in TEXTS.items():
        parts = [text.subject, text.link, *(part.text for part in text.sentences)]
        assert {name for part in parts for name in PLACE.findall(part)} <= sent[topic], topic
