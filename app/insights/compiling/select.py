"""One SELECT over one source: tables, joins, conditions, formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.insights.compiling.literals import bucket_of, bucket_of_label, quoted, within
from app.insights.compiling.once import folded, inner_of, is_of_rows, key_of
from app.insights.compiling.sums import find_sums, order_count, rows_of
from app.insights.metrics.catalogue import Catalogue, Source, catalogue
from app.insights.question import TIME, Filter, Threshold
from app.language.periods import Span, Unit
from app.sales.stale import Stale

# Names of columns that are not the key itself: words of SQL and tables that would be mistaken.
_ALIASES = {"orders": "order_count", "product": "sku", "units": "units_sold"}
_COMPARE = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def alias(key: str) -> str:
    """The name of a metric's or dimension's column."""
    return _ALIASES.get(key, key)


@dataclass(frozen=True, slots=True)
class Select:
    """What to select. `reach` are dimensions whose joins and conditions hold although nothing is split by them.

    `stale` are the days that sums by day do not know; None when there are no sums. `by_keys`: groups are to be had by number.
    `folded` are columns that are summed by what stands around it.
    """

    source: str
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    filters: tuple[Filter, ...]
    span: Span
    zone: str
    days: int | None = None
    reach: tuple[str, ...] = ()
    thresholds: tuple[Threshold, ...] = field(default=())
    stale: Stale | None = None
    by_keys: bool = False
    folded: tuple[str, ...] = ()

    def from_sums(self, *more: str) -> Select:
        """The same from the sums by day, where they have all of it and what is `more` measured."""
        measured = (*self.metrics, *(bound.metric for bound in self.thresholds), *more)
        split = (*self.dimensions, *self.reach)
        args = (self.filters, self.span, self.zone, self.stale)
        source = find_sums(self.source, measured, split, *args)
        return self if source is None else replace(self, source=source)

    @property
    def grain(self) -> Unit | None:
        return next((step for step in TIME if step in self.dimensions), None)

    @property
    def _catalogue(self) -> Catalogue:
        return catalogue()

    @property
    def _source(self) -> Source:
        return self._catalogue.sources[self.source]

    @property
    def inner(self) -> str:
        """The source whose rows are folded by member; "" for one that is read as it is."""
        return self._source.once

    @property
    def folds(self) -> tuple[str, ...]:
        """The columns that are summed when rows are folded, as far as they are read."""
        said = " ".join(self.formula(metric) for metric in self._measured)
        return tuple(name for name in self._source.folds if re.search(rf"\bd\.{name}\b", said))

    def formula(self, metric: str) -> str:
        """The SQL of a metric, with the bounds of the period or the bucket put in."""
        entry = self._catalogue.metrics[metric]
        said = self.bounds(entry.formulas[self.source])
        return f"{said} * 1.000000 / {self.days}" if self.days and entry.kind != "ratio" else said

    def bounds(self, said: str) -> str:
        """A piece of the catalogue's SQL with the bounds of the period or the bucket put in."""
        if "{" not in said:
            return said
        values = {
            "period_start": quoted(self.span.start),
            "start": quoted(self.span.start),
            "end": quoted(self.span.end),
            "order_count": order_count(self.dimensions, self.filters) or "",
        }
        if step := self.grain:
            values["start"], values["end"] = (self._bucket(step, what) for what in ("start", "end"))
        return said.format(**values)

    def _bucket(self, step: Unit, what: str = "label") -> str:
        if self.inner:
            return bucket_of_label(f"d.{key_of(step)}", self.span, step, what)
        return bucket_of(self._source, self.span, step, self.zone, what)

    def key(self, dimension: str) -> str:
        """The SQL of a number that stands for the values of a dimension; of its time itself."""
        return (
            self.column(dimension)
            if dimension in TIME
            else self._catalogue.dimensions[dimension].keys[self.source]
        )

    def column(self, dimension: str) -> str:
        """The SQL of a dimension."""
        if step := next((each for each in TIME if each == dimension), None):
            return self._bucket(step)
        return self.bounds(self._catalogue.dimensions[dimension].columns[self.source])

    @property
    def ctes(self) -> str:
        """The common table expressions that the joins read."""
        names = (*(inner_of(self)._joins if self.inner else ()), *self._joins)
        found = [self._catalogue.joins[name] for name in dict.fromkeys(names)]
        return ",\n".join(
            self._cte(join).strip() for join in found if "with" in join and not self._is_kept(join)
        )

    def _cte(self, join: Mapping[str, str]) -> str:
        said = join["series" if self.grain and "series" in join else "with"]
        return said.replace("{end}", quoted(self.span.end))

    def _is_kept(self, join: Mapping[str, str]) -> bool:
        """True for what a table holds that triggers keep, where there are triggers."""
        return "kept_in" in join and self.stale is not None

    @property
    def _joins(self) -> tuple[str, ...]:
        entries = self._catalogue.dimensions
        named = (*self.reach, *(part.dimension for part in self.filters))
        if self.by_keys:
            needs = [need for key in self.dimensions for need in entries[key].key_needs]
        else:
            named, needs = (*self.dimensions, *named), []
        needs += [need for key in self._here(named) for need in entries[key].needs_for(self.source)]
        needs += [need for key in self._measured for need in self._catalogue.metrics[key].needs]
        return tuple(dict.fromkeys(needs))

    def _here(self, named: Iterable[str]) -> Iterator[str]:
        """Of the dimensions named those that are not dealt with in the rows that are folded: what is split, and the member's."""
        yield from (
            key
            for key in named
            if not self.inner or key in self.dimensions or not is_of_rows(key, self.inner)
        )

    @property
    def _measured(self) -> tuple[str, ...]:
        return (*self.metrics, *(bound.metric for bound in self.thresholds))

    @property
    def tables(self) -> str:
        """FROM and WHERE."""
        joins = [self._join(self._catalogue.joins[name]) for name in self._joins]
        parts = [f"FROM {self._tables}", *(join for join in joins if join)]
        return "\n".join([*parts, "WHERE " + "\n  AND ".join(self._conditions())])

    def _join(self, join: Mapping[str, str]) -> str:
        said = join.get(self.source, "")
        return said.replace("{life}", join["kept_in"] if self._is_kept(join) else "life") if said else ""

    @property
    def _tables(self) -> str:
        source = self._source
        if self.inner:
            return folded(self)
        if not source.sums_of or self.stale is None:
            return source.tables
        return source.tables.replace(
            "{from}", rows_of(source, self.span, self.zone, self.stale, self._read())
        )

    def _read(self) -> set[str]:
        """The columns of the sums that are read."""
        split = [self.key(key) if self.by_keys else self.column(key) for key in self.dimensions]
        joins = [self._join(self._catalogue.joins[name]) for name in self._joins]
        formulas = [self.formula(metric) for metric in self._measured]
        said = " ".join([*split, *joins, *formulas, *self._conditions()])
        return {*self.folded, *re.findall(r"\bd\.(\w+)", said)}

    def _conditions(self) -> list[str]:
        entries = self._catalogue.dimensions
        used = dict.fromkeys((*self.dimensions, *self.reach, *(part.dimension for part in self.filters)))
        always = [said for key in used if (said := entries[key].wheres.get(self.source, entries[key].where))]
        if self.inner:
            filters = [part for part in self.filters if not is_of_rows(part.dimension, self.inner)]
            return ["d.member_id >= 0", *always, *(self._condition(part) for part in filters)]
        own = [self._source.where] if self._source.where else []
        return [
            *own,
            within(self._source, self.span, self.zone),
            *always,
            *(self._condition(f) for f in self.filters),
        ]

    def _condition(self, part: Filter) -> str:
        column = self.column(part.dimension)
        if part.operator in ("ge", "le"):
            return f"{column} {_COMPARE[part.operator]} {quoted(part.values[0])}"
        values = ", ".join(quoted(value) for value in part.values)
        return f"{column} {'NOT IN' if part.operator == 'not_in' else 'IN'} ({values})"

    @property
    def columns(self) -> str:
        """What is selected, each under its alias."""
        split = [f"{self.column(key)} AS {alias(key)}" for key in self.dimensions]
        return ", ".join([*split, *(f"{self.formula(key)} AS {alias(key)}" for key in self.metrics)])

    @property
    def grouping(self) -> str:
        if not self.dimensions:
            return ""
        # A label of time is named by its alias (MySQL would have to compare two long expressions), the others as they are.
        return "\nGROUP BY " + ", ".join(
            alias(key) if key in TIME else self.column(key) for key in self.dimensions
        )

    @property
    def having(self) -> str:
        said = [self._bound(bound) for bound in self.thresholds]
        return "\nHAVING " + " AND ".join(said) if said else ""

    def _bound(self, bound: Threshold) -> str:
        value = self._average(bound.metric) if bound.value is None else quoted(bound.value)
        return f"{self.formula(bound.metric)} {_COMPARE[bound.comparator]} {value}"

    def _average(self, metric: str) -> str:
        """What all groups together have (a ratio), or one has on average (a sum or count)."""
        whole = Select(
            self.source,
            (metric,),
            () if self._is_ratio(metric) else self.dimensions,
            self.filters,
            self.span,
            self.zone,
            self.days,
            reach=self.dimensions,
            stale=self.stale,
        )
        # A label of time is grouped by its name, so it must be there.
        times = "".join(f"{whole.column(key)} AS {alias(key)}, " for key in whole.dimensions if key in TIME)
        said = f"SELECT {times}{whole.formula(metric)} AS v {whole.tables}{whole.grouping}"
        inner = said.replace("\n", " ")
        return f"({inner})" if self._is_ratio(metric) else f"(SELECT AVG(a.v) FROM ({inner}) a)"  # noqa: S608 - catalogue text and quoted literals

    def _is_ratio(self, metric: str) -> bool:
        return self._catalogue.metrics[metric].kind == "ratio"
