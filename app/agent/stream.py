"""The run log: a run's events in a Redis Stream, written by one run and read by anybody from any point.

Keys of a run: `run:<id>` (the stream), `run:<id>:alive` (its heartbeat), `run:<id>:abort` (somebody wants
it to end); the channel `run:<id>:news` says that there is something to read.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.config import Settings
from app.redis_line import Command, Line
from app.tools.limits import to_json

START = "start"
LAST_TYPES = frozenset({"complete", "error"})
BEGINNING = "0-0"
MAX_EVENTS = 20_000
READ_COUNT = 500
ABORT_SECONDS = 600
# A Redis that restarts is waited for this long before the run gives up.
RECONNECT_SECONDS = 8.0
RETRY_SECONDS = 0.2
EVENT_ID = re.compile(r"\d{1,19}(-\d{1,19})?")


class LogLost(Exception):
    """The run's stream is gone, or somebody else has closed it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `body` is the JSON text `{"type", "data"}` that goes over the wire as it is."""

    id: str
    type: str
    body: str

    @property
    def is_last(self) -> bool:
        return self.type in LAST_TYPES

    @property
    def data(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.body)["data"])


def stream_key(run_id: str) -> str:
    return f"run:{run_id}"


def alive_key(run_id: str) -> str:
    return f"run:{run_id}:alive"


def abort_key(run_id: str) -> str:
    return f"run:{run_id}:abort"


def channel(run_id: str) -> str:
    return f"run:{run_id}:news"


def alive_ms(settings: Settings) -> int:
    """How long a run counts as alive after a heartbeat."""
    return round(settings.run_heartbeat_seconds * 5_000)


class RunLog:
    """The writing side. Ids are 1-0, 2-0, ... so that an append may be repeated after a lost connection."""

    def __init__(self, redis: Redis, line: Line, settings: Settings, run_id: str) -> None:
        self._redis = redis
        self._line = line
        self._settings = settings
        self._run_id = run_id
        self._key = stream_key(run_id)
        self._lock = threading.Lock()
        self._number = 0
        # What readers in this process get without asking Redis; entry N is at N - 2.
        self._events: list[Event] = []
        self.on_news: Callable[[], None] = _nobody

    def open(self, *more: Command) -> list[Any]:
        """Create the stream with a hidden first entry, and the first heartbeat; the answers to `more` commands. Raises RedisError."""
        self._number = 1
        answers = self._line.send(
            ("XADD", self._key, "1-0", "t", START),
            ("EXPIRE", self._key, self._settings.run_seconds + self._settings.run_log_seconds),
            ("SET", alive_key(self._run_id), "1", "PX", alive_ms(self._settings)),
            *more,
        )
        for answer in answers:
            if isinstance(answer, Exception) and not _is_known(answer):
                raise answer
        return answers[len(answers) - len(more) :]

    def append(self, type_: str, data: dict[str, Any]) -> None:
        """Write one event and tell the readers. Raises LogLost, or RedisError when Redis stays away."""
        self._write(type_, data)

    def _write(self, type_: str, data: dict[str, Any], *, is_end: bool = False) -> None:
        fields = {"t": type_, "e": to_json({"type": type_, "data": data})}
        with self._lock:
            self._number += 1
            entry_id = f"{self._number}-0"
            _patiently(lambda: self._add(entry_id, fields, is_end=is_end))
            self._events.append(Event(entry_id, type_, fields["e"]))
        self.on_news()

    def after(self, event_id: str) -> list[Event]:
        """The events after an id of ours."""
        number = int(event_id.partition("-")[0])
        return self._events[max(0, number - 1) :]

    def close(self, type_: str, data: dict[str, Any]) -> None:
        """Write the last event and end the heartbeat."""
        self._write(type_, data, is_end=True)

    def _add(self, entry_id: str, fields: dict[str, str], *, is_end: bool) -> None:
        # A stream that is gone (Redis lost its data) must not come back without its beginning.
        bounds = ("NOMKSTREAM", "MAXLEN", "~", MAX_EVENTS)
        commands: list[Command] = [("XADD", self._key, *bounds, entry_id, "t", fields["t"], "e", fields["e"])]
        if is_end:
            commands += [
                ("DEL", alive_key(self._run_id), abort_key(self._run_id)),
                ("EXPIRE", self._key, self._settings.run_log_seconds),
            ]
        added = self._line.send(*commands, ("PUBLISH", channel(self._run_id), ""))[0]
        if added is None or (_is_known(added) and not self._has(entry_id)):
            raise LogLost(self._run_id)
        if isinstance(added, Exception) and not _is_known(added):
            raise added

    def _has(self, entry_id: str) -> bool:
        """True when our own earlier try went through; else a closer has written the last event."""
        return bool(self._redis.xrange(self._key, entry_id, entry_id))


def _nobody() -> None:
    pass


def _is_known(answer: object) -> bool:
    """True when Redis says that there is an entry with this id or a larger one already."""
    return isinstance(answer, ResponseError) and "equal or smaller" in str(answer)


def _patiently(call: Callable[[], None]) -> None:
    """Call again while Redis is away, for some seconds."""
    deadline = time.monotonic() + RECONNECT_SECONDS
    while True:
        try:
            return call()
        except (RedisConnectionError, RedisTimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


def append_late(
    redis: Redis, settings: Settings, run_id: str, events: list[tuple[str, dict[str, Any]]]
) -> None:
    """Write to the log of a run that is not there any more: ids by the clock, larger than any of its own."""
    pipe = redis.pipeline(transaction=True)
    for type_, data in events:
        pipe.xadd(stream_key(run_id), {"t": type_, "e": to_json({"type": type_, "data": data})})
    pipe.expire(stream_key(run_id), settings.run_log_seconds)
    pipe.delete(alive_key(run_id), abort_key(run_id))
    pipe.publish(channel(run_id), "")
    pipe.execute()


def read(redis: Redis, run_id: str, after: str = BEGINNING) -> list[Event]:
    """Events after an id, at most 500, up to the last one of the run."""
    minimum = f"({after}" if after != BEGINNING else "-"
    entries = cast(list[Any], redis.xrange(stream_key(run_id), min=minimum, count=READ_COUNT))
    return [Event(entry_id, fields["t"], fields["e"]) for entry_id, fields in entries if fields["t"] != START]


def read_all(redis: Redis, run_id: str) -> list[Event]:
    """All events of a run so far."""
    found: list[Event] = []
    while part := read(redis, run_id, found[-1].id if found else BEGINNING):
        found += part
    return found


def is_alive(redis: Redis, run_id: str) -> bool:
    """True when the run's process has shown a sign of life in the last seconds."""
    return bool(redis.exists(alive_key(run_id)))
