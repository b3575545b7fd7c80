"""Writing the record of changes."""

from __future__ import annotations

from collections.abc import Mapping
from logging import getLogger
from typing import Any

from app.audit.models import AuditEntry
from app.core.actor import Actor
from app.core.logging import fields
from app.db import after_commit, db

log = getLogger("mcpshop.audit")
LONGEST_VALUE = 200


def record(
    actor: Actor,
    action: str,
    subject: object,
    details: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    **more: Any,
) -> None:
    """Note a change in the open transaction, and log it once it is committed.

    `action` is `thing.verb`; `details` (and `more`) must hold no secret. Texts are cut at 200 characters.
    """
    kept = {key: _short(value) for key, value in {**(details or {}), **more}.items()}
    db.session.add(
        AuditEntry(
            actor_id=actor.user_id,
            origin=actor.origin[:20],
            action=action,
            subject=str(subject)[:80],
            name=name[:120],
            details=kept,
        )
    )
    line = fields(actor=actor.subject, origin=actor.origin, subject=subject, **kept)
    after_commit(lambda: log.info("%s %s", action, line))


def changed(before: Any, after: Any) -> str:
    """How a detail tells of a changed value."""
    return f"{_short(str(before))} → {_short(str(after))}"


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
