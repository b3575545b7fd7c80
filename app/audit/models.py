"""The record of changes that staff made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class AuditEntry(Model):
    """One change, written in the transaction that made it; never changed or deleted by the program.

    `action` is `thing.verb` ("agent.changed"), `subject` the thing's own number or code, `name` what it was called
    then. `details` holds what was changed and no secret. `actor_id` is None for the program's own shell.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_actor_id_id", "actor_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    # No foreign key: who it was must outlast the account.
    actor_id: Mapped[int | None]
    origin: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(120), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
