"""Deliveries of notifications, the browsers that take Web Push, and the key pair that signs it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime
from app.delivery.rules import State


class NotificationDelivery(Model):
    """One notification by one way. `subscription` is the push subscription's id, 0 for other channels.

    `next_attempt_at` is when it is due; while it is being sent, when its `lease` is over. `result` says what became of
    it in a word, `error` what went wrong last, `tries` has all attempts: `{"at", "result", "error"}`.
    """

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        UniqueConstraint("notification_id", "channel", "subscription"),
        Index("ix_notification_deliveries_status_next_attempt_at", "status", "next_attempt_at"),
        Index("ix_notification_deliveries_created_at_channel_status", "created_at", "channel", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notification_id: Mapped[int] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(10))
    subscription: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(10), default=State.PENDING.value)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str] = mapped_column(String(32), default="", index=True)
    result: Mapped[str] = mapped_column(String(40), default="")
    error: Mapped[str] = mapped_column(String(300), default="")
    tries: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PushSubscription(Model):
    """A browser of a person that takes Web Push (RFC 8030). `endpoint` comes from the browser: never trust it."""

    __tablename__ = "push_subscriptions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    endpoint: Mapped[str] = mapped_column(Text)
    endpoint_hash: Mapped[str] = mapped_column(String(64), unique=True)
    p256dh: Mapped[str] = mapped_column(String(120))
    auth: Mapped[str] = mapped_column(String(40))
    user_agent: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class VapidKey(Model):
    """The shop's key pair for Web Push (RFC 8292); one row, `id` 1. The private key is sealed."""

    __tablename__ = "vapid_keys"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    public_key: Mapped[str] = mapped_column(String(100))
    sealed_private_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
