"""What the scheduler calls."""

from __future__ import annotations

from app.db import in_transaction
from app.runtime import settings
from app.voice import sessions


def clean_up() -> int:
    """Delete sessions, with their logs, that are older than `VOICE_KEEP_DAYS`; returns how many."""
    return in_transaction(lambda: sessions.forget_old(settings().voice_keep_days))
