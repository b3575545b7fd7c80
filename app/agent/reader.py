"""Following a run from any point, from any process, until its last event."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from flask import Flask, current_app
from flask_babel import force_locale
from redis import Redis
from redis.exceptions import RedisError

from app.agent import recovery
from app.agent.controls import controls_of
from app.agent.stream import BEGINNING, Event, RunLog, alive_key, channel, is_alive, read
from app.db import db
from app.runtime import settings
from app.web import sse
from app.web.hub import hub_of

# A reader waits this long for a Redis that is away before it is told so.
PATIENCE_SECONDS = 15.0
RETRY_SECONDS = 0.5
# Between two looks at the clock while somebody waits for a whole answer.
POLL_SECONDS = 0.5


class _Patience:
    """How long Redis has been away."""

    def __init__(self) -> None:
        self._since: float | None = None

    @property
    def is_tried(self) -> bool:
        return self._since is not None

    @property
    def is_over(self) -> bool:
        return self._since is not None and time.monotonic() - self._since > PATIENCE_SECONDS

    def wait(self) -> None:
        self._since = self._since or time.monotonic()
        time.sleep(RETRY_SECONDS)

    def restore(self) -> None:
        self._since = None


def wait_for(run_id: str, locale: str, seconds: float) -> None:
    """Wait until an answer is complete, at most about this long, for a page without a stream. Gives the session back."""
    db.session.remove()
    deadline = time.monotonic() + seconds
    reader = replace(Reader.of(run_id, locale), ping_seconds=POLL_SECONDS)
    for _ in reader.events():
        if time.monotonic() > deadline:
            return


@dataclass(frozen=True, slots=True)
class Reader:
    """Everything a reader needs once the request's context is gone."""

    app: Flask
    redis: Redis
    run_id: str
    locale: str
    ping_seconds: float

    @classmethod
    def of(cls, run_id: str, locale: str) -> Reader:
        """A reader of the current application."""
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        return cls(app, app.extensions["mcpshop_redis"], run_id, locale, settings().sse_ping_seconds)

    def frames(self, after: str = BEGINNING) -> Iterator[str]:
        """The wire form of `events`; begins with a comment so that the first bytes go out at once."""
        yield sse.OPENED
        for event in self.events(after):
            yield sse.frame(event.id, event.body) if event is not None else sse.PING

    def events(self, after: str = BEGINNING) -> Iterator[Event | None]:
        """Events after an id up to the last; None when a ping is due. Ends early when the process stops."""
        patience = _Patience()
        local = controls_of(self.app).find_log(self.run_id)
        if local is not None:
            seen = yield from self._local_events(local, after)
            if seen is None:
                return
            after = seen
        with hub_of(self.app).watching(channel(self.run_id), alive_key(self.run_id)) as watch:
            is_gone = self._is_gone()
            while not sse.is_stopping():
                fresh = self._look(after, patience)
                yield from fresh
                if fresh and fresh[-1].is_last:
                    return
                if fresh:
                    after = fresh[-1].id
                elif is_gone or watch.is_dead or patience.is_over:
                    yield from self._end(after)
                    return
                elif patience.is_tried or not watch.wait(self.ping_seconds):
                    yield None

    def _local_events(self, log: RunLog, after: str) -> Generator[Event | None, None, str | None]:
        """What a run of this process writes, from its memory; None when nothing more is to come."""
        controls = controls_of(self.app)
        with hub_of(self.app).watching(channel(self.run_id), alive_key(self.run_id), is_local=True) as watch:
            while not sse.is_stopping():
                is_over = controls.find_log(self.run_id) is not log
                fresh = log.after(after)
                yield from fresh
                if fresh and fresh[-1].is_last:
                    return None
                if fresh:
                    after = fresh[-1].id
                elif is_over or watch.is_dead:
                    return after
                elif not watch.wait(self.ping_seconds):
                    yield None
        return None

    def _look(self, after: str, patience: _Patience) -> list[Event]:
        """What is new; nothing, after a pause, while Redis is away."""
        try:
            fresh = read(self.redis, self.run_id, after)
        except RedisError:
            patience.wait()
            return []
        patience.restore()
        return fresh

    def _is_gone(self) -> bool:
        try:
            return not is_alive(self.redis, self.run_id)
        except RedisError:
            return False

    def _end(self, after: str) -> Iterator[Event]:
        """The end of a run that nobody writes any more: from its log, else from its rows."""
        with self.app.app_context(), force_locale(self.locale):
            recovery.close_if_dead(self.run_id)
            try:
                rest = read(self.redis, self.run_id, after)
            except RedisError:
                rest = []
            if not (rest and rest[-1].is_last):
                rest.append(recovery.last_event(self.run_id, after))
        yield from rest
