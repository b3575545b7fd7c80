"""Password hashes: argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), about 15 ms each.

In the web process they are computed in real threads: everything else there waits for nobody's password.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from functools import cache, partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent import monkey
from gevent.threadpool import ThreadPool

T = TypeVar("T")

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified when there is no such user, so that the answer takes the same time. Made with the parameters above.
DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
MAX_CHARACTERS = 128


def hash_password(password: str) -> str:
    """The hash to store."""
    return _aside(partial(_hasher.hash, _prepared(password)))


def is_right_password(stored: str | None, password: str) -> bool:
    """True when the password belongs to the hash. As slow when there is none or it is unusable."""
    try:
        return _aside(partial(_hasher.verify, stored or DUMMY_HASH, _prepared(password)))
    except InvalidHashError:
        return is_right_password(None, password)
    except VerificationError:
        return False


def is_outdated(stored: str) -> bool:
    """True when the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _prepared(password: str) -> bytes:
    """The same characters typed on another keyboard are the same password (NIST SP 800-63B 5.1.1.2)."""
    # No password is this long; cutting keeps a huge one from costing time.
    cut = password[: MAX_CHARACTERS * 2]
    return unicodedata.normalize("NFKC", cut).encode("utf-8", "surrogatepass")


def _aside(call: Callable[[], T]) -> T:
    """What the call returns or raises; under gevent only the greenlet that asks waits for it."""
    if not monkey.is_module_patched("threading"):
        return call()
    found: T = _threads().apply(call)
    return found


@cache
def _threads() -> ThreadPool:
    return ThreadPool(os.cpu_count() or 1)
