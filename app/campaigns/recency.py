"""How long ago a member last bought, in classes that make members comparable. Pure."""

from __future__ import annotations

from datetime import date

# Class number -> the most days since the last order; after them all who bought longer ago, and who never did.
BOUNDS = (30, 60, 90)
LONG_AGO, NEVER = 3, 4


def recency_of(last_day: date | None, day: date) -> int:
    """The class of somebody whose last paid order was on `last_day`, seen on `day`."""
    if last_day is None:
        return NEVER
    days = (day - last_day).days
    return next((number for number, most in enumerate(BOUNDS) if days <= most), LONG_AGO)
