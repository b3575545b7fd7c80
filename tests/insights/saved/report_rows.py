"""Rows of saved reports for tests. Olga owns, Oscar is another operator."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select

from app.accounts.messages import Reader, render
from app.accounts.models import AccountMessage
from app.accounts.queries import list_messages
from app.core.actor import Actor, Role
from app.db import db, in_transaction
from app.insights.question import Question
from app.insights.saved import service
from app.insights.saved.models import ReportRun, SavedReport
from app.insights.saved.rules import Alert, Schedule
from app.insights.saved.service import Settings
from tests.builders import actor_of, make_user

GMV = Question(metrics=("gmv",))
DAILY = Schedule("daily", 8 * 60 + 30)
# Half past eight in Shanghai.
DUE = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


def operator(name: str, role: Role = Role.OPERATOR) -> Actor:
    return actor_of(make_user(name, roles=(role,)), locale="en")


def save(actor: Actor, question: Question = GMV, name: str = "Weekly sales") -> SavedReport:
    return in_transaction(lambda: service.save_report(actor, name, question))


def change(
    actor: Actor,
    report: SavedReport,
    *,
    name: str = "Weekly sales",
    schedule: Schedule | None = DAILY,
    alert: Alert | None = None,
) -> None:
    wanted = Settings(name=name, schedule=schedule, alert=alert)
    in_transaction(partial(service.change_report, actor, report.id, wanted))


def report_now(report_id: int) -> SavedReport:
    db.session.rollback()
    return db.session.get_one(SavedReport, report_id, populate_existing=True)


def runs_of(report_id: int) -> list[ReportRun]:
    db.session.rollback()
    wanted = select(ReportRun).where(ReportRun.report_id == report_id).order_by(ReportRun.due_at)
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def letters(actor: Actor, kind: str = "report") -> list[Any]:
    """The messages about reports as their reader sees them, oldest first."""
    db.session.rollback()
    reader = Reader("en", lambda text: text, lambda moment: moment.isoformat())
    found = [each for each in list_messages(actor.require_user()).items if each.template.startswith(kind)]
    return [render(each, reader) for each in reversed(found)]


def count_messages() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(AccountMessage)) or 0
