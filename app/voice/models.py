"""Voice sessions and what was done in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class VoiceSession(Model):
    """A spoken dialogue. `key` is the program's own name for it, unique for its `owner` (Actor.subject).

    `state` is what the dialogue has come to (`app.voice.dialogue.State`), `version` counts its changes. What waits for a
    yes is `asked_id`; `asked_state` says how far it is, and moves by conditional updates only.
    """

    __tablename__ = "voice_sessions"
    __table_args__ = (
        UniqueConstraint("owner", "key"),
        Index("ix_voice_sessions_updated_at", "updated_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    state: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    version: Mapped[int] = mapped_column(default=0)
    asked_id: Mapped[str | None] = mapped_column(String(32))
    asked_state: Mapped[str] = mapped_column(String(10), default="")
    asked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class VoiceLog(Model):
    """A step of a session. `step` is interpret, confirm, execute, or the tool of one executed step."""

    __tablename__ = "voice_logs"
    __table_args__ = (
        Index("ix_voice_logs_session_id_id", "session_id", "id"),
        Index("ix_voice_logs_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("voice_sessions.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(20))
    message: Mapped[str] = mapped_column(String(500), default="")
    duration_ms: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
