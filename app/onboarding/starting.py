"""From a registration to a run: the outbox row of its transaction, and what a worker makes of it."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import insert, select

from app.accounts.models import User
from app.core.actor import Role
from app.core.clock import business_day, now
from app.db import after_commit, db
from app.onboarding.models import AutomationRun, AutomationStep
from app.onboarding.settings import read_values
from app.onboarding.values import Values
from app.onboarding.workflow import KIND, STEPS, Status, is_in_rollout
from app.outbox.service import publish
from app.runtime import settings

OFF, NOT_IN_ROLLOUT = "off", "rollout"


class Registered(Protocol):
    """A new user, as far as this needs to know it."""

    id: int
    roles: frozenset[Role]


def plan_welcome(user: Registered) -> None:
    """For `AFTER_REGISTRATION`: all that a registration waits for. Staff are not welcomed."""
    if user.roles == {Role.CUSTOMER}:
        publish("registration.automation", {"user_id": user.id})


def start_run(payload: dict[str, Any]) -> None:
    """The handler of the topic: makes the run, once for each user, and hands it to a worker."""
    # The job's module imports this one.
    from app.onboarding.jobs import hand_over

    user = db.session.get(User, payload["user_id"])
    if user is None or _exists(user.id):
        return
    reason = _reason_to_skip(user.id, read_values())
    _add_run(user, reason)
    if not reason:
        after_commit(hand_over)


def _exists(user_id: int) -> bool:
    known = select(AutomationRun.id).where(AutomationRun.kind == KIND, AutomationRun.user_id == user_id)
    return db.session.scalar(known) is not None


def _reason_to_skip(user_id: int, values: Values) -> str:
    if not values.enabled:
        return OFF
    return "" if is_in_rollout(user_id, values.rollout_percent) else NOT_IN_ROLLOUT


def _add_run(user: User, reason: str) -> None:
    run = AutomationRun(
        user_id=user.id,
        status=Status.SKIPPED.value if reason else Status.PENDING.value,
        reason=reason,
        registered_at=user.created_at,
        day=business_day(user.created_at, settings().shop_timezone),
        finished_at=now() if reason else None,
    )
    db.session.add(run)
    db.session.flush()
    if not reason:
        steps = [{"run_id": run.id, "position": at, "name": step.value} for at, step in enumerate(STEPS)]
        db.session.execute(insert(AutomationStep), steps)
