"""Usage figures as they add up: counts, tokens, cost, and waiting times whose percentiles can be taken. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(slots=True)
class Times:
    """Durations in milliseconds.

    `texts` are numbers with commas between them, as SQL's group_concat makes them; they are counted when first asked.
    """

    texts: list[str] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)

    def add(self, other: Times) -> None:
        """Take in those of another group."""
        self.texts += other.texts
        self.counts.update(other.counts)

    def percentiles(self, *shares: int) -> list[int | None]:
        """The values at or below which so many percent lie (nearest rank); None without any."""
        self._count()
        values = sorted(self.counts)
        if not values:
            return [None] * len(shares)
        seen = list(accumulate(self.counts[each] for each in values))
        ranks = (max(1, math.ceil(seen[-1] * share / 100)) for share in shares)
        return [values[bisect_left(seen, rank)] for rank in ranks]

    def _count(self) -> None:
        if self.texts:
            found = Counter(",".join(self.texts).split(","))
            self.counts.update(dict(zip(map(int, found), found.values(), strict=True)))
            self.texts = []


@dataclass(slots=True)
class Figures:
    """Figures of any group of runs. `errors` ended without an answer, `failovers` asked more than one agent."""

    runs: int = 0
    errors: int = 0
    failovers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_micros: int = 0
    is_unpriced: bool = False
    first_word: Times = field(default_factory=Times)
    duration: Times = field(default_factory=Times)

    def add(self, other: Figures) -> None:
        """Take another group in."""
        self.runs += other.runs
        self.errors += other.errors
        self.failovers += other.failovers
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost_micros += other.cost_micros
        self.is_unpriced = self.is_unpriced or other.is_unpriced
        self.first_word.add(other.first_word)
        self.duration.add(other.duration)


@dataclass(frozen=True, slots=True)
class Waits:
    """Percentiles in milliseconds."""

    first_word_p50: int | None
    first_word_p95: int | None
    duration_p50: int | None
    duration_p95: int | None

    @classmethod
    def of(cls, figures: Figures) -> Waits:
        return cls(*figures.first_word.percentiles(50, 95), *figures.duration.percentiles(50, 95))
