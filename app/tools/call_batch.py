"""Rows of the call log, written many at a time.

A row waits a fifth of a second at most, and is written past whoever made it. What is waiting is written when the
process ends; only a process that is killed takes its last rows with it.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from logging import getLogger
from typing import Any

from flask import Flask
from sqlalchemy import insert

from app.db import db, in_transaction
from app.tools import call_counts
from app.tools.models import ToolCallLog

log = getLogger(__name__)
Row = dict[str, Any]
WAIT_SECONDS = 0.2
ROWS = 500
# While the database is away; then the oldest are given up.
MAX_WAITING = 20_000
EXTENSION = "mcpshop_call_batch"


def begin_batching(app: Flask) -> None:
    """From here on this process writes the application's call log in batches."""
    if EXTENSION not in app.extensions:
        batch = app.extensions[EXTENSION] = CallBatch(app)
        atexit.register(batch.flush)


def find_batch(app: Flask) -> CallBatch | None:
    """The application's batch, when it has one."""
    return app.extensions.get(EXTENSION)


def write(rows: list[Row]) -> None:
    """Rows into the log, and into the counts; in the current transaction."""
    db.session.execute(insert(ToolCallLog), rows)
    call_counts.count(rows)


class CallBatch:
    """Rows that wait; a thread (a greenlet in the web process) writes them while there are some."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._rows: deque[Row] = deque(maxlen=MAX_WAITING)
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._is_running = False

    def put(self, row: Row) -> None:
        """Never waits and never fails."""
        self._rows.append(row)
        with self._lock:
            starts, self._is_running = not self._is_running, True
        if starts:
            threading.Thread(target=self._run, daemon=True, name="call-log").start()

    def flush(self) -> None:
        """Write what is waiting, and wait for what is being written."""
        with self._writing:
            while rows := self._take():
                try:
                    with self._app.app_context():
                        in_transaction(lambda rows=rows: write(rows))  # type: ignore[misc]
                except Exception:
                    log.exception("tool_calls_not_logged rows=%s", len(rows))

    def _take(self) -> list[Row]:
        return [self._rows.popleft() for _ in range(min(ROWS, len(self._rows)))]

    def _run(self) -> None:
        while True:
            time.sleep(WAIT_SECONDS)
            self.flush()
            with self._lock:
                if not self._rows:
                    self._is_running = False
                    return
