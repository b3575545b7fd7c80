"""RQ and scheduler entry points of the outbox; they run inside an application context."""

from __future__ import annotations

import time

from app.db import db
from app.jobs.queues import begin, following
from app.outbox.service import JOB, deliver, hand_over, list_due, list_new

# One turn of delivering, and all that a process of a worker does of it and after it.
BUDGET_SECONDS, CHAIN_SECONDS = 1.0, 20.0


def deliver_new() -> None:
    """Deliver what was written since the last such job began, and do what follows from it; for some seconds at most."""
    with following(CHAIN_SECONDS):
        _deliver_new()


def _deliver_new() -> None:
    begin(JOB)
    deadline, tried = time.monotonic() + BUDGET_SECONDS, set[int]()
    while fresh := [each for each in list_new() if each not in tried]:
        db.session.rollback()
        for message_id in fresh:
            if time.monotonic() > deadline:
                hand_over()
                return
            tried.add(message_id)
            deliver(message_id)
    db.session.rollback()


def sweep() -> None:
    """Deliver what fell through: a lost enqueue, a killed worker, a failed attempt that is due again."""
    due = list_due()
    db.session.rollback()
    for message_id in due:
        deliver(message_id)
