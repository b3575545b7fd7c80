"""Text that a tool says while it works: merged, bounded, handed on by the thread that waits for the tool.

Since the waiting thread hands it on, no piece can come after the result, and a tool never waits for its readers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from logging import getLogger
from threading import Event, Lock
from typing import Any

OnText = Callable[[str], None]
# At most so many characters of a call, in pieces of so many, so often: at first, and after so many pieces.
MAX_CHARS, MAX_PIECE = 20_000, 2_000
FAST_SECONDS, SLOW_SECONDS, FAST_PIECES = 0.05, 0.5, 200
MORE = "…"
log = getLogger(__name__)


class Pieces:
    """What a tool has said and nobody has heard yet."""

    def __init__(self, on_text: OnText | None, news: Event) -> None:
        self._on_text = on_text
        self._news = news
        self._lock = Lock()
        self._waiting = ""
        self._told = 0
        self._sent = 0

    def drain(self, run: Generator[str, None, dict[str, Any]], check: Callable[[], None]) -> dict[str, Any]:
        """Run a streaming tool to its end; `check` raises when nobody waits for it any more.

        A transaction that is run again says the same again: that is passed over.
        """
        said = 0
        while True:
            try:
                piece = next(run)
            except StopIteration as end:
                return dict(end.value)
            if not isinstance(piece, str):
                raise TypeError(f"a tool yields text, not {type(piece).__name__}")
            try:
                check()
            except BaseException:
                run.close()
                raise
            self._put(piece.encode("utf-8", "replace").decode(), said)
            said += len(piece)
            # Lets the waiting greenlet run when the tool computes without a pause.
            time.sleep(0)

    def _put(self, piece: str, place: int) -> None:
        """Keep a piece that begins at `place` of all that the tool says."""
        with self._lock:
            piece = piece[max(0, self._told - place) :]
            if not piece or self._told > MAX_CHARS:
                return
            room = MAX_CHARS - self._told
            self._waiting += piece if len(piece) <= room else piece[:room] + MORE
            self._told += len(piece)
        self._news.set()

    def hand_on(self) -> float:
        """Give the reader what is waiting; the seconds after which there may be more."""
        while (text := self._take()) and self._on_text is not None:
            try:
                self._on_text(text)
            except Exception as error:
                # The tool goes on: that nobody can be told is found out with its result.
                log.warning("tool_text_lost error=%r", error)
                self._on_text = None
        return FAST_SECONDS if self._sent < FAST_PIECES else SLOW_SECONDS

    def _take(self) -> str:
        with self._lock:
            text, self._waiting = self._waiting[:MAX_PIECE], self._waiting[MAX_PIECE:]
            self._sent += bool(text)
        return text
