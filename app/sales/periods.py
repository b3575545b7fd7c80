"""Days as moments. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta


def bounds_of(days: Iterable[date]) -> Iterator[tuple[datetime, datetime]]:
    """First and last moment (not included) of each stretch of UTC days that follow one another."""
    first = last = None
    for day in sorted(days):
        if last is not None and day != last + timedelta(days=1):
            yield _begin(first or last), _begin(last + timedelta(days=1))
            first = day
        first, last = first or day, day
    if last is not None:
        yield _begin(first or last), _begin(last + timedelta(days=1))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
