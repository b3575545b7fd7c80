"""Reads of the record of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select

from app.audit.models import AuditEntry
from app.core.pagination import Page
from app.db import db


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What to look for; `thing` is the part of an action before the dot, `since` and `until` are UTC."""

    thing: str = ""
    actor_id: int | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_entries(wanted: AuditFilter, limit: int, offset: int = 0) -> Page[AuditEntry]:
    """The newest first."""
    statement = _matching(wanted)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = db.session.scalars(statement.order_by(AuditEntry.id.desc()).limit(limit).offset(offset)).all()
    return Page(rows, total, limit, offset)


def list_actor_ids() -> Sequence[int]:
    """Everybody who has changed something."""
    return db.session.scalars(
        select(AuditEntry.actor_id).where(AuditEntry.actor_id.is_not(None)).distinct()
    ).all()  # type: ignore[return-value]


def _matching(wanted: AuditFilter) -> Select[AuditEntry]:
    statement = select(AuditEntry)
    if wanted.thing:
        statement = statement.where(AuditEntry.action.startswith(f"{wanted.thing}.", autoescape=True))
    if wanted.actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == wanted.actor_id)
    if wanted.text:
        like = AuditEntry.subject.contains(wanted.text, autoescape=True)
        statement = statement.where(like | AuditEntry.name.contains(wanted.text, autoescape=True))
    if wanted.since is not None:
        statement = statement.where(AuditEntry.created_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(AuditEntry.created_at < wanted.until)
    return statement
