"""Reads of runs: for the console, and of a customer's own welcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.accounts.models import User
from app.conversations.models import Message
from app.core.clock import now
from app.core.errors import N_, NotFound
from app.db import db
from app.onboarding.models import AutomationRun, AutomationStep
from app.onboarding.workflow import KIND, Status, Step

# Within this time a worker has begun with a registration, or the automation does without it.
NEW = timedelta(seconds=30)
NO_RUN = N_("There is no such run.")


@dataclass(frozen=True, slots=True)
class RunView:
    """A run in a list."""

    id: int
    user_id: int
    username: str
    status: str
    reason: str
    is_fallback: bool
    attempts: int
    error_code: str
    welcome_ms: int | None
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Welcome:
    """A customer's welcome: `text` is "" while it is on its way; `products` as `list_products` gives them."""

    conversation_id: str
    registered_at: datetime
    is_over: bool
    text: str = ""
    products: tuple[dict[str, Any], ...] = ()


def list_runs(*, status: str = "", before: int | None = None, limit: int = 50) -> list[RunView]:
    """Runs, the newest first; with `before`, an id, only older ones."""
    shown = [getattr(AutomationRun, name) for name in RunView.__dataclass_fields__ if name != "username"]
    wanted = select(User.username, *shown).join(User, User.id == AutomationRun.user_id)
    if status:
        wanted = wanted.where(AutomationRun.status == status)
    if before is not None:
        wanted = wanted.where(AutomationRun.id < before)
    rows = db.session.execute(wanted.order_by(AutomationRun.id.desc()).limit(limit))
    return [RunView(**row._mapping) for row in rows]


def get_run(run_id: int) -> AutomationRun:
    """Raises NotFound."""
    run = db.session.get(AutomationRun, run_id)
    if run is None:
        raise NotFound(NO_RUN)
    return run


def list_steps(run_id: int) -> Sequence[AutomationStep]:
    """The steps of a run in their order."""
    steps = select(AutomationStep).where(AutomationStep.run_id == run_id)
    return db.session.scalars(steps.order_by(AutomationStep.position)).all()


def find_welcome(user_id: int) -> Welcome | None:
    """The welcome of a user; None for somebody who gets none. Of one just registered it may not have begun."""
    run = db.session.scalar(
        select(AutomationRun).where(AutomationRun.kind == KIND, AutomationRun.user_id == user_id)
    )
    if run is None:
        return _expected(user_id)
    if run.status == Status.SKIPPED.value:
        return None
    is_over = run.status in (Status.DONE.value, Status.FAILED.value)
    if run.welcomed_at is None or run.conversation_id is None:
        return Welcome(run.conversation_id or "", run.registered_at, is_over)
    return Welcome(
        run.conversation_id,
        run.registered_at,
        is_over,
        _text(run.conversation_id),
        _products(run.id) if not run.is_fallback else (),
    )


def _expected(user_id: int) -> Welcome | None:
    registered_at = db.session.scalar(select(User.created_at).where(User.id == user_id))
    is_new = registered_at is not None and registered_at > now() - NEW
    return Welcome("", registered_at, is_over=False) if registered_at and is_new else None


def _text(conversation_id: str) -> str:
    sent = select(Message.content).where(
        Message.conversation_id == conversation_id, Message.client_message_id == "welcome"
    )
    return db.session.scalar(sent) or ""


def _products(run_id: int) -> tuple[dict[str, Any], ...]:
    written = select(AutomationStep.data).where(
        AutomationStep.run_id == run_id, AutomationStep.name == Step.AGENT.value
    )
    return tuple((db.session.scalar(written) or {}).get("products", ()))
