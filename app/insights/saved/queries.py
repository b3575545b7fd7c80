"""Reads of saved reports; whose they are is part of every query."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.actor import Actor, Role
from app.core.errors import NotFound
from app.db import db
from app.insights.saved.models import ReportRun, SavedReport

SHOWN_RUNS = 10


def list_reports(actor: Actor) -> Sequence[SavedReport]:
    """The actor's own, newest first; they are few (rules.MAX_REPORTS)."""
    return db.session.scalars(
        select(SavedReport).where(SavedReport.owner_id == actor.user_id).order_by(SavedReport.id.desc())
    ).all()


def get_report(actor: Actor, report_id: int) -> SavedReport:
    """The actor's own. Raises NotFound, for another's too."""
    report = db.session.scalar(
        select(SavedReport)
        .where(SavedReport.id == report_id, SavedReport.owner_id == actor.require_user())
        .execution_options(populate_existing=True)
    )
    if report is None:
        raise NotFound()
    return report


def get_shared(actor: Actor, token: str) -> SavedReport:
    """The report behind a link, for every operator and admin. Raises Unauthorized, Forbidden, NotFound."""
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    report = db.session.scalar(select(SavedReport).where(SavedReport.share_token == token[:64]))
    if report is None:
        raise NotFound()
    return report


def list_runs(report_id: int) -> Sequence[ReportRun]:
    """The newest due times of a report. The caller has checked whose it is."""
    return db.session.scalars(
        select(ReportRun)
        .where(ReportRun.report_id == report_id)
        .order_by(ReportRun.due_at.desc())
        .limit(SHOWN_RUNS)
    ).all()


def count_reports(owner_id: int, *, scheduled: bool = False) -> int:
    """How many somebody has, or has scheduled."""
    statement = select(func.count()).select_from(SavedReport).where(SavedReport.owner_id == owner_id)
    if scheduled:
        statement = statement.where(SavedReport.rhythm != "")
    return db.session.scalar(statement) or 0
