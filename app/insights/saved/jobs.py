"""RQ and scheduler entry points of saved reports; they run inside an application context."""

from __future__ import annotations

from app.db import in_transaction
from app.insights.saved import clockwork, making


def make_saved_report(run_id: int) -> None:
    """Make one run (enqueued by the sweep)."""
    making.make(run_id)


def sweep() -> None:
    """Hand over what is due, and again what fell through."""
    for run_id in (*in_transaction(clockwork.claim_due), *in_transaction(clockwork.take_back)):
        clockwork.hand_over(run_id)
