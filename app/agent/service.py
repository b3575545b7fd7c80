"""Asking the assistant, answering its questions, stopping it.

These are edges: each opens its own transaction, since a run must be visible to others before its thread
starts. Call them outside of any transaction.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from redis.exceptions import RedisError

from app.agent import direct
from app.agent.answers import answer_to
from app.agent.controls import abort_run
from app.agent.direct import Telling, Told
from app.agent.runner import Task, launch
from app.agent.schemas import MAX_CONTENT
from app.agent.starting import Wish, start
from app.agent.stream import RunLog
from app.consultants.talking import keep_for_consultant
from app.conversations import confirmations, service
from app.conversations.confirmations import Question
from app.conversations.models import CONSULTANT, Run
from app.conversations.queries import (
    find_active_run,
    find_message,
    get_confirmation,
    get_conversation,
    get_run,
)
from app.conversations.service import ConsultantAnswers, RunKey
from app.core.actor import Actor
from app.core.errors import N_, Conflict, InvalidParam, NotFound, Unavailable
from app.core.ids import new_id
from app.db import db, in_transaction
from app.gateway.budgets import check_user
from app.gateway.routing import check_agents
from app.language.normalise import detect_language
from app.llm.gateway import ModelOptions, check_options

# A conversation may change hands while somebody writes; more often than so in a moment nobody does.
HANDED_OVER_TIMES = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that a consultant answers."""

    conversation_id: str
    message_id: int


def start_run(
    actor: Actor,
    session_id: str | None,
    content: str,
    client_message_id: str | None = None,
    *,
    options: ModelOptions | None = None,
) -> RunKey:
    """Store a message and start the answer; the same `client_message_id` again returns the first run.

    A plain yes or no answers the open question of the conversation. Raises NotFound for a conversation that
    is not the actor's, Conflict RUN_ACTIVE while another answer is being made, InvalidParam, Forbidden for
    a model elsewhere that is not allowed, BudgetExceeded for somebody who has used up the day's share (but a yes
    or no is always heard), ConsultantAnswers where a person has taken over, Unavailable without Redis.
    """
    content = content.strip()
    if not 1 <= len(content) <= MAX_CONTENT:
        raise InvalidParam(fields={"content": N_("Write between 1 and 4000 characters.")})
    options = options or ModelOptions()
    check_options(options)
    wish = _Saying(actor, session_id, content, client_message_id, options)
    return wish.find_repeated() or _start(wish)


def say(
    actor: Actor,
    session_id: str | None,
    content: str,
    client_message_id: str | None = None,
    *,
    options: ModelOptions | None = None,
) -> RunKey | Kept:
    """Like `start_run`; while a consultant answers the message is kept for them and no run starts. Raises the same."""
    for _ in range(HANDED_OVER_TIMES):
        try:
            return start_run(actor, session_id, content, client_message_id, options=options)
        except ConsultantAnswers:
            kept_in = str(session_id)
        keep = partial(keep_for_consultant, actor, kept_in, content, client_message_id)
        try:
            return Kept(kept_in, in_transaction(keep))
        except Conflict as error:
            # The consultant has handed back meanwhile.
            if error.code != "NOT_TAKEN_OVER":
                raise
    raise Conflict()


def start_direct(
    actor: Actor,
    session_id: str | None,
    told: Told,
    client_message_id: str | None = None,
    *,
    options: ModelOptions | None = None,
) -> RunKey:
    """Start an answer to messages that the caller keeps; they are not stored (see app.agent.direct).

    The last one has to be the customer's. Raises what `start_run` raises.
    """
    if not told or told[-1][0] != "user":
        raise InvalidParam(fields={"messages": N_("The last message must be the customer's.")})
    options = options or ModelOptions()
    check_options(options)
    wish = Telling(
        actor=actor,
        session_id=session_id,
        told=told,
        client_message_id=client_message_id,
        options=options,
    )
    return wish.find_repeated() or _start(wish)


def answer_confirmation(actor: Actor, confirmation_id: str, approve: bool) -> RunKey:
    """Say yes or no to what the assistant asked; the answer goes on in a new run.

    Raises NotFound, or Conflict CONFIRMATION_EXPIRED, CONFIRMATION_USED or RUN_ACTIVE.
    """
    session_id = get_confirmation(actor, confirmation_id).conversation_id
    return _start(_Deciding(actor, session_id, confirmation_id, approve))


def abort(actor: Actor, *, session_id: str | None = None, run_id: str | None = None) -> bool:
    """Stop an answer, by its conversation or run; False when there is none. Raises NotFound, InvalidParam."""
    if (session_id is None) == (run_id is None):
        raise InvalidParam(fields={"session_id": N_("Give either session_id or run_id.")})
    if run_id is not None:
        run: Run | None = get_run(actor, run_id)
    else:
        run = find_active_run(get_conversation(actor, str(session_id)).id)
    active_id = run.id if run is not None and run.active_in is not None else None
    db.session.rollback()
    if active_id is None:
        return False
    try:
        abort_run(active_id)
    except RedisError as error:
        raise Unavailable() from error
    return True


@dataclass(frozen=True, slots=True)
class _Saying:
    """Somebody says something."""

    actor: Actor
    session_id: str | None
    content: str
    client_message_id: str | None
    options: ModelOptions

    @property
    def run_id(self) -> str:
        return new_id()

    def prepare(self, run_id: str) -> Task:
        conversation = service.open_conversation(
            self.actor, self.session_id, first_words=self.content, client_message_id=self.client_message_id
        )
        if conversation.status == CONSULTANT:
            # Whatever else would stand against an answer of the assistant's.
            raise ConsultantAnswers()
        asked = confirmations.find_open(conversation.id) if self.session_id else None
        answer = answer_to(asked, self.content)
        agents = None
        if answer is None:
            check_user(self.actor)
            agents = check_agents("shop", self.options)
        service.make_lasting(conversation, first_words=self.content)
        run = service.open_run(self.actor, conversation, run_id)
        service.add_message(run, role="user", content=self.content, client_message_id=self.client_message_id)
        task = Task(
            run=run,
            # Tools answer in the language of the message: an English question on a Chinese page gets English stores.
            actor=replace(self.actor, locale=detect_language(self.content, self.actor.locale)),
            options=self.options,
            agents=agents,
            first_words=self.content if service.is_new(conversation) else None,
            answered_last=conversation.agent_version_id,
        )
        if asked is None or answer is None:
            return task
        confirmations.answer(asked, approve=answer == "yes")
        return replace(task, question=Question.of(asked), approve=answer == "yes")

    def find_repeated(self) -> RunKey | None:
        if not self.client_message_id:
            return None
        session_id = self.session_id or service.conversation_id_for(self.actor, self.client_message_id)
        message = find_message(session_id, self.client_message_id)
        if message is None or message.run_id is None:
            return None
        with suppress(NotFound):
            return RunKey.of(get_run(self.actor, message.run_id))
        return None


@dataclass(frozen=True, slots=True)
class _Deciding:
    """Somebody answers a question with a button."""

    actor: Actor
    session_id: str
    confirmation_id: str
    approve: bool

    @property
    def run_id(self) -> str:
        return new_id()

    def prepare(self, run_id: str) -> Task:
        asked = get_confirmation(self.actor, self.confirmation_id)
        confirmations.answer(asked, approve=self.approve)
        conversation = get_conversation(self.actor, asked.conversation_id)
        return Task(
            run=service.open_run(self.actor, conversation, run_id),
            actor=self.actor,
            options=ModelOptions(),
            question=Question.of(asked),
            approve=self.approve,
            told=direct.recall(asked.run_id),
            answered_last=conversation.agent_version_id,
        )

    def find_repeated(self) -> RunKey | None:
        return None


def _start(wish: Wish[Task]) -> RunKey:
    return start(wish, _work_on)


def _work_on(task: Task, run_log: RunLog) -> RunKey:
    if task.told is not None:
        direct.keep(task.run.id, task.told)
    launch(task, run_log)
    return task.run
