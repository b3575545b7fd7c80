"""A customer whom nobody takes: everybody at the desk is told again, wherever they are, then the admins."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, update

from app.accounts.models import User
from app.accounts.queries import list_user_ids
from app.consultants.channels import publish_staff
from app.consultants.models import Consultation
from app.consultants.states import State
from app.core.actor import Role
from app.core.clock import now
from app.db import db, in_transaction
from app.notifications.service import notify
from app.onboarding.settings import read_values
from app.onboarding.values import Values

KIND = "customer.escalated"
EVERYBODY, ADMINS = 1, 2
TOLD = {EVERYBODY: Role.CONSULTANT, ADMINS: Role.ADMIN}
MOST = 50


def escalate_waiting() -> int:
    """Tell of those who have waited too long, each level once for each wait; how many were told of."""
    values = read_values()
    if not values.notifications:
        return 0
    found = [(level, row) for level in (EVERYBODY, ADMINS) for row in _due(level, values)]
    db.session.rollback()
    return sum(in_transaction(partial(_escalate, level, row)) for level, row in found)


def _due(level: int, values: Values) -> list[Row[Any]]:
    minutes = values.escalate_minutes
    if level == ADMINS:
        minutes = max(minutes, values.escalate_admin_minutes)
    columns = (
        Consultation.id,
        Consultation.user_id,
        Consultation.conversation_id,
        Consultation.waiting_since,
        Consultation.source,
        Consultation.asked,
        User.username,
    )
    wanted = (
        select(*columns)
        .join(User, User.id == Consultation.user_id)
        .where(Consultation.waiting_since <= now() - timedelta(minutes=minutes), *_is_at(level))
        .order_by(Consultation.waiting_since)
        .limit(MOST)
    )
    return list(db.session.execute(wanted))


def _is_at(level: int) -> tuple[ColumnElement[bool], ...]:
    """Waiting, and told of at the level before this one only. Who was released waits anew."""
    waits_anew = Consultation.escalated_at < Consultation.waiting_since
    before = (
        or_(Consultation.escalations == 0, waits_anew)
        if level == EVERYBODY
        else (Consultation.escalations == EVERYBODY)
        & (Consultation.escalated_at >= Consultation.waiting_since)
    )
    return Consultation.status == State.WAITING.value, before


def _escalate(level: int, row: Row[Any]) -> int:
    """1 when it is ours to tell: of two schedulers one changes the row, and nobody who was claimed meanwhile."""
    at = now()
    # Whoever it was offered to has had their time.
    values: dict[str, Any] = {
        "escalations": level,
        "escalated_at": at,
        "offered_to": None,
        "offered_until": None,
    }
    changed = db.session.execute(
        update(Consultation)
        .where(Consultation.id == row.id, Consultation.waiting_since == row.waiting_since, *_is_at(level))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        return 0
    minutes = int((at - row.waiting_since).total_seconds() // 60)
    told = {
        "username": row.username,
        "source": row.source,
        "asked": row.asked,
        "minutes": minutes,
        "level": level,
    }
    notify(
        list_user_ids(TOLD[level]),
        KIND,
        dedupe=f"escalated:{row.id}:{level}:{int(row.waiting_since.timestamp())}",
        about_user_id=row.user_id,
        conversation_id=row.conversation_id,
        payload=told,
    )
    who = {"consultation_id": row.id, "user_id": row.user_id, "conversation_id": row.conversation_id}
    publish_staff("escalated", {**who, **told})
    return 1
