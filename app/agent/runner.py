"""One run from its start to its last event, on a thread of its own (a greenlet in the web process)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from logging import getLogger
from typing import Any

from redis.exceptions import RedisError

from app.agent import history, memory
from app.agent.background import in_background
from app.agent.briefing import Briefing
from app.agent.controls import ABORTED
from app.agent.desk import Desk
from app.agent.loop import Answer, Loop
from app.agent.memory import Known
from app.agent.recovery import INTERRUPTED, complete_data, error_data, interrupted_result, unknown_end
from app.agent.stream import LogLost, RunLog, append_late
from app.agent.summarising import Summariser, summariser_of
from app.conversations import service
from app.conversations.confirmations import Question
from app.conversations.models import Message as Row
from app.conversations.queries import list_run_messages
from app.conversations.service import RunClosed, RunKey
from app.core.actor import Actor
from app.db import db, in_transaction
from app.gateway.account import account_of
from app.gateway.breaker import Breaker
from app.gateway.budgets import BudgetExceeded
from app.gateway.failover import Answerer
from app.gateway.routing import Agents, Route, builtin_route, routes_for
from app.llm.client import Message, ModelError
from app.llm.gateway import ModelOptions
from app.runtime import redis, redis_line, settings
from app.tools.cancellation import Cancellation, Cancelled
from app.tools.executor import ToolResult

log = getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a run has to do: answer the newest message, or settle a question first. `purpose` chooses the agents.

    `told` are the messages that the caller keeps (app.agent.direct) and stand for the conversation's own then.
    What is known already when the run begins saves it a look: `agents` are what `check_agents` has found,
    `first_words` the message when nothing was said before, `answered_last` the conversation's agent version.
    """

    run: RunKey
    actor: Actor
    options: ModelOptions
    question: Question | None = None
    approve: bool = False
    purpose: str = "shop"
    told: tuple[Message, ...] | None = None
    agents: Agents | None = None
    first_words: str | None = None
    answered_last: int | None = None

    def known(self) -> Known:
        """What the model is to know: what was told, else the conversation; within the budget."""
        told: Sequence[Message] | None = self.told
        if told is None and self.first_words is not None:
            told = [{"role": "user", "content": self.first_words}]
        if told is None:
            return memory.known(self.run.conversation_id)
        return memory.within_budget(
            [Row(role=each["role"], content=each["content"], tool_calls=[]) for each in told]
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: done, aborted, or failed with a code."""

    status: str
    code: str = ""
    retryable: bool = True


def launch(task: Task, run_log: RunLog) -> None:
    """Start the run's thread. The log is open already."""

    def work(cancellation: Cancellation, is_over: Callable[[], None]) -> None:
        runner = Runner(task, run_log, cancellation)
        runner.perform()
        # The run is over: its heart must not beat on while the talk is summarised.
        is_over()
        runner.remember()

    in_background(task.run.id, task.actor.locale, run_log, work)


class Runner:
    """Performs a task and closes its run whatever happens."""

    def __init__(self, task: Task, run_log: RunLog, cancellation: Cancellation) -> None:
        self._task = task
        self._log = run_log
        self._cancellation = cancellation
        self._answer = Answer()
        self._desk = Desk(
            task.run, task.actor, run_log.append, cancellation, told=task.told, summariser=self._summariser
        )
        self._answerer: Answerer | None = None
        self._known: Known | None = None
        self._started = time.monotonic()

    def perform(self) -> None:
        """Answer, then close."""
        try:
            self._answer_request()
            ending = Ending("done")
        except Cancelled:
            ending = self._cancelled()
        except BudgetExceeded:
            ending = Ending("error", BudgetExceeded.code, retryable=False)
        except ModelError as error:
            log.warning("model_failed run=%s code=%s error=%s", self._task.run.id, error.code, error)
            ending = Ending("error", error.code, error.retryable)
        except (LogLost, RunClosed, RedisError) as error:
            log.warning("run_log_lost run=%s error=%r", self._task.run.id, error)
            ending = Ending(INTERRUPTED, INTERRUPTED)
        except Exception:
            log.exception("run_failed run=%s", self._task.run.id)
            ending = Ending("error", "INTERNAL")
        self._close(ending)

    def remember(self) -> None:
        """Summarise what the next answer's model could not read any more; what that costs is the run's."""
        task, counted = self._task, Answer()
        if task.told is not None or self._has_room():
            return
        used = self._answerer.used if self._answerer is not None else builtin_route()
        try:
            summariser = summariser_of(used, counted.count, Cancellation(), task.actor.locale)
            if memory.remember(task.run.conversation_id, summariser) and counted.prompt_tokens:
                in_transaction(lambda: _add(task.run.id, counted))
        except Exception:
            log.exception("talk_not_summarised run=%s", task.run.id)

    def _has_room(self) -> bool:
        """True when it is plain, without a look at the rows, that the next answer's model can read everything."""
        return (
            not self._desk.has_called
            and self._known is not None
            and self._known.leaves_room(self._answer.text)
        )

    def _summariser(self) -> Summariser | None:
        if self._answerer is None:
            return None
        locale = self._task.actor.locale
        return summariser_of(self._answerer.used, self._answer.count, self._cancellation, locale)

    def _cancelled(self) -> Ending:
        if self._cancellation.reason == ABORTED:
            return Ending("aborted")
        return Ending(INTERRUPTED, INTERRUPTED)

    def _answer_request(self) -> None:
        deadline = self._started + settings().run_seconds
        # What it asks Redis goes with what the run logs write.
        breaker = Breaker(redis(), redis_line())
        answerer = self._answerer = Answerer(self._routes(), breaker=breaker)
        briefing = Briefing.of(self._task.actor, self._task.options)
        self._known = self._task.known()
        messages = list(self._known.messages)
        # No connection is held while the model thinks.
        db.session.remove()
        if self._task.question is not None:
            messages += self._settle(self._task.question)
        self._cancellation.check()
        self._loop(answerer, briefing, deadline).run(messages)

    def _routes(self) -> list[Route]:
        task = self._task
        try:
            return routes_for(task.purpose, task.actor.subject, task.options, task.agents)
        except BudgetExceeded:
            # Who has said yes is not sent away: the built-in model tells what became of it.
            if task.question is None:
                raise
            return [builtin_route()]

    def _loop(self, answerer: Answerer, briefing: Briefing, deadline: float) -> Loop:
        return Loop(
            answerer=answerer,
            briefing=briefing,
            desk=self._desk,
            emit=self._log.append,
            cancellation=self._cancellation,
            deadline=deadline,
            max_steps=settings().agent_max_steps,
            answer=self._answer,
        )

    def _settle(self, question: Question) -> list[Message]:
        results = self._desk.settle(question, approve=self._task.approve)
        tools = [history.tool_message(call["id"], content) for call, content in results]
        return [history.call_message("", [call for call, _ in results]), *tools]

    def _close(self, ending: Ending) -> None:
        """Keep what was said, free the conversation, write the last event."""
        last = in_transaction(lambda: self._store(ending))
        if last is None:
            log.warning("run_was_closed_by_somebody_else run=%s", self._task.run.id)
            return
        told = interrupted_result()
        try:
            self._desk.close_open_calls(ToolResult(status="cancelled", result=told, full=told))
            self._log.close(*last)
        except LogLost:
            append_late(redis(), settings(), self._task.run.id, [last])
        except RedisError as error:
            log.warning("last_event_lost run=%s error=%s", self._task.run.id, error)

    def _store(self, ending: Ending) -> tuple[str, dict[str, Any]] | None:
        """The rows of the ending and the last event; None when the run was closed before."""
        run, answer = self._task.run, self._answer
        account = account_of(self._answerer, answer, self._started)
        if not service.close_run(run.id, status=ending.status, error_code=ending.code, **account):
            return None
        if self._answerer is not None and self._answerer.attempts:
            self._note_agent(self._answerer.used.version_id)
        has_called = self._desk.has_called
        if has_called:
            service.answer_open_calls(run, {}, default=unknown_end())
        final = None
        if answer.text or not ending.code:
            final = service.add_message(
                run,
                role="assistant",
                content=answer.text,
                status=ending.status,
                usage=answer.usage,
                model=account.get("model", ""),
            )
        if final is None or ending.code:
            return "error", error_data(ending.code, retryable=ending.retryable)
        return "complete", complete_data(final, list_run_messages(run.id) if has_called else [final])

    def _note_agent(self, version_id: int | None) -> None:
        # Nobody else has changed it meanwhile: a conversation has one run at a time.
        if version_id != self._task.answered_last:
            service.note_agent(self._task.run, version_id)


def _add(run_id: str, counted: Answer) -> None:
    service.add_usage(
        run_id,
        prompt_tokens=counted.prompt_tokens,
        completion_tokens=counted.completion_tokens,
        cost_micros=counted.cost_micros,
    )
