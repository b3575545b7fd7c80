"""What becomes of a call: a result within bounds, or an error in the caller's language."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any

from flask_babel import gettext
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from app.core.errors import N_, Conflict, DomainError, Unavailable
from app.runtime import settings
from app.tools.cancellation import Cancelled
from app.tools.limits import shorten, to_json
from app.web.errors import invalid
from app.web.i18n import error_text

log = getLogger(__name__)
MESSAGES = {
    "timeout": N_("This took too long and was stopped. Nothing was changed."),
    "cancelled": N_("This was stopped. Nothing was changed."),
    "unknown": N_("This took too long. It is not known whether it was done; please check."),
    "cancelled_elsewhere": N_("This was stopped. It is not known whether it was done; please check."),
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


def failure(error: Exception, name: str) -> ToolResult:
    """What the caller of a tool is told of an exception; what is our fault is logged and not told."""
    if isinstance(error, ValidationError):
        error = invalid(error)
    if isinstance(error, Cancelled):
        return stopped("cancelled")
    if isinstance(error, OperationalError):
        log.error("tool_database_failed tool=%s", name, exc_info=error)
        error = Unavailable()
    if not isinstance(error, DomainError):
        log.error("tool_failed tool=%s", name, exc_info=error)
        return _broken()
    told = _error(error.code, error_text(error))
    if error.fields:
        told.result["error"]["fields"] = {key: gettext(text) for key, text in error.fields.items()}
    if error.retry_after:
        told.result["error"]["retry_after"] = error.retry_after
    if isinstance(error, Changed):
        told.result["summary"] = error.preview
    return told


def stopped(status: str, message: str | None = None) -> ToolResult:
    """A call that was given up: `status` is timeout or cancelled; `message` a key of MESSAGES."""
    return _error(status.upper(), gettext(MESSAGES[message or status]), status)


def _broken() -> ToolResult:
    text = MESSAGES["internal"]
    return _error("INTERNAL", gettext(text))


def _error(code: str, message: str, status: str = "error") -> ToolResult:
    return ToolResult(status=status, result={"error": {"code": code, "message": message}})


def bounded(outcome: ToolResult, started: float) -> ToolResult:
    """The outcome with its result cut to size and its duration."""
    try:
        length = len(to_json(outcome.result))
    except (TypeError, ValueError):
        log.exception("tool_result_is_not_json")
        outcome, length = _broken(), 0
    limit = settings().tool_result_max_chars
    short, is_cut = shorten(outcome.result, limit) if length > limit else (outcome.result, False)
    return ToolResult(
        status=outcome.status,
        result=short,
        duration_ms=round((time.perf_counter() - started) * 1000),
        is_cut=is_cut,
        full=outcome.result,
        fingerprint=outcome.fingerprint,
    )
