"""Writes of saved reports by their owners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.audit import service as audit
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam
from app.core.ids import new_token
from app.db import db
from app.insights.question import Question
from app.insights.saved.models import SavedReport
from app.insights.saved.queries import count_reports, get_report
from app.insights.saved.rules import (
    MAX_REPORTS,
    MAX_SCHEDULED,
    Alert,
    Schedule,
    check_name,
    next_due,
    to_micros,
)
from app.orders.locks import lock_customer
from app.runtime import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an owner may change of a report. An alert is looked at when the report is made, so it needs a schedule."""

    name: str
    schedule: Schedule | None = None
    alert: Alert | None = None


def save_report(actor: Actor, name: str, question: Question) -> SavedReport:
    """Keep a question (of `asked.read_question`) under a name.

    Raises Unauthorized, Forbidden, InvalidParam, Conflict TOO_MANY_REPORTS.
    """
    owner_id = actor.require_role(Role.OPERATOR, Role.ADMIN)
    clean = check_name(name)
    lock_customer(owner_id)
    if count_reports(owner_id) >= MAX_REPORTS:
        raise Conflict(
            N_("You have %(limit)s saved reports. Delete one first."),
            code="TOO_MANY_REPORTS",
            limit=MAX_REPORTS,
        )
    report = SavedReport(owner_id=owner_id, name=clean, question_json=question.model_dump(mode="json"))
    db.session.add(report)
    db.session.flush()
    audit.record(actor, "report.saved", report.id, name=clean)
    return report


def change_report(actor: Actor, report_id: int, wanted: Settings) -> SavedReport:
    """Name, schedule and alert, all at once.

    Raises Unauthorized, Forbidden, NotFound, InvalidParam, Conflict TOO_MANY_SCHEDULED.
    """
    owner_id = actor.require_role(Role.OPERATOR, Role.ADMIN)
    lock_customer(owner_id)
    report = get_report(actor, report_id)
    clean = check_name(wanted.name)
    if wanted.alert is not None and wanted.schedule is None:
        raise InvalidParam(
            fields={"rhythm": N_("An alert is looked at when the report is made: choose when.")}
        )
    changes = _changes(report, clean, wanted)
    _set_schedule(report, wanted.schedule)
    _set_alert(report, wanted.alert)
    report.name, report.updated_at = clean, now()
    db.session.flush()
    if changes:
        audit.record(actor, "report.changed", report.id, changes, name=clean)
    return report


def _changes(report: SavedReport, name: str, wanted: Settings) -> dict[str, Any]:
    """What differs, before and after."""
    pairs = {
        "name": (report.name, name),
        "schedule": (report.schedule, wanted.schedule),
        "alert": (report.alert, wanted.alert),
    }
    return {key: audit.changed(before, after) for key, (before, after) in pairs.items() if before != after}


def _set_schedule(report: SavedReport, schedule: Schedule | None) -> None:
    if report.schedule == schedule:
        return
    if schedule is None:
        report.rhythm, report.next_due_at = "", None
        return
    if not report.rhythm and count_reports(report.owner_id, scheduled=True) >= MAX_SCHEDULED:
        raise Conflict(
            N_("You have %(limit)s scheduled reports. Take one off its schedule first."),
            code="TOO_MANY_SCHEDULED",
            limit=MAX_SCHEDULED,
        )
    report.rhythm, report.at_minute, report.weekday = schedule.rhythm, schedule.at_minute, schedule.weekday
    report.next_due_at = next_due(schedule, now(), settings().shop_timezone)


def _set_alert(report: SavedReport, alert: Alert | None) -> None:
    """Another alert starts armed."""
    if report.alert == alert:
        return
    report.alert_metric = alert.metric if alert else ""
    report.alert_comparator = alert.comparator if alert else ""
    report.alert_micros = to_micros(alert.value) if alert else None
    report.alert_is_on = False


def delete_report(actor: Actor, report_id: int) -> None:
    """Take it away for good, with its link and its runs. Raises Unauthorized, Forbidden, NotFound."""
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    report = get_report(actor, report_id)
    db.session.delete(report)
    db.session.flush()
    audit.record(actor, "report.deleted", report_id, name=report.name)


def share_report(actor: Actor, report_id: int) -> str:
    """The secret part of the link for operators and admins; the one there is, or a new one.

    Raises Unauthorized, Forbidden, NotFound.
    """
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    report = get_report(actor, report_id)
    if report.share_token is None:
        report.share_token, report.updated_at = new_token(), now()
        db.session.flush()
        audit.record(actor, "report.shared", report_id, name=report.name)
    return report.share_token


def withdraw_report(actor: Actor, report_id: int) -> None:
    """Make the link lead nowhere; sharing again makes another. Raises Unauthorized, Forbidden, NotFound."""
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    report = get_report(actor, report_id)
    if report.share_token is not None:
        report.share_token, report.updated_at = None, now()
        db.session.flush()
        audit.record(actor, "report.withdrawn", report_id, name=report.name)
