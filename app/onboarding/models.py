"""Runs of the registration automation, their steps, and the settings that an admin may change."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime
from app.onboarding.workflow import Status, StepStatus


class AutomationRun(Model):
    """What is done for one registration; there is one for each user.

    `due_at` is when a worker may take it: at once, after a pause, or when the lease of a worker that died is over.
    `failures` counts failed attempts since it was started (or started again), `attempts` all of them.
    `is_fallback`: the template stood in for the agent. `welcome_ms` counts from the registration to the welcome.
    `day` is the business day of the registration.
    """

    __tablename__ = "automation_runs"
    __table_args__ = (
        UniqueConstraint("kind", "user_id"),
        Index("ix_automation_runs_status_due_at", "status", "due_at"),
        Index("ix_automation_runs_day_status", "day", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), default="registration")
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    conversation_id: Mapped[str | None] = mapped_column(String(32), index=True)
    status: Mapped[str] = mapped_column(String(12), default=Status.PENDING.value)
    reason: Mapped[str] = mapped_column(String(20), default="")
    is_fallback: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str] = mapped_column(String(32), default="")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    error_code: Mapped[str] = mapped_column(String(40), default="")
    error: Mapped[str] = mapped_column(String(500), default="")
    alerted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(Date)
    welcomed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    welcome_ms: Mapped[int | None] = mapped_column(BigInteger)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AutomationStep(Model):
    """One step of a run. `data` is what later steps need of it. `duration_ms` is the last attempt's."""

    __tablename__ = "automation_steps"
    __table_args__ = (
        UniqueConstraint("run_id", "name"),
        Index("ix_automation_steps_name_finished_at", "name", "finished_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("automation_runs.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(24))
    status: Mapped[str] = mapped_column(String(10), default=StepStatus.WAITING.value)
    attempts: Mapped[int] = mapped_column(default=0)
    duration_ms: Mapped[int | None]
    error_code: Mapped[str] = mapped_column(String(40), default="")
    error: Mapped[str] = mapped_column(String(500), default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AutomationSetting(Model):
    """One setting that was changed; what has no row is as in `values.Values`."""

    __tablename__ = "automation_settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
