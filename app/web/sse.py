"""Server-sent events: the wire format, the answer, a cap on open streams, and ending them all at shutdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock

from flask import Response, current_app

from app.core.errors import N_, RateLimited

OPENED = ": open\n\n"
# Without an empty line behind it: readers exist (httpx-sse) for which that would be an event without data.
PING = ": ping\n"
RETRY_AFTER_SECONDS = 5

_is_stopping = False
_open_lock = Lock()


def stop_all() -> None:
    """End all open streams of this process. Only sets a flag: it is called from a signal handler."""
    global _is_stopping
    _is_stopping = True


def is_stopping() -> bool:
    """True once the process is to end; streams look after every wait, their hub wakes them."""
    return _is_stopping


def frame(event_id: str, data: str, event: str = "") -> str:
    """One event with one `data:` line (JSON has no line breaks); without an id the reader keeps the last one it had."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {event}\ndata: {data}\n\n" if event else f"{head}data: {data}\n\n"


def stream(
    frames: Iterator[str], *, subject: str, limit: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an event stream. Raises RateLimited when `subject` has `limit` of them open here.

    The frames are made outside of any application context: they must not touch mapped objects.
    """
    place = _Place(subject, limit)
    response = Response(place.held_during(frames), mimetype="text/event-stream")
    response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
    # A stream whose reader has gone before it began never runs its own clean-up.
    response.call_on_close(place.give_back)
    return response


class _Place:
    """One open stream of somebody, given back once."""

    def __init__(self, subject: str, limit: int) -> None:
        self._subject = subject
        # The application's own: one that is gone (a test's) counts nowhere else.
        self._open: Counter[str] = current_app.extensions.setdefault("mcpshop_open_streams", Counter())
        with _open_lock:
            if self._open[subject] >= limit:
                raise RateLimited(
                    N_("Too many open streams. Close a window and try again."),
                    retry_after=RETRY_AFTER_SECONDS,
                )
            self._open[subject] += 1
        self._is_taken = True

    def give_back(self) -> None:
        with _open_lock:
            if self._is_taken:
                self._is_taken = False
                self._open[self._subject] -= 1
                if not self._open[self._subject]:
                    del self._open[self._subject]

    def held_during(self, frames: Iterator[str]) -> Iterator[str]:
        try:
            yield from frames
        finally:
            self.give_back()
