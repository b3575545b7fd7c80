"""Saved reports and what the clock made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime
from app.insights.question import Question
from app.insights.saved.rules import Alert, Schedule, from_micros


class SavedReport(Model):
    """A question under a name. Its period is kept as it was meant ("last week"), so each run has fresh dates.

    `rhythm` is "", daily or weekly, `at_minute` minutes after midnight in the shop's zone, `weekday` 0 for Monday;
    `next_due_at` is NULL without a rhythm. `alert_metric` "" means no alert; its value is in millionths, so that it is exact; `alert_is_on` that it fired and the
    figure has not been back since. `share_token` is the secret part of the link, NULL while there is none.
    """

    __tablename__ = "saved_reports"
    __table_args__ = (Index("ix_saved_reports_owner_id_id", "owner_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    question_json: Mapped[dict[str, Any]] = mapped_column(JSON)
    share_token: Mapped[str | None] = mapped_column(String(64), unique=True)
    rhythm: Mapped[str] = mapped_column(String(8), default="")
    at_minute: Mapped[int] = mapped_column(default=0)
    weekday: Mapped[int] = mapped_column(default=0)
    next_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    alert_metric: Mapped[str] = mapped_column(String(40), default="")
    alert_comparator: Mapped[str] = mapped_column(String(2), default="")
    alert_micros: Mapped[int | None] = mapped_column(BigInteger)
    alert_is_on: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def question(self) -> Question:
        """What it asks."""
        return Question.model_validate(self.question_json)

    @property
    def schedule(self) -> Schedule | None:
        """When it is made, or None."""
        return Schedule(self.rhythm, self.at_minute, self.weekday) if self.rhythm else None

    @property
    def alert(self) -> Alert | None:
        """What is watched, or None."""
        if not self.alert_metric or self.alert_micros is None:
            return None
        return Alert(self.alert_metric, self.alert_comparator, from_micros(self.alert_micros))


class ReportRun(Model):
    """One due time of a report: pending -> running -> done | failed, and back to pending while tries are left.

    A worker holds it by `lease` until `lease_until`. `figure_micros` is what the alert looked at, `alerted` that it fired.
    """

    __tablename__ = "saved_report_runs"
    __table_args__ = (
        UniqueConstraint("report_id", "due_at"),
        Index("ix_saved_report_runs_status_lease_until", "status", "lease_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("saved_reports.id", ondelete="CASCADE"))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str] = mapped_column(String(32), default="")
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(500), default="")
    row_count: Mapped[int | None]
    figure_micros: Mapped[int | None] = mapped_column(BigInteger)
    alerted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
