"""Who is at the desk, from what they chose, their last sign of life and their load. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

ONLINE, BUSY, AWAY, OFFLINE = "online", "busy", "away", "offline"
# What a consultant may choose; offline is whoever shows no sign of life.
CHOICES = (ONLINE, BUSY, AWAY)
STATUSES = (*CHOICES, OFFLINE)
# The page shows life every 20 seconds: three missed ones.
OFFLINE_AFTER = timedelta(seconds=60)
# A customer whose consultant has been away for so long waits for another.
RELEASE_AFTER = timedelta(minutes=5)


def is_alive(seen_at: datetime | None, at: datetime) -> bool:
    """True for somebody with a sign of life within the last minute."""
    return seen_at is not None and at - seen_at < OFFLINE_AFTER


def status_of(chosen: str, seen_at: datetime | None, at: datetime, *, load: int = 0, busy_at: int = 0) -> str:
    """What others see. With `busy_at` customers or more (0: no bound) somebody is busy whatever they chose."""
    if not is_alive(seen_at, at):
        return OFFLINE
    if chosen == ONLINE and busy_at and load >= busy_at:
        return BUSY
    return chosen if chosen in CHOICES else AWAY
