"""What a dead process leaves behind: closing its runs once, keeping what was said, telling the readers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from logging import getLogger
from typing import Any

from flask_babel import gettext
from redis.exceptions import RedisError

from app.agent.schemas import message_body
from app.agent.stream import Event, append_late, is_alive, read_all
from app.conversations import service
from app.conversations.models import Message, Run
from app.conversations.queries import find_active_run, list_active_runs, list_run_messages
from app.conversations.service import RunKey
from app.core.clock import now
from app.core.errors import N_
from app.db import db, in_transaction
from app.gateway.budgets import BudgetExceeded
from app.runtime import redis, settings
from app.tools.limits import to_json

log = getLogger(__name__)
INTERRUPTED = "interrupted"
ERRORS = {
    INTERRUPTED: N_("The answer was interrupted. What was said so far is kept; please ask again."),
    "TIMEOUT": N_("The answer took too long and was stopped. Please try again."),
    "RATE_LIMITED": N_("The assistant is very busy. Please try again in a moment."),
    "UPSTREAM": N_("The language model did not answer properly. Please try again."),
    "BUDGET_EXCEEDED": BudgetExceeded.default_message,
    "UNAVAILABLE": N_("The assistant is not available right now. Please try again."),
    "INTERNAL": N_("Something went wrong on our side. Please try again."),
}
# A run has this long to show its first sign of life.
GRACE = timedelta(seconds=5)
Pair = tuple[str, dict[str, Any]]


def error_data(code: str, *, retryable: bool = True) -> dict[str, Any]:
    """The data of an `error` event in the reader's language."""
    return {"error": gettext(ERRORS.get(code, ERRORS["INTERNAL"])), "code": code, "retryable": retryable}


def interrupted_result() -> dict[str, Any]:
    """The result of a call whose end nobody has seen."""
    message = gettext("The call was interrupted. It is not known whether it was done; please check.")
    return {"error": {"code": "INTERRUPTED", "message": message}}


def unknown_end() -> dict[str, Any]:
    """The values of a tool message for such a call."""
    return {"content": to_json(interrupted_result()), "status": "cancelled", "duration_ms": None}


def close_dead_runs() -> int:
    """Close every run whose process has died; returns how many. What Redis knows nothing of is dead."""
    candidates = [run.id for run in list_active_runs() if run.started_at < now() - GRACE]
    db.session.rollback()
    return sum(close_if_dead(run_id) for run_id in candidates)


def close_dead_run_in(session_id: str) -> bool:
    """Free a conversation that a dead run still holds."""
    run = find_active_run(session_id)
    run_id = run.id if run is not None and run.started_at < now() - GRACE else None
    db.session.rollback()
    return run_id is not None and close_if_dead(run_id)


def close_if_dead(run_id: str) -> bool:
    """Close the run when its heartbeat is gone; False while Redis cannot tell."""
    try:
        return not is_alive(redis(), run_id) and close_dead_run(run_id)
    except RedisError as error:
        log.warning("run_not_checked run=%s error=%s", run_id, error)
        return False


def close_dead_run(run_id: str) -> bool:
    """Close a run that is known to be dead; True for the one caller that does it.

    The text that reached the log is kept as a message with status `interrupted`, open tool calls get a
    result, readers get `error`.
    """
    try:
        events = read_all(redis(), run_id)
    except RedisError:
        events = []
    if not in_transaction(lambda: _close(run_id, events)):
        return False
    log.warning("run_interrupted run=%s", run_id)
    _tell_readers(run_id, events)
    return True


def _close(run_id: str, events: Sequence[Event]) -> bool:
    if not service.close_run(run_id, status=INTERRUPTED, error_code=INTERRUPTED):
        return False
    keep_what_was_said(RunKey.of(db.session.get_one(Run, run_id)), events, status=INTERRUPTED)
    return True


def keep_what_was_said(run: RunKey, events: Sequence[Event], *, status: str, always: bool = False) -> None:
    """Rows for what has reached the log of a run that was just closed: results of calls, and the text if there is any.

    With `always` there is a last message even when nothing was said.
    """
    results = {
        event.data["tool_call_id"]: {
            "content": to_json(event.data["result"]),
            "status": event.data["status"],
            "duration_ms": event.data["duration_ms"],
        }
        for event in events
        if event.type == "tool_result"
    }
    service.answer_open_calls(run, results, default=unknown_end())
    text = "".join(event.data["content"] for event in events if event.type == "chunk")
    if text or always:
        service.add_message(run, role="assistant", content=text, status=status)


def late_results(events: Sequence[Event]) -> list[Pair]:
    """A result for every call that has none in the log."""
    open_calls = {event.data["tool_call_id"] for event in events if event.type == "tool_call"}
    open_calls -= {event.data["tool_call_id"] for event in events if event.type == "tool_result"}
    return [
        (
            "tool_result",
            {"tool_call_id": call, "result": interrupted_result(), "status": "cancelled", "duration_ms": 0},
        )
        for call in sorted(open_calls)
    ]


def _tell_readers(run_id: str, events: Sequence[Event]) -> None:
    try:
        ending = ("error", error_data(INTERRUPTED))
        append_late(redis(), settings(), run_id, [*late_results(events), ending])
    except RedisError as error:
        # Readers find the closed row instead.
        log.warning("readers_not_told run=%s error=%s", run_id, error)


def last_event(run_id: str, event_id: str) -> Event:
    """The last event of a closed run, made from its rows: for readers of a log that is gone."""
    run = db.session.get(Run, run_id)
    rows = list_run_messages(run_id)
    final = next((row for row in reversed(rows) if row.role == "assistant" and not row.tool_calls), None)
    if run is None or run.active_in is not None:
        type_, data = "error", error_data("UNAVAILABLE")
    elif final is not None and run.status in ("done", "aborted"):
        type_, data = "complete", complete_data(final, rows)
    else:
        type_, data = "error", error_data(run.error_code or INTERRUPTED)
    return Event(event_id, type_, json.dumps({"type": type_, "data": data}, ensure_ascii=False))


def complete_data(final: Message, rows: Sequence[Message]) -> dict[str, Any]:
    """The data of `complete`: the last message, with all tool calls of its run."""
    calls = [call for row in rows for call in row.tool_calls]
    return {"message": message_body(final, calls).model_dump(mode="json")}
