"""Figures, settings and runs as JSON. Times in milliseconds, shares from 0 to 1."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictBool

from app.onboarding.figures import Figures
from app.onboarding.models import AutomationRun
from app.onboarding.values import Strategy, Values
from app.web.api import Schema


class DayOut(BaseModel):
    """Registrations of one business day by what became of them."""

    day: date
    registrations: int
    done: int
    fallback: int
    failed: int
    open: int
    skipped: int


class StepOut(BaseModel):
    """One step: how often done and failed, and how long it took."""

    name: str
    done: int
    failed: int
    retried: int
    success_rate: float | None
    p50_ms: int | None
    p95_ms: int | None


class MetricsOut(BaseModel):
    """The automation's figures of a period."""

    first: date
    last: date
    registrations: int
    today: DayOut
    done: int
    failed: int
    fallback: int
    success_rate: float | None
    welcome_p50_ms: int | None
    welcome_p95_ms: int | None
    rating: float | None
    ratings: int
    notifications: int
    steps: list[StepOut]


class ErrorOut(BaseModel):
    """A kind of error and how many steps had it."""

    step: str
    code: str
    steps: int


class FailureOut(BaseModel):
    """A run that failed for good."""

    id: int
    user_id: int
    username: str
    error_code: str
    registered_at: datetime


class SettingsOut(Values):
    """All settings."""


Pauses = Annotated[list[Annotated[int, Field(ge=1, le=3_600)]], Field(max_length=10)]


class SettingsIn(Schema):
    """What is to change; what is not named stays."""

    enabled: StrictBool | None = None
    rollout_percent: int | None = Field(None, ge=0, le=100)
    strategy: Strategy | None = None
    agent_seconds: float | None = Field(None, ge=0.5, le=60)
    product_count: int | None = Field(None, ge=0, le=6)
    retry_seconds: Pauses | None = None
    notifications: StrictBool | None = None
    channel_in_app: StrictBool | None = None
    channel_web_push: StrictBool | None = None
    channel_email: StrictBool | None = None
    escalate_minutes: int | None = Field(None, ge=1, le=1_440)
    escalate_admin_minutes: int | None = Field(None, ge=1, le=1_440)
    template_zh: str | None = Field(None, max_length=2_000)
    template_en: str | None = Field(None, max_length=2_000)


class RunOut(BaseModel):
    """Where a run stands."""

    id: int
    user_id: int
    conversation_id: str | None
    status: str
    is_fallback: bool
    attempts: int
    error_code: str
    welcome_ms: int | None
    registered_at: datetime
    welcomed_at: datetime | None


def metrics_of(figures: Figures) -> dict[str, Any]:
    """The values of MetricsOut."""
    names = ("first", "last", "registrations", "done", "failed", "fallback", "success_rate")
    more = ("welcome_p50_ms", "welcome_p95_ms", "rating", "ratings", "notifications")
    return {
        **{name: getattr(figures, name) for name in (*names, *more)},
        "today": _day(figures.today),
        "steps": [
            StepOut(
                name=each.step.value,
                done=each.done,
                failed=each.failed,
                retried=each.retried,
                success_rate=each.success_rate,
                p50_ms=each.p50_ms,
                p95_ms=each.p95_ms,
            )
            for each in figures.steps
        ],
    }


def days_of(figures: Figures) -> list[DayOut]:
    """Each day of the period."""
    return [_day(day) for day in figures.days]


def _day(day: Any) -> DayOut:
    return DayOut(**{name: getattr(day, name) for name in DayOut.model_fields})


def run_of(run: AutomationRun) -> RunOut:
    """A run as JSON."""
    return RunOut(**{name: getattr(run, name) for name in RunOut.model_fields})
