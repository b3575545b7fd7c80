"""Scheduler entry points; they run inside an application context."""

from __future__ import annotations

from app.agent import recovery


def close_dead_runs() -> None:
    """Close the runs of web processes that were killed."""
    recovery.close_dead_runs()
