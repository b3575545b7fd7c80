"""Writing effects into the outbox, and delivering them exactly once.

A message is written in the business transaction and enqueued after its commit; the scheduler sweeps up what was
lost on the way. The handler's own writes and `processed_at` are one transaction, so an effect happens once
even when a job runs twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from logging import getLogger
from typing import Any

from sqlalchemy import select, update

from app.core.clock import now
from app.db import after_commit, db, in_transaction
from app.jobs.queues import LONG_SECONDS, URGENT, enqueue_once
from app.outbox.models import OutboxMessage

log = getLogger(__name__)
Handler = Callable[[dict[str, Any]], None]
RETRY_SECONDS = (5, 15, 60, 300, 1800)
SWEEP_GRACE_SECONDS = 2
JOB = "outbox"
_handlers: dict[str, Handler] = {}


def subscribe(topic: str, handler: Handler) -> None:
    """Let `handler(payload)` do what `topic` calls for. It flushes; the delivery commits."""
    _handlers[topic] = handler


def publish(topic: str, payload: dict[str, Any]) -> OutboxMessage:
    """Write a message in the current transaction; it is handed to a worker after the commit."""
    message = OutboxMessage(
        topic=topic, payload=payload, next_attempt_at=now() + timedelta(seconds=SWEEP_GRACE_SECONDS)
    )
    db.session.add(message)
    db.session.flush()
    after_commit(hand_over)
    return message


def hand_over() -> None:
    """Let a worker deliver what is new: one job for all that is written until it begins, so that a burst costs few."""
    # The job's module imports this one.
    from app.outbox.jobs import deliver_new

    enqueue_once(JOB, deliver_new, queue=URGENT, timeout=LONG_SECONDS)


def deliver(message_id: int) -> bool:
    """Run the handler of one message once; False when it was done already or failed (it will be retried)."""
    try:
        return in_transaction(lambda: _deliver(message_id))
    except Exception as error:
        log.exception("outbox_delivery_failed id=%s", message_id)
        in_transaction(partial(_postpone, message_id, error))
        return False


def _deliver(message_id: int) -> bool:
    claimed = db.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.processed_at.is_(None))
        .values(processed_at=now(), attempts=OutboxMessage.attempts + 1)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    message = db.session.get_one(OutboxMessage, message_id)
    _handlers[message.topic](message.payload)
    db.session.flush()
    return True


def _postpone(message_id: int, error: Exception) -> None:
    message = db.session.get(OutboxMessage, message_id)
    if message is None or message.processed_at is not None:
        return
    delay = RETRY_SECONDS[min(message.attempts, len(RETRY_SECONDS) - 1)]
    message.attempts += 1
    message.last_error = f"{type(error).__name__}: {error}"[:500]
    message.next_attempt_at = now() + timedelta(seconds=delay)


def list_due(limit: int = 100) -> list[int]:
    """Ids of messages whose time has come."""
    return list(
        db.session.scalars(
            select(OutboxMessage.id)
            .where(OutboxMessage.processed_at.is_(None), OutboxMessage.next_attempt_at <= now())
            .order_by(OutboxMessage.next_attempt_at)
            .limit(limit)
        )
    )


def list_new(limit: int = 100) -> list[int]:
    """Ids of messages that nobody has tried to deliver yet, oldest first."""
    fresh = (OutboxMessage.processed_at.is_(None), OutboxMessage.attempts == 0)
    return list(
        db.session.scalars(select(OutboxMessage.id).where(*fresh).order_by(OutboxMessage.id).limit(limit))
    )
