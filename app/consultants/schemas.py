"""What the desk's API takes and gives."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from app.consultants.models import Consultation
from app.consultants.states import MAX_MESSAGE, MAX_NOTE
from app.web.api import Schema

MAX_ID = 2**31 - 1


class ConsultationOut(BaseModel):
    """A consultation. `status` is waiting, claimed or closed; claimed and `taken_over_at`: the assistant is silent."""

    consultation_id: int
    user_id: int
    conversation_id: str
    source: str
    asked: str
    status: str
    claimed_by: int | None
    claimed_at: datetime | None
    taken_over_at: datetime | None
    closed_at: datetime | None


class ClaimOut(BaseModel):
    """A claim that was won: the customer's talks that are the caller's now."""

    user_id: int
    conversation_id: str
    claimed_by: int
    consultations: list[ConsultationOut]


class SendIn(Schema):
    """What a consultant writes. `client_message_id` makes a repeated request harmless."""

    content: str = Field(min_length=1, max_length=MAX_MESSAGE)
    client_message_id: str | None = Field(default=None, min_length=1, max_length=64)


class SentOut(BaseModel):
    """The message; `is_new` is False when it had been sent before."""

    message_id: int
    conversation_id: str
    is_new: bool


class HandBackIn(Schema):
    """What the assistant should know; the customer does not see it."""

    note: str = Field(default="", max_length=MAX_NOTE)


class ReadIn(Schema):
    """Up to which message all was read."""

    message_id: int = Field(ge=1, le=MAX_ID)


class NoteIn(Schema):
    """A private note."""

    text: str = Field(min_length=1, max_length=MAX_NOTE)


class NoteOut(BaseModel):
    """A private note."""

    id: int
    author: str
    text: str
    created_at: datetime


class PresenceIn(Schema):
    """A heartbeat; without a status the chosen one stays."""

    status: str | None = Field(default=None, max_length=10)


class AttendingOut(BaseModel):
    """Somebody of the team; `status` is online, busy, away or offline."""

    user_id: int
    username: str
    status: str
    load: int


class PresenceOut(BaseModel):
    """The team, those who are there first; `status` is the caller's own."""

    status: str
    team: list[AttendingOut]


class WaitingOut(BaseModel):
    """A customer who waits; `offered_to` may claim alone until `offered_until`."""

    consultation_id: int
    conversation_id: str
    user_id: int
    username: str
    source: str
    asked: str
    waiting_since: datetime
    escalations: int
    level: int
    offered_to: int | None
    offered_until: datetime | None


class OwnOut(BaseModel):
    """A customer of the caller's."""

    consultation_id: int
    conversation_id: str
    user_id: int
    username: str
    source: str
    asked: str
    claimed_at: datetime
    taken_over_at: datetime | None
    unread: int


class DeskOut(BaseModel):
    """Who waits, and the caller's own customers."""

    waiting: list[WaitingOut]
    own: list[OwnOut]


def consultation_out(row: Consultation) -> ConsultationOut:
    """A consultation as the API shows it."""
    names = [name for name in ConsultationOut.model_fields if name != "consultation_id"]
    return ConsultationOut(consultation_id=row.id, **{name: getattr(row, name) for name in names})
