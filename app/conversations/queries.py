"""Reading conversations; whose they are is part of every query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Select, bindparam, select

from app.conversations.models import SHOP, TEMPORARY, Confirmation, Conversation, Message, Run
from app.core.actor import Actor
from app.core.errors import NotFound
from app.db import db


def get_conversation(actor: Actor, session_id: str, purpose: str | None = None) -> Conversation:
    """The actor's own conversation, of one purpose or any. Raises NotFound."""
    found = db.session.scalar(
        select(Conversation).where(Conversation.id == session_id, Conversation.owner == actor.subject)
    )
    if found is None or purpose not in (None, found.purpose):
        raise NotFound()
    return found


def list_conversations(
    actor: Actor, limit: int = 50, offset: int = 0, *, purpose: str = SHOP
) -> Sequence[Conversation]:
    """The actor's conversations of a purpose, newest first; temporary ones are not shown."""
    return db.session.scalars(
        select(Conversation)
        .where(
            Conversation.owner == actor.subject,
            Conversation.purpose == purpose,
            Conversation.status != TEMPORARY,
        )
        .order_by(Conversation.updated_at.desc(), Conversation.id)
        .limit(limit)
        .offset(offset)
    ).all()


def list_messages(
    session_id: str, limit: int = 1_000, *, before: int | None = None, after: int = 0
) -> list[Message]:
    """The newest messages of a conversation, oldest of them first. The caller checks whose it is.

    With `before`, an id, the newest of those that are older than it; with `after` only those that are newer.
    """
    bounds = {"session_id": session_id, "after": after, "most": limit}
    if before is not None:
        bounds["before"] = before
    newest = db.session.scalars(_newest_messages(before is not None), bounds).all()
    return list(reversed(newest))


@lru_cache(maxsize=2)
def _newest_messages(has_before: bool) -> Select[Message]:
    wanted = select(Message).where(
        Message.conversation_id == bindparam("session_id"), Message.id > bindparam("after")
    )
    if has_before:
        wanted = wanted.where(Message.id < bindparam("before"))
    return wanted.order_by(Message.id.desc()).limit(bindparam("most"))


def find_summary(session_id: str) -> tuple[str, int]:
    """What is told of a conversation's beginning ("" for nothing), and `summary_until`."""
    return find_summary_and_note(session_id)[:2]


def find_summary_and_note(session_id: str) -> tuple[str, int, str]:
    """The same, and what the latest consultant has told the assistant ("" for nothing)."""
    row = db.session.execute(_summary, {"session_id": session_id}).one_or_none()
    return (row.summary, row.summary_until, row.handback_note or "") if row is not None else ("", 0, "")


_summary = select(Conversation.summary, Conversation.summary_until, Conversation.handback_note).where(
    Conversation.id == bindparam("session_id")
)


def list_run_messages(run_id: str) -> Sequence[Message]:
    """The messages of one run in their order."""
    return db.session.scalars(select(Message).where(Message.run_id == run_id).order_by(Message.id)).all()


def find_message(session_id: str, client_message_id: str) -> Message | None:
    """The message that a client has sent under its own id."""
    return db.session.scalar(
        select(Message).where(
            Message.conversation_id == session_id, Message.client_message_id == client_message_id
        )
    )


def get_message(session_id: str, message_id: int) -> Message:
    """A message of a conversation. The caller checks whose it is. Raises NotFound."""
    found = db.session.scalar(
        select(Message).where(Message.id == message_id, Message.conversation_id == session_id)
    )
    if found is None:
        raise NotFound()
    return found


def get_run(actor: Actor, run_id: str) -> Run:
    """The actor's own run. Raises NotFound."""
    found = db.session.scalar(select(Run).where(Run.id == run_id, Run.owner == actor.subject))
    if found is None:
        raise NotFound()
    return found


def find_active_run(session_id: str) -> Run | None:
    """The run that answers in a conversation right now."""
    return db.session.scalar(select(Run).where(Run.active_in == session_id))


def find_latest_run(session_id: str) -> Run | None:
    """The newest run of a conversation."""
    return db.session.scalar(
        select(Run).where(Run.conversation_id == session_id).order_by(Run.started_at.desc()).limit(1)
    )


def list_active_runs(limit: int = 1_000) -> Sequence[Run]:
    """All runs that are not closed, oldest first."""
    return db.session.scalars(
        select(Run).where(Run.active_in.is_not(None)).order_by(Run.started_at).limit(limit)
    ).all()


def get_confirmation(actor: Actor, confirmation_id: str) -> Confirmation:
    """The actor's own confirmation. Raises NotFound."""
    found = db.session.scalar(
        select(Confirmation).where(Confirmation.id == confirmation_id, Confirmation.owner == actor.subject)
    )
    if found is None:
        raise NotFound()
    return found


def list_confirmations(session_id: str) -> Sequence[Confirmation]:
    """The confirmations of a conversation, oldest first."""
    return db.session.scalars(
        select(Confirmation)
        .where(Confirmation.conversation_id == session_id)
        .order_by(Confirmation.created_at)
    ).all()
