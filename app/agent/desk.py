"""Where tool calls are made: recorded, announced, run side by side, answered exactly once each."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale, gettext
from redis.exceptions import RedisError

from app.agent.answers import BY_WORDS, LOCALE, shown_of
from app.agent.consent import Consent
from app.agent.questions import preview_of
from app.agent.stream import LogLost
from app.agent.summarising import Summariser, summarise
from app.conversations import confirmations, service
from app.conversations.confirmations import Question
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.ids import new_id, new_token
from app.db import in_transaction
from app.llm.client import Message, ToolCall
from app.runtime import settings
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult, execute
from app.tools.limits import long_texts, short_form, to_json
from app.tools.registry import registry
from app.tools.spec import ToolSpec

CALLER = "assistant"
MAX_PARALLEL = 8
MAX_CALLS = 16
MAX_ARGUMENTS = 20_000
# What every provider takes back: OpenAI allows 40 characters.
USABLE_ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
Call = dict[str, Any]
Answered = tuple[Call, str]


@dataclass(slots=True)
class Desk:
    """The calls of one run. `emit` writes an event to the run log; `told` are the messages that a caller keeps;
    `summariser` finds a model for long results, or None.

    `is_own_model` is set by the loop while the built-in model answers, which acts on the customer's words alone;
    `admitted` names the tools that the answering model may call, None for all that the actor has.
    """

    run: RunKey
    actor: Actor
    emit: Callable[[str, dict[str, Any]], None]
    cancellation: Cancellation
    told: Sequence[Message] | None = None
    summariser: Callable[[], Summariser | None] = lambda: None
    is_own_model: bool = False
    admitted: frozenset[str] | None = None
    open_calls: dict[str, Call] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)
    _asked: bool = False
    _streamed: dict[str, str] = field(default_factory=dict)
    _done: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _consent: Consent = field(init=False)

    def __post_init__(self) -> None:
        self._consent = Consent(self.run, self.actor, self.told)

    @property
    def has_called(self) -> bool:
        return bool(self._ids)

    @property
    def done(self) -> list[tuple[str, str]]:
        """The calls that were answered, in that order: tool and status."""
        return list(self._done)

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
        found = self._call(call.name, arguments or {}, call.id)
        if arguments is None:
            found["is_broken"] = True
        spec = registry.find(call.name)
        if self.admitted is not None and call.name not in self.admitted:
            return {**found, "is_foreign": True}
        if spec is not None and spec.is_for(self.actor) and self._asks_first(spec, found):
            # The secret of a question goes to the person's page, never into a message.
            found["confirmation_id"] = new_token()
        return found

    def _asks_first(self, spec: ToolSpec, call: Call) -> bool:
        if spec.confirm or not spec.writes or self.is_own_model:
            return spec.confirm
        return not self._consent.allows(call["id"], spec, call["arguments"])

    def _call(self, name: str, arguments: dict[str, Any], wanted_id: str = "") -> Call:
        """Ids are the model's own where they are usable and new in this run."""
        is_usable = USABLE_ID.fullmatch(wanted_id) is not None and wanted_id not in self._ids
        call_id = wanted_id if is_usable else f"call_{new_id()[:24]}"
        self._ids.add(call_id)
        return {"id": call_id, "name": name[:64], "arguments": arguments, "confirmation_id": ""}

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
        if "is_foreign" in call:
            missing = gettext("There is no tool called %(name)s.", name=call["name"])
            return _refusal("NOT_FOUND", missing)
        if "is_broken" in call:
            return _refusal("INVALID_PARAM", gettext("The arguments are not a JSON object."))
        return execute(
            actor or self.actor,
            call["name"],
            call["arguments"],
            caller=CALLER,
            cancellation=self.cancellation,
            approved=approved,
            ask=preview_of if call["confirmation_id"] or approved else None,
            on_text=lambda text: self._stream(call["id"], text),
        )

    def _stream(self, call_id: str, text: str) -> None:
        """Show and keep what is said of a call before its result is there."""
        self._streamed[call_id] = self._streamed.get(call_id, "") + text
        self._show(call_id, text)

    def _show(self, call_id: str, text: str) -> None:
        # A log that is lost is found out with the result, which is stored first.
        with suppress(LogLost, RedisError):
            self.emit("tool_stream_chunk", {"tool_call_id": call_id, "content": text})

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
        by_words = self.is_own_model or self._consent.expects(call["name"], call["arguments"])
        return in_transaction(lambda: self._keep_question(call, result, by_words))

    def _keep_question(self, call: Call, result: ToolResult, by_words: bool) -> ToolResult:
        asked = confirmations.ask(
            self.run,
            confirmation_id=call["confirmation_id"],
            seconds=settings().confirmation_seconds,
            tool_call_id=call["id"],
            tool_name=call["name"],
            arguments=call["arguments"],
            summary={**result.full["summary"], LOCALE: self.actor.locale, BY_WORDS: by_words},
            fingerprint=result.fingerprint,
        )
        summary = {**result.full["summary"], "expires_at": asked.expires_at.isoformat()}
        told = {"status": "confirmation_required", "summary": summary}
        if not by_words:
            told["answer_with"] = "button"
        return replace(result, result=told, full=told)

    def _approved(self, call: Call, confirmation: Question) -> ToolResult:
        # In the language of the question: what was shown is what is compared.
        asked = shown_of(confirmation.summary)
        actor = replace(self.actor, locale=confirmation.summary.get(LOCALE, self.actor.locale))
        result = self._execute(call, actor=actor, approved=confirmation.fingerprint)
        if result.full.get("error", {}).get("code") != "CONFIRMATION_VOID":
            return result
        in_transaction(lambda: confirmations.make_void(confirmation.id))
        told = {**result.full, "asked": asked}
        return replace(result, result=told, full=told)

    def _answer(self, call: Call, result: ToolResult) -> str:
        """Store and announce the one result of a call."""
        self._consent.settle(call["id"], is_done=result.status != "error")
        full = to_json(result.full or result.result)
        if result.is_cut:
            result = replace(result, result=self._short(call["id"], result.full))
        in_transaction(lambda: self._store(call, full, result))
        self._done.append((call["name"], result.status))
        self._close(call["id"], result)
        return to_json(result.result)

    def _short(self, call_id: str, full: dict[str, Any]) -> dict[str, Any]:
        """What stands for a result that is too long; what is said of it is shown while it is made."""
        limit = settings().tool_result_max_chars
        text = long_texts(full)
        if not text:
            self._show(call_id, gettext("The result was long; this is the beginning of it."))
            return short_form(full, self._streamed.get(call_id, ""), limit)
        if call_id in self._streamed:
            self._stream(call_id, "\n\n")
        summarise(self.summariser(), text, lambda piece: self._stream(call_id, piece))
        return short_form(full, self._streamed[call_id], limit)

    def _store(self, call: Call, content: str, result: ToolResult) -> None:
        service.add_while_active(
            self.run,
            role="tool",
            tool_call_id=call["id"],
            tool_name=call["name"],
            content=content,
            streamed=self._streamed.get(call["id"], ""),
            status=result.status,
            duration_ms=result.duration_ms,
        )

    def _close(self, call_id: str, result: ToolResult) -> None:
        with self._lock:
            call = self.open_calls.pop(call_id, None)
        if call is None:
            return
        cut = {"summarised": True} if result.is_cut else {}
        told = {
            "tool_call_id": call_id,
            "result": result.result,
            "status": result.status,
            **cut,
            "duration_ms": result.duration_ms,
        }
        try:
            self.emit("tool_result", told)
        except Exception:
            # Should the log come back, the end of the run tells it.
            with self._lock:
                self.open_calls[call_id] = {**call, "result": result}
            raise

    def close_open_calls(self, result: ToolResult) -> None:
        """Announce an end for every call that has none yet; their rows are the caller's matter."""
        for call_id, call in list(self.open_calls.items()):
            self._close(call_id, call.get("result", result))


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
