"""What a saved report may be, and when it is due. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from app.core.errors import N_, InvalidParam
from app.insights.metrics.catalogue import catalogue
from app.insights.question import Question

MAX_NAME = 80
# Of one person; a scheduled report costs a worker's time every day.
MAX_REPORTS = 50
MAX_SCHEDULED = 10
DAILY, WEEKLY = "daily", "weekly"
RHYTHMS = (DAILY, WEEKLY)
MINUTES = 24 * 60
MAX_VALUE = Decimal(10) ** 12
COMPARATORS = ("lt", "le", "gt", "ge")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Daily, or weekly on `weekday` (0 is Monday), so many minutes after midnight in the shop's zone."""

    rhythm: str
    at_minute: int
    weekday: int = 0

    @property
    def clock_text(self) -> str:
        """The time of day, such as 08:30."""
        return f"{self.at_minute // 60:02d}:{self.at_minute % 60:02d}"


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires when the metric, over the report's period and filters and without its splits, compares so with the value.

    Money is yuan, a ratio 0 to 1.
    """

    metric: str
    comparator: str
    value: Decimal

    def is_crossed(self, figure: Decimal) -> bool:
        """Whether the figure lies beyond the value."""
        return {
            "lt": figure < self.value,
            "le": figure <= self.value,
            "gt": figure > self.value,
            "ge": figure >= self.value,
        }[self.comparator]


def to_micros(value: Decimal) -> int:
    """In millionths, as figures of alerts are stored."""
    return int((value * 1_000_000).to_integral_value())


def from_micros(micros: int) -> Decimal:
    """The value of millionths."""
    return Decimal(micros) / 1_000_000


def next_due(schedule: Schedule, after: datetime, timezone: str) -> datetime:
    """The first moment of the schedule that lies after `after`, in UTC.

    On a day whose clocks skip the time it is an hour later by the clock; where they show it twice, the first counts.
    """
    zone = ZoneInfo(timezone)
    wall = time(schedule.at_minute // 60, schedule.at_minute % 60)
    day = after.astimezone(zone).date()
    if schedule.rhythm == WEEKLY:
        day += timedelta(days=(schedule.weekday - day.weekday()) % 7)
    step = timedelta(days=7 if schedule.rhythm == WEEKLY else 1)
    due = datetime.combine(day, wall, zone).astimezone(UTC)
    while due <= after:
        day += step
        due = datetime.combine(day, wall, zone).astimezone(UTC)
    return due


def check_name(name: str) -> str:
    """The name in one line. Raises InvalidParam."""
    clean = "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
    if not 1 <= len(clean) <= MAX_NAME:
        raise InvalidParam(fields={"name": N_("Give it a name of at most 80 characters.")})
    return clean


def check_schedule(rhythm: str, at: str, weekday: int) -> Schedule | None:
    """The schedule; None for the rhythm "". `at` is "08:30". Raises InvalidParam."""
    if not rhythm:
        return None
    if rhythm not in RHYTHMS:
        raise InvalidParam(fields={"rhythm": N_("Choose daily or weekly.")})
    if not 0 <= weekday <= 6:
        raise InvalidParam(fields={"weekday": N_("Choose a day of the week.")})
    try:
        wall = time.fromisoformat(at) if len(at) == len("08:30") else None
    except ValueError:
        wall = None
    if wall is None:
        raise InvalidParam(fields={"at": N_("Write the time as 08:30.")})
    return Schedule(rhythm, wall.hour * 60 + wall.minute, weekday if rhythm == WEEKLY else 0)


def check_alert(metric: str, comparator: str, value: Any, question: Question) -> Alert | None:
    """The alert; None for the metric "". Its metric is one of the report's. Raises InvalidParam."""
    if not metric:
        return None
    if metric not in question.metrics:
        raise InvalidParam(fields={"alert_metric": N_("Choose a figure of this report.")})
    if comparator not in COMPARATORS:
        raise InvalidParam(fields={"alert_comparator": N_("Choose above or below.")})
    number = _number(value)
    if number is None:
        raise InvalidParam(fields={"alert_value": N_("Write a number.")})
    return Alert(metric, comparator, number)


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return from_micros(to_micros(number)) if number.is_finite() and abs(number) < MAX_VALUE else None


def is_ratio(metric: str) -> bool:
    """Whether people say it in per cent."""
    return catalogue().metrics[metric].unit == "ratio"
