"""One row per call of a tool, written past the caller's session and never in its way."""

from __future__ import annotations

from logging import getLogger
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app
from sqlalchemy import insert

from app.core.clock import now
from app.db import db, in_transaction
from app.tools.call_batch import find_batch
from app.tools.limits import for_log
from app.tools.models import ToolCallLog

if TYPE_CHECKING:
    from app.tools.outcome import ToolResult

log = getLogger(__name__)
SUCCESSES = frozenset({"ok", "confirmation_required"})


def record(tool_name: str, group_id: int | None, caller: str, arguments: Any, result: ToolResult) -> None:
    """Log a call with secrets masked and sizes bounded; a log that cannot be written is no reason to fail."""
    error = result.result.get("error")
    values = {
        "tool_name": str(tool_name)[:64],
        "group_id": group_id,
        "caller_app_id": caller[:64],
        "request_data": for_log(arguments if isinstance(arguments, dict | list) else str(arguments)),
        "response_data": for_log(result.result),
        "success": result.status in SUCCESSES,
        "error_message": str(error.get("message", ""))[:500] if isinstance(error, dict) else "",
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
            in_transaction(lambda: db.session.execute(insert(ToolCallLog).values(values)))
    except Exception:
        log.exception("tool_call_not_logged tool=%s", tool_name)
