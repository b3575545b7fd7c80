"""What the scheduler calls: keeping the database free of what nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from logging import getLogger
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from app.accounts.models import LoginSession
from app.cart.models import CartItem
from app.catalogue.search import rerank
from app.conversations.models import TEMPORARY, Conversation, Message
from app.core.clock import now
from app.core.logging import fields
from app.db import Base, db, in_transaction
from app.notifications.models import Notification
from app.orders.models import IdempotencyRecord
from app.outbox.models import OutboxMessage
from app.runtime import settings
from app.tools import call_counts
from app.tools.models import ToolCallCount, ToolCallLog

log = getLogger(__name__)
GUEST_CARTS = timedelta(days=30)
IDEMPOTENCY = timedelta(days=7)
OUTBOX = timedelta(days=7)
# The longest period of the figures is 90 days.
NOTIFICATIONS = timedelta(days=120)
# Of talks whose program keeps them itself; their runs stay, for they were paid for.
TEMPORARY_TALKS = timedelta(days=1)
# Small transactions: a clean-up must not hold up the shop.
BATCH = 500
MAX_BATCHES = 200


def clean_up() -> dict[str, int]:
    """Delete what is past its keep time, and let the search know what sells; returns rows by table."""
    in_transaction(rerank)
    deleted = {model.__tablename__: _delete_old(model, condition) for model, condition in _rules()}
    deleted[ToolCallCount.__tablename__] = call_counts.delete_old()
    if any(deleted.values()):
        log.info("cleaned_up %s", fields(**deleted))
    return deleted


def _rules() -> Iterator[tuple[type[Any], ColumnElement[bool]]]:
    moment = now()
    is_guests = CartItem.user_id.is_(None)
    yield CartItem, is_guests & (CartItem.updated_at < moment - GUEST_CARTS)
    yield IdempotencyRecord, IdempotencyRecord.created_at < moment - IDEMPOTENCY
    # What could not be delivered stays: somebody has to look at it.
    yield OutboxMessage, OutboxMessage.processed_at < moment - OUTBOX
    # With their deliveries.
    yield Notification, Notification.created_at < moment - NOTIFICATIONS
    yield LoginSession, LoginSession.expires_at < moment
    yield ToolCallLog, ToolCallLog.created_at < moment - timedelta(days=settings().mcp_log_days)
    forgotten = select(Conversation.id).where(
        Conversation.status == TEMPORARY, Conversation.updated_at < moment - TEMPORARY_TALKS
    )
    yield Message, Message.conversation_id.in_(forgotten)


def _delete_old(model: type[Any], condition: ColumnElement[bool]) -> int:
    total = 0
    for _batch in range(MAX_BATCHES):
        count = in_transaction(lambda: _delete_batch(model, condition))
        total += count
        if count < BATCH:
            break
    return total


def _delete_batch(model: type[Base], condition: ColumnElement[bool]) -> int:
    key = model.__table__.c.id
    ids = db.session.scalars(select(key).where(condition).limit(BATCH)).all()
    if ids:
        # The condition again: a cart that was touched since it was found stays.
        db.session.execute(
            delete(model).where(key.in_(ids), condition).execution_options(synchronize_session=False)
        )
    return len(ids)
