"""Figures of the calls: how many, how many failed and why, how long they took; read from the counts.

Two statements whatever the period and however long the log is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from app.core.clock import now
from app.core.errors import RateLimited
from app.db import db
from app.mcp.log_queries import ERROR, OK, CallFilter
from app.tools.call_counts import DAY, HOUR, HOURS_KEPT, day_of, hour_of
from app.tools.durations import percentiles
from app.tools.models import ToolCallCount

COUNT = ToolCallCount
DEFAULT_PERIOD = "24h"
PERIODS = {"24h": (HOUR, 24), "7d": (DAY, 7), "30d": (DAY, 30)}
STEPS = {HOUR: timedelta(hours=1), DAY: timedelta(days=1)}
# A chart of more points says no more.
MAX_HOURS, MAX_DAYS = 48, 90


@dataclass(slots=True)
class Figures:
    """Figures of any group of calls. `durations` leaves out what a limit refused: that never ran."""

    calls: int = 0
    errors: int = 0
    durations: Counter[int] = field(default_factory=Counter)

    @property
    def error_rate(self) -> float:
        """From 0 to 1; 0 without a call."""
        return self.errors / self.calls if self.calls else 0.0

    def percentiles(self) -> tuple[int | None, int | None]:
        """The median and the 95th percentile in milliseconds."""
        p50, p95 = percentiles(self.durations, 50, 95)
        return p50, p95

    def add(self, code: str, duration_ms: int, calls: int) -> None:
        """Take in calls of one kind."""
        self.calls += calls
        self.errors += calls if code else 0
        if code != RateLimited.code:
            self.durations[duration_ms] += calls


@dataclass(frozen=True, slots=True)
class Line:
    """Figures of a tool ("" is one that there is not) or of a group (0 is none)."""

    key: Any
    figures: Figures
    p50: int | None
    p95: int | None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error; `tools` are the tools that it happened in, most often first."""

    code: str
    calls: int
    tools: Sequence[str]


@dataclass(frozen=True, slots=True)
class Point:
    """Calls and errors of an hour or a day."""

    start: datetime
    calls: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Figures since a moment, as a whole and by tool, group and kind of error; what is most comes first."""

    total: Line
    tools: Sequence[Line]
    groups: Sequence[Line]
    kinds: Sequence[Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Calls over time without a gap, by `span`, "hour" or "day"."""

    span: str
    points: Sequence[Point]


def start_of(period: str) -> datetime:
    """When one of PERIODS began: with a full hour, or a business day of the shop."""
    span, number = PERIODS[period]
    return _back(span, now(), number - 1)


def totals_of(period: str) -> Totals:
    """The figures of one of PERIODS; one statement."""
    return _totals(PERIODS[period][0], start_of(period))


def totals_of_days(days: int) -> Totals:
    """The figures of so many business days, today included; one statement."""
    return _totals(DAY, _back(DAY, now(), days - 1))


def _totals(span: str, start: datetime) -> Totals:
    kind = (COUNT.tool_name, COUNT.group_id, COUNT.error_code, COUNT.duration_ms)
    rows = db.session.execute(
        select(*kind, func.sum(COUNT.calls)).where(*_since(span, start)).group_by(*kind)
    ).all()
    counted = [(tool, group, code, duration, int(calls)) for tool, group, code, duration, calls in rows]
    everything = _lines((None, *row[2:]) for row in counted)
    return Totals(
        total=everything[0] if everything else _line(None, Figures()),
        tools=_lines((row[0], *row[2:]) for row in counted),
        groups=_lines((row[1], *row[2:]) for row in counted),
        kinds=_kinds(counted),
    )


def series_of(period: str) -> Series:
    """Calls and errors over one of PERIODS; one statement."""
    span, number = PERIODS[period]
    return _series(span, start_of(period), number, ())


def series_of_days(days: int) -> Series:
    """Calls and errors by business day, today included; one statement."""
    return _series(DAY, _back(DAY, now(), days - 1), days, ())


def series_for(wanted: CallFilter) -> Series | None:
    """Calls over the time that a list of the log is about, the last 24 hours without any; one statement.

    None when the list is of one caller or a text, which are not counted.
    """
    if wanted.caller or wanted.text:
        return None
    last = min(wanted.until - timedelta(microseconds=1) if wanted.until else now(), now())
    first = wanted.since or (_back(DAY, last, 29) if wanted.until else last - timedelta(hours=23))
    is_recent = first > now() - HOURS_KEPT and last - first <= timedelta(hours=MAX_HOURS)
    span, most = (HOUR, MAX_HOURS + 1) if is_recent else (DAY, MAX_DAYS)
    end = hour_of(last) if span == HOUR else day_of(last)
    begin = hour_of(first) if span == HOUR else day_of(first)
    number = round((end - begin) / STEPS[span]) + 1
    number = max(1, min(most, number))
    return _series(span, _back(span, last, number - 1), number, _about(wanted))


def _back(span: str, moment: datetime, number: int) -> datetime:
    """The beginning of the hour or business day so many before the moment's own."""
    if span == HOUR:
        return hour_of(moment) - timedelta(hours=number)
    # By the noon of the day, which is there in every zone and on every day.
    noon = day_of(moment) + timedelta(hours=12)
    return day_of(noon - timedelta(days=number))


def _since(span: str, start: datetime) -> tuple[ColumnElement[bool], ...]:
    return COUNT.span == span, COUNT.start >= start


def _about(wanted: CallFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.tool:
        conditions.append(COUNT.tool_name == wanted.tool)
    if wanted.group_id is not None:
        conditions.append(COUNT.group_id == wanted.group_id)
    if wanted.outcome in (OK, ERROR):
        conditions.append((COUNT.error_code == "") if wanted.outcome == OK else (COUNT.error_code != ""))
    if wanted.error_code:
        conditions.append(COUNT.error_code == wanted.error_code)
    return conditions


def _series(span: str, start: datetime, number: int, conditions: Iterable[ColumnElement[bool]]) -> Series:
    failed = func.sum(case((COUNT.error_code != "", COUNT.calls), else_=0))
    rows = db.session.execute(
        select(COUNT.start, func.sum(COUNT.calls), failed)
        .where(*_since(span, start), *conditions)
        .group_by(COUNT.start)
    ).all()
    found = {begin: (int(calls), int(errors)) for begin, calls, errors in rows}
    starts = [_forward(span, start, step) for step in range(number)]
    return Series(span=span, points=[Point(each, *found.get(each, (0, 0))) for each in starts])


def _forward(span: str, start: datetime, number: int) -> datetime:
    return (
        start + timedelta(hours=number) if span == HOUR else _back(DAY, start + timedelta(hours=12), -number)
    )


def _lines(rows: Iterable[tuple[Any, str, int, int]]) -> list[Line]:
    """Figures by the first value of each row."""
    found: dict[Any, Figures] = {}
    for key, code, duration, calls in rows:
        found.setdefault(key, Figures()).add(code, duration, calls)
    lines = [_line(key, figures) for key, figures in found.items()]
    return sorted(lines, key=lambda line: (-line.figures.calls, str(line.key)))


def _line(key: Any, figures: Figures) -> Line:
    return Line(key, figures, *figures.percentiles())


def _kinds(rows: Iterable[tuple[str, int, str, int, int]]) -> list[Kind]:
    found: dict[str, Counter[str]] = {}
    for tool, _group, code, _duration, calls in rows:
        if code:
            found.setdefault(code, Counter())[tool] += calls
    kinds = [
        Kind(code, tools.total(), [name for name, _ in tools.most_common()]) for code, tools in found.items()
    ]
    return sorted(kinds, key=lambda kind: (-kind.calls, kind.code))
