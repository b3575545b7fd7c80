"""How often something may be done in a minute, counted in Redis and so for all processes together.

A sliding window: the last 60 seconds in slots of 5, so never more than the limit in any 60 seconds. Only what was
let through counts, so a client that keeps trying gets its share. Redis' own clock is the only one. Without Redis
everything is let through, and a warning is logged.
"""

from __future__ import annotations

import time
from logging import getLogger
from typing import cast

from redis.exceptions import RedisError

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
if taken < limit then
    redis.call('HINCRBY', KEYS[1], string.format('%d', here), 1)
    redis.call('PEXPIRE', KEYS[1], math.ceil(window + slot))
    return 0
end
return math.max(1, math.ceil(((oldest or here) + slots + 1) * slot - now))
"""
_rests_until = 0.0


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
        milliseconds = round(window_seconds * 1000)
        left = cast(int, redis().eval(_TAKE, 1, PREFIX + key, limit, milliseconds, _SLOTS))
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
