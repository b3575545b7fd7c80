"""Entry points of the worker and the scheduler."""

from __future__ import annotations

import time

from app.db import db, in_transaction
from app.delivery.escalation import escalate_waiting
from app.delivery.sending import give_up_on_the_interrupted, has_due, has_hopeless, send_due
from app.jobs.queues import DEFAULT, begin, enqueue_once

NAME = "deliveries"
# One job goes on for so long; then others have their turn: whoever registers meanwhile waits for the worker.
BUDGET_SECONDS, TIMEOUT_SECONDS = 0.5, 60


def hand_over() -> None:
    """Let a worker send what is due; the sweep makes up for a Redis that is away."""
    enqueue_once(NAME, deliver_due, queue=DEFAULT, timeout=TIMEOUT_SECONDS, is_apart=True)


def deliver_due() -> None:
    """Send what is due, for half a second or so; each delivery is taken by one worker."""
    begin(NAME)
    deadline = time.monotonic() + BUDGET_SECONDS
    while send_due():
        if time.monotonic() > deadline:
            hand_over()
            return


def escalate() -> None:
    """Tell of customers who have waited too long."""
    escalate_waiting()


def sweep() -> None:
    """What fell through: a lost job, a killed worker, a pause that is over."""
    if has_hopeless():
        in_transaction(give_up_on_the_interrupted)
    is_due = has_due()
    db.session.rollback()
    if is_due:
        hand_over()
