"""The runs of this process: their heartbeats, and the ways to stop them from any process."""

from __future__ import annotations

import threading
import time
from logging import getLogger
from typing import Any, cast

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError

from app.agent.stream import ABORT_SECONDS, RunLog, abort_key, alive_key, alive_ms, stream_key
from app.config import Settings
from app.tools.cancellation import Cancellation
from app.web import sse

log = getLogger(__name__)
POLL_SECONDS = 0.2
ABORTED = "aborted"
INTERRUPTED = "interrupted"


class Controls:
    """One heart for all runs of a process: a few commands a second, however many runs there are."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._lock = threading.Lock()
        self._runs: dict[str, Cancellation] = {}
        self._logs: dict[str, RunLog] = {}
        self._is_beating = False

    def add(self, run_id: str, run_log: RunLog | None = None) -> Cancellation:
        """Keep a run alive until `remove`; the cancellation tells it when to stop."""
        cancellation = Cancellation()
        with self._lock:
            self._runs[run_id] = cancellation
            if run_log is not None:
                self._logs[run_id] = run_log
            starts, self._is_beating = not self._is_beating, True
        if starts:
            threading.Thread(target=self._beat, daemon=True, name="run-heart").start()
        return cancellation

    def remove(self, run_id: str) -> None:
        with self._lock:
            self._runs.pop(run_id, None)
            self._logs.pop(run_id, None)

    def find_log(self, run_id: str) -> RunLog | None:
        """The log of a run that is made in this process."""
        return self._logs.get(run_id)

    def abort(self, run_id: str) -> None:
        """Stop a run wherever it lives: here at once, elsewhere through Redis. Raises RedisError."""
        with self._lock:
            cancellation = self._runs.get(run_id)
        if cancellation is not None:
            cancellation.cancel(ABORTED)
            return
        self._redis.set(abort_key(run_id), "1", ex=ABORT_SECONDS)

    def _beat(self) -> None:
        next_beat = 0.0
        while runs := self._current():
            try:
                self._look_for_aborts(runs)
                if time.monotonic() >= next_beat:
                    self._show_life(runs)
                    next_beat = time.monotonic() + self._settings.run_heartbeat_seconds
            except (RedisError, OSError) as error:
                log.warning("heartbeat_failed error=%s", error)
            if sse.is_stopping():
                _cancel_all(runs)
            time.sleep(POLL_SECONDS)

    def _current(self) -> dict[str, Cancellation]:
        with self._lock:
            if not self._runs:
                self._is_beating = False
            return dict(self._runs)

    def _look_for_aborts(self, runs: dict[str, Cancellation]) -> None:
        wanted = cast(list[Any], self._redis.mget([abort_key(run_id) for run_id in runs]))
        for cancellation, is_wanted in zip(runs.values(), wanted, strict=True):
            if is_wanted:
                cancellation.cancel(ABORTED)

    def _show_life(self, runs: dict[str, Cancellation]) -> None:
        """Renew the keys; one that is gone means a long pause of ours, or a Redis that lost its data."""
        pipe = self._redis.pipeline(transaction=False)
        for run_id in runs:
            pipe.set(alive_key(run_id), "1", px=alive_ms(self._settings), xx=True)
        renewed = pipe.execute()
        for (run_id, cancellation), was_there in zip(runs.items(), renewed, strict=True):
            if was_there or not self._is_current(run_id):
                continue
            if self._redis.exists(stream_key(run_id)):
                self._redis.set(alive_key(run_id), "1", px=alive_ms(self._settings))
            else:
                cancellation.cancel(INTERRUPTED)

    def _is_current(self, run_id: str) -> bool:
        with self._lock:
            return run_id in self._runs


def _cancel_all(runs: dict[str, Cancellation]) -> None:
    for cancellation in runs.values():
        cancellation.cancel(INTERRUPTED)


def controls_of(app: Flask) -> Controls:
    """The application's controls in this process."""
    found = app.extensions.get("mcpshop_runs")
    if found is None:
        made = Controls(app.extensions["mcpshop_redis"], app.extensions["mcpshop_settings"])
        found = app.extensions.setdefault("mcpshop_runs", made)
    return cast(Controls, found)


def abort_run(run_id: str) -> None:
    """Stop a run of the current application, in whichever process it lives. Raises RedisError."""
    controls_of(current_app._get_current_object()).abort(run_id)  # type: ignore[attr-defined]
