"""Where tool calls are made: recorded, announced, run side by side, answered exactly once each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale, gettext

from app.conversations import confirmations, service
from app.conversations.confirmations import Question
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.ids import new_id, new_token
from app.db import in_transaction
from app.llm.client import ToolCall
from app.runtime import settings
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult, execute
from app.tools.limits import to_json
from app.tools.registry import registry

CALLER = "assistant"
MAX_PARALLEL = 8
MAX_CALLS = 16
MAX_ARGUMENTS = 20_000
Call = dict[str, Any]
Answered = tuple[Call, str]


@dataclass(slots=True)
class Desk:
    """The calls of one run. `emit` writes an event to the run log."""

    run: RunKey
    actor: Actor
    emit: Callable[[str, dict[str, Any]], None]
    cancellation: Cancellation
    open_calls: dict[str, Call] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)
    _asked: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def has_called(self) -> bool:
        return bool(self._ids)

    def call_all(self, wanted: Sequence[ToolCall]) -> list[Answered]:
        """Run the calls of one turn; each with the JSON text that the model gets."""
        calls = [self._read(call) for call in wanted[:MAX_CALLS]]
        self._record(calls)
        for call in calls:
            self._announce(call)
        # What asks for a yes must show the state that the other calls of the turn leave behind.
        asking = [call for call in calls if call["confirmation_id"]]
        answers = self._side_by_side([call for call in calls if not call["confirmation_id"]])
        answers |= {call["id"]: self._answer(call, self._ask(call)) for call in asking}
        return [(call, answers[call["id"]]) for call in calls]

    def settle(self, confirmation: Question, *, approve: bool) -> list[Answered]:
        """Make the call that a person was asked about, or record the no."""
        call = self._call(confirmation.tool_name, confirmation.arguments)
        self._record([call])
        self._announce(call)
        if approve:
            result = self._approved(call, confirmation)
        else:
            result = ToolResult(status="denied", result={"status": "denied"}, full={"status": "denied"})
        return [(call, self._answer(call, result))]

    def _read(self, call: ToolCall) -> Call:
        """A model's call, checked."""
        arguments = _parsed(call.arguments)
        spec = registry.find(call.name)
        asks = spec is not None and spec.confirm and spec.is_for(self.actor)
        # The secret of a question goes to the person's page, never into a message.
        token = new_token() if asks else ""
        if arguments is not None:
            return self._call(call.name, arguments, call.id, token)
        return {**self._call(call.name, {}, call.id, token), "is_broken": True}

    def _call(self, name: str, arguments: dict[str, Any], wanted_id: str = "", token: str = "") -> Call:
        """Ids are the model's own where they are usable and new in this run."""
        is_usable = 0 < len(wanted_id) <= 64 and wanted_id not in self._ids
        call_id = wanted_id if is_usable else f"call_{new_id()[:24]}"
        self._ids.add(call_id)
        return {"id": call_id, "name": name[:64], "arguments": arguments, "confirmation_id": token}

    def _record(self, calls: Sequence[Call]) -> None:
        stored = [{key: call[key] for key in ("id", "name", "arguments")} for call in calls]
        in_transaction(lambda: service.add_while_active(self.run, role="assistant", tool_calls=stored))

    def _announce(self, call: Call) -> None:
        with self._lock:
            self.open_calls[call["id"]] = call
        asked = {"confirmation_id": call["confirmation_id"]} if call["confirmation_id"] else {}
        self.emit(
            "tool_call",
            {
                "tool_call_id": call["id"],
                "tool_name": call["name"],
                "arguments": call["arguments"],
                "requires_confirmation": bool(asked),
                **asked,
            },
        )

    def _side_by_side(self, calls: Sequence[Call]) -> dict[str, str]:
        if len(calls) == 1:
            return {calls[0]["id"]: self._run(calls[0])}
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

        def work(call: Call) -> str:
            with app.app_context(), force_locale(self.actor.locale):
                return self._run(call)

        with ThreadPoolExecutor(max(1, min(len(calls), MAX_PARALLEL))) as pool:
            tasks = {call["id"]: pool.submit(copy_context().run, work, call) for call in calls}
        return {call_id: task.result() for call_id, task in tasks.items()}

    def _run(self, call: Call) -> str:
        return self._answer(call, self._execute(call))

    def _execute(self, call: Call, *, actor: Actor | None = None, approved: str | None = None) -> ToolResult:
        if "is_broken" in call:
            return _refusal("INVALID_PARAM", gettext("The arguments are not a JSON object."))
        return execute(
            actor or self.actor,
            call["name"],
            call["arguments"],
            caller=CALLER,
            cancellation=self.cancellation,
            approved=approved,
        )

    def _ask(self, call: Call) -> ToolResult:
        """Show a person what would happen; at most one question is open in a run."""
        if self._asked:
            return _refusal(
                "ALREADY_ASKED", gettext("The customer has been asked already. Wait for the answer.")
            )
        result = self._execute(call)
        if result.status != "confirmation_required":
            return result
        self._asked = True
        return in_transaction(lambda: self._keep_question(call, result))

    def _keep_question(self, call: Call, result: ToolResult) -> ToolResult:
        asked = confirmations.ask(
            self.run,
            confirmation_id=call["confirmation_id"],
            seconds=settings().confirmation_seconds,
            tool_call_id=call["id"],
            tool_name=call["name"],
            arguments=call["arguments"],
            summary={**result.full["summary"], "locale": self.actor.locale},
            fingerprint=result.fingerprint,
        )
        summary = {**result.full["summary"], "expires_at": asked.expires_at.isoformat()}
        told = {"status": "confirmation_required", "summary": summary}
        return replace(result, result=told, full=told)

    def _approved(self, call: Call, confirmation: Question) -> ToolResult:
        # In the language of the question: what was shown is what is compared.
        asked = dict(confirmation.summary)
        actor = replace(self.actor, locale=asked.pop("locale", self.actor.locale))
        result = self._execute(call, actor=actor, approved=confirmation.fingerprint)
        if result.full.get("error", {}).get("code") != "CONFIRMATION_VOID":
            return result
        in_transaction(lambda: confirmations.make_void(confirmation.id))
        told = {**result.full, "asked": asked}
        return replace(result, result=told, full=told)

    def _answer(self, call: Call, result: ToolResult) -> str:
        """Store and announce the one result of a call."""
        full = to_json(result.full or result.result)
        in_transaction(lambda: self._store(call, full, result))
        if result.is_cut:
            note = gettext("The result was long; this is the beginning of it.")
            self.emit("tool_stream_chunk", {"tool_call_id": call["id"], "content": note})
        self._close(call["id"], result)
        return to_json(result.result)

    def _store(self, call: Call, content: str, result: ToolResult) -> None:
        service.add_while_active(
            self.run,
            role="tool",
            tool_call_id=call["id"],
            tool_name=call["name"],
            content=content,
            status=result.status,
            duration_ms=result.duration_ms,
        )

    def _close(self, call_id: str, result: ToolResult) -> None:
        with self._lock:
            is_open = self.open_calls.pop(call_id, None) is not None
        if not is_open:
            return
        cut = {"summarised": True} if result.is_cut else {}
        self.emit(
            "tool_result",
            {
                "tool_call_id": call_id,
                "result": result.result,
                "status": result.status,
                **cut,
                "duration_ms": result.duration_ms,
            },
        )

    def close_open_calls(self, result: ToolResult) -> None:
        """Announce an end for every call that has none yet; their rows are the caller's matter."""
        for call_id in list(self.open_calls):
            self._close(call_id, result)


def _parsed(text: str) -> dict[str, Any] | None:
    """A model's arguments; None for what is no JSON object, too long, or cannot be written down again."""
    try:
        arguments = json.loads(text or "{}") if len(text) <= MAX_ARGUMENTS else None
        to_json(arguments).encode()
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def _refusal(code: str, message: str) -> ToolResult:
    told = {"error": {"code": code, "message": message}}
    return ToolResult(status="error", result=told, full=told)
