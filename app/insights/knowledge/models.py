"""Documents of the knowledge base."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class KnowledgeDocument(Model):
    """What the shop knows of one thing, in both languages; the two are kept in step by whoever edits them.

    `key` is its name in addresses and citations and never changes. `digest` is that of the file it was loaded
    from, "" for a document that was written in the console; `edited_at` is set once a person has changed it, and
    from then on loading leaves it alone.
    """

    __tablename__ = "knowledge_documents"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    content: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str] = mapped_column(String(160))
    content_en: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    digest: Mapped[str] = mapped_column(String(64), default="")
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now, index=True)

    def title_in(self, locale: str) -> str:
        return self.title_en if locale == "en" else self.title

    def content_in(self, locale: str) -> str:
        return self.content_en if locale == "en" else self.content
