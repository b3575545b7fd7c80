"""A small cache of this process for what many pages ask and few changes touch.

Entries live for seconds, and a change of a product in the same process drops them all; another process sees
it when they expire. Each database (engine) has entries of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app.db import db

Value = TypeVar("Value")
MAX_ENTRIES = 200
RENEWAL_SECONDS = 1.0

_entries: WeakKeyDictionary[Engine, dict[Hashable, tuple[float, Any]]] = WeakKeyDictionary()
_generation = 0


def cached(key: Hashable, seconds: float, make: Callable[[], Value]) -> Value:
    """The value kept under `key`, made anew when it is older than `seconds`. It must not be changed.

    While one request makes it anew, others go on with the old one for up to RENEWAL_SECONDS.
    """
    entries = _entries.setdefault(db.engine, {})
    found = entries.get(key)
    if found is not None:
        value: Value = found[1]
        if found[0] > time.monotonic():
            return value
        entries[key] = (time.monotonic() + RENEWAL_SECONDS, value)
    generation = _generation
    value = make()
    # What was read before a change that has happened meanwhile is not kept.
    if generation == _generation:
        if len(entries) >= MAX_ENTRIES:
            entries.clear()
        entries[key] = (time.monotonic() + seconds, value)
    return value


def clear() -> None:
    """Forget everything: a product or category has changed."""
    global _generation
    _generation += 1
    _entries.clear()
