"""Saved reports in words, for their pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext

from app.core.errors import N_
from app.insights.formats import NOTHING, money_or_figure
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.saved.models import ReportRun, SavedReport
from app.insights.saved.rules import WEEKLY, Alert, Schedule, from_micros
from app.insights.wording import understood_as
from app.operations.saved.forms import COMPARATORS, WEEKDAYS

STATES = {
    "pending": N_("Waiting for a worker"),
    "running": N_("Being made"),
    "done": N_("Made"),
    "failed": N_("Failed"),
}
PILLS = {"pending": "pending", "running": "running", "done": "ok", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report in the list."""

    id: int
    name: str
    asks: str
    schedule: str
    next_due_at: datetime | None
    alert: str
    is_on: bool
    is_shared: bool


@dataclass(frozen=True, slots=True)
class RunLine:
    """A due time and what came of it."""

    due_at: datetime
    pill: str
    state: str
    row_count: int | None
    figure: str
    alerted: bool
    error: str


def list_lines(reports: Sequence[SavedReport], context: Context) -> list[ReportLine]:
    """The reports with what they ask today."""
    return [
        ReportLine(
            id=report.id,
            name=report.name,
            asks=understood_as(report.question, context),
            schedule=schedule_text(report.schedule),
            next_due_at=report.next_due_at,
            alert=alert_text(report.alert, context.locale),
            is_on=report.alert_is_on,
            is_shared=report.share_token is not None,
        )
        for report in reports
    ]


def run_lines(runs: Sequence[ReportRun], metric: str) -> list[RunLine]:
    """`metric` is the alert's, "" without one."""
    unit = catalogue().metrics[metric].unit if metric else ""
    return [
        RunLine(
            due_at=run.due_at,
            pill=PILLS[run.status],
            state=str(gettext(STATES[run.status])),
            row_count=run.row_count,
            figure=_figure(run.figure_micros, unit),
            alerted=run.alerted,
            error=run.error,
        )
        for run in runs
    ]


def _figure(micros: int | None, unit: str) -> str:
    if micros is None or not unit:
        return NOTHING
    return money_or_figure(float(from_micros(micros)), unit)


def schedule_text(schedule: Schedule | None) -> str:
    """Every Monday at 08:30."""
    if schedule is None:
        return ""
    if schedule.rhythm == WEEKLY:
        day = str(WEEKDAYS[schedule.weekday][1])
        return str(gettext("Every week on %(day)s at %(time)s", day=day, time=schedule.clock_text))
    return str(gettext("Every day at %(time)s", time=schedule.clock_text))


def alert_text(alert: Alert | None, locale: str) -> str:
    """GMV below ¥10,000.00."""
    if alert is None:
        return ""
    entry = catalogue().metrics[alert.metric]
    sign = str(dict(COMPARATORS)[alert.comparator])
    return f"{entry.name(locale)} {sign} {money_or_figure(float(alert.value), entry.unit)}"
