"""What is past its keep time goes; what somebody may still need stays."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import func, select, update

from app.accounts.models import LoginSession
from app.admin import jobs
from app.cart.models import CartItem
from app.core.clock import now
from app.db import db, transaction
from app.delivery.models import NotificationDelivery
from app.notifications.models import Notification
from app.orders.models import IdempotencyRecord
from app.outbox.models import OutboxMessage
from app.tools.models import ToolCallLog
from tests.builders import make_product, make_user, save


def age(model: type, column: str, days: int) -> None:
    with transaction() as session:
        session.execute(update(model).values({column: now() - timedelta(days=days)}))


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_old_guest_carts_go_and_customers_carts_stay(each_app: Flask) -> None:
    with each_app.app_context():
        user = make_user("alice")
        sku = make_product("A").sku
        save(CartItem(owner="guest:1", sku=sku, quantity=1, price_seen_cents=1))
        save(CartItem(owner=f"user:{user.id}", user_id=user.id, sku=sku, quantity=1, price_seen_cents=1))
        age(CartItem, "updated_at", 31)
        save(CartItem(owner="guest:2", sku=sku, quantity=1, price_seen_cents=1))
        assert jobs.clean_up()["cart_items"] == 1
        assert set(db.session.scalars(select(CartItem.owner))) == {"guest:2", f"user:{user.id}"}


def test_delivered_messages_go_and_undelivered_ones_stay(each_app: Flask) -> None:
    with each_app.app_context():
        save(OutboxMessage(topic="t", payload={}, processed_at=now() - timedelta(days=8)))
        save(OutboxMessage(topic="t", payload={}, processed_at=now()))
        save(OutboxMessage(topic="t", payload={}, created_at=now() - timedelta(days=80)))
        assert jobs.clean_up()["outbox_messages"] == 1
        assert count(OutboxMessage) == 2


def test_old_notifications_go_with_their_deliveries(each_app: Flask) -> None:
    with each_app.app_context():
        user = make_user("clara")
        for key, days in (("old", 121), ("new", 119)):
            told = Notification(
                user_id=user.id,
                kind="customer.registered",
                dedupe_key=key,
                created_at=now() - timedelta(days=days),
            )
            save(NotificationDelivery(notification_id=save(told).id, channel="email"))
        assert jobs.clean_up()["notifications"] == 1
        assert count(Notification) == count(NotificationDelivery) == 1


def test_ended_sessions_old_keys_and_old_logs_go(each_app: Flask) -> None:
    with each_app.app_context():
        user = make_user("alice")
        for name, days in (("old", -1), ("new", 1)):
            save(LoginSession(token_hash=name, user_id=user.id, expires_at=now() + timedelta(days=days)))
        for key, days in (("old", 8), ("new", 1)):
            save(
                IdempotencyRecord(
                    owner="user:1", key=key, request_hash="h", created_at=now() - timedelta(days=days)
                )
            )
        for days in (91, 1):
            save(
                ToolCallLog(
                    tool_name="t",
                    caller_app_id="web",
                    success=True,
                    duration_ms=1,
                    created_at=now() - timedelta(days=days),
                )
            )
        deleted = jobs.clean_up()
        assert (deleted["login_sessions"], deleted["idempotency_records"], deleted["mcp_call_logs"]) == (
            1,
            1,
            1,
        )
        assert (count(LoginSession), count(IdempotencyRecord), count(ToolCallLog)) == (1, 1, 1)
        assert sum(jobs.clean_up().values()) == 0


def test_more_than_one_batch_goes(ctx: None, monkeypatch: object) -> None:
    monkeypatch.setattr(jobs, "BATCH", 2)  # type: ignore[attr-defined]
    for number in range(5):
        save(OutboxMessage(topic=str(number), payload={}, processed_at=now() - timedelta(days=8)))
    assert jobs.clean_up()["outbox_messages"] == 5
