"""One row per call of a tool, written past the caller's session and never in its way."""

from __future__ import annotations

from logging import getLogger
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app

from app.core.clock import now
from app.db import in_transaction
from app.tools.call_batch import find_batch, write
from app.tools.limits import for_log
from app.tools.masking import mask_text

if TYPE_CHECKING:
    from app.tools.outcome import ToolResult

log = getLogger(__name__)
SUCCESSES = frozenset({"ok", "confirmation_required"})


def record(tool_name: str, group_id: int | None, caller: str, arguments: Any, result: ToolResult) -> None:
    """Log a call with secrets masked and sizes bounded; a log that cannot be written is no reason to fail."""
    code, message = _error_of(result)
    values = {
        "tool_name": mask_text(str(tool_name)[:64]),
        "group_id": group_id,
        "caller_app_id": caller[:64],
        "request_data": for_log(arguments if isinstance(arguments, dict | list) else str(arguments)),
        "response_data": for_log(result.result),
        "success": result.status in SUCCESSES,
        "error_code": code,
        "error_message": message,
        "duration_ms": result.duration_ms,
        "created_at": now(),
    }
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    batch = find_batch(app)
    if batch is not None:
        batch.put(values)
        return
    try:
        # A context of its own has a session of its own.
        with app.app_context():
            in_transaction(lambda: write([values]))
    except Exception:
        log.exception("tool_call_not_logged tool=%s", values["tool_name"])


def _error_of(result: ToolResult) -> tuple[str, str]:
    """The kind of error and what was said of it; nothing for a success."""
    if result.status in SUCCESSES:
        return "", ""
    error = result.result.get("error")
    told = error if isinstance(error, dict) else {}
    return str(told.get("code") or result.status.upper())[:40], mask_text(str(told.get("message", ""))[:500])
