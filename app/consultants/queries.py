"""Reads of the desk: who waits, whose talk it is, what was written beside it. Whose it is, is part of every query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.accounts.models import User
from app.consultants.models import CannedReply, Consultation, ConsultationNote
from app.consultants.states import State
from app.conversations.models import CONSULTANT, Conversation, Message
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import NotFound
from app.db import db
from app.members.models import Member

# A consultant may look back at a talk that is over for so long.
LOOK_BACK = timedelta(days=7)
Claimer = aliased(User)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A customer who waits. `offered_to` is None when anybody may claim; `level` is the member's."""

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


@dataclass(frozen=True, slots=True)
class Own:
    """A customer of a consultant's. `unread` are the customer's messages that the consultant has not seen."""

    consultation_id: int
    conversation_id: str
    user_id: int
    username: str
    source: str
    asked: str
    claimed_by: int | None
    claimed_at: datetime
    taken_over_at: datetime | None
    updated_at: datetime
    unread: int


@dataclass(frozen=True, slots=True)
class Desk:
    """A conversation as somebody at the desk may see it. `is_mine`: they have claimed it and it is open.

    `locale` is the customer's language.
    """

    consultation: Consultation
    conversation: Conversation
    username: str
    locale: str
    consultant: str
    is_mine: bool

    @property
    def is_open(self) -> bool:
        return self.consultation.open_in is not None

    @property
    def is_waiting(self) -> bool:
        return self.consultation.status == State.WAITING.value

    @property
    def is_talking(self) -> bool:
        return self.is_open and self.consultation.taken_over_at is not None


@dataclass(frozen=True, slots=True)
class Note:
    """A private note."""

    id: int
    author: str
    text: str
    created_at: datetime


def list_waiting(limit: int = 100) -> list[Waiting]:
    """Who waits, who has asked for a person first, then the longest waiting. For staff."""
    is_offered = Consultation.offered_until > now()
    rows = db.session.execute(
        select(
            Consultation.id.label("consultation_id"),
            Consultation.conversation_id,
            Consultation.user_id,
            User.username,
            Consultation.source,
            Consultation.asked,
            Consultation.waiting_since,
            Consultation.escalations,
            func.coalesce(Member.level, 1).label("level"),
            Consultation.offered_to,
            Consultation.offered_until,
            is_offered.label("is_offered"),
        )
        .join(User, User.id == Consultation.user_id)
        .outerjoin(Member, Member.user_id == Consultation.user_id)
        .where(Consultation.status == State.WAITING.value)
        .order_by(Consultation.source, Consultation.waiting_since, Consultation.id)
        .limit(limit)
    ).all()
    return [_waiting(dict(row._mapping)) for row in rows]


def _waiting(values: dict[str, Any]) -> Waiting:
    if not values.pop("is_offered"):
        values |= {"offered_to": None, "offered_until": None}
    return Waiting(**values)


def count_waiting() -> int:
    """How many customers wait."""
    waiting = select(func.count()).select_from(Consultation)
    return db.session.scalar(waiting.where(Consultation.status == State.WAITING.value)) or 0


def list_own(actor: Actor, limit: int = 100) -> list[Own]:
    """The customers whom the actor has claimed, the latest talk first."""
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    unread = (
        select(func.count())
        .select_from(Message)
        .where(
            Message.conversation_id == Consultation.conversation_id,
            Message.id > Consultation.consultant_read_until,
            Message.role == "user",
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            Consultation.id.label("consultation_id"),
            Consultation.conversation_id,
            Consultation.user_id,
            User.username,
            Consultation.source,
            Consultation.asked,
            Consultation.claimed_by,
            Consultation.claimed_at,
            Consultation.taken_over_at,
            Conversation.updated_at,
            unread.label("unread"),
        )
        .join(User, User.id == Consultation.user_id)
        .join(Conversation, Conversation.id == Consultation.conversation_id)
        .where(Consultation.claimed_by == me, Consultation.status == State.CLAIMED.value)
        .order_by(Conversation.updated_at.desc(), Consultation.id)
        .limit(limit)
    )
    return [Own(**row._mapping) for row in rows]


def get_desk(actor: Actor, conversation_id: str) -> Desk:
    """The latest consultation of a conversation that the actor may see: whose customer waits, or is theirs, or was lately.

    Admins see all. Raises Unauthorized, Forbidden, NotFound.
    """
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    was_mine = and_(Consultation.claimed_by == me, Consultation.closed_at > now() - LOOK_BACK)
    visible = or_(
        Consultation.status == State.WAITING.value,
        and_(Consultation.claimed_by == me, Consultation.status == State.CLAIMED.value),
        was_mine,
    )
    wanted = (
        select(Consultation, Conversation, User.username, User.locale, Claimer.username.label("consultant"))
        .join(Conversation, Conversation.id == Consultation.conversation_id)
        .join(User, User.id == Consultation.user_id)
        .outerjoin(Claimer, Claimer.id == Consultation.claimed_by)
        .where(Consultation.conversation_id == conversation_id[:32])
        .order_by(Consultation.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    if not actor.has_role(Role.ADMIN):
        newer = aliased(Consultation)
        is_latest = ~exists().where(
            newer.conversation_id == Consultation.conversation_id, newer.id > Consultation.id
        )
        wanted = wanted.where(visible, is_latest)
    row = db.session.execute(wanted).one_or_none()
    if row is None:
        raise NotFound()
    consultation, conversation, username, locale, consultant = row
    is_mine = consultation.claimed_by == me and consultation.status == State.CLAIMED.value
    return Desk(consultation, conversation, username, locale, consultant or "", is_mine)


def find_open(conversation_id: str) -> Consultation | None:
    """The open consultation of a conversation. The caller checks whose it is."""
    return db.session.scalar(
        select(Consultation)
        .where(Consultation.open_in == conversation_id)
        .execution_options(populate_existing=True)
    )


def list_notes(conversation_id: str, limit: int = 100) -> list[Note]:
    """The private notes beside a conversation, oldest first. The caller checks who may see it."""
    rows = db.session.execute(
        select(ConsultationNote.id, User.username, ConsultationNote.text, ConsultationNote.created_at)
        .outerjoin(User, User.id == ConsultationNote.author_id)
        .where(ConsultationNote.conversation_id == conversation_id)
        .order_by(ConsultationNote.id.desc())
        .limit(limit)
    ).all()
    return [Note(row.id, row.username or "", row.text, row.created_at) for row in reversed(rows)]


def list_canned(*, all_of_them: bool = False, limit: int = 200) -> Sequence[CannedReply]:
    """Canned replies by their code; those in use, or all."""
    wanted = select(CannedReply).order_by(CannedReply.code).limit(limit)
    return db.session.scalars(wanted if all_of_them else wanted.where(CannedReply.enabled)).all()


def is_taken_over(conversation_id: str) -> bool:
    """True while a consultant answers."""
    status = select(Conversation.status).where(Conversation.id == conversation_id)
    return db.session.scalar(status) == CONSULTANT
