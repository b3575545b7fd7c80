"""The only door to the tools, for the assistant, programs and consoles alike.

It resolves switches, authorises the actor, validates arguments, asks before what needs a yes, enforces the
timeout, opens the one transaction, bounds the result and logs the call.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any, cast

from flask import Flask, current_app
from flask_babel import force_locale, gettext
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from app.core.actor import Actor
from app.core.errors import N_, Conflict, DomainError, InvalidParam, Unavailable
from app.db import db, in_transaction
from app.runtime import settings
from app.tools import call_log
from app.tools.cancellation import Cancellation, Cancelled, CommitGate, current
from app.tools.groups import Switch
from app.tools.limits import shorten, to_json
from app.tools.queries import get_tool
from app.tools.spec import Arguments, ToolSpec
from app.web.errors import invalid
from app.web.i18n import error_text

log = getLogger(__name__)
# A commit that has begun is waited for; the database itself gives up long before this.
COMMIT_SECONDS = 30.0
MESSAGES = {
    "timeout": N_("This took too long and was stopped. Nothing was changed."),
    "cancelled": N_("This was stopped. Nothing was changed."),
    "unknown": N_("This took too long. It is not known whether it was done; please check."),
    "internal": N_("Something went wrong on our side. Please try again."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What became of a call.

    `status` is ok, error, timeout, cancelled, denied or confirmation_required. `result` is what a model and
    a page get; `full` is the uncut result when `is_cut`. `fingerprint` comes with confirmation_required.
    """

    status: str
    result: dict[str, Any]
    duration_ms: int = 0
    is_cut: bool = False
    full: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""


class Changed(Conflict):
    """What the person agreed to is not what would happen now; `preview` is what would."""

    code = "CONFIRMATION_VOID"
    default_message = N_("The cart or a price has changed since you were asked. Nothing was done.")

    def __init__(self, preview: dict[str, Any]) -> None:
        super().__init__()
        self.preview = preview


def execute(
    actor: Actor,
    name: str,
    arguments: Any,
    *,
    caller: str,
    cancellation: Cancellation | None = None,
    approved: str | None = None,
) -> ToolResult:
    """Call a tool; never raises for what the tool or its caller does wrong.

    `approved` is the fingerprint of what a person said yes to: a tool with `confirm` runs only with it, and
    only while its preview is still the same. Must not be called inside a transaction.
    """
    started = time.perf_counter()
    call = _Call(actor, approved, cancellation or Cancellation())
    group_id: int | None = None
    with force_locale(actor.locale):
        try:
            spec, switch = get_tool(actor, name)
            group_id = switch.group_id
            outcome = call.run(spec, switch, arguments)
        except Exception as error:
            outcome = _failure(error, name)
    result = _bounded(outcome, started)
    call_log.record(name, group_id, caller, arguments, result)
    return result


def fingerprint(name: str, arguments: Arguments, preview: dict[str, Any]) -> str:
    """A hash of everything that a person is asked to agree to."""
    asked = {"tool": name, "arguments": arguments.model_dump(mode="json"), "preview": preview}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


class _Call:
    """One call on its way through a thread of its own (a greenlet in the web process)."""

    def __init__(self, actor: Actor, approved: str | None, cancellation: Cancellation) -> None:
        self._actor = actor
        self._approved = approved
        self._outside = cancellation
        self._inside = Cancellation()
        self._gate = CommitGate()
        self._finished = threading.Event()
        self._wake = threading.Event()
        self._outcome: ToolResult | Exception | None = None

    def run(self, spec: ToolSpec, switch: Switch, arguments: Any) -> ToolResult:
        """Validate and run; raises what the tool raised."""
        checked = _validated(spec, arguments)
        timeout = switch.timeout_seconds or spec.timeout_seconds or settings().tool_timeout_seconds
        if self._outside.is_cancelled():
            return _stopped("cancelled")
        self._start(lambda: self._work(spec, checked))
        with self._outside.calling(self._wake.set):
            self._wake.wait(timeout)
        return self._settle(spec)

    def _start(self, work: Callable[[], ToolResult]) -> None:
        app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]

        def body() -> None:
            current.set(self._inside)
            try:
                with app.app_context(), force_locale(self._actor.locale):
                    self._outcome = work()
            except Exception as error:
                self._outcome = error
            self._finished.set()
            self._wake.set()

        threading.Thread(target=copy_context().run, args=(body,), daemon=True, name="tool").start()

    def _settle(self, spec: ToolSpec) -> ToolResult:
        """Take the outcome, or give up what is still running so that it cannot commit any more."""
        if not self._finished.is_set():
            status = "cancelled" if self._outside.is_cancelled() else "timeout"
            if self._gate.give_up():
                self._inside.cancel(status)
                return _stopped(status)
            if not self._finished.wait(COMMIT_SECONDS):
                log.error("tool_commit_stuck tool=%s", spec.name)
                return _stopped("timeout", "unknown")
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None  # noqa: S101 - set before the event is
        return self._outcome

    def _work(self, spec: ToolSpec, arguments: Arguments) -> ToolResult:
        if spec.confirm and self._approved is None:
            preview = _preview(spec, self._actor, arguments)
            return ToolResult(
                status="confirmation_required",
                result={"status": "confirmation_required", "summary": preview},
                fingerprint=fingerprint(spec.name, arguments, preview),
            )
        if spec.writes:
            return in_transaction(lambda: self._write(spec, arguments))
        return ToolResult(status="ok", result=spec.run(self._actor, arguments))

    def _write(self, spec: ToolSpec, arguments: Arguments) -> ToolResult:
        self._gate.begin()
        if spec.confirm:
            # In the transaction that acts, so that nothing can change between the look and the deed.
            preview = _preview(spec, self._actor, arguments)
            if fingerprint(spec.name, arguments, preview) != self._approved:
                raise Changed(preview)
        result = spec.run(self._actor, arguments)
        db.session.flush()
        self._gate.commit()
        return ToolResult(status="ok", result=result)


def _preview(spec: ToolSpec, actor: Actor, arguments: Arguments) -> dict[str, Any]:
    return spec.preview(actor, arguments) if spec.preview else {"title": spec.name}


def _validated(spec: ToolSpec, arguments: Any) -> Arguments:
    if not isinstance(arguments, dict):
        raise InvalidParam(fields={"arguments": N_("The arguments are not a JSON object.")})
    # Models write null for what they do not want to say.
    given = {key: value for key, value in arguments.items() if value is not None}
    return spec.arguments.model_validate(given)


def _failure(error: Exception, name: str) -> ToolResult:
    if isinstance(error, ValidationError):
        error = invalid(error)
    if isinstance(error, Cancelled):
        return _stopped("cancelled")
    if isinstance(error, OperationalError):
        log.error("tool_database_failed tool=%s", name, exc_info=error)
        error = Unavailable()
    if not isinstance(error, DomainError):
        log.error("tool_failed tool=%s", name, exc_info=error)
        return _broken()
    told = _error(error.code, error_text(error))
    if error.fields:
        told.result["error"]["fields"] = {key: gettext(text) for key, text in error.fields.items()}
    if isinstance(error, Changed):
        told.result["summary"] = error.preview
    return told


def _stopped(status: str, message: str | None = None) -> ToolResult:
    return _error(status.upper(), gettext(MESSAGES[message or status]), status)


def _broken() -> ToolResult:
    text = MESSAGES["internal"]
    return _error("INTERNAL", gettext(text))


def _error(code: str, message: str, status: str = "error") -> ToolResult:
    return ToolResult(status=status, result={"error": {"code": code, "message": message}})


def _bounded(outcome: ToolResult, started: float) -> ToolResult:
    """The outcome with its result cut to size and its duration."""
    try:
        to_json(outcome.result)
    except (TypeError, ValueError):
        log.exception("tool_result_is_not_json")
        outcome = _broken()
    short, is_cut = shorten(outcome.result, settings().tool_result_max_chars)
    return ToolResult(
        status=outcome.status,
        result=short,
        duration_ms=round((time.perf_counter() - started) * 1000),
        is_cut=is_cut,
        full=outcome.result,
        fingerprint=outcome.fingerprint,
    )
