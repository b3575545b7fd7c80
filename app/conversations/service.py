"""Writing conversations: opening, adding messages, starting and closing runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, insert, inspect, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.conversations.models import (
    ASSISTANT,
    CONSULTANT,
    SHOP,
    SYSTEM,
    TEMPORARY,
    Confirmation,
    Conversation,
    Message,
    Run,
)
from app.conversations.queries import get_conversation, list_run_messages
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.core.ids import new_id
from app.db import db

TITLE_CHARS = 40
Results = Mapping[str, Mapping[str, Any]]
# Every message of a customer passes here: statements on tables, made once, take a third of what mapped objects take.
_add_conversation = insert(cast(Table, Conversation.__table__))
_add_run = insert(cast(Table, Run.__table__))
_add_message = insert(cast(Table, Message.__table__))
_move_up = update(cast(Table, Conversation.__table__)).where(Conversation.id == bindparam("in_conversation"))
# A person who has taken the conversation over is not talked across, whoever was first.
_begin_turn = _move_up.where(Conversation.status != CONSULTANT)
_close_run = update(cast(Table, Run.__table__)).where(
    Run.id == bindparam("of_run"), Run.active_in.is_not(None)
)


class RunClosed(Conflict):
    """The run has been closed by somebody else; nothing of it may be written any more."""

    code = "RUN_CLOSED"


class ConsultantAnswers(Conflict):
    """A consultant has taken the conversation over; the assistant is silent in it."""

    code = "CONSULTANT_ANSWERS"
    default_message = N_("A consultant answers you here now. Write to them in the chat.")


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
    actor: Actor,
    session_id: str | None,
    *,
    first_words: str,
    client_message_id: str | None = None,
    purpose: str = SHOP,
) -> Conversation:
    """The actor's conversation, or a new one when no id is given, which `open_run` writes. Raises NotFound.

    One that is for another purpose is not found either.

    With a `client_message_id` the new one's id follows from it, so that a repeated first message finds it.
    """
    if session_id is not None:
        return get_conversation(actor, session_id, purpose)
    new = conversation_id_for(actor, client_message_id) if client_message_id else new_id()
    found = db.session.get(Conversation, new) if client_message_id else None
    return found or _new_conversation(actor, new, title_from(first_words), purpose)


def is_new(conversation: Conversation) -> bool:
    """True for one that `open_conversation` has made: nothing was said in it before."""
    return inspect(conversation).transient


def make_lasting(conversation: Conversation, *, first_words: str) -> None:
    """A temporary conversation in which somebody says something that is kept becomes one like any other."""
    if conversation.status == TEMPORARY:
        conversation.status = ASSISTANT
        conversation.title = conversation.title or title_from(first_words)


def conversation_id_for(actor: Actor, client_message_id: str) -> str:
    """The id of the conversation that this first message opens."""
    return hashlib.sha256(f"{actor.subject}\n{client_message_id}".encode()).hexdigest()[:32]


def start_conversation(actor: Actor, key: str, *, title: str) -> str:
    """The id of the conversation that we begin with somebody for the reason `key`; made when it is not there yet."""
    conversation_id = conversation_id_for(actor, key)
    if db.session.get(Conversation, conversation_id) is None:
        _write(_new_conversation(actor, conversation_id, title_from(title), SHOP))
    return conversation_id


def _new_conversation(actor: Actor, conversation_id: str, title: str, purpose: str) -> Conversation:
    return Conversation(
        id=conversation_id,
        owner=actor.subject,
        user_id=actor.user_id,
        title=title,
        status=ASSISTANT,
        purpose=purpose,
    )


def title_from(words: str) -> str:
    """The first words of a conversation, on one line."""
    line = " ".join(words.split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1].rstrip() + "…"


def add_message(run: RunKey, **values: Any) -> Message:
    """Add a message to a run's conversation. What is answered is a copy for reading."""
    told = {
        "conversation_id": run.conversation_id,
        "run_id": run.id,
        "content": "",
        "tool_calls": [],
        "status": "done",
        "model": "",
        "created_at": now(),
        **values,
    }
    # What was added before by mapped objects comes first.
    db.session.flush()
    added = db.session.connection().execute(_add_message, told)
    return Message(id=added.inserted_primary_key[0], **told)  # type: ignore[index]


def add_while_active(run: RunKey, **values: Any) -> Message:
    """Add a message, unless the run has been taken for dead and closed meanwhile. Raises RunClosed."""
    active = db.session.scalar(select(Run.active_in).where(Run.id == run.id).with_for_update())
    if active is None:
        raise RunClosed()
    return add_message(run, **values)


def add_line(conversation_id: str, status: str, text: str, *, author_id: int | None = None) -> int:
    """Add a line that nobody has said; its id. `text` is for programs, pages put it in the reader's language."""
    return _add_spoken(conversation_id, role=SYSTEM, content=text, status=status, author_id=author_id)


def add_spoken(
    conversation_id: str,
    role: str,
    content: str,
    *,
    client_message_id: str | None = None,
    author_id: int | None = None,
) -> int:
    """Add what a person has written while no assistant answers, and move the conversation up; the message's id.

    Raises IntegrityError when the conversation has a message with this `client_message_id`.
    """
    at = now()
    db.session.flush()
    db.session.connection().execute(_move_up, {"in_conversation": conversation_id, "updated_at": at})
    told = {"client_message_id": client_message_id, "author_id": author_id}
    return _add_spoken(conversation_id, role=role, content=content, status="done", **told)


def _add_spoken(conversation_id: str, **values: Any) -> int:
    told = {"conversation_id": conversation_id, "tool_calls": [], "model": "", "created_at": now(), **values}
    db.session.flush()
    added = db.session.connection().execute(_add_message, told)
    return int(added.inserted_primary_key[0])  # type: ignore[index]


def open_run(actor: Actor, conversation: Conversation, run_id: str) -> RunKey:
    """Begin an answer; writes a new conversation, or moves the one there is to the top of the list.

    Raises Conflict RUN_ACTIVE (one active run at most); after that the session has to be rolled back. Raises
    ConsultantAnswers.
    """
    run = RunKey(run_id, conversation.id, actor.subject)
    try:
        _write(conversation)
        db.session.connection().execute(
            _add_run,
            {
                "id": run_id,
                "conversation_id": conversation.id,
                "owner": actor.subject,
                "active_in": conversation.id,
            },
        )
    except IntegrityError as error:
        raise Conflict(N_("The assistant is still answering. Wait or stop it."), code="RUN_ACTIVE") from error
    return run


def _write(conversation: Conversation) -> None:
    at = now()
    if not is_new(conversation):
        # `make_lasting` may have changed it.
        db.session.flush()
        begun = db.session.connection().execute(
            _begin_turn, {"in_conversation": conversation.id, "updated_at": at}
        )
        if begun.rowcount != 1:
            raise ConsultantAnswers()
        return
    names = ("id", "owner", "user_id", "title", "status", "purpose")
    values = {name: getattr(conversation, name) for name in names}
    db.session.connection().execute(_add_conversation, {**values, "created_at": at, "updated_at": at})


def add_finished_answer(
    actor: Actor, conversation_id: str, messages: Sequence[Mapping[str, Any]], **run_values: Any
) -> int:
    """Add an answer that nobody had asked for as a run that is over; the id of its last message.

    `run_values` are columns of the run. An answer that may be running meanwhile goes on.
    """
    run = RunKey(new_id(), conversation_id, actor.subject)
    at = now()
    ended = {"status": "done", "started_at": at, "finished_at": at, "active_in": None, **run_values}
    identity = {"id": run.id, "conversation_id": conversation_id, "owner": run.owner}
    db.session.flush()
    db.session.connection().execute(_add_run, {**identity, **ended})
    last = [add_message(run, **values) for values in messages][-1]
    moved = {
        "in_conversation": conversation_id,
        "updated_at": at,
        "agent_version_id": run_values.get("agent_version_id"),
    }
    db.session.connection().execute(_move_up, moved)
    return last.id


def count_run(actor: Actor, key: str, *, status: str, **run_values: Any) -> None:
    """Count an answer that was given outside of any talk, as a run that is over in a hidden conversation of that `key`.

    `run_values` are columns of the run. Raises IntegrityError when two are the first of a key at the same moment.
    """
    conversation_id = conversation_id_for(actor, key)
    if db.session.get(Conversation, conversation_id) is None:
        hidden = _new_conversation(actor, conversation_id, key, SHOP)
        hidden.status = TEMPORARY
        _write(hidden)
    at = now()
    ended = {"status": status, "started_at": at, "finished_at": at, "active_in": None, **run_values}
    identity = {"id": new_id(), "conversation_id": conversation_id, "owner": actor.subject}
    db.session.connection().execute(_add_run, {**identity, **ended})


def close_run(run_id: str, *, status: str, error_code: str = "", **values: Any) -> bool:
    """End a run once and free its conversation; False when somebody else has ended it."""
    ending = {"active_in": None, "status": status, "error_code": error_code, "finished_at": now(), **values}
    result = db.session.connection().execute(_close_run, {"of_run": run_id, **ending})
    return result.rowcount == 1


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
