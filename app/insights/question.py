"""A question, understood: the one structure that the parser, a language model and a saved report fill.

It is strict: unknown keys, metrics and dimensions are refused, so that whoever fills it can only ask what the
catalogue answers. Periods stay as they were meant ("last week"); `app.language.periods.resolve` gives dates.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.insights.metrics.catalogue import catalogue
from app.language.periods import Period, rolling

Operator = Literal["in", "not_in", "ge", "le"]
Comparator = Literal["gt", "ge", "lt", "le"]
By = Literal["value", "change", "share"]
Step = Literal["day", "week", "month"]
TIME: tuple[Step, ...] = ("day", "week", "month")
MAX_TOP = 1_000
Name = Annotated[str, Field(min_length=1, max_length=120)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Filter(_Part):
    """Rows whose `dimension` has one of the values, none of them, or (levels) lies at or above, at or below the first."""

    dimension: str
    operator: Operator = "in"
    values: tuple[Name | int, ...] = Field(min_length=1, max_length=200)

    @field_validator("dimension")
    @classmethod
    def _known(cls, key: str) -> str:
        if key not in catalogue().dimensions or key in TIME:
            raise ValueError(f"no dimension to filter by: {key}")
        return key


class Threshold(_Part):
    """Only groups whose metric compares so with `value`, or, where it is None, with the average of all."""

    metric: str
    comparator: Comparator
    value: float | None = Field(default=None, ge=-1e15, le=1e15)
    by: By = "value"


class Top(_Part):
    """The first groups by a metric; without `count` only the order. `per`: so many within each value of that dimension."""

    metric: str
    count: int | None = Field(default=None, ge=1, le=MAX_TOP)
    descending: bool = True
    by: By = "value"
    per: str | None = None


class Comparison(_Part):
    """Against the equal length before (`previous`), the same dates a year earlier (`year`), or a named period."""

    kind: Literal["previous", "year", "period"] = "previous"
    period: Period | None = None


class Question(_Part):
    """What to report. `daily`: sums divided by the days of the period."""

    metrics: tuple[str, ...] = Field(min_length=1, max_length=8)
    dimensions: tuple[str, ...] = Field(default=(), max_length=4)
    filters: tuple[Filter, ...] = Field(default=(), max_length=12)
    period: Period = rolling(7)
    comparison: Comparison | None = None
    share: bool = False
    daily: bool = False
    top: Top | None = None
    thresholds: tuple[Threshold, ...] = Field(default=(), max_length=6)

    @model_validator(mode="after")
    def _in_catalogue(self) -> Self:
        known = catalogue()
        named = (
            *self.metrics,
            *(part.metric for part in self.thresholds),
            *([self.top.metric] if self.top else []),
        )
        if unknown := [key for key in named if key not in known.metrics]:
            raise ValueError(f"no such metric: {', '.join(unknown)}")
        if unknown := [key for key in self.dimensions if key not in known.dimensions]:
            raise ValueError(f"no such dimension: {', '.join(unknown)}")
        if any(bound.by == "share" for bound in self.thresholds) and not self.share:
            raise ValueError("a threshold on shares needs share = true")
        return self

    @property
    def grain(self) -> Step | None:
        """The step of a series, or None."""
        return next((step for step in TIME if step in self.dimensions), None)

    @property
    def groups(self) -> tuple[str, ...]:
        """The dimensions without the time."""
        return tuple(key for key in self.dimensions if key not in TIME)
