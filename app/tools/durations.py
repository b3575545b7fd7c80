"""Durations rounded so that many of them share few values, and percentiles of what was counted so. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

# Values below 32 ms are kept as they are, others to 5 binary digits: within 3.2 % of what they were.
DIGITS = 5


def rounded(milliseconds: int) -> int:
    """The middle of the step that a duration is in; each power of two has 16 steps."""
    rest = max(0, milliseconds.bit_length() - DIGITS)
    return (milliseconds >> rest << rest) + (1 << rest >> 1)


def percentiles(counts: Mapping[int, int], *shares: int) -> list[int | None]:
    """The values at or below which so many percent lie (nearest rank); None without any."""
    values = sorted(counts)
    if not values:
        return [None] * len(shares)
    seen = list(accumulate(counts[value] for value in values))
    ranks = (max(1, math.ceil(seen[-1] * share / 100)) for share in shares)
    return [values[bisect_left(seen, rank)] for rank in ranks]
