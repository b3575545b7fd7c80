"""Making a due report, in a worker: run its question, look at its alert, write to its owner, all of it once.

The figures are worked out outside of any transaction. What follows from them, the run's end, the messages and the
alert's state, is one transaction that only the holder of the lease gets through: a worker that is killed leaves the run
to the next, and a second worker on the same run finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from logging import getLogger
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update

from app.accounts.messages import write_message
from app.accounts.queries import find_roles
from app.core.actor import Role
from app.core.clock import now
from app.core.errors import DomainError
from app.core.ids import new_id
from app.core.logging import fields
from app.db import db, in_transaction
from app.insights.answers import Understood
from app.insights.formats import money_or_figure
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.queries import current_context
from app.insights.question import Question
from app.insights.questions import understand
from app.insights.reporting import Ran, make_report
from app.insights.saved.clockwork import DONE, FAILED, PENDING, RUNNING
from app.insights.saved.models import ReportRun, SavedReport
from app.insights.saved.rules import Alert, from_micros, to_micros
from app.language.periods import Span
from app.runtime import settings

log = getLogger(__name__)
# Longer than a report may take; a run whose worker died is taken back after it.
LEASE = timedelta(seconds=180)
RETRY_AFTER = timedelta(seconds=60)
TRIES = 3
# Of a run whose worker dies each time.
MAX_ATTEMPTS = 5
KEPT_RUNS = 30
MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Work:
    """A run while a worker holds it. Only plain values: no transaction is open while it works."""

    run_id: int
    lease: str
    attempts: int
    report_id: int
    owner_id: int
    name: str
    question: Question
    alert: Alert | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the report showed. `figure` is what the alert looks at: None without an alert, or without data."""

    span: Span
    row_count: int
    figure: Decimal | None


def make(run_id: int) -> bool:
    """Make a run that is pending; False when another worker has it, or it could not be made."""
    work = in_transaction(partial(_claim, run_id))
    if work is None:
        return False
    try:
        outcome = work_out(work.question, work.alert)
    except DomainError as error:
        in_transaction(partial(_fail, work, error.text()))
        return False
    return in_transaction(partial(_finish, work, outcome))


def work_out(question: Question, alert: Alert | None) -> Outcome:
    """The report with today's dates, and the figure that the alert watches. Raises DomainError."""
    context = current_context(settings().shop_timezone)
    db.session.rollback()
    ran = _run(question, context)
    watched = None
    if alert is not None:
        whole = Question(metrics=(alert.metric,), filters=question.filters, period=question.period)
        watched = _only_cell(_run(whole, context))
    return Outcome(ran.report.span, len(ran.report.rows), watched)


def _run(question: Question, context: Context) -> Ran:
    understood = understand(question, context)
    if not isinstance(understood, Understood) or understood.compiled is None:
        raise DomainError(understood.message if not isinstance(understood, Understood) else None)
    return make_report(understood.compiled, context)


def _only_cell(ran: Ran) -> Decimal | None:
    """The one figure of a question without splits; None where there is no data."""
    cells = [row[-1] for row in ran.report.rows]
    if not cells or not isinstance(cells[0], int | float):
        return None
    return from_micros(to_micros(Decimal(str(cells[0]))))


# ---- holding a run ----


def _claim(run_id: int) -> Work | None:
    lease = new_id()
    taken = _change(
        (ReportRun.id == run_id) & (ReportRun.status == PENDING),
        status=RUNNING,
        lease=lease,
        lease_until=now() + LEASE,
        attempts=ReportRun.attempts + 1,
    )
    if not taken:
        return None
    run, report = db.session.execute(
        select(ReportRun, SavedReport)
        .join(SavedReport, SavedReport.id == ReportRun.report_id)
        .where(ReportRun.id == run_id)
        .execution_options(populate_existing=True)
    ).one()
    if not find_roles(report.owner_id) & {Role.OPERATOR, Role.ADMIN}:
        _stop(run, report)
        return None
    work = Work(
        run_id, lease, run.attempts, report.id, report.owner_id, report.name, report.question, report.alert
    )
    if run.attempts > MAX_ATTEMPTS:
        _fail(work, "too many attempts")
        return None
    return work


def _stop(run: ReportRun, report: SavedReport) -> None:
    """Nobody may read it any more: its owner is gone, or no operator now."""
    run.status, run.finished_at, run.error = FAILED, now(), "the owner is no operator any more"
    report.rhythm, report.next_due_at = "", None
    log.warning("saved_report_stopped %s", fields(report=report.id, owner=report.owner_id))


def _change(condition: Any, **values: Any) -> bool:
    changed = db.session.execute(
        update(ReportRun).where(condition).values(**values).execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1


def _end(work: Work, **values: Any) -> bool:
    """Let go of the run; False when it is another's by now, or gone with its report."""
    held = (ReportRun.id == work.run_id) & (ReportRun.lease == work.lease) & (ReportRun.status == RUNNING)
    return _change(held, lease="", **values)


# ---- what follows ----


def _fail(work: Work, error: str) -> None:
    at = now()
    log.warning("saved_report_failed %s", fields(report=work.report_id, run=work.run_id, error=error))
    if work.attempts < TRIES:
        _end(work, status=PENDING, error=error[:MAX_ERROR], lease_until=at + RETRY_AFTER * work.attempts)
        return
    if _end(work, status=FAILED, error=error[:MAX_ERROR], finished_at=at):
        _tell(work, "report.failed", {})


def _finish(work: Work, outcome: Outcome) -> bool:
    is_ours = _end(
        work,
        status=DONE,
        error="",
        finished_at=now(),
        row_count=outcome.row_count,
        figure_micros=None if outcome.figure is None else to_micros(outcome.figure),
    )
    if not is_ours:
        return False
    _tell(work, "report.ready", _days(outcome.span))
    if work.alert is not None and outcome.figure is not None:
        _look(work, work.alert, outcome.figure, outcome.span)
    _forget_old_runs(work.report_id)
    return True


def _look(work: Work, alert: Alert, figure: Decimal, span: Span) -> None:
    """Fire when the figure has crossed, arm again when it is back; an alert that was changed meanwhile stays as it is."""
    is_crossed = alert.is_crossed(figure)
    same = (
        (SavedReport.alert_metric == alert.metric)
        & (SavedReport.alert_comparator == alert.comparator)
        & (SavedReport.alert_micros == to_micros(alert.value))
    )
    turned = db.session.execute(
        update(SavedReport)
        .where(SavedReport.id == work.report_id, SavedReport.alert_is_on.is_(not is_crossed), same)
        .values(alert_is_on=is_crossed)
        .execution_options(synchronize_session=False)
    )
    if not is_crossed or cast("CursorResult[Any]", turned).rowcount != 1:
        return
    _change(ReportRun.id == work.run_id, alerted=True)
    entry = catalogue().metrics[alert.metric]
    told = {
        "metric": [{"name": entry.zh, "name_en": entry.en}],
        "figure": money_or_figure(float(figure), entry.unit),
        "bound": money_or_figure(float(alert.value), entry.unit),
        "comparator": alert.comparator,
    }
    _tell(work, "report.alert", {**told, **_days(span)})


def _days(span: Span) -> dict[str, str]:
    return {"first_day": span.start.isoformat(), "last_day": span.end.isoformat()}


def _tell(work: Work, template: str, values: Mapping[str, Any]) -> None:
    """Write to the owner, once for each run and kind."""
    told = {"name": work.name, "report_id": str(work.report_id), **values}
    write_message(work.owner_id, template, told, dedupe=f"{template}:{work.run_id}")


def _forget_old_runs(report_id: int) -> None:
    oldest: datetime | None = db.session.scalar(
        select(ReportRun.due_at)
        .where(ReportRun.report_id == report_id)
        .order_by(ReportRun.due_at.desc())
        .offset(KEPT_RUNS)
        .limit(1)
    )
    if oldest is not None:
        db.session.execute(
            delete(ReportRun)
            .where(
                ReportRun.report_id == report_id,
                ReportRun.due_at <= oldest,
                ReportRun.status.in_((DONE, FAILED)),
            )
            .execution_options(synchronize_session=False)
        )
