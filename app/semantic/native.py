"""One real thread for calls that block in C for long: models and indexes.

Under gevent such a call would stop every greenlet of the process. Whoever asks waits as a greenlet (or thread) and
not longer than it wants; what it no longer waits for goes on in the thread, and until that has ended nobody else is
let in.
"""

from __future__ import annotations

import threading
import time
from _queue import SimpleQueue  # the one that waits in C; gevent puts another in `queue`
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from gevent import monkey

from app.web.aio import GeventHome, Home, ThreadsHome

T = TypeVar("T")
MAX_WAITING = 16


class Busy(Exception):
    """The thread is stuck in an earlier call, or too many wait for it already."""


class OneThread:
    """Runs calls one after the other; started by the first. To be made and asked where requests run."""

    def __init__(self, *, stuck_seconds: float) -> None:
        self._stuck_seconds = stuck_seconds
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._home: Home | None = None
        self._waiting = 0
        # When the call at work began; None while there is none.
        self._since: float | None = None

    def call(self, work: Callable[[], T], seconds: float) -> T:
        """What `work` returns. Raises Busy at once, TimeoutError after `seconds`, or what the work raised."""
        since = self._since
        if self._waiting >= MAX_WAITING or (since and time.monotonic() - since > self._stuck_seconds):
            raise Busy()
        outcome: _Outcome[T] = _Outcome()
        self._waiting += 1
        try:
            self.start(partial(outcome.run, work), outcome.done.set)
            if not outcome.done.wait(seconds):
                outcome.is_given_up = True
                raise TimeoutError()
        finally:
            self._waiting -= 1
        return outcome.result()

    def start(self, work: Callable[[], object], then: Callable[[], object] = lambda: None) -> None:
        """Run `work`, which must not raise, when its turn comes, and `then` where requests run."""
        if self._home is None:
            is_gevent = monkey.is_module_patched("threading")
            self._home = GeventHome() if is_gevent else ThreadsHome()
            # Not `threading.Thread`: under gevent that is a greenlet. It ends with the process.
            monkey.get_original("_thread", "start_new_thread")(self._run, ())
        self._calls.put(partial(self._work, self._home, work, then))

    def _work(self, home: Home, work: Callable[[], object], then: Callable[[], object]) -> None:
        self._since = time.monotonic()
        try:
            work()
        finally:
            self._since = None
            home.post(then)

    def _run(self) -> None:
        while True:
            self._calls.get()()


class _Outcome(Generic[T]):
    """What became of a call."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.is_given_up = False
        self._values: list[T] = []
        self._error: BaseException | None = None

    def run(self, work: Callable[[], T]) -> None:
        if self.is_given_up:
            return
        try:
            self._values.append(work())
        # A panic of the index's Rust code is no Exception.
        except BaseException as error:
            self._error = error

    def result(self) -> T:
        if self._error is not None:
            raise self._error if isinstance(self._error, Exception) else RuntimeError(repr(self._error))
        return self._values[0]
