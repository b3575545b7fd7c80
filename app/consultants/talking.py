"""What consultant and customer write to each other, what they have read, that one is typing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from redis.exceptions import RedisError
from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.exc import IntegrityError

from app.consultants import attending, channels
from app.consultants.models import Consultation, ConsultationNote
from app.consultants.service import get_own, take_over
from app.consultants.states import MAX_MESSAGE, MAX_NOTE, OPEN, State
from app.conversations.models import CONSULTANT, Conversation, Message
from app.conversations.queries import find_message
from app.conversations.service import add_spoken
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam
from app.db import db
from app.runtime import redis

# The two sides of a talk.
CUSTOMER_SIDE, DESK_SIDE = "customer", "consultant"
# Who types shows it again every few seconds.
TYPING_MS = 5_000
MAX_CLIENT_ID = 64
TAKEN_ID = N_("This message id was used for something else.")


def send(
    actor: Actor, conversation_id: str, text: str, client_message_id: str | None = None
) -> tuple[int, bool]:
    """The consultant writes; the message's id, and False when the same one had been sent before.

    The first message takes the conversation over. Raises NotFound, InvalidParam, Conflict.
    """
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    text = _checked(text)
    mine = get_own(me, conversation_id)
    known = _find_sent(mine.conversation_id, client_message_id, me)
    if known is not None:
        return known, False
    attending.show_life(actor)
    take_over(actor, mine.conversation_id)
    try:
        with db.session.begin_nested():
            message_id = add_spoken(
                mine.conversation_id,
                CONSULTANT,
                text,
                client_message_id=client_message_id,
                author_id=me,
            )
    except IntegrityError:
        known = _find_sent(mine.conversation_id, client_message_id, me)
        if known is None:
            raise
        return known, False
    # A claim that was taken away meanwhile takes the message with it.
    at = now()
    still = db.session.execute(
        update(Consultation)
        .where(
            Consultation.id == mine.id,
            Consultation.claimed_by == me,
            Consultation.status == State.CLAIMED.value,
        )
        .values(
            first_answer_at=func.coalesce(Consultation.first_answer_at, at),
            consultant_read_until=message_id,
        )
        .execution_options(synchronize_session=False)
    )
    if cast(CursorResult[Any], still).rowcount != 1:
        raise Conflict(N_("Somebody was faster. Look again."), code="CHANGED_MEANWHILE")
    _stop_typing(mine.conversation_id, DESK_SIDE)
    told = {"message_id": message_id, "role": CONSULTANT}
    channels.publish_conversation(mine.conversation_id, "message", told)
    return message_id, True


def keep_for_consultant(
    actor: Actor, conversation_id: str, text: str, client_message_id: str | None = None
) -> int:
    """What the customer writes while a consultant answers; the message's id, the same one when it is sent again.

    Raises InvalidParam, Conflict NOT_TAKEN_OVER when the assistant answers there.
    """
    text = _checked(text)
    if client_message_id:
        known = find_message(conversation_id, client_message_id)
        if known is not None:
            return known.id
    # Under the conversation's lock: a consultant who hands back now is before or behind this message.
    here = db.session.execute(
        update(Conversation)
        .where(
            Conversation.id == conversation_id,
            Conversation.owner == actor.subject,
            Conversation.status == CONSULTANT,
        )
        .values(updated_at=now())
        .execution_options(synchronize_session=False)
    )
    if cast(CursorResult[Any], here).rowcount != 1:
        raise Conflict(code="NOT_TAKEN_OVER")
    try:
        with db.session.begin_nested():
            message_id = add_spoken(conversation_id, "user", text, client_message_id=client_message_id)
    except IntegrityError:
        known = find_message(conversation_id, client_message_id or "")
        if known is None:
            raise
        return known.id
    _stop_typing(conversation_id, CUSTOMER_SIDE)
    channels.publish_conversation(conversation_id, "message", {"message_id": message_id, "role": "user"})
    having = select(Consultation.claimed_by, Consultation.user_id).where(
        Consultation.open_in == conversation_id
    )
    row = db.session.execute(having).one_or_none()
    if row is not None and row.claimed_by is not None:
        told = {"conversation_id": conversation_id, "message_id": message_id, "user_id": row.user_id}
        channels.publish_staff("message", told, {row.claimed_by})
    return message_id


def mark_read(conversation_id: str, side: str, message_id: int) -> bool:
    """One side has seen all up to a message of the conversation; True when that is new. The caller checks whose it is."""
    column = Consultation.consultant_read_until if side == DESK_SIDE else Consultation.customer_read_until
    last = select(func.max(Message.id)).where(
        Message.conversation_id == conversation_id, Message.id <= message_id
    )
    until = db.session.scalar(last) or 0
    changed = db.session.execute(
        update(Consultation)
        .where(Consultation.open_in == conversation_id, Consultation.status.in_(OPEN), column < until)
        .values({column: until})
        .execution_options(synchronize_session=False)
    )
    if cast(CursorResult[Any], changed).rowcount != 1:
        return False
    channels.publish_conversation(conversation_id, "read", {"by": side, "until": until})
    return True


def show_typing(conversation_id: str, side: str) -> None:
    """One side is typing, for some seconds. Nothing is stored; the caller checks whose conversation it is."""
    with suppress(RedisError):
        redis().set(typing_key(conversation_id, side), "1", px=TYPING_MS)
    channels.send(channels.conversation_channel(conversation_id), {"event": "typing", "data": {"by": side}})


def is_typing(conversation_id: str, side: str) -> bool:
    """Whether that side is typing; nobody is while Redis is away."""
    try:
        return bool(redis().exists(typing_key(conversation_id, side)))
    except RedisError:
        return False


def typing_key(conversation_id: str, side: str) -> str:
    return f"conversation:{conversation_id}:typing:{side}"


def _stop_typing(conversation_id: str, side: str) -> None:
    with suppress(RedisError):
        redis().delete(typing_key(conversation_id, side))


def add_note(actor: Actor, conversation_id: str, text: str) -> ConsultationNote:
    """A private note beside the conversation. The caller checks that the actor may see it. Raises InvalidParam."""
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    text = text.strip()
    if not 1 <= len(text) <= MAX_NOTE:
        raise InvalidParam(fields={"text": N_("Write between 1 and 2000 characters.")})
    note = ConsultationNote(conversation_id=conversation_id, author_id=me, text=text)
    db.session.add(note)
    db.session.flush()
    return note


def _checked(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= MAX_MESSAGE:
        raise InvalidParam(fields={"content": N_("Write between 1 and 4000 characters.")})
    return text


def _find_sent(conversation_id: str, client_message_id: str | None, me: int) -> int | None:
    if not client_message_id:
        return None
    known = find_message(conversation_id, client_message_id)
    if known is None:
        return None
    if known.role != CONSULTANT or known.author_id != me:
        raise Conflict(TAKEN_ID, code="IDEMPOTENCY_CONFLICT")
    return known.id
