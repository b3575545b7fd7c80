"""How often something may be done in a minute, counted in Redis and so for all processes together.

A sliding window: the last 60 seconds in slots of 5, so never more than the limit in any 60 seconds. Only what was
let through counts, so a client that keeps trying gets its share. Redis' own clock is the only one. Without Redis
everything is let through, and a warning is logged. Whoever comes while Redis is being asked waits for the answer, and
is then asked for together with all the others who came.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from logging import getLogger
from threading import Lock
from typing import cast

from flask import current_app
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from app.core.actor import Actor
from app.core.errors import N_, RateLimited
from app.runtime import redis, settings
from app.tools.groups import Switch

log = getLogger(__name__)
PREFIX = "rate:"
# How the call log names who comes with a group's key.
KEY_CALLER = "mcp:"
WINDOW_SECONDS = 60.0
MAX_PER_MINUTE = 1_000_000
# After a failure Redis is left alone for so long: to wait for its time-out in each call would cost more than a limit.
REST_SECONDS = 1.0
_SLOTS = 12
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, window, slots = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted = tonumber(ARGV[4])
local slot = window / slots
local here, taken, oldest = math.floor(now / slot), 0, nil
local counts = redis.call('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
    local number = tonumber(counts[i])
    if number < here - slots or number > here then
        redis.call('HDEL', KEYS[1], counts[i])
    else
        taken = taken + counts[i + 1]
        if oldest == nil or number < oldest then oldest = number end
    end
end
local given = math.max(0, math.min(wanted, limit - taken))
if given > 0 then
    redis.call('HINCRBY', KEYS[1], string.format('%d', here), given)
    redis.call('PEXPIRE', KEYS[1], math.ceil(window + slot))
end
return {given, math.max(1, math.ceil(((oldest or here) + slots + 1) * slot - now))}
"""
_TAKE_SHA = hashlib.sha1(_TAKE.encode(), usedforsecurity=False).hexdigest()
EXTENSION = "mcpshop_rates"
_rests_until = 0.0


@dataclass(frozen=True, slots=True)
class _Rate:
    """So many in a window of milliseconds, counted under a key."""

    key: str
    limit: int
    window: int


@dataclass(slots=True, eq=False)
class _Ask:
    """One who wants one; `wait` is in milliseconds, 0 when there was one left, None while nobody knows."""

    rate: _Rate
    wait: int | None = None
    error: RedisError | None = None


class _Together:
    """Asks Redis for all who wait, one question after the other."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._waiting: list[_Ask] = []

    def take(self, client: Redis, rate: _Rate) -> int:
        """The milliseconds to wait, 0 for none. Raises RedisError."""
        ask = _Ask(rate)
        self._waiting.append(ask)
        with self._turn:
            if ask.wait is None and ask.error is None:
                self._answer(client, ask)
        if ask.error is not None:
            raise ask.error
        return ask.wait or 0

    def _answer(self, client: Redis, mine: _Ask) -> None:
        """Mine too when whoever took it along was stopped before it had the answer."""
        asks, self._waiting = self._waiting, []
        if mine not in asks:
            asks.append(mine)
        try:
            for rate, wanted in Counter(each.rate for each in asks).items():
                given, wait = _ask_redis(client, rate, wanted)
                for place, each in enumerate(each for each in asks if each.rate == rate):
                    each.wait = 0 if place < given else wait
        except RedisError as error:
            for each in asks:
                each.error = error if each.wait is None else None


def _ask_redis(client: Redis, rate: _Rate, wanted: int) -> tuple[int, int]:
    """How many of so many may go, and the milliseconds that the others wait."""
    values = (1, PREFIX + rate.key, rate.limit, rate.window, _SLOTS, wanted)
    try:
        answer = client.evalsha(_TAKE_SHA, *values)
    except NoScriptError:
        answer = client.eval(_TAKE, *values)
    given, wait = cast(list[int], answer)
    return given, wait


def check_tool(actor: Actor, caller: str, name: str, switch: Switch) -> None:
    """Count a call of a tool against the limit that the database sets for it. Raises RateLimited."""
    if not switch.calls_per_minute:
        return
    check(
        f"tool:{_who(actor, caller)}:{name}",
        switch.calls_per_minute,
        N_("This tool may be called %(limit)s times a minute. Try again in %(seconds)s seconds."),
    )


def check(key: str, limit: int, message: str) -> None:
    """Count one against a limit per minute. Raises RateLimited with the message, which may name limit and seconds."""
    wait = take(key, limit)
    if wait:
        raise RateLimited(message, retry_after=wait, limit=limit, seconds=wait)


def take(key: str, limit: int, *, window_seconds: float = WINDOW_SECONDS) -> int:
    """Take one of `limit` in the window: 0, or the seconds after which there is one again. Never raises."""
    global _rests_until
    if not settings().ratelimit_enabled or time.monotonic() < _rests_until:
        return 0
    try:
        together: _Together = current_app.extensions.setdefault(EXTENSION, _Together())
        left = together.take(redis(), _Rate(key, limit, round(window_seconds * 1000)))
    except RedisError as error:
        _rests_until = time.monotonic() + REST_SECONDS
        log.warning("rate_not_counted key=%s error=%s", key, type(error).__name__)
        return 0
    return -(-left // 1000)


def _who(actor: Actor, caller: str) -> str:
    """A key's calls count together, whomever they are for; a person counts alone, in each group that it comes through."""
    if actor.group_id is None:
        return actor.subject
    group = f"group:{actor.group_id}"
    return group if caller.startswith(KEY_CALLER) else f"{group}:{actor.subject}"
