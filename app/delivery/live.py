"""The live side: one Redis subscription per process that hands what happens to every open stream of it.

A stream is a bounded queue and nothing else: no connection, no session, no polling. What a notification says is read
once per process, however many wait for it. Whatever may have been missed (a Redis that was away, a signal that was
lost) is looked up in one question every few seconds.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from typing import Any, cast

from flask import Flask
from redis import Redis
from redis.client import PubSub

from app.consultants.channels import STAFF
from app.db import db
from app.delivery import feed
from app.delivery.feed import Item
from app.notifications.service import CHANNEL
from app.web import sse

log = getLogger(__name__)
TICK_SECONDS = 0.2
LOOK_SECONDS = 10.0
RECONNECT_SECONDS = 0.3
RETIRE_SECONDS = 5.0
# A reader that is so far behind is let go: it comes again and is told what it has missed.
MOST_WAITING = 200
# A signal that comes twice within so many notifications shows nothing twice.
MOST_REMEMBERED = 20_000
NOTE_SECONDS = 0.3
# The first reader waits for the subscription, which takes milliseconds, but not for ever.
SUBSCRIBING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Live:
    """One event as it goes over the wire; `id` is the notification's, 0 for events that are not kept."""

    event: str
    body: str
    id: int = 0


class Seat:
    """One open stream of a person."""

    __slots__ = ("_waiting", "_woken", "is_closed", "user_id")

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.is_closed = False
        self._waiting: deque[Live] = deque()
        self._woken = threading.Event()

    def put(self, event: Live) -> None:
        """Never waits for the reader."""
        if len(self._waiting) >= MOST_WAITING:
            self.close()
            return
        self._waiting.append(event)
        self._woken.set()

    def close(self) -> None:
        self.is_closed = True
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    def take(self, seconds: float) -> list[Live]:
        """What has come; waits at most so long for something."""
        if not self._waiting and not self.is_closed:
            self._woken.wait(seconds)
        self._woken.clear()
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken


class Exchange:
    """The process's subscription and its seats; the thread lives while somebody listens."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._redis: Redis = app.extensions["mcpshop_redis"]
        self._lock = threading.Lock()
        self._seats: dict[int, set[Seat]] = defaultdict(set)
        self._is_running = False
        self._idle_since = 0.0
        # Notifications up to this one have been handed out, or were there before anybody listened.
        self._seen = 0
        self._shown: dict[int, None] = {}
        self._notes: list[int] = []
        self._is_noting = False
        self._subscribed = threading.Event()

    @contextmanager
    def listening(self, user_id: int) -> Iterator[Seat]:
        """A seat, while the block lasts."""
        seat = Seat(user_id)
        self._add(seat)
        try:
            yield seat
        finally:
            self._remove(seat)

    @property
    def count(self) -> int:
        """How many listen here."""
        with self._lock:
            return sum(map(len, self._seats.values()))

    def _add(self, seat: Seat) -> None:
        with self._lock:
            self._seats[seat.user_id].add(seat)
            starts, self._is_running = not self._is_running, True
            if starts:
                self._subscribed.clear()
        if starts:
            threading.Thread(target=self._run, daemon=True, name="notifications").start()
        # What is written from now on is heard; without Redis the next look has to find it.
        self._subscribed.wait(SUBSCRIBING_SECONDS)

    def _remove(self, seat: Seat) -> None:
        with self._lock:
            seats = self._seats[seat.user_id]
            seats.discard(seat)
            if not seats:
                del self._seats[seat.user_id]

    def _run(self) -> None:
        self._seen = self._in_app(feed.latest_id, default=0)
        is_away = False
        while True:
            try:
                with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(CHANNEL, STAFF)
                    is_away = False
                    self._serve(subscription)
                    return
            except Exception as error:
                # Whatever it was: a process that hears nothing any more would look as if nothing happened.
                if not is_away:
                    log.warning("notifications_lost_redis error=%r", error)
                is_away = True
                self._subscribed.set()
                if self._retires(at_once=True):
                    return
                self._wake_when_stopping()
                time.sleep(RECONNECT_SECONDS)

    def _serve(self, subscription: PubSub) -> None:
        # What came while we were not subscribed made no signal for us.
        self._look()
        next_look = time.monotonic() + LOOK_SECONDS
        while not self._retires():
            self._handle(subscription.get_message(timeout=TICK_SECONDS))
            self._wake_when_stopping()
            if time.monotonic() >= next_look:
                self._look()
                self._dismiss()
                next_look = time.monotonic() + LOOK_SECONDS

    def _handle(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            self._subscribed.set()
            return
        if message["type"] != "message":
            return
        try:
            told = json.loads(message["data"])
            if message["channel"] == CHANNEL:
                self._show(self._in_app(lambda: feed.read_written(str(told["dedupe"])), default=[]))
            else:
                self._pass_on(str(told["event"]), told["data"], told.get("to"))
        except (ValueError, TypeError, KeyError):
            log.exception("notification_signal_unreadable")

    def _pass_on(self, event: str, data: Any, to: Iterable[int] | None) -> None:
        """An event of the desk, to those it is for."""
        live = Live(event, json.dumps({"type": event, "data": data}, ensure_ascii=False))
        for seat in self._seats_of(to):
            seat.put(live)

    def _show(self, items: Iterable[Item]) -> None:
        """Hand out notifications, each once here, then note that they were delivered."""
        fresh = [item for item in items if item.id not in self._shown]
        shown = []
        for item in fresh:
            self._shown[item.id] = None
            self._seen = max(self._seen, item.id)
            live = Live("notification", item.body, item.id)
            seats = self._seats_of((item.user_id,))
            for seat in seats:
                seat.put(live)
            if seats:
                shown.append(item.id)
        for old in list(self._shown)[: max(0, len(self._shown) - MOST_REMEMBERED)]:
            del self._shown[old]
        self._note(shown)

    def _note(self, shown: list[int]) -> None:
        """Have it written down that these were shown; whoever listens does not wait for the database."""
        with self._lock:
            self._notes += shown
            starts = bool(self._notes) and not self._is_noting
            self._is_noting = self._is_noting or starts
        if starts:
            threading.Thread(target=self._write_notes, daemon=True, name="notifications-shown").start()

    def _write_notes(self) -> None:
        while True:
            # Of a burst one statement writes all.
            time.sleep(NOTE_SECONDS)
            with self._lock:
                shown, self._notes = self._notes, []
                if not shown:
                    self._is_noting = False
                    return
            self._in_app(partial(feed.keep_shown, shown), default=0)

    def _look(self) -> None:
        """Everything after the last that was handed out, for those who listen here."""
        with self._lock:
            listeners = list(self._seats)
        if listeners:
            self._show(self._in_app(lambda: feed.read_after(self._seen, listeners), default=[]))

    def _dismiss(self) -> None:
        """End the streams of those who may not listen any more."""
        with self._lock:
            listeners = list(self._seats)
        allowed = self._in_app(lambda: feed.list_allowed(listeners), default=set(listeners))
        for seat in self._seats_of(set(listeners) - allowed):
            seat.close()

    def _seats_of(self, user_ids: Iterable[int] | None) -> list[Seat]:
        with self._lock:
            wanted = (
                list(self._seats) if user_ids is None else [each for each in user_ids if each in self._seats]
            )
            return [seat for user_id in wanted for seat in self._seats[user_id]]

    def _retires(self, *, at_once: bool = False) -> bool:
        """True when nobody has listened for a while: the thread ends, the next reader starts another."""
        with self._lock:
            if self._seats:
                self._idle_since = 0.0
            elif not self._idle_since and not at_once:
                self._idle_since = time.monotonic()
            elif at_once or time.monotonic() - self._idle_since > RETIRE_SECONDS:
                self._is_running, self._idle_since = False, 0.0
                return True
            return False

    def _wake_when_stopping(self) -> None:
        if sse.is_stopping():
            for seat in self._seats_of(None):
                seat.wake()

    def _in_app(self, read: Any, *, default: Any) -> Any:
        """Ask the database; while it is away nobody's stream ends, the next look finds what there was."""
        try:
            with self._app.app_context():
                try:
                    return read()
                finally:
                    db.session.remove()
        except Exception:
            log.exception("notifications_not_read")
            return default


def exchange_of(app: Flask) -> Exchange:
    """The application's exchange in this process."""
    exchange = app.extensions.get("mcpshop_exchange")
    if exchange is None:
        exchange = app.extensions.setdefault("mcpshop_exchange", Exchange(app))
    return cast(Exchange, exchange)
