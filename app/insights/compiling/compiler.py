"""Compiling a question. One SELECT per source of its metrics; one more for what it is compared with; one for totals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from app.insights.compiling.select import Select, alias
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.question import TIME, Comparison, Question, Threshold, Top
from app.language.periods import Span, before, resolve, year_before

Purpose = Literal["main", "base", "total"]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL (MySQL's dialect, for the guard) and what its columns are: dimensions first, then metrics."""

    purpose: Purpose
    sql: str
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A question ready to run. `base` is the span it is compared with, `bounded` thresholds that the SQL has applied."""

    question: Question
    span: Span
    base: Span | None
    statements: tuple[Statement, ...]
    bounded: tuple[Threshold, ...] = ()

    @property
    def sql(self) -> str:
        """All of it, for the reader."""
        return ";\n\n".join(statement.sql for statement in self.statements)


class NotCountable(ValueError):
    """A metric that cannot be counted by one of the dimensions asked for."""

    def __init__(self, metric: str, dimensions: tuple[str, ...]) -> None:
        self.metric, self.dimensions = metric, dimensions
        super().__init__(f"{metric} by {', '.join(dimensions)}")


def compile_question(question: Question, context: Context) -> Compiled:
    """SQL for a question. Raises NotCountable for a metric that has no formula for the dimensions."""
    span = resolve(question.period, context.today, context.first_day)
    base = base_span(question.comparison, span, context)
    by_source = _by_source(question)
    bounds = tuple(bound for bound in question.thresholds if bound.by == "value" and _is_in_sql(question))
    statements = [
        _statement("main", question, source, keys, span, context, bounds) for source, keys in by_source
    ]
    if base is not None:
        statements += [
            _statement("base", question, source, keys, base, context, ()) for source, keys in by_source
        ]
    if question.share:
        statements += [_total(question, source, keys, span, context) for source, keys in by_source]
    return Compiled(question, span, base, tuple(statements), bounds)


def base_span(comparison: Comparison | None, span: Span, context: Context) -> Span | None:
    """The span that a question compares with, or None."""
    if comparison is None:
        return None
    if comparison.kind == "period" and comparison.period is not None:
        return resolve(comparison.period, context.today, context.first_day)
    return year_before(span) if comparison.kind == "year" else before(span)


def _by_source(question: Question) -> list[tuple[str, tuple[str, ...]]]:
    """The metrics by source; the one that ranks first."""
    reach = (*question.dimensions, *(part.dimension for part in question.filters))
    sources: dict[str, list[str]] = {}
    keys = question.metrics
    if question.top and question.top.metric in keys:
        keys = (question.top.metric, *(key for key in keys if key != question.top.metric))
    for key in keys:
        source = catalogue().sources_of(key, reach)
        if source is None:
            raise NotCountable(key, tuple(dict.fromkeys(reach)))
        sources.setdefault(source, []).append(key)
    return [(source, tuple(found)) for source, found in sources.items()]


def _is_in_sql(question: Question) -> bool:
    """Whether thresholds and "top n" can be left to the database: one source, no series, values and not changes."""
    measured = {*question.metrics, *(bound.metric for bound in question.thresholds)}
    sources = {
        catalogue().sources_of(key, (*question.dimensions, *(f.dimension for f in question.filters)))
        for key in measured
    }
    return len(sources) == 1


def _statement(
    purpose: Purpose,
    question: Question,
    source: str,
    metrics: tuple[str, ...],
    span: Span,
    context: Context,
    bounds: tuple[Threshold, ...],
) -> Statement:
    select = Select(
        source,
        metrics,
        question.dimensions,
        question.filters,
        span,
        context.timezone,
        days=span.days if question.daily and not question.grain else None,
        thresholds=bounds,
        stale=context.stale,
    ).from_sums(*_ranking(question, metrics))
    top = question.top if purpose == "main" and _is_in_sql(question) else None
    return Statement(purpose, _written(select, top, question), question.dimensions, metrics)


def _ranking(question: Question, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The metric that groups are ranked by, where it is one of this statement's."""
    return (question.top.metric,) if question.top and question.top.metric in metrics else ()


def _written(select: Select, top: Top | None, question: Question) -> str:
    tail = _order(select, top)
    if top is None or top.count is None or top.by != "value":
        return _plain(select, tail)
    if top.per is not None:
        return _top_per(select, top)
    if question.grain and question.groups:
        return _top_series(select, top, tail)
    return _plain(select, f"{tail}\nLIMIT {top.count}")


def _plain(select: Select, tail: str, extra: str = "", ctes: str = "") -> str:
    written = ",\n".join(part for part in (select.ctes, ctes) if part)
    head = f"WITH {written}\n" if written else ""
    tables = select.tables
    if extra:
        start, _, where = tables.partition("\nWHERE ")
        tables = f"{start}\n{extra}\nWHERE {where}"
    return f"{head}SELECT {select.columns}\n{tables}{select.grouping}{select.having}{tail}"


def _order(select: Select, top: Top | None) -> str:
    """Time runs on; groups go by the ranking metric, or by the first; the names break ties."""
    if not select.dimensions:
        return ""
    times = [alias(key) for key in select.dimensions if key in TIME]
    ranked = top is not None and top.by == "value" and (top.count is not None or not times)
    metric = top.metric if top and top.metric in select.metrics else select.metrics[0]
    by = f"{alias(metric)} {'ASC' if top and not top.descending else 'DESC'}"
    groups = [alias(key) for key in select.dimensions if key not in TIME]
    parts = (
        [by, *times, *groups]
        if ranked and not (times and groups)
        else [*times, *([by] if groups else []), *groups]
    )
    return "\nORDER BY " + ", ".join(parts)


def _top_per(select: Select, top: Top) -> str:
    """The first few within each value of another dimension."""
    direction = "DESC" if top.descending else "ASC"
    columns = [alias(key) for key in (*select.dimensions, *select.metrics)]
    within = alias(top.per or "")
    # Names break ties, so that both engines and every run show the same.
    ties = ", ".join(["", *(alias(key) for key in select.dimensions if key != top.per)])
    ranked = (
        f"base AS (\n{_bare(select)}\n),\nranked AS (\nSELECT {', '.join(columns)}, "
        f"ROW_NUMBER() OVER (PARTITION BY {within} ORDER BY {alias(top.metric)} {direction}{ties}) AS place\nFROM base\n)"
    )
    written = ",\n".join(part for part in (select.ctes, ranked) if part)
    return f"WITH {written}\nSELECT {', '.join(columns)}\nFROM ranked\nWHERE place <= {top.count}\nORDER BY {within}, place"


def _bare(select: Select) -> str:
    return f"SELECT {select.columns}\n{select.tables}{select.grouping}{select.having}"


def _top_series(select: Select, top: Top, tail: str) -> str:
    """A series of the groups that lead over the whole period."""
    groups = tuple(key for key in select.dimensions if key not in TIME)
    leaders = replace(select, metrics=(top.metric,), dimensions=groups, thresholds=())
    direction = "DESC" if top.descending else "ASC"
    names = ", ".join(f"{leaders.column(key)} AS {alias(key)}" for key in groups)
    ordered = f"ORDER BY {leaders.formula(top.metric)} {direction}, {', '.join(leaders.column(key) for key in groups)}"
    cte = f"leaders AS (\nSELECT {names}\n{leaders.tables}{leaders.grouping}\n{ordered}\nLIMIT {top.count}\n)"
    join = "JOIN leaders t ON " + " AND ".join(f"t.{alias(key)} = {select.column(key)}" for key in groups)
    return _plain(select, tail, extra=join, ctes=cte)


def _total(
    question: Question, source: str, metrics: tuple[str, ...], span: Span, context: Context
) -> Statement:
    """What shares are of. Without a split, the last filter named is the part and everything without it the whole."""
    filters = question.filters if question.groups else question.filters[:-1]
    steps = tuple(key for key in question.dimensions if key in TIME)
    select = Select(
        source, metrics, steps, filters, span, context.timezone, reach=question.groups, stale=context.stale
    ).from_sums()
    return Statement("total", _plain(select, _order(select, None)), steps, metrics)
