"""RQ and scheduler entry points of the outbox; they run inside an application context."""

from __future__ import annotations

from app.db import db
from app.outbox.service import deliver, list_due


def deliver_message(message_id: int) -> None:
    """Deliver one message (enqueued after the commit that wrote it)."""
    deliver(message_id)


def sweep() -> None:
    """Deliver what fell through: a lost enqueue, a killed worker, a failed attempt that is due again."""
    due = list_due()
    db.session.rollback()
    for message_id in due:
        deliver(message_id)
