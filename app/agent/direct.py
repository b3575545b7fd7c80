"""Runs on messages that the caller brings along: `POST /api/chat/stream/direct`.

What the caller's messages say is the whole of what the model is told; nothing of it is stored. The run, the answer,
its tool calls and their results are stored as those of any run, so that replay, `complete`, questions, usage and
ratings work alike: in the conversation of `session_id`, else in a temporary one, which no list shows and whose
messages the clean-up deletes after a day. For a yes or no with a button the messages are kept in Redis as long as a
question is open; without them (Redis was emptied) the model goes on with the question and its answer alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from redis.exceptions import RedisError

from app.agent.answers import answer_to
from app.agent.runner import Task
from app.conversations import confirmations, service
from app.conversations.confirmations import Question
from app.conversations.models import TEMPORARY, Conversation
from app.conversations.queries import get_run
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.ids import new_id
from app.gateway.budgets import check_user
from app.gateway.routing import check_agents
from app.language.normalise import detect_language
from app.llm.client import Message
from app.llm.gateway import ModelOptions
from app.runtime import redis, settings

Told = tuple[tuple[Literal["user", "assistant"], str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Somebody's program says what has been said so far. The last of `told` is the customer's."""

    actor: Actor
    session_id: str | None
    told: Told
    client_message_id: str | None
    options: ModelOptions

    @property
    def run_id(self) -> str:
        """Follows from the client's id, so that the same request again finds its run: no message carries that id."""
        if not self.client_message_id:
            return new_id()
        seed = f"{self.actor.subject}\n{self.session_id or ''}\n{self.client_message_id}\ndirect"
        return hashlib.sha256(seed.encode()).hexdigest()[:32]

    def prepare(self, run_id: str) -> Task:
        """Write the run and settle an open question that the last message answers; inside the transaction."""
        conversation = self._conversation(run_id)
        words = self.told[-1][1]
        asked = confirmations.find_open(conversation.id)
        answer = answer_to(asked, words)
        agents = None
        if answer is None:
            check_user(self.actor)
            agents = check_agents("shop", self.options)
        task = Task(
            run=service.open_run(self.actor, conversation, run_id),
            actor=replace(self.actor, locale=detect_language(words, self.actor.locale)),
            options=self.options,
            told=messages_of(self.told),
            agents=agents,
            answered_last=conversation.agent_version_id,
        )
        if asked is None or answer is None:
            return task
        confirmations.answer(asked, approve=answer == "yes")
        return replace(task, question=Question.of(asked), approve=answer == "yes")

    def find_repeated(self) -> RunKey | None:
        """The run that the same request has started before."""
        if self.client_message_id:
            with suppress(NotFound):
                return RunKey.of(get_run(self.actor, self.run_id))
        return None

    def _conversation(self, run_id: str) -> Conversation:
        """The one that is named, else a temporary one whose id follows from the run's."""
        found = service.open_conversation(
            self.actor, self.session_id, first_words="", client_message_id=f"direct {run_id}"
        )
        if self.session_id is None:
            found.status = TEMPORARY
        return found


def messages_of(told: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """The caller's messages in a chat model's form."""
    return tuple({"role": role, "content": content} for role, content in told)


def keep(run_id: str, told: Sequence[Message]) -> None:
    """Keep a run's messages as long as a question of it may be open."""
    seconds = settings().run_seconds + settings().confirmation_seconds
    with suppress(RedisError):
        redis().set(_key(run_id), json.dumps(told, ensure_ascii=False), ex=seconds)


def recall(run_id: str) -> tuple[Message, ...] | None:
    """What `keep` has kept; None for a run that was no direct one, or when it is gone."""
    try:
        kept = redis().get(_key(run_id))
    except RedisError:
        return None
    return tuple(json.loads(str(kept))) if kept else None


def _key(run_id: str) -> str:
    return f"run:{run_id}:told"
