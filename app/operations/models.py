"""What the desk has answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class DeskRecord(Model):
    """The answer of a run, in the order of `id`. `body` is the whole answer as JSON (`schemas.DeskAnswer`).

    `question` is what was understood, or NULL: the newest of a conversation is what its next sentence may change.
    """

    __tablename__ = "desk_answers"
    __table_args__ = (Index("ix_desk_answers_conversation_id_id", "conversation_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    query: Mapped[str] = mapped_column(String(500))
    intent: Mapped[str] = mapped_column(String(12))
    question: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    body: Mapped[str] = mapped_column(Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
