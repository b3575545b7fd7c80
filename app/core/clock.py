"""The one source of time. UTC inside, the shop's zone at the edges; tests set it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_offset = timedelta(0)
_frozen: datetime | None = None


def now() -> datetime:
    """The current time, aware, UTC."""
    return _frozen if _frozen is not None else datetime.now(UTC) + _offset


def business_day(moment: datetime, timezone: str) -> date:
    """The calendar date of a moment in the shop's zone."""
    return moment.astimezone(ZoneInfo(timezone)).date()


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Hold the clock at a moment (tests and the demo loader)."""
    global _frozen
    before, _frozen = _frozen, moment
    try:
        yield
    finally:
        _frozen = before


@contextmanager
def shifted(delta: timedelta) -> Iterator[None]:
    """Run the clock ahead by delta (tests)."""
    global _offset
    before, _offset = _offset, _offset + delta
    try:
        yield
    finally:
        _offset = before
