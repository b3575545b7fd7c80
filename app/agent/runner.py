"""One run from its start to its last event, on a thread of its own (a greenlet in the web process)."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import force_locale
from redis.exceptions import RedisError

from app.agent import history
from app.agent.controls import ABORTED, controls_of
from app.agent.desk import Desk
from app.agent.loop import Answer, Loop
from app.agent.prompts import system_prompt
from app.agent.recovery import INTERRUPTED, complete_data, error_data, interrupted_result, unknown_end
from app.agent.stream import LogLost, RunLog, append_late
from app.conversations import service
from app.conversations.confirmations import Question
from app.conversations.queries import list_messages, list_run_messages
from app.conversations.service import RunClosed, RunKey
from app.core.actor import Actor
from app.core.clock import now
from app.db import db, in_transaction
from app.llm.client import ChatModel, ChatRequest, Message, ModelError
from app.llm.gateway import ModelOptions, choose_model
from app.runtime import redis, settings
from app.tools.cancellation import Cancellation, Cancelled
from app.tools.executor import ToolResult
from app.tools.queries import list_tools

log = getLogger(__name__)
# Rows that are looked at for the history; the budget in characters is reached long before.
HISTORY_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a run has to do: answer the newest message, or settle a question first."""

    run: RunKey
    actor: Actor
    options: ModelOptions
    question: Question | None = None
    approve: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: done, aborted, or failed with a code."""

    status: str
    code: str = ""
    retryable: bool = True


def launch(task: Task, run_log: RunLog) -> None:
    """Start the run's thread. The log is open already."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    cancellation = controls_of(app).add(task.run.id)

    def body() -> None:
        try:
            with app.app_context(), force_locale(task.actor.locale):
                Runner(task, run_log, cancellation).perform()
        except Exception:
            # Readers and the scheduler find a run without a heartbeat and close it.
            log.exception("run_not_closed run=%s", task.run.id)
        finally:
            controls_of(app).remove(task.run.id)

    threading.Thread(target=copy_context().run, args=(body,), daemon=True, name="run").start()


class Runner:
    """Performs a task and closes its run whatever happens."""

    def __init__(self, task: Task, run_log: RunLog, cancellation: Cancellation) -> None:
        self._task = task
        self._log = run_log
        self._cancellation = cancellation
        self._answer = Answer()
        self._desk = Desk(task.run, task.actor, run_log.append, cancellation)
        self._model_name = ""

    def perform(self) -> None:
        """Answer, then close."""
        try:
            self._answer_request()
            ending = Ending("done")
        except Cancelled:
            ending = self._cancelled()
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

    def _cancelled(self) -> Ending:
        if self._cancellation.reason == ABORTED:
            return Ending("aborted")
        return Ending(INTERRUPTED, INTERRUPTED)

    def _answer_request(self) -> None:
        deadline = time.monotonic() + settings().run_seconds
        model = choose_model(self._task.options)
        self._model_name = model.name
        messages = self._history()
        if self._task.question is not None:
            messages += self._settle(self._task.question)
        self._cancellation.check()
        self._loop(model, deadline).run(self._request(messages))

    def _loop(self, model: ChatModel, deadline: float) -> Loop:
        return Loop(
            model=model,
            desk=self._desk,
            emit=self._log.append,
            cancellation=self._cancellation,
            deadline=deadline,
            max_steps=settings().agent_max_steps,
            answer=self._answer,
        )

    def _request(self, messages: list[Message]) -> ChatRequest:
        actor, options = self._task.actor, self._task.options
        return ChatRequest(
            messages=messages,
            tools=[offer.model_schema(actor.locale) for offer in list_tools(actor)],
            locale=actor.locale,
            temperature=options.temperature,
            max_tokens=options.max_tokens,
        )

    def _history(self) -> list[Message]:
        rows = list_messages(self._task.run.conversation_id, HISTORY_ROWS)
        found = history.build(
            rows, max_chars=settings().agent_history_chars, max_result_chars=settings().tool_result_max_chars
        )
        # No connection is held while the model thinks.
        db.session.remove()
        return [{"role": "system", "content": system_prompt(self._task.actor, _today())}, *found]

    def _settle(self, question: Question) -> list[Message]:
        results = self._desk.settle(question, approve=self._task.approve)
        tools: list[Message] = [
            {"role": "tool", "tool_call_id": call["id"], "content": content} for call, content in results
        ]
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
        is_closed = service.close_run(
            run.id,
            status=ending.status,
            error_code=ending.code,
            model=self._model_name,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        )
        if not is_closed:
            return None
        service.answer_open_calls(run, {}, default=unknown_end())
        final = None
        if answer.text or not ending.code:
            final = service.add_message(
                run,
                role="assistant",
                content=answer.text,
                status=ending.status,
                usage=answer.usage,
                model=self._model_name,
            )
        if final is None or ending.code:
            return "error", error_data(ending.code, retryable=ending.retryable)
        return "complete", complete_data(final, list_run_messages(run.id))


def _today() -> datetime:
    return now().astimezone(ZoneInfo(settings().shop_timezone))
