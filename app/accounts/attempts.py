"""How often somebody may try to sign in or register: per address and name, pages and API together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from logging import getLogger
from typing import Any

from flask import request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter
from redis.exceptions import RedisError

from app.accounts.rules import username_key
from app.core.errors import N_, RateLimited
from app.core.ids import digest
from app.extensions import limiter
from app.runtime import settings

log = getLogger(__name__)
LOGIN_PER_ADDRESS = parse_many("60/minute; 600/hour")
LOGIN_PER_NAME = parse_many("10/minute; 60/hour")
REGISTRATION_PER_ADDRESS = parse_many("30/minute; 300/hour")
# Counts in this process when Redis is away: less strict is better than nobody getting in.
_fallback = FixedWindowRateLimiter(MemoryStorage())


def count_login(name: str) -> None:
    """Count one attempt to sign in as `name`. Raises RateLimited."""
    _count(LOGIN_PER_ADDRESS, "login-address", _address())
    _count(LOGIN_PER_NAME, "login-name", _name_key(name))


def forget_logins(name: str) -> None:
    """Start counting anew for a name whose owner has just proved to be there."""
    if settings().ratelimit_enabled:
        for item in LOGIN_PER_NAME:
            _ask(RateLimiter.clear, item, "login-name", _name_key(name))


def count_registration() -> None:
    """Count one attempt to register. Raises RateLimited."""
    _count(REGISTRATION_PER_ADDRESS, "register-address", _address())


def _address() -> str:
    return request.remote_addr or "unknown"


def _name_key(name: str) -> str:
    return digest(username_key(name[:300]).encode("utf-8", "replace").decode())


def _count(items: Sequence[RateLimitItem], scope: str, key: str) -> None:
    if not settings().ratelimit_enabled:
        return
    for item in items:
        if not _ask(RateLimiter.hit, item, scope, key):
            window = _ask(RateLimiter.get_window_stats, item, scope, key)
            seconds = max(1, int(window.reset_time - time.time()) + 1)
            log.warning("attempts_exceeded scope=%s retry_after=%s", scope, seconds)
            raise RateLimited(
                N_("Too many attempts. Please try again in %(minutes)s min."),
                retry_after=seconds,
                minutes=-(-seconds // 60),
            )


def _ask(question: Callable[..., Any], *arguments: Any) -> Any:
    """Ask the shared store, or this process's own when Redis does not answer."""
    method = question.__name__
    try:
        return getattr(limiter.limiter, method)(*arguments)
    except RedisError as error:
        log.warning("attempts_store_unavailable error=%s", type(error).__name__)
        return getattr(_fallback, method)(*arguments)
