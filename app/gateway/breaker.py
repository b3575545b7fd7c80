"""A circuit breaker per way to an answer, shared by all processes through Redis.

Five failures within a minute, with no success among them, open it; for half a minute nobody asks that model. Then one
request at a time may try: its success closes the breaker, its failure opens it again. All is done by scripts on
Redis' own clock, so it is the same for all processes. Without Redis every breaker is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from logging import getLogger
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from app.redis_line import Line
from app.runtime import redis

log = getLogger(__name__)
MAX_REST_SECONDS = 60.0
_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
# KEYS: the state {open_until, probe_until} and the list of the last failures, newest first; times in milliseconds.
_ADMIT = (
    _NOW
    + """
local until_ = redis.call('HGET', KEYS[1], 'open_until')
if not until_ then return 'closed' end
local probe = redis.call('HGET', KEYS[1], 'probe_until')
if now < tonumber(until_) or (probe and now < tonumber(probe)) then return 'open' end
redis.call('HSET', KEYS[1], 'probe_until', now + ARGV[1])
return 'half_open'
"""
)
_FAIL = (
    _NOW
    + """
local probed, most, window, rest = ARGV[1] == '1', tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local is_open = redis.call('EXISTS', KEYS[1]) == 1
if not is_open then
  redis.call('LPUSH', KEYS[2], now)
  redis.call('LTRIM', KEYS[2], 0, most - 1)
  redis.call('PEXPIRE', KEYS[2], window)
  local full = redis.call('LLEN', KEYS[2]) >= most
  probed = full and now - tonumber(redis.call('LINDEX', KEYS[2], -1)) <= window
end
if probed then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'open_until', now + rest)
  redis.call('PEXPIRE', KEYS[1], rest + window)
end
return probed and 1 or 0
"""
)
_REST = (
    _NOW
    + """
redis.call('HSET', KEYS[1], 'open_until', now + ARGV[1])
redis.call('HDEL', KEYS[1], 'probe_until')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
)
_STATE = (
    _NOW
    + """
local until_ = redis.call('HGET', KEYS[1], 'open_until')
if not until_ then return 'closed' end
return now < tonumber(until_) and 'open' or 'half_open'
"""
)


class State(StrEnum):
    """What a breaker lets through: everything, nothing, or one request that tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


def state_of(key: str) -> State:
    """The state of a way to an answer, by `Route.circuit`; closed when nobody knows."""
    return Breaker(redis()).state_of(key)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breakers of all keys. A try that never ends is forgotten after `probe_seconds`.

    What every answer asks goes by the `line`, where there is one: give it to those who write by it all the time.
    """

    redis: Redis
    line: Line | None = None
    failures: int = 5
    window_seconds: float = 60.0
    open_seconds: float = 30.0
    probe_seconds: float = 30.0

    def admit(self, key: str) -> State:
        """Whether to ask: not when OPEN. HALF_OPEN makes the caller the one that tries: it must report the end."""
        return self._state(_ADMIT, key, _ms(self.probe_seconds))

    def succeed(self, key: str, admitted: State) -> None:
        """An answer has begun."""
        keys = _keys(key)
        gone = keys if admitted is State.HALF_OPEN else keys[1:]
        if self.line is not None and admitted is not State.HALF_OPEN:
            # An answer in the making writes again soon.
            self.line.send_along("DEL", *gone)
            return
        self._quietly(lambda: self.redis.delete(*gone))

    def fail(self, key: str, admitted: State) -> None:
        """There was no answer, or it broke off."""
        is_try = "1" if admitted is State.HALF_OPEN else "0"
        limits = (str(self.failures), _ms(self.window_seconds), _ms(self.open_seconds))
        self._quietly(lambda: self.redis.eval(_FAIL, 2, *_keys(key), is_try, *limits))

    def rest(self, key: str, seconds: float) -> None:
        """Ask nobody for as long as the provider wants, a minute at most."""
        self._quietly(lambda: self.redis.eval(_REST, 1, _keys(key)[0], _ms(min(seconds, MAX_REST_SECONDS))))

    def release(self, key: str, admitted: State) -> None:
        """It was not found out: let the next one try."""
        if admitted is State.HALF_OPEN:
            self._quietly(lambda: self.redis.hdel(_keys(key)[0], "probe_until"))

    def state_of(self, key: str) -> State:
        """The state, changing nothing."""
        return self._state(_STATE, key)

    def _state(self, script: str, key: str, *arguments: str) -> State:
        try:
            return State(cast(str, self._ask("EVAL", script, 1, _keys(key)[0], *arguments)))
        except RedisError as error:
            log.warning("breaker_unknown key=%s error=%s", key, error)
            return State.CLOSED

    def _ask(self, *command: str | int) -> object:
        if self.line is None:
            return self.redis.execute_command(*command)  # type: ignore[no-untyped-call]
        (answer,) = self.line.send(command)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _quietly(self, call: object) -> None:
        try:
            call()  # type: ignore[operator]
        except RedisError as error:
            log.warning("breaker_not_told error=%s", error)


def _keys(key: str) -> tuple[str, str]:
    return f"gw:breaker:{key}", f"gw:breaker:{key}:failures"


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))
