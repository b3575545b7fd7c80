"""Periods as people name them, and the dates they stand for.

A :class:`Period` keeps what was meant ("last week"), so that a saved report asks for another week next week;
:func:`resolve` gives its dates. Definitions: the last 7 days end today; a week is Monday to Sunday; the
current week, month, quarter or year ends today; "the last month" by calendar, "the last 1 month" 30 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Kind = Literal["rolling", "calendar", "dates", "all"]
Unit = Literal["day", "week", "month", "quarter", "year"]

ROLLING_DAYS: dict[Unit, int] = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
LONGEST_DAYS = 3_660


@dataclass(frozen=True, slots=True)
class Period:
    """A period as it was said.

    `rolling`: `count` units that end today. `calendar`: `count` whole units, the last of them `back` units before
    the current one (negative: the future). `dates`: from `start` to `end` (None: until today). `all`: everything.
    """

    kind: Kind
    unit: Unit = "day"
    count: int = 1
    back: int = 0
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


def rolling(count: int, unit: Unit = "day") -> Period:
    """The last `count` units, ending today."""
    return Period("rolling", unit, max(1, min(count, LONGEST_DAYS // ROLLING_DAYS[unit])))


def calendar(unit: Unit, back: int = 0, count: int = 1) -> Period:
    """`count` whole units, the last of them `back` before the current one."""
    return Period("calendar", unit, max(1, min(count, 60)), max(-60, min(back, 500)))


def between(start: date, end: date | None = None) -> Period:
    """The days from `start` to `end`, in either order; until today without an end."""
    if end is not None and end < start:
        start, end = end, start
    return Period("dates", start=start, end=end)


EVERYTHING = Period("all")
EARLIEST = date(2000, 1, 1)


def resolve(period: Period, today: date, first_day: date | None = None) -> Span:
    """The dates of `period`, cut at today unless all of it is in the future; `all` begins on `first_day`."""
    if period.kind == "all":
        return Span(min(first_day or EARLIEST, today), today)
    if period.kind == "rolling":
        length = ROLLING_DAYS[period.unit] * period.count
        return Span(today - timedelta(days=length - 1), today)
    if period.kind == "dates":
        start = period.start or today
        return _cut(start, period.end or max(today, start), today)
    last = shift(beginning(today, period.unit), period.unit, -period.back)
    first = shift(last, period.unit, 1 - period.count)
    return _cut(first, shift(last, period.unit, 1) - timedelta(days=1), today)


def _cut(start: date, end: date, today: date) -> Span:
    return Span(start, min(end, today) if start <= today else end)


def before(span: Span) -> Span:
    """The equally long span that ends the day before `span` begins (环比)."""
    end = span.start - timedelta(days=1)
    return Span(end - timedelta(days=span.days - 1), end)


def year_before(span: Span) -> Span:
    """The same dates a year earlier (同比); 29 February becomes the 28th."""
    return Span(_last_year(span.start), _last_year(span.end))


def _last_year(day: date) -> date:
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


def beginning(day: date, unit: Unit) -> date:
    """The first day of the unit that `day` lies in."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def shift(day: date, unit: Unit, by: int) -> date:
    """`day`, the first of its unit, moved by whole units."""
    if unit in ("day", "week"):
        return day + timedelta(days=by * ROLLING_DAYS[unit])
    months = {"month": 1, "quarter": 3, "year": 12}[unit] * by + day.year * 12 + day.month - 1
    return date(months // 12, months % 12 + 1, 1)


def buckets(span: Span, unit: Unit) -> list[Span]:
    """The units that `span` is made of, the first and the last cut to it."""
    found, start = [], beginning(span.start, unit)
    while start <= span.end:
        following = shift(start, unit, 1)
        found.append(Span(max(start, span.start), min(following - timedelta(days=1), span.end)))
        start = following
    return found
