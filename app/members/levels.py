"""Member levels by what was spent in all. Pure."""

from __future__ import annotations

# The level is the number of thresholds reached; cents.
THRESHOLDS = (0, 100_000, 500_000, 2_000_000, 5_000_000)


def level_for(total_cents: int) -> int:
    """The level (1 to 5) of somebody who has spent `total_cents`."""
    return max(1, sum(total_cents >= threshold for threshold in THRESHOLDS))


def next_threshold(level: int) -> int | None:
    """The total in cents at which the level after this one begins; None at the top."""
    return THRESHOLDS[level] if level < len(THRESHOLDS) else None
