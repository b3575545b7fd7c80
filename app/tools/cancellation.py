"""Telling running work that it is no longer wanted, and whether its commit or the cancel came first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class Cancelled(Exception):
    """Raised inside work that was given up; its transaction rolls back."""


class Cancellation:
    """A flag with a reason that is set once, and wakes whoever waits for something else meanwhile."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self.reason: str | None = None

    def cancel(self, reason: str = "aborted") -> bool:
        """Set the flag; False when it was set before (the first reason stays)."""
        with self._lock:
            if self.reason is not None:
                return False
            self.reason = reason
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
            callback()
        return True

    def is_cancelled(self) -> bool:
        return self.reason is not None

    def check(self) -> None:
        """Raises Cancelled when the work should stop."""
        if self.reason is not None:
            raise Cancelled(self.reason)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have `callback` called on cancel while the block runs; at once when it is cancelled already."""
        key = id(callback)
        with self._lock:
            self._callbacks[key] = callback
            is_late = self.reason is not None
        if is_late:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(key, None)


current: ContextVar[Cancellation | None] = ContextVar("tool_cancellation", default=None)


def check() -> None:
    """For tools that work long: raises Cancelled when nobody waits for the result any more."""
    cancellation = current.get()
    if cancellation is not None:
        cancellation.check()


class CommitGate:
    """Lets either the commit or the giving up happen, never both.

    The tool passes `begin` at the start of its transaction and `commit` right before the commit; whoever
    waits calls `give_up`. After a successful `give_up` the tool cannot commit any more; after `commit` giving
    up is refused, because the outcome is being decided by the database.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._state = "running"

    def begin(self) -> None:
        """Also passed again when a transaction is retried. Raises Cancelled."""
        self._move("running")

    def commit(self) -> None:
        """Raises Cancelled."""
        self._move("committing")

    def give_up(self) -> bool:
        """True when nothing will be committed from here on."""
        with self._lock:
            if self._state == "committing":
                return False
            self._state = "given_up"
            return True

    def _move(self, state: str) -> None:
        with self._lock:
            if self._state == "given_up":
                raise Cancelled("given up")
            self._state = state
