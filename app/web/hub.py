"""One Redis subscription per process that wakes any number of waiting event streams.

A reader that waits costs an event object and nothing else: no connection, no polling. It looks for news by
itself (with XRANGE from where it was) whenever the hub says that there may be some; so a signal too many is
harmless, and after a lost connection everybody is woken once.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from typing import Any, cast

from flask import Flask
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from app.core.ids import new_id
from app.web import sse

log = getLogger(__name__)
TICK_SECONDS = 0.2
CHECK_SECONDS = 1.0
RETIRE_SECONDS = 5.0
RECONNECT_SECONDS = 0.3
# One miss may be a pause of the process that writes the key, or a Redis that has just come back.
MISSES = 2


class Watch:
    """A reader's place in the hub: wakes on news; `is_dead` once the watched key has been gone."""

    __slots__ = ("_event", "alive_key", "channel", "misses")

    def __init__(self, channel: str, alive_key: str) -> None:
        self.channel = channel
        self.alive_key = alive_key
        self.misses = 0
        self._event = threading.Event()

    @property
    def is_dead(self) -> bool:
        return self.misses >= MISSES

    def wake(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """True when there may be news, False when the time is over."""
        has_news = self._event.wait(seconds)
        self._event.clear()
        return has_news


class Hub:
    """The process's subscription; its thread lives while somebody waits."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._watches: dict[str, set[Watch]] = defaultdict(set)
        self._subscribed: set[str] = set()
        self._changed: set[str] = set()
        self._own_channel = f"hub:{new_id()}"
        self._is_running = False
        self._idle_since = 0.0

    @contextmanager
    def watching(self, channel: str, alive_key: str = "", *, is_local: bool = False) -> Iterator[Watch]:
        """Be woken by messages on `channel`, and when `alive_key` is gone ("" for a channel without one writer).

        `is_local`: the writer is in this process and calls `tell`; no subscription is needed.
        """
        watch = Watch(channel, alive_key)
        self._add(watch, subscribes=not is_local)
        try:
            yield watch
        finally:
            self._remove(watch)

    def tell(self, channel: str) -> None:
        """There is news of a writer in this process."""
        self._wake(self._watching(channel))

    def _add(self, watch: Watch, *, subscribes: bool) -> None:
        with self._lock:
            is_first = subscribes and watch.channel not in self._subscribed
            self._watches[watch.channel].add(watch)
            if is_first:
                self._subscribed.add(watch.channel)
                self._changed.add(watch.channel)
            starts, self._is_running = not self._is_running, True
        if starts:
            threading.Thread(target=self._run, daemon=True, name="sse-hub").start()
        elif is_first:
            # The subscribing connection belongs to the hub's thread: ask it through Redis.
            with suppress(RedisError):
                self._redis.publish(self._own_channel, "")

    def _remove(self, watch: Watch) -> None:
        with self._lock:
            watches = self._watches[watch.channel]
            watches.discard(watch)
            if not watches:
                del self._watches[watch.channel]
                if watch.channel in self._subscribed:
                    self._subscribed.discard(watch.channel)
                    self._changed.add(watch.channel)

    def _run(self) -> None:
        is_away = False
        while True:
            try:
                with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]
                    self._serve(subscription)
                    return
            except (RedisError, OSError) as error:
                if not is_away:
                    log.warning("hub_lost_redis error=%s", error)
                is_away = True
                self._wake_all()
                if self._retires(at_once=True):
                    return
                time.sleep(RECONNECT_SECONDS)

    def _serve(self, subscription: PubSub) -> None:
        with self._lock:
            self._changed.clear()
            channels = list(self._subscribed)
        subscription.subscribe(self._own_channel, *channels)
        next_check = time.monotonic() + CHECK_SECONDS
        while not self._retires():
            self._subscribe(subscription)
            self._handle(subscription.get_message(timeout=TICK_SECONDS))
            if sse.is_stopping():
                self._wake_all()
            if time.monotonic() >= next_check:
                self._check_alive()
                next_check = time.monotonic() + CHECK_SECONDS

    def _retires(self, *, at_once: bool = False) -> bool:
        """True when nobody has waited for a while: the thread ends, the next reader starts another."""
        with self._lock:
            if self._watches:
                self._idle_since = 0.0
            elif not self._idle_since and not at_once:
                self._idle_since = time.monotonic()
            elif at_once or time.monotonic() - self._idle_since > RETIRE_SECONDS:
                self._is_running, self._idle_since = False, 0.0
                return True
            return False

    def _subscribe(self, subscription: PubSub) -> None:
        if not self._changed:
            return
        with self._lock:
            wanted = [channel for channel in self._changed if channel in self._subscribed]
            unwanted = [channel for channel in self._changed if channel not in self._subscribed]
            self._changed.clear()
        if wanted:
            subscription.subscribe(*wanted)
        if unwanted:
            subscription.unsubscribe(*unwanted)  # type: ignore[no-untyped-call]

    def _handle(self, message: dict[str, Any] | None) -> None:
        # The confirmation of a subscription counts too: what was written before it made no signal for us.
        if message is not None and message["type"] in ("message", "subscribe"):
            self._wake(self._watching(str(message["channel"])))

    def _watching(self, channel: str) -> list[Watch]:
        with self._lock:
            return list(self._watches.get(channel, ()))

    def _all(self) -> list[Watch]:
        with self._lock:
            return [watch for watches in self._watches.values() for watch in watches]

    def _wake_all(self) -> None:
        self._wake(self._all())

    @staticmethod
    def _wake(watches: Iterable[Watch]) -> None:
        for watch in watches:
            watch.wake()

    def _check_alive(self) -> None:
        """One round trip tells of all watched writers whether they live."""
        watches = [watch for watch in self._all() if watch.alive_key]
        keys = list({watch.alive_key for watch in watches})
        if not keys:
            return
        alive = dict(zip(keys, cast(list[Any], self._redis.mget(keys)), strict=True))
        for watch in watches:
            watch.misses = 0 if alive[watch.alive_key] else watch.misses + 1
            if watch.is_dead:
                watch.wake()


def hub_of(app: Flask) -> Hub:
    """The application's hub in this process."""
    hub = app.extensions.get("mcpshop_hub")
    if hub is None:
        hub = app.extensions.setdefault("mcpshop_hub", Hub(app.extensions["mcpshop_redis"]))
    return cast(Hub, hub)
