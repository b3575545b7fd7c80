"""Customers who wait for a person or talk with one, who is at the desk, notes and canned replies."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.consultants.presence import ONLINE
from app.consultants.states import Source, State
from app.core.clock import now
from app.db import Model, UtcDateTime


class Consultation(Model):
    """One time that a customer waits for, or talks with, a consultant.

    `open_in` holds the conversation's id until it is closed and NULL afterwards: its unique key allows one that is open
    in each conversation. `offered_to` may claim it alone until `offered_until`; without an offer anybody may. A claim is
    not a takeover: until `taken_over_at` the assistant goes on. `*_read_until` are ids of messages.
    """

    __tablename__ = "consultations"
    __table_args__ = (
        Index("ix_consultations_status_waiting_since", "status", "waiting_since"),
        Index("ix_consultations_claimed_by_status", "claimed_by", "status"),
        Index("ix_consultations_user_id_status", "user_id", "status"),
        Index("ix_consultations_conversation_id_id", "conversation_id", "id"),
        Index("ix_consultations_created_at", "created_at"),
        Index("ix_consultations_status_offered_until", "status", "offered_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(12), default=Source.REGISTRATION.value)
    asked: Mapped[str] = mapped_column(String(500), default="")
    status: Mapped[str] = mapped_column(String(10), default=State.WAITING.value)
    open_in: Mapped[str | None] = mapped_column(String(32), unique=True)
    waiting_since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    offered_to: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    offered_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offers: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_over_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_answer_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_reason: Mapped[str] = mapped_column(String(20), default="")
    escalations: Mapped[int] = mapped_column(default=0)
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    customer_read_until: Mapped[int] = mapped_column(default=0)
    consultant_read_until: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ConsultantPresence(Model):
    """What somebody at the desk has chosen to be, and their last sign of life. `offered_at`: their latest offer."""

    __tablename__ = "consultant_presence"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    status: Mapped[str] = mapped_column(String(10), default=ONLINE)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConsultationNote(Model):
    """What consultants write down about a customer; the customer never sees it."""

    __tablename__ = "consultation_notes"
    __table_args__ = (Index("ix_consultation_notes_conversation_id_id", "conversation_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class CannedReply(Model):
    """A text that `/code` stands for when a consultant writes."""

    __tablename__ = "canned_replies"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(24), unique=True)
    text_zh: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    def text(self, locale: str) -> str:
        """The text in a language."""
        return self.text_en if locale == "en" else self.text_zh
