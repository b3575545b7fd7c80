"""Writing conversations: opening, adding messages, starting and closing runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Table, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.conversations.models import ASSISTANT, TEMPORARY, Confirmation, Conversation, Message, Run
from app.conversations.queries import get_conversation, list_run_messages
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.core.ids import new_id
from app.db import db

TITLE_CHARS = 40
Results = Mapping[str, Mapping[str, Any]]


class RunClosed(Conflict):
    """The run has been closed by somebody else; nothing of it may be written any more."""

    code = "RUN_CLOSED"


@dataclass(frozen=True, slots=True)
class RunKey:
    """What identifies a run to its writers; unlike the mapped class it may go from thread to thread."""

    id: str
    conversation_id: str
    owner: str

    @classmethod
    def of(cls, run: Run) -> RunKey:
        return cls(run.id, run.conversation_id, run.owner)


def open_conversation(
    actor: Actor, session_id: str | None, *, first_words: str, client_message_id: str | None = None
) -> Conversation:
    """The actor's conversation, or a new one when no id is given. Raises NotFound.

    With a `client_message_id` the new one's id follows from it, so that a repeated first message finds it.
    """
    if session_id is not None:
        return get_conversation(actor, session_id)
    new = conversation_id_for(actor, client_message_id) if client_message_id else new_id()
    found = db.session.get(Conversation, new) if client_message_id else None
    return found or _create(actor, new, title_from(first_words))


def make_lasting(conversation: Conversation, *, first_words: str) -> None:
    """A temporary conversation in which somebody says something that is kept becomes one like any other."""
    if conversation.status == TEMPORARY:
        conversation.status = ASSISTANT
        conversation.title = conversation.title or title_from(first_words)


def conversation_id_for(actor: Actor, client_message_id: str) -> str:
    """The id of the conversation that this first message opens."""
    return hashlib.sha256(f"{actor.subject}\n{client_message_id}".encode()).hexdigest()[:32]


def _create(actor: Actor, conversation_id: str, title: str) -> Conversation:
    conversation = Conversation(id=conversation_id, owner=actor.subject, user_id=actor.user_id, title=title)
    db.session.add(conversation)
    db.session.flush()
    return conversation


def title_from(words: str) -> str:
    """The first words of a conversation, on one line."""
    line = " ".join(words.split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1].rstrip() + "…"


def add_message(run: RunKey, **values: Any) -> Message:
    """Add a message to a run's conversation."""
    message = Message(conversation_id=run.conversation_id, run_id=run.id, **values)
    db.session.add(message)
    db.session.flush()
    return message


def add_while_active(run: RunKey, **values: Any) -> Message:
    """Add a message, unless the run has been taken for dead and closed meanwhile. Raises RunClosed."""
    active = db.session.scalar(select(Run.active_in).where(Run.id == run.id).with_for_update())
    if active is None:
        raise RunClosed()
    return add_message(run, **values)


def open_run(actor: Actor, conversation: Conversation, run_id: str) -> Run:
    """Begin an answer; moves the conversation to the top of the list.

    Raises Conflict RUN_ACTIVE (one active run at most); after that the session has to be rolled back.
    """
    run = Run(id=run_id, conversation_id=conversation.id, owner=actor.subject, active_in=conversation.id)
    conversation.updated_at = now()
    db.session.add(run)
    try:
        db.session.flush()
    except IntegrityError as error:
        raise Conflict(N_("The assistant is still answering. Wait or stop it."), code="RUN_ACTIVE") from error
    return run


def close_run(run_id: str, *, status: str, error_code: str = "", **values: Any) -> bool:
    """End a run once and free its conversation; False when somebody else has ended it."""
    # The table, not the class: no loaded object has to follow, and it takes half the time.
    result = db.session.execute(
        update(cast(Table, Run.__table__))
        .where(Run.id == run_id, Run.active_in.is_not(None))
        .values(active_in=None, status=status, error_code=error_code, finished_at=now(), **values)
    )
    return cast(CursorResult[Any], result).rowcount == 1


def keep_summary(session_id: str, text: str, *, until: int, was: int) -> bool:
    """Keep a summary up to message `until`; False when somebody has kept another since `summary_until` was `was`."""
    is_newer = or_(Conversation.summary_until < until, Conversation.summary == "")
    result = db.session.execute(
        update(Conversation)
        .where(Conversation.id == session_id, Conversation.summary_until == was, is_newer)
        .values(summary=text, summary_until=until)
    )
    return cast(CursorResult[Any], result).rowcount == 1


def add_usage(run_id: str, *, prompt_tokens: int, completion_tokens: int, cost_micros: int) -> None:
    """Count tokens to a run that has ended: those of its conversation's summary. `cost_micros` in millionths of a yuan."""
    db.session.execute(
        update(Run)
        .where(Run.id == run_id)
        .values(
            prompt_tokens=Run.prompt_tokens + prompt_tokens,
            completion_tokens=Run.completion_tokens + completion_tokens,
            cost_micros=Run.cost_micros + cost_micros,
        )
    )


def note_agent(run: RunKey, version_id: int | None) -> None:
    """Keep which agent version has answered last; None for the model of the settings and the built-in one."""
    mine = update(Conversation).where(Conversation.id == run.conversation_id)
    db.session.execute(mine.values(agent_version_id=version_id))


def answer_open_calls(run: RunKey, results: Results, *, default: Mapping[str, Any]) -> None:
    """Give every recorded call of the run that has no tool message its one result.

    `results` by call id and `default` have `content` (JSON text), `status` and `duration_ms`.
    """
    rows = list_run_messages(run.id)
    answered = {row.tool_call_id for row in rows if row.role == "tool"}
    for call in (call for row in rows for call in row.tool_calls if call["id"] not in answered):
        values = results.get(call["id"], default)
        add_message(run, role="tool", tool_call_id=call["id"], tool_name=call["name"], **values)


def take_over(guest: Actor, user: Actor) -> int:
    """Give a guest's conversations to the user that it has become; returns how many. For `AFTER_LOGIN`."""
    if guest.guest_id is None:
        return 0
    ids = db.session.scalars(select(Conversation.id).where(Conversation.owner == guest.subject)).all()
    if ids:
        # By conversation: the owners of runs and questions have no index.
        for table in (Run, Confirmation):
            mine = update(table).where(table.conversation_id.in_(ids))
            db.session.execute(mine.values(owner=user.subject))
        mine = update(Conversation).where(Conversation.id.in_(ids))
        db.session.execute(mine.values(owner=user.subject, user_id=user.user_id))
    return len(ids)
