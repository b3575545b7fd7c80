"""One person's event stream: what they missed since the last event they had, then what happens."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from flask import Flask

from app.db import db
from app.delivery import feed
from app.delivery.live import Live, exchange_of
from app.web import sse

# After that a reader comes again, and is asked again who they are.
LONGEST_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Everything a stream needs once the request's context is gone."""

    app: Flask
    user_id: int
    ping_seconds: float
    after: int | None = None

    def frames(self) -> Iterator[str]:
        """The wire form; begins with a comment, from which on nothing that happens is lost."""
        exchange = exchange_of(self.app)
        with exchange.listening(self.user_id) as seat:
            yield sse.OPENED
            # In this order: what is written in between comes by both ways, and is told once.
            told = yield from self._missed()
            end, ping_at = time.monotonic() + LONGEST_SECONDS, time.monotonic() + self.ping_seconds
            while not seat.is_closed and not sse.is_stopping() and time.monotonic() < end:
                events = seat.take(min(self.ping_seconds, max(0.05, ping_at - time.monotonic())))
                for event in events:
                    if not event.id or event.id not in told:
                        yield _frame(event)
                if events or time.monotonic() >= ping_at:
                    if not events:
                        yield sse.PING
                    ping_at = time.monotonic() + self.ping_seconds

    def _missed(self) -> Generator[str, None, frozenset[int]]:
        if self.after is None:
            return frozenset()
        with self.app.app_context():
            items = feed.read_after(self.after, [self.user_id])
            if items:
                feed.keep_shown([item.id for item in items])
            db.session.remove()
        for item in items:
            yield _frame(Live("notification", item.body, item.id))
        return frozenset(item.id for item in items)


def _frame(event: Live) -> str:
    return sse.frame(str(event.id) if event.id else "", event.body, event.event)
