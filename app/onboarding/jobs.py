"""Entry points of the worker and the scheduler."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from logging import getLogger
from typing import cast

from flask import Flask, current_app

from app.db import db
from app.gateway.asking import outside_routes
from app.jobs.queues import LONG_SECONDS, URGENT, begin, enqueue_once, following
from app.onboarding.running import advance, list_due
from app.onboarding.steps import ACTS, PURPOSE, give_up
from app.tools.call_batch import begin_batching, find_batch

log = getLogger(__name__)
NAME = "automation"
# One job goes on for so long; what is left then is another's, behind what has come meanwhile.
BUDGET_SECONDS, CHAIN_SECONDS = 1.0, 20.0
AT_ONCE = 20
# Welcomes side by side.
WRITERS = 8


def hand_over() -> None:
    """Let a worker take what is due; the sweep makes up for a Redis that is away."""
    enqueue_once(NAME, run_automations, queue=URGENT, timeout=LONG_SECONDS)


def run_automations() -> None:
    """Bring every run that is due a good way forward, for a second or so, and do what follows from it."""
    with following(CHAIN_SECONDS):
        _run_automations()


def _run_automations() -> None:
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    begin(NAME)
    begin_batching(app)
    deadline = time.monotonic() + BUDGET_SECONDS
    try:
        while due := _due():
            if time.monotonic() > deadline:
                hand_over()
                return
            _advance_all(app, due)
    finally:
        batch = find_batch(app)
        if batch is not None:
            # A worker's child ends without asking anybody.
            batch.flush()


def sweep() -> None:
    """What fell through: a lost job, a killed worker, a pause that is over."""
    if _due(1):
        hand_over()


def _due(limit: int = AT_ONCE) -> list[int]:
    due = list_due(limit)
    db.session.rollback()
    return due


def _advance_all(app: Flask, due: Sequence[int]) -> None:
    """Side by side where one waits: for a model elsewhere, for a database server's disk. SQLite has one writer."""
    is_waiting = bool(outside_routes(PURPOSE, "automation")) or db.engine.dialect.name != "sqlite"
    db.session.rollback()
    if len(due) == 1 or not is_waiting:
        for run_id in due:
            _advance(run_id)
        return
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="welcome") as writers:
        # Each with our context: what follows from a run is done by this process too.
        waiting = [writers.submit(copy_context().run, _advance_in, app, run_id) for run_id in due]
        for each in waiting:
            each.result()


def _advance_in(app: Flask, run_id: int) -> None:
    with app.app_context():
        _advance(run_id)


def _advance(run_id: int) -> None:
    try:
        advance(run_id, ACTS, give_up)
    except Exception:
        # The database is away, say: its lease ends, and the sweep comes back to it.
        log.exception("automation_run_broken run=%s", run_id)
        db.session.rollback()
