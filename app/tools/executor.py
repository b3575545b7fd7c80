"""The only door to the tools, for the assistant, programs and consoles alike.

It resolves switches, authorises the actor, counts against limits, validates arguments, asks before what needs a
yes, enforces the timeout, opens the one transaction, bounds the result and logs the call.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from logging import getLogger
from typing import Any, cast

from flask import Flask, current_app
from flask_babel import force_locale

from app.core.actor import Actor
from app.core.errors import N_, InvalidParam
from app.db import OpenWrite, db, in_transaction, open_write
from app.runtime import settings
from app.tools import call_log, rates
from app.tools.breaking import break_off
from app.tools.cancellation import Cancellation, CommitGate, current
from app.tools.configuration import current as configuration
from app.tools.fixed import validated
from app.tools.groups import Switch
from app.tools.outcome import Changed, ToolResult, bounded, failure, stopped
from app.tools.queries import get_tool
from app.tools.spec import Arguments, ToolSpec
from app.tools.streaming import OnText, Pieces
from app.web.i18n import babel_locale

log = getLogger(__name__)
Preview = Callable[[Actor, Any], dict[str, Any]]
# A commit that has begun is waited for; the database itself gives up long before this.
COMMIT_SECONDS = 30.0
# What is said of a call to an attached server that was given up: its work is not ours to undo.
ELSEWHERE = {"timeout": "unknown", "cancelled": "cancelled_elsewhere"}
__all__ = ["Changed", "Preview", "ToolResult", "execute", "fingerprint"]


def execute(
    actor: Actor,
    name: str,
    arguments: Any,
    *,
    caller: str,
    cancellation: Cancellation | None = None,
    approved: str | None = None,
    ask: Callable[[ToolSpec], Preview] | None = None,
    on_text: OnText | None = None,
) -> ToolResult:
    """Call a tool; never raises for what the tool or its caller does wrong.

    `approved` is the fingerprint of what a person said yes to: a tool with `confirm` runs only with it, and
    only while its preview is still the same. With `ask`, which makes a preview, any tool is one with `confirm`.
    `on_text` gets what a streaming tool says, in this thread and before the result. Must not be called inside a
    transaction.
    """
    started = time.perf_counter()
    call = _Call(actor, approved, cancellation or Cancellation(), on_text)
    group_id: int | None = None
    with force_locale(babel_locale(actor.locale)):
        try:
            spec, switch = get_tool(actor, name)
            group_id = switch.group_id
            # What was asked about was counted when it was asked.
            if approved is None:
                rates.check_tool(actor, caller, name, switch)
            if ask is not None and not spec.confirm:
                spec = replace(spec, confirm=True, preview=ask(spec))
            outcome = call.run(spec, switch, arguments)
        except Exception as error:
            outcome = failure(error, name)
    result = bounded(outcome, started)
    call_log.record(name, group_id, caller, arguments, result)
    return result


def fingerprint(name: str, arguments: Arguments, preview: dict[str, Any]) -> str:
    """A hash of everything that a person is asked to agree to."""
    asked = {"tool": name, "arguments": arguments.model_dump(mode="json"), "preview": preview}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


class _Call:
    """One call on its way through a thread of its own (a greenlet in the web process)."""

    def __init__(
        self, actor: Actor, approved: str | None, cancellation: Cancellation, on_text: OnText | None
    ) -> None:
        self._actor = actor
        self._approved = approved
        self._outside = cancellation
        self._inside = Cancellation()
        self._gate = CommitGate()
        self._finished = threading.Event()
        # Set when there is something to hand on, and when there is nothing more to wait for.
        self._wake, self._is_over = threading.Event(), threading.Event()
        self._pieces = Pieces(on_text, self._wake)
        self._write_open: OpenWrite | None = None
        self._outcome: ToolResult | Exception | None = None

    def run(self, spec: ToolSpec, switch: Switch, arguments: Any) -> ToolResult:
        """Validate and run; raises what the tool raised."""
        checked = _validated(spec, switch, arguments)
        configuration.set(switch.config)
        timeout = switch.timeout_seconds or spec.timeout_seconds or settings().tool_timeout_seconds
        if self._outside.is_cancelled():
            return stopped("cancelled")
        self._start(lambda: self._work(spec, checked))
        with self._outside.calling(self._end):
            self._wait(time.monotonic() + timeout)
        try:
            return self._settle(spec)
        finally:
            self._pieces.hand_on()

    def _end(self) -> None:
        self._is_over.set()
        self._wake.set()

    def _wait(self, deadline: float) -> None:
        """Until the tool has finished, the cancel or the deadline; hand on meanwhile what the tool says."""
        while not self._is_over.is_set():
            left = deadline - time.monotonic()
            if left <= 0 or not self._wake.wait(left):
                return
            self._wake.clear()
            self._is_over.wait(min(left, self._pieces.hand_on()))

    def _start(self, work: Callable[[], ToolResult]) -> None:
        app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]

        def body() -> None:
            current.set(self._inside)
            try:
                with app.app_context(), force_locale(babel_locale(self._actor.locale)):
                    self._outcome = work()
            except Exception as error:
                self._outcome = error
            self._finished.set()
            self._end()

        threading.Thread(target=copy_context().run, args=(body,), daemon=True, name="tool").start()

    def _settle(self, spec: ToolSpec) -> ToolResult:
        """Take the outcome, or give up what is still running so that it cannot commit any more."""
        if not self._finished.is_set():
            status = "cancelled" if self._outside.is_cancelled() else "timeout"
            if self._gate.give_up():
                self._inside.cancel(status)
                if self._write_open is not None:
                    break_off(self._write_open)
                return stopped(status, ELSEWHERE[status] if spec.is_elsewhere else None)
            if not self._finished.wait(COMMIT_SECONDS):
                log.error("tool_commit_stuck tool=%s", spec.name)
                return stopped("timeout", "unknown")
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
        if spec.confirm:
            self._check_agreed(spec, arguments)
        return ToolResult(status="ok", result=self._run(spec, arguments))

    def _write(self, spec: ToolSpec, arguments: Arguments) -> ToolResult:
        self._write_open = open_write()
        self._gate.begin()
        if spec.confirm:
            # In the transaction that acts, so that nothing can change between the look and the deed.
            self._check_agreed(spec, arguments)
        result = self._run(spec, arguments)
        db.session.flush()
        self._gate.commit()
        return ToolResult(status="ok", result=result)

    def _check_agreed(self, spec: ToolSpec, arguments: Arguments) -> None:
        preview = _preview(spec, self._actor, arguments)
        if fingerprint(spec.name, arguments, preview) != self._approved:
            raise Changed(preview)

    def _run(self, spec: ToolSpec, arguments: Arguments) -> dict[str, Any]:
        made = spec.run(self._actor, arguments)
        return made if isinstance(made, dict) else self._pieces.drain(made, self._inside.check)


def _preview(spec: ToolSpec, actor: Actor, arguments: Arguments) -> dict[str, Any]:
    return spec.preview(actor, arguments) if spec.preview else {"title": spec.name}


def _validated(spec: ToolSpec, switch: Switch, arguments: Any) -> Arguments:
    if not isinstance(arguments, dict):
        raise InvalidParam(fields={"arguments": N_("The arguments are not a JSON object.")})
    # Models write null for what they do not want to say.
    given = {key: value for key, value in arguments.items() if value is not None}
    return validated(spec, given, switch.fixed_arguments)
