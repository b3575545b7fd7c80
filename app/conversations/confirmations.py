"""What waits for a person's yes: asked once, answered once, for five minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update

from app.conversations.models import Confirmation, Run
from app.conversations.service import RunKey
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.db import db


@dataclass(frozen=True, slots=True)
class Question:
    """A confirmation's contents, for a run's thread."""

    id: str
    tool_name: str
    arguments: dict[str, Any]
    summary: dict[str, Any]
    fingerprint: str

    @classmethod
    def of(cls, row: Confirmation) -> Question:
        return cls(row.id, row.tool_name, row.arguments, row.summary, row.fingerprint)


PENDING, APPROVED, DENIED, EXPIRED, VOID = "pending", "approved", "denied", "expired", "void"


def ask(run: RunKey, *, confirmation_id: str, seconds: int, **values: Any) -> Confirmation:
    """Record the question; an older open one of the conversation is void from now on."""
    db.session.execute(
        update(Confirmation)
        .where(Confirmation.conversation_id == run.conversation_id, Confirmation.status == PENDING)
        .values(status=VOID)
    )
    asked = Confirmation(
        id=confirmation_id,
        conversation_id=run.conversation_id,
        run_id=run.id,
        owner=run.owner,
        expires_at=now() + timedelta(seconds=seconds),
        **values,
    )
    db.session.add(asked)
    db.session.flush()
    return asked


def answer(confirmation: Confirmation, *, approve: bool) -> None:
    """Use the confirmation up. Raises Conflict CONFIRMATION_EXPIRED or CONFIRMATION_USED."""
    result = db.session.execute(
        update(Confirmation)
        .where(
            Confirmation.id == confirmation.id,
            Confirmation.status == PENDING,
            Confirmation.expires_at > now(),
        )
        .values(status=APPROVED if approve else DENIED)
    )
    if cast(CursorResult[Any], result).rowcount == 1:
        return
    db.session.refresh(confirmation)
    if confirmation.status in (PENDING, EXPIRED):
        raise Conflict(N_("This question is too old to answer. Ask again."), code="CONFIRMATION_EXPIRED")
    raise Conflict(N_("This question has been answered already."), code="CONFIRMATION_USED")


def make_void(confirmation_id: str) -> None:
    """Mark an approved confirmation whose matter has changed meanwhile."""
    db.session.execute(update(Confirmation).where(Confirmation.id == confirmation_id).values(status=VOID))


def find_open(session_id: str) -> Confirmation | None:
    """The question that is the latest thing in the conversation and can still be answered, if any."""
    latest_run = (
        select(Run.id)
        .where(Run.conversation_id == session_id)
        .order_by(Run.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return db.session.scalar(
        select(Confirmation).where(
            Confirmation.conversation_id == session_id,
            Confirmation.status == PENDING,
            Confirmation.expires_at > now(),
            Confirmation.run_id == latest_run,
        )
    )
