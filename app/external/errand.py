"""Work on the asyncio loop that is waited for where requests run, with what it says on the way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

from app.tools.cancellation import Cancellation
from app.web.aio import Loop

T = TypeVar("T")
Say = Callable[[str], None]
MAX_WAITING = 1_000


class Errand(Generic[T]):
    """One coroutine, made on the loop by `make(say)`; `say` may be called there while it runs."""

    def __init__(self, loop: Loop, make: Callable[[Say], Coroutine[Any, Any, T]]) -> None:
        self._loop = loop
        self._make = make
        self._task: asyncio.Task[T] | None = None
        self._is_unwanted = False
        self._news = threading.Event()
        self._said: deque[str] = deque(maxlen=MAX_WAITING)
        self._outcome: tuple[T | None, BaseException | None] | None = None

    def follow(self, cancellation: Cancellation, seconds: float | None = None) -> Generator[str, None, T]:
        """Yield what is said; return the result or raise what was raised.

        Raises Cancelled as soon as the cancellation is set and TimeoutError after `seconds`; the coroutine is
        cancelled then, and whenever nobody follows it to its end.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        self._loop.call(self._begin)
        try:
            with cancellation.calling(self._news.set):
                while self._outcome is None:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise TimeoutError
                    self._news.wait(left)
                    self._news.clear()
                    while self._said:
                        yield self._said.popleft()
                    if self._outcome is None:
                        cancellation.check()
            return self._taken()
        finally:
            if self._outcome is None:
                self._loop.call(self._cancel)

    def wait(self, seconds: float) -> T:
        """The result, whatever is said. Raises TimeoutError."""
        following = self.follow(Cancellation(), seconds)
        while True:
            try:
                next(following)
            except StopIteration as end:
                result: T = end.value
                return result

    def _taken(self) -> T:
        assert self._outcome is not None  # noqa: S101 - looked at before
        result, error = self._outcome
        if error is not None:
            raise error
        return result  # type: ignore[return-value]

    def _begin(self) -> None:
        if self._is_unwanted:
            return
        self._task = self._loop.asyncio.create_task(self._make(self._say))
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        self._is_unwanted = True
        if self._task is not None:
            self._task.cancel()

    def _say(self, text: str) -> None:
        self._loop.home.post(partial(self._tell, text))

    def _tell(self, text: str) -> None:
        self._said.append(text)
        self._news.set()

    def _end(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            outcome: tuple[T | None, BaseException | None] = (None, RuntimeError("cancelled"))
        else:
            error = task.exception()
            outcome = (None, error) if error is not None else (task.result(), None)
        self._loop.home.post(partial(self._finish, outcome))

    def _finish(self, outcome: tuple[T | None, BaseException | None]) -> None:
        self._outcome = outcome
        self._news.set()
