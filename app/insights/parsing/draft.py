"""What a sentence says, before it is known whether that is a whole question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.insights.question import By, Comparator, Filter
from app.language.periods import Period

Speech = Literal["report", "diagnose", "plan"]


@dataclass(frozen=True, slots=True)
class Said:
    """A metric and where it was said; `is_weak` words are metrics only where nothing better is."""

    metric: str
    start: int
    end: int
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A threshold as said: `metric` None when no metric stands by it, `value` None for the average."""

    comparator: Comparator
    value: float | None
    metric: str | None = None
    by: By = "value"
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Rank:
    """A superlative or a "top n" as said. `count` is None for a mere order, 0 where no number was given; `is_list` wants several."""

    count: int | None
    descending: bool
    metric: str | None = None
    by: By = "value"
    best: bool = False
    sold: bool = False
    is_list: bool = False
    start: int = 0


@dataclass(slots=True)
class Draft:
    """All that was understood of one sentence, and in `unknown` what was not."""

    metrics: list[str] = field(default_factory=list)
    weak: bool = False
    dimensions: list[str] = field(default_factory=list)
    ungrouped: bool = False
    filters: list[Filter] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    comparison: Literal["previous", "year"] | None = None
    against_named: bool = False
    share: bool = False
    daily: bool = False
    trend: bool = False
    rank: Rank | None = None
    per: str | None = None
    plural: bool = False
    places: dict[str, int] = field(default_factory=dict)
    bounds: list[Bound] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    is_vague: bool = False
    is_business: bool = False
    is_followup: bool = False
    adds: bool = False
    removes: bool = False

    @property
    def is_empty(self) -> bool:
        """True when nothing in it shapes a report."""
        return not (
            self.metrics
            or self.dimensions
            or self.filters
            or self.periods
            or self.comparison
            or self.share
            or self.daily
            or self.trend
            or self.rank
            or self.bounds
            or self.ungrouped
        )
