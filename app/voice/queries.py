"""Reads of voice sessions, for the console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.accounts.queries import names_of_users
from app.core.errors import NotFound
from app.core.pagination import Page
from app.db import db
from app.voice.models import VoiceLog, VoiceSession

MOST_LOGS = 500


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in the console's list. `who` is None for a guest."""

    id: int
    key: str
    who: str | None
    steps: int
    failed: int
    first_at: datetime
    last_at: datetime


def list_sessions(limit: int, offset: int) -> Page[SessionRow]:
    """The sessions, the one that was spoken in last first: three statements."""
    total = db.session.scalar(select(func.count()).select_from(VoiceSession)) or 0
    rows = db.session.execute(
        select(
            VoiceSession.id,
            VoiceSession.key,
            VoiceSession.user_id,
            VoiceSession.created_at,
            VoiceSession.updated_at,
        )
        .order_by(VoiceSession.updated_at.desc(), VoiceSession.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    counts = _counts([row.id for row in rows])
    names = names_of_users([row.user_id for row in rows if row.user_id is not None])
    found = [
        SessionRow(
            row.id,
            row.key,
            names.get(row.user_id),
            *counts.get(row.id, (0, 0)),
            row.created_at,
            row.updated_at,
        )
        for row in rows
    ]
    return Page(found, total, limit, offset)


def _counts(ids: list[int]) -> dict[int, tuple[int, int]]:
    """How many steps each session has, and how many of them failed."""
    failed = func.sum(VoiceLog.status.in_(("failed", "error", "timeout", "denied")))
    rows = db.session.execute(
        select(VoiceLog.session_id, func.count(), failed)
        .where(VoiceLog.session_id.in_(ids))
        .group_by(VoiceLog.session_id)
    )
    return {row[0]: (row[1], int(row[2] or 0)) for row in rows}


def get_session(session_id: int) -> VoiceSession:
    """One session. Raises NotFound."""
    found = db.session.get(VoiceSession, session_id)
    if found is None:
        raise NotFound()
    return found


def list_logs(session_id: int) -> list[VoiceLog]:
    """What was done in a session, in order; of a very long one the newest."""
    newest = db.session.scalars(
        select(VoiceLog)
        .where(VoiceLog.session_id == session_id)
        .order_by(VoiceLog.id.desc())
        .limit(MOST_LOGS)
    )
    return list(newest)[::-1]
