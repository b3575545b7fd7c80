"""The catalogue of `data/*.toml`, read once. Adding a metric is adding an entry (docs/metrics.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.sales.stale import Kind

Words = tuple[str, ...]
Unit = Literal["yuan", "count", "ratio", "number"]
Spread = Literal["sum", "distinct", "ratio"]
OWN_SOURCES = ("orders", "attempts", "members", "items")


class _Entry(BaseModel):
    """An entry of the data files: unknown keys are slips."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Entry):
    """A figure. `formulas` are SQL by source; the metric's own source is the first of `OWN_SOURCES` it has."""

    key: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    unit: Unit
    kind: Spread
    formulas: Mapping[str, str] = Field(min_length=1)
    needs: Words = ()
    higher_is_better: bool = True
    words_zh: Words
    words_en: Words
    weak_zh: Words = ()
    weak_en: Words = ()
    vague: bool = False
    default_days: int = Field(default=7, ge=1, le=366)

    @property
    def source(self) -> str:
        """Where the figure comes from unless a dimension needs another source."""
        return next(source for source in OWN_SOURCES if source in self.formulas)

    def name(self, locale: str) -> str:
        return self.en if locale == "en" else self.zh

    def definition(self, locale: str) -> str:
        return self.definition_en if locale == "en" else self.definition_zh


class Value(_Entry):
    """One of the values of a closed dimension, such as a channel."""

    zh: str
    en: str
    words_zh: Words = ()
    words_en: Words = ()


class Dimension(_Entry):
    """What figures are split and filtered by. `columns` are SQL by source; a dimension of time has none.

    `where` must hold too; `wheres` says it for other sources, as `needs_of` does for `needs`. `keys` are numbers that stand
    for the values in sources by which people are counted once, `key_needs` their joins.
    """

    key: str
    zh: str
    en: str
    family: str = ""
    bare: bool = False
    time: bool = False
    default_days: int = Field(default=0, ge=0, le=366)
    needs: Words = ()
    where: str = ""
    wheres: Mapping[str, str] = Field(default_factory=dict)
    columns: Mapping[str, str] = Field(default_factory=dict)
    needs_of: Mapping[str, Words] = Field(default_factory=dict)
    keys: Mapping[str, str] = Field(default_factory=dict)
    key_needs: Words = ()
    nouns_zh: Words = ()
    nouns_en: Words = ()
    values: Mapping[str, Value] = Field(default_factory=dict)

    def name(self, locale: str) -> str:
        return self.en if locale == "en" else self.zh

    def needs_for(self, source: str) -> Words:
        """The joins that the column of a source reads."""
        return self.needs_of.get(source, self.needs)


class Source(_Entry):
    """Tables of one kind of fact. Its day is a column (`day`) or made of a UTC moment (`moment`).

    One with `sums_of` holds sums of another source in `table`; `rows` are its columns and how to read the same from that
    source's own tables (`rows_from`, `rows_day`), for days that are stale (`app.sales`).

    One with `once` folds the rows of such a source by member first, so that each is one row of each group: people are
    then counted without COUNT(DISTINCT). `folds` are the columns that are summed on the way.
    """

    key: str
    tables: str
    where: str = ""
    day: str = ""
    moment: str = ""
    sums_of: str = ""
    once: str = ""
    folds: Words = ()
    stale: Kind = "sales"
    table: str = ""
    rows: Mapping[str, str] = Field(default_factory=dict)
    rows_from: str = ""
    rows_day: str = ""


class Catalogue(_Entry):
    """All of it, by key."""

    metrics: Mapping[str, Metric]
    dimensions: Mapping[str, Dimension]
    sources: Mapping[str, Source]
    joins: Mapping[str, Mapping[str, str]]

    def sources_of(self, metric: str, dimensions: tuple[str, ...]) -> str | None:
        """The source from which `metric` can be counted by all of `dimensions`, or None."""
        entry = self.metrics[metric]
        for source in (entry.source, *(key for key in OWN_SOURCES if key in entry.formulas)):
            if all(self.reaches(source, dimension) for dimension in dimensions):
                return source
        return None

    def sums_of(self, source: str) -> list[Source]:
        """The sources that hold sums of another one, the smallest first."""
        return [each for each in self.sources.values() if each.sums_of == source]

    def reaches(self, source: str, dimension: str) -> bool:
        """Whether figures of a source can be split by a dimension."""
        entry = self.dimensions[dimension]
        return entry.time or source in entry.columns


def read(name: str) -> dict[str, Any]:
    """One of the data files."""
    return tomllib.loads(files("app.insights.metrics").joinpath(f"data/{name}.toml").read_text("utf-8"))


@cache
def catalogue() -> Catalogue:
    """The catalogue. Raises pydantic's ValidationError for a wrong entry (`flask insights check-catalogue` says which)."""
    where = read("dimensions")
    return Catalogue(
        metrics={key: Metric(key=key, **entry) for key, entry in read("metrics")["metric"].items()},
        dimensions={key: Dimension(key=key, **entry) for key, entry in where["dimension"].items()},
        sources={key: Source(key=key, **entry) for key, entry in where["source"].items()},
        joins=where["join"],
    )
