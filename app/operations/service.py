"""Asking the desk: an edge, like `app.agent.service`, since a run must be visible to others before its thread starts.

Call it outside of any transaction.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from app.agent.starting import start
from app.conversations import service as conversations
from app.conversations.models import OPERATIONS
from app.conversations.queries import find_message, get_run
from app.conversations.service import RunKey
from app.core.actor import Actor, Role
from app.core.errors import N_, InvalidParam, NotFound
from app.core.ids import new_id
from app.insights.parsing.intents import asks_why
from app.language.normalise import detect_language, normalise
from app.operations.queries import find_previous, find_question_back
from app.operations.runs import Task, launch
from app.operations.schemas import MAX_QUERY


def ask(
    actor: Actor, query: str, session_id: str | None = None, client_message_id: str | None = None
) -> RunKey:
    """Store a sentence and start its answer; the same `client_message_id` again returns the first run.

    Raises Forbidden, NotFound for a conversation that is not the actor's own of the desk, Conflict RUN_ACTIVE,
    InvalidParam, Unavailable without Redis.
    """
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    query = query.strip()
    if not 1 <= len(query) <= MAX_QUERY:
        raise InvalidParam(fields={"query": N_("Write between 1 and 500 characters.")})
    wish = _Asking(actor, query, session_id, client_message_id)
    return wish.find_repeated() or start(wish, launch)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Somebody asks the desk."""

    actor: Actor
    query: str
    session_id: str | None
    client_message_id: str | None

    @property
    def run_id(self) -> str:
        return new_id()

    def prepare(self, run_id: str) -> Task:
        """Write the run and the sentence, and find what it may lean on."""
        conversation = conversations.open_conversation(
            self.actor,
            self.session_id,
            first_words=self.query,
            client_message_id=self._client_id,
            purpose=OPERATIONS,
        )
        is_new = conversations.is_new(conversation)
        asked = None if is_new else find_question_back(conversation.id)
        # A choice that was offered means the question behind it, whatever else its words could mean.
        offered = asked.choices if asked is not None else []
        chosen = next((each.question for each in offered if each.text == self.query), None)
        previous = None if is_new else find_previous(conversation.id)
        run = conversations.open_run(self.actor, conversation, run_id)
        conversations.add_message(
            run, role="user", content=self.query, client_message_id=self.client_message_id
        )
        return Task(
            run=run,
            # An English question on a Chinese page is answered in English.
            actor=replace(self.actor, locale=detect_language(self.query, self.actor.locale)),
            query=self.query,
            previous=previous,
            chosen=chosen,
            why=asked.query if chosen and asked and asks_why(normalise(asked.query)) else "",
        )

    def find_repeated(self) -> RunKey | None:
        """The run that the same request has started before."""
        if not self.client_message_id:
            return None
        session_id = self.session_id or conversations.conversation_id_for(self.actor, self._client_id or "")
        message = find_message(session_id, self.client_message_id)
        if message is None or message.run_id is None:
            return None
        with suppress(NotFound):
            return RunKey.of(get_run(self.actor, message.run_id))
        return None

    @property
    def _client_id(self) -> str | None:
        """The shop's assistant may be sent the same id: its conversation is another one."""
        return f"desk {self.client_message_id}" if self.client_message_id else None
