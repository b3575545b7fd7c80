"""Figures of the automation, all counted by the database, so the same whichever process is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import case, func, select

from app.core.clock import business_day, now
from app.db import db
from app.gateway.models import Rating
from app.notifications.models import Notification
from app.onboarding.models import AutomationRun, AutomationStep
from app.onboarding.workflow import OPEN, STEPS, Status, Step, StepStatus
from app.runtime import settings
from app.tools.durations import percentiles

PERIODS = (1, 7, 30, 90)
DEFAULT_PERIOD = 7
MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Registrations of one business day by what became of them; `fallback` of those that are done had the template."""

    day: date
    done: int = 0
    fallback: int = 0
    failed: int = 0
    open: int = 0
    skipped: int = 0

    @property
    def registrations(self) -> int:
        """All that were to be welcomed."""
        return self.done + self.failed + self.open


@dataclass(frozen=True, slots=True)
class StepFigures:
    """Of one step: how often it was done and failed for good or for now; milliseconds of the last attempts."""

    step: Step
    done: int
    failed: int
    retried: int
    p50_ms: int | None
    p95_ms: int | None

    @property
    def success_rate(self) -> float | None:
        """Done of all that were tried; None when none was."""
        tried = self.done + self.failed
        return round(self.done / tried, 4) if tried else None


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """How many steps ended an attempt with this kind of error."""

    step: str
    code: str
    steps: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything about the registrations from `first` to `last`, business days. Times in milliseconds."""

    first: date
    last: date
    days: tuple[DayFigures, ...]
    steps: tuple[StepFigures, ...]
    errors: tuple[ErrorFigures, ...]
    welcome_p50_ms: int | None
    welcome_p95_ms: int | None
    rating: float | None
    ratings: int
    notifications: int
    today: DayFigures = field(default_factory=lambda: DayFigures(date.min))

    @property
    def registrations(self) -> int:
        return sum(day.registrations for day in self.days)

    @property
    def done(self) -> int:
        return sum(day.done for day in self.days)

    @property
    def failed(self) -> int:
        return sum(day.failed for day in self.days)

    @property
    def fallback(self) -> int:
        return sum(day.fallback for day in self.days)

    @property
    def success_rate(self) -> float | None:
        """Finished runs that needed nobody, of all that are finished."""
        ended = self.done + self.failed
        return round(self.done / ended, 4) if ended else None


def read_figures(days: int = DEFAULT_PERIOD) -> Figures:
    """The figures of the last business days, today included. Six statements."""
    last = business_day(now(), settings().shop_timezone)
    first = last - timedelta(days=days - 1)
    by_day = _days(first)
    rows = tuple(by_day.get(day, DayFigures(day)) for day in (first + timedelta(days=n) for n in range(days)))
    p50, p95 = _welcome(first)
    rating, ratings = _rating(first)
    return Figures(
        first=first,
        last=last,
        days=rows,
        steps=_steps(first),
        errors=_errors(first),
        welcome_p50_ms=p50,
        welcome_p95_ms=p95,
        rating=rating,
        ratings=ratings,
        notifications=_notifications(first),
        today=rows[-1],
    )


def _days(first: date) -> dict[date, DayFigures]:
    counted = (
        select(AutomationRun.day, AutomationRun.status, func.count())
        .add_columns(func.sum(case((AutomationRun.is_fallback, 1), else_=0)))
        .where(AutomationRun.day >= first)
        .group_by(AutomationRun.day, AutomationRun.status)
    )
    found: dict[date, Counter[str]] = {}
    for day, status, runs, fallback in db.session.execute(counted):
        kind = "open" if status in OPEN else status
        # The customers of failed runs all have the template.
        by_template = int(fallback or 0) if kind == Status.DONE.value else 0
        found.setdefault(day, Counter()).update({kind: runs, "fallback": by_template})
    return {
        day: DayFigures(
            day=day,
            done=counts[Status.DONE.value],
            fallback=counts["fallback"],
            failed=counts[Status.FAILED.value],
            open=counts["open"],
            skipped=counts[Status.SKIPPED.value],
        )
        for day, counts in found.items()
    }


def _steps(first: date) -> tuple[StepFigures, ...]:
    counted = (
        select(AutomationStep.name, AutomationStep.status, AutomationStep.duration_ms, func.count())
        .add_columns(func.sum(case((AutomationStep.attempts > 1, 1), else_=0)))
        .join(AutomationRun, AutomationRun.id == AutomationStep.run_id)
        .where(AutomationRun.day >= first, AutomationStep.attempts > 0)
        .group_by(AutomationStep.name, AutomationStep.status, AutomationStep.duration_ms)
    )
    states: dict[str, Counter[str]] = {step.value: Counter() for step in STEPS}
    times: dict[str, Counter[int]] = {step.value: Counter() for step in STEPS}
    for name, status, took, steps, retried in db.session.execute(counted):
        states[name].update({status: steps, "retried": int(retried or 0)})
        if took is not None:
            times[name][took] += steps
    return tuple(_step(step, states[step.value], times[step.value]) for step in STEPS)


def _step(step: Step, states: Counter[str], times: Counter[int]) -> StepFigures:
    p50, p95 = percentiles(times, 50, 95)
    return StepFigures(
        step=step,
        done=states[StepStatus.DONE.value],
        failed=states[StepStatus.FAILED.value],
        retried=states["retried"],
        p50_ms=p50,
        p95_ms=p95,
    )


def _errors(first: date) -> tuple[ErrorFigures, ...]:
    steps = func.count()
    counted = (
        select(AutomationStep.name, AutomationStep.error_code, steps)
        .join(AutomationRun, AutomationRun.id == AutomationStep.run_id)
        .where(AutomationRun.day >= first, AutomationStep.error_code != "")
        .group_by(AutomationStep.name, AutomationStep.error_code)
        .order_by(steps.desc(), AutomationStep.name, AutomationStep.error_code)
        .limit(MOST_ERRORS)
    )
    return tuple(ErrorFigures(*row) for row in db.session.execute(counted))


def _welcome(first: date) -> tuple[int | None, int | None]:
    counted = (
        select(AutomationRun.welcome_ms, func.count())
        .where(AutomationRun.day >= first, AutomationRun.welcome_ms.is_not(None))
        .group_by(AutomationRun.welcome_ms)
    )
    times = {took: runs for took, runs in db.session.execute(counted) if took is not None}
    p50, p95 = percentiles(times, 50, 95)
    return p50, p95


def _rating(first: date) -> tuple[float | None, int]:
    average, ratings = db.session.execute(
        select(func.avg(Rating.score), func.count(Rating.score))
        .join(AutomationRun, AutomationRun.conversation_id == Rating.conversation_id)
        .where(AutomationRun.day >= first)
    ).one()
    return (round(float(average), 2) if average is not None else None), ratings


def _notifications(first: date) -> int:
    told = (
        select(func.count())
        .select_from(Notification)
        .join(AutomationRun, AutomationRun.user_id == Notification.about_user_id)
        .where(AutomationRun.day >= first, Notification.kind == "customer.registered")
    )
    return db.session.scalar(told) or 0
