"""Saved reports as JSON."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.insights.saved.models import ReportRun, SavedReport
from app.insights.saved.rules import Alert, Schedule, check_alert, check_schedule, from_micros
from app.insights.saved.service import Settings
from app.operations.schemas import DeskAnswer
from app.web.api import Schema

LINK = "/ops/reports/shared/{}"


class NewReport(Schema):
    """A name for the question of an answer (`run_id`, from /api/chat) or for a question as answers give it."""

    name: str = Field(max_length=500)
    run_id: str = Field(default="", max_length=32)
    question: dict[str, Any] | None = None


class ScheduleIn(Schema):
    """`at` is the time of day in the shop's zone, `weekday` 0 for Monday."""

    rhythm: Literal["daily", "weekly"]
    at: str = Field(max_length=5)
    weekday: int = Field(default=0, ge=0, le=6)


class AlertIn(Schema):
    """Fires once when the figure compares so with the value. Money is yuan, a ratio 0 to 1."""

    metric: str = Field(max_length=40)
    comparator: Literal["lt", "le", "gt", "ge"]
    value: Decimal


class ChangeBody(Schema):
    """What is not named stays; null takes a schedule or an alert off."""

    name: str | None = Field(default=None, max_length=500)
    schedule: ScheduleIn | None = None
    alert: AlertIn | None = None

    def settings_for(self, report: SavedReport) -> Settings:
        """The whole of what is wanted. Raises InvalidParam."""
        return Settings(
            name=self.name if self.name is not None else report.name,
            schedule=self._schedule() if "schedule" in self.model_fields_set else report.schedule,
            alert=self._alert(report) if "alert" in self.model_fields_set else report.alert,
        )

    def _schedule(self) -> Schedule | None:
        wanted = self.schedule
        return check_schedule(wanted.rhythm, wanted.at, wanted.weekday) if wanted else None

    def _alert(self, report: SavedReport) -> Alert | None:
        wanted = self.alert
        if wanted is None:
            return None
        return check_alert(wanted.metric, wanted.comparator, wanted.value, report.question)


class ScheduleOut(BaseModel):
    rhythm: Literal["daily", "weekly"]
    at: str
    weekday: int
    next_due_at: datetime | None


class AlertOut(BaseModel):
    """`is_on`: it fired, and is armed again once the figure is back."""

    metric: str
    comparator: Literal["lt", "le", "gt", "ge"]
    value: float
    is_on: bool


class SavedOut(BaseModel):
    """`share_path` is the link for operators, null while it is not shared."""

    id: int
    name: str
    question: dict[str, Any]
    schedule: ScheduleOut | None
    alert: AlertOut | None
    share_path: str | None
    created_at: datetime
    updated_at: datetime


class RunOut(BaseModel):
    """One due time. `figure` is what the alert looked at."""

    due_at: datetime
    status: Literal["pending", "running", "done", "failed"]
    row_count: int | None
    figure: float | None
    alerted: bool
    error: str | None
    finished_at: datetime | None


class ShareOut(BaseModel):
    share_path: str


class SharedOut(BaseModel):
    """A shared report and what it shows today."""

    name: str
    answer: DeskAnswer


def saved_out(report: SavedReport) -> SavedOut:
    schedule, alert = report.schedule, report.alert
    return SavedOut.model_validate(
        {
            "id": report.id,
            "name": report.name,
            "question": report.question_json,
            "schedule": schedule
            and {
                "rhythm": schedule.rhythm,
                "at": schedule.clock_text,
                "weekday": schedule.weekday,
                "next_due_at": report.next_due_at,
            },
            "alert": alert
            and {
                "metric": alert.metric,
                "comparator": alert.comparator,
                "value": float(alert.value),
                "is_on": report.alert_is_on,
            },
            "share_path": LINK.format(report.share_token) if report.share_token else None,
            "created_at": report.created_at,
            "updated_at": report.updated_at,
        }
    )


def run_out(run: ReportRun) -> RunOut:
    return RunOut.model_validate(
        {
            "due_at": run.due_at,
            "status": run.status,
            "row_count": run.row_count,
            "figure": None if run.figure_micros is None else float(from_micros(run.figure_micros)),
            "alerted": run.alerted,
            "error": run.error or None,
            "finished_at": run.finished_at,
        }
    )
