"""What the scheduler does: turn due reports into runs, and take back the runs of workers that died.

A due time is claimed by moving the report on to its next one, so that of many schedulers one makes the run. Times
that passed while nothing ran are made up for by a single run.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update

from app.core.clock import now
from app.db import db
from app.insights.saved.models import ReportRun, SavedReport
from app.insights.saved.rules import Schedule, next_due
from app.jobs.queues import SLOW, enqueue
from app.runtime import settings

PENDING, RUNNING, DONE, FAILED = "pending", "running", "done", "failed"
# How long a run may wait in the queue before it is handed over again (a second hand-over does no harm).
GRACE = timedelta(seconds=60)
JOB_SECONDS = 300
BATCH = 100


def claim_due() -> list[int]:
    """Make runs of the reports that are due; their ids. In a transaction."""
    at = now()
    due = db.session.execute(
        select(
            SavedReport.id,
            SavedReport.next_due_at,
            SavedReport.rhythm,
            SavedReport.at_minute,
            SavedReport.weekday,
        )
        .where(SavedReport.next_due_at <= at)
        .order_by(SavedReport.next_due_at, SavedReport.id)
        .limit(BATCH)
    ).all()
    return [run_id for row in due if (run_id := _claim(row, at)) is not None]


def _claim(row: Any, at: datetime) -> int | None:
    """The run of a due time; None when another scheduler has it, or its owner has changed the schedule."""
    schedule = Schedule(row.rhythm, row.at_minute, row.weekday)
    moved = _count(
        update(SavedReport)
        .where(
            SavedReport.id == row.id,
            SavedReport.next_due_at == row.next_due_at,
            SavedReport.rhythm == row.rhythm,
        )
        .values(next_due_at=next_due(schedule, at, settings().shop_timezone))
        .execution_options(synchronize_session=False)
    )
    if not moved:
        return None
    # A schedule that was taken off and put on again within its minute comes to the same time twice.
    known = select(ReportRun.id).where(ReportRun.report_id == row.id, ReportRun.due_at == row.next_due_at)
    if db.session.scalar(known) is not None:
        return None
    run = ReportRun(report_id=row.id, due_at=row.next_due_at, status=PENDING, lease_until=at + GRACE)
    db.session.add(run)
    db.session.flush()
    return run.id


def take_back() -> list[int]:
    """Runs that wait for too long, or whose worker holds them no more, made pending again; their ids. In a transaction."""
    at = now()
    left = (ReportRun.status.in_((PENDING, RUNNING)), ReportRun.lease_until <= at)
    found = db.session.scalars(select(ReportRun.id).where(*left).order_by(ReportRun.id).limit(BATCH)).all()
    again = {"status": PENDING, "lease": "", "lease_until": at + GRACE}
    return [
        run_id
        for run_id in found
        if _count(
            update(ReportRun)
            .where(ReportRun.id == run_id, *left)
            .values(**again)
            .execution_options(synchronize_session=False)
        )
    ]


def hand_over(run_id: int) -> None:
    """Give it to the workers; `take_back` tries again when Redis is away."""
    # The job's module imports this one.
    from app.insights.saved.jobs import make_saved_report

    enqueue(make_saved_report, run_id, queue=SLOW, timeout=JOB_SECONDS)


def _count(statement: Any) -> int:
    return cast("CursorResult[Any]", db.session.execute(statement)).rowcount
