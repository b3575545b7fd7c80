"""One answer of the desk as a run: told to the run log step by step, kept whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from logging import getLogger
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale, gettext
from redis.exceptions import RedisError

from app.agent.background import in_background
from app.agent.controls import ABORTED
from app.agent.recovery import INTERRUPTED, complete_data, error_data
from app.agent.stream import LogLost, RunLog, append_late
from app.conversations import service
from app.conversations.models import Message
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.errors import DomainError
from app.db import db, in_transaction
from app.insights.modelling.asking import asker_for, no_asker
from app.insights.queries import current_context
from app.insights.question import Question
from app.insights.steps import Step, Steps
from app.operations import desk
from app.operations.models import DeskRecord
from app.operations.schemas import DeskAnswer
from app.runtime import redis, settings
from app.tools.cancellation import Cancellation, Cancelled
from app.tools.limits import to_json

log = getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to answer: the sentence, the question before it, or the question that was chosen.

    `why`: the sentence that asked for a reason of what was chosen now.
    """

    run: RunKey
    actor: Actor
    query: str
    previous: Question | None = None
    chosen: Question | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: done, aborted, or failed with a code and a message for the reader."""

    status: str
    code: str = ""
    message: str = ""
    retryable: bool = True


def launch(task: Task, run_log: RunLog) -> RunKey:
    """Start the run's thread. The log is open already."""

    def work(cancellation: Cancellation, _is_over: Callable[[], None]) -> None:
        DeskRun(task, run_log, cancellation).perform()

    in_background(task.run.id, task.actor.locale, run_log, work)
    return task.run


class DeskRun:
    """Performs a task and closes its run whatever happens. As a listener of the steps it streams them."""

    def __init__(self, task: Task, run_log: RunLog, cancellation: Cancellation) -> None:
        self._task = task
        self._log = run_log
        self._cancellation = cancellation
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._calls: list[tuple[str, Step]] = []
        self._told: set[str] = set()
        self._answer: DeskAnswer | None = None
        self._asker = no_asker()

    def perform(self) -> None:
        """Answer, then close.

        The work is done on a thread beside this one: a stop ends the run at once, while a query of the database
        that is under way ends by itself (SQL_TIMEOUT_SECONDS at most) and finds that nobody wants it any more.
        """
        woken, endings = threading.Event(), list[Ending]()
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

        def work() -> None:
            try:
                with app.app_context(), force_locale(self._task.actor.locale):
                    endings.append(self._try())
            finally:
                woken.set()

        with self._cancellation.calling(woken.set):
            threading.Thread(target=copy_context().run, args=(work,), daemon=True, name="desk").start()
            woken.wait()
        self._close(endings[0] if endings else self._cancelled())

    def _cancelled(self) -> Ending:
        is_wanted = self._cancellation.reason == ABORTED
        return Ending("aborted") if is_wanted else Ending(INTERRUPTED, INTERRUPTED)

    def _try(self) -> Ending:
        try:
            self._answer_query()
            return Ending("done")
        except Cancelled:
            return self._cancelled()
        except (LogLost, service.RunClosed, RedisError) as error:
            log.warning("run_log_lost run=%s error=%r", self._task.run.id, error)
            return Ending(INTERRUPTED, INTERRUPTED)
        except DomainError as error:
            log.info("desk_failed run=%s code=%s", self._task.run.id, error.code)
            message = (
                str(gettext(error.message)) % error.params if error.params else str(gettext(error.message))
            )
            return Ending("error", error.code, message, error.status >= 429)
        except Exception:
            log.exception("run_failed run=%s", self._task.run.id)
            return Ending("error", "INTERNAL")

    def _answer_query(self) -> None:
        task = self._task
        context = current_context(settings().shop_timezone, task.actor.locale)
        # No connection is held while reports run on their own.
        db.session.remove()
        steps = Steps(self)
        if task.chosen is not None and task.why:
            found = desk.diagnose_question(task.chosen, task.why, context, steps)
            found.query = task.query
        elif task.chosen is not None:
            found = desk.answer_question(task.chosen, task.query, context, steps)
        else:
            self._asker = asker_for(task.actor, self._cancellation, self._started + settings().run_seconds)
            found = desk.answer(task.query, task.previous, task.actor, context, steps, self._asker)
        with self._lock:
            self._tell("chunk", {"content": found.answer})
            self._answer = found

    # ---- a listener of the steps ----

    def begins(self, step: Step) -> None:
        """Tell the readers of a step, and end here when nobody wants the answer any more."""
        call_id = f"step_{len(self._calls) + 1}"
        with self._lock:
            self._tell("tool_call", {**call_of(call_id, step), "requires_confirmation": False})
            self._calls.append((call_id, step))

    def ends(self, step: Step) -> None:
        """Tell the readers what came of it."""
        call_id = next(each for each, begun in self._calls if begun is step)
        with self._lock:
            self._tell("tool_result", result_of(call_id, step, status_of(step)))
            self._told.add(call_id)

    def _tell(self, type_: str, data: dict[str, Any]) -> None:
        """Write an event, unless nobody wants the answer any more. Raises Cancelled then."""
        self._cancellation.check()
        self._log.append(type_, data)

    # ---- the end ----

    def _close(self, ending: Ending) -> None:
        """Keep what was said, free the conversation, write the last event."""
        with self._lock:
            # What was being written is written; after a stop nothing more is.
            left = self._open_calls()
        last = in_transaction(lambda: self._store(ending))
        if last is None:
            log.warning("run_was_closed_by_somebody_else run=%s", self._task.run.id)
            return
        try:
            for call_id, step in left:
                self._log.append("tool_result", result_of(call_id, step, "cancelled"))
            self._log.close(*last)
        except LogLost:
            append_late(redis(), settings(), self._task.run.id, [last])
        except RedisError as error:
            log.warning("last_event_lost run=%s error=%s", self._task.run.id, error)

    def _open_calls(self) -> list[tuple[str, Step]]:
        return [(call_id, step) for call_id, step in self._calls if call_id not in self._told]

    def _store(self, ending: Ending) -> tuple[str, dict[str, Any]] | None:
        """The rows of the ending and the last event; None when the run was closed before."""
        run = self._task.run
        account = self._asker.account(self._started)
        if not service.close_run(run.id, status=ending.status, error_code=ending.code, **account):
            return None
        rows = self._store_steps()
        found = self._answer if ending.status == "done" else None
        if found is not None:
            db.session.add(record_of(run, found))
        text = found.answer if found is not None else ending.message
        final = service.add_message(
            run,
            role="assistant",
            content=text,
            status=ending.status,
            usage=self._asker.spent.usage,
            model=found.debug.model if found else "",
        )
        if ending.code:
            return "error", self._error(ending)
        data = complete_data(final, [*rows, final])
        return "complete", {**data, "answer": found.model_dump(mode="json") if found else None}

    def _store_steps(self) -> list[Message]:
        """The steps as the calls and results of a message."""
        if not self._calls:
            return []
        run = self._task.run
        calls = [
            {"id": call_id, "name": step.name, "arguments": dict(step.arguments)}
            for call_id, step in self._calls
        ]
        rows = [service.add_message(run, role="assistant", tool_calls=calls)]
        for call_id, step in self._calls:
            service.add_message(
                run,
                role="tool",
                tool_call_id=call_id,
                tool_name=step.name,
                content=to_json(step.result),
                status=status_of(step) if call_id in self._told else "cancelled",
                duration_ms=round(step.milliseconds),
            )
        return rows

    def _error(self, ending: Ending) -> dict[str, Any]:
        told = error_data(ending.code, retryable=ending.retryable)
        return {**told, "error": ending.message or told["error"]}


def call_of(call_id: str, step: Step) -> dict[str, Any]:
    """A step as a tool call."""
    return {"tool_call_id": call_id, "tool_name": step.name, "arguments": dict(step.arguments)}


def result_of(call_id: str, step: Step, status: str) -> dict[str, Any]:
    """The result of a step, as that of a tool call."""
    return {
        "tool_call_id": call_id,
        "result": step.result,
        "status": status,
        "duration_ms": round(step.milliseconds),
    }


def status_of(step: Step) -> str:
    return "error" if step.is_failed else "ok"


def record_of(run: RunKey, found: DeskAnswer) -> DeskRecord:
    """The row of an answer."""
    return DeskRecord(
        run_id=run.id,
        conversation_id=run.conversation_id,
        query=found.query,
        intent=found.intent,
        question=found.question.model_dump(mode="json") if found.question else None,
        body=found.model_dump_json(),
    )
