"""The figures of a report, by group: what the statements found, missing days, changes, shares, order and cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.insights.compiling.compiler import Compiled, Purpose, Statement
from app.insights.compiling.literals import bucket_labels
from app.insights.metrics.catalogue import catalogue
from app.insights.question import TIME, By, Threshold

Cell = str | int | float | None
Key = tuple[Cell, ...]
Rows = Sequence[Sequence[Any]]
PURPOSES: tuple[Purpose, ...] = ("main", "base", "total")
Figures = dict[Key, dict[str, float | None]]
MAX_FILLED = 2_000
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before, and the relative change since; None where there is nothing to compare with."""

    base: float | None
    change: float | None


@dataclass(slots=True)
class Worked:
    """All figures of a report and, in `keys`, its groups in the order they are shown."""

    compiled: Compiled
    figures: Figures
    changes: dict[Key, dict[str, Change]]
    shares: dict[Key, dict[str, float | None]]
    keys: list[Key]
    base_is_empty: bool

    def value(self, key: Key, metric: str) -> float | None:
        return _value(self.figures, key, metric)


def work_out(compiled: Compiled, results: Sequence[Rows]) -> Worked:
    """The figures, from the rows of each statement in order."""
    figures, base, totals = (_collected(compiled, results, each) for each in PURPOSES)
    _fill(figures, compiled)
    changes = _changes(figures, _aligned(base, compiled), compiled)
    shares = (
        {key: _shares(values, totals, compiled, key) for key, values in figures.items()} if totals else {}
    )
    is_empty = compiled.base is not None and not any(any(values.values()) for values in base.values())
    worked = Worked(compiled, figures, changes, shares, [], is_empty)
    worked.keys = _ranked([key for key in figures if _passes(key, worked)], worked)
    return worked


def _collected(compiled: Compiled, results: Sequence[Rows], purpose: Purpose) -> Figures:
    """What the statements of a purpose say, by group; several sources are joined by it."""
    found: Figures = {}
    for statement, rows in zip(compiled.statements, results, strict=True):
        if statement.purpose == purpose:
            _collect(found, statement, rows)
    return found


def _collect(found: Figures, statement: Statement, rows: Rows) -> None:
    width = len(statement.dimensions)
    for row in rows:
        key = tuple(_plain(cell) for cell in row[:width])
        values = found.setdefault(key, {})
        for metric, cell in zip(statement.metrics, row[width:], strict=True):
            values[metric] = None if cell is None else float(cell)


def _plain(cell: Any) -> Cell:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return int(cell) if isinstance(cell, Decimal) else cell


def _fill(figures: Figures, compiled: Compiled) -> None:
    """Add the days, weeks or months of a series on which nothing happened; sums and counts are 0 there, ratios have no value.

    A series of several groups is left as it is: that a store sold nothing on a day is no row of the data.
    """
    question, step = compiled.question, compiled.question.grain
    if step is None or question.groups or question.thresholds or (question.top and question.top.count):
        return
    for label in bucket_labels(compiled.span, step)[:MAX_FILLED]:
        figures.setdefault((label,), {})


def _value(figures: Figures, key: Key, metric: str) -> float | None:
    """A figure; 0 where a sum or count found nothing."""
    value = figures.get(key, {}).get(metric)
    return 0.0 if value is None and catalogue().metrics[metric].kind != "ratio" else value


def _aligned(base: Figures, compiled: Compiled) -> Figures:
    """The base under the keys of the span: its n-th day stands against the n-th day."""
    step = compiled.question.grain
    if step is None or compiled.base is None:
        return base
    place = compiled.question.dimensions.index(step)
    moved: dict[Cell, Cell] = dict(
        zip(bucket_labels(compiled.base, step), bucket_labels(compiled.span, step), strict=False)
    )
    return {
        (*key[:place], moved[key[place]], *key[place + 1 :]): values
        for key, values in base.items()
        if key[place] in moved
    }


def _changes(figures: Figures, base: Figures, compiled: Compiled) -> dict[Key, dict[str, Change]]:
    if compiled.base is None:
        return {}
    return {
        key: {
            metric: _change(_value(figures, key, metric), _value(base, key, metric))
            for metric in compiled.question.metrics
        }
        for key in figures
    }


def _change(now: float | None, then: float | None) -> Change:
    return Change(then, None if now is None or not then else now / then - 1)


def _shares(
    values: Mapping[str, float | None], totals: Figures, compiled: Compiled, key: Key
) -> dict[str, float | None]:
    question = compiled.question
    of = tuple(part for name, part in zip(question.dimensions, key, strict=True) if name in TIME)
    whole = totals.get(of, {})
    return {
        metric: (values.get(metric) or 0.0) / total if (total := whole.get(metric)) else None
        for metric in question.metrics
    }


def _passes(key: Key, worked: Worked) -> bool:
    """The thresholds that SQL could not apply."""
    compiled, figures = worked.compiled, worked.figures
    for bound in compiled.question.thresholds:
        if bound in compiled.bounded:
            continue
        value = _by(bound.by, key, bound.metric, worked)
        limit = _average(figures, bound) if bound.value is None else bound.value
        if value is None or not _COMPARE[bound.comparator](value, limit):
            return False
    return True


def _by(by: By, key: Key, metric: str, worked: Worked) -> float | None:
    """The figure, its change or its share."""
    if by == "change":
        return worked.changes[key][metric].change if worked.changes else None
    if by == "share":
        return worked.shares[key][metric] if worked.shares else None
    return worked.value(key, metric)


def _average(figures: Figures, bound: Threshold) -> float:
    values = [value for key in figures if (value := _value(figures, key, bound.metric)) is not None]
    return sum(values) / len(values) if values else 0.0


def _ranked(keys: list[Key], worked: Worked) -> list[Key]:
    """In order: time runs on, then groups by the ranking metric; cut to the count where SQL did not."""
    question = worked.compiled.question
    top, times = question.top, [i for i, name in enumerate(question.dimensions) if name in TIME]
    if top and top.per and top.by == "value":
        return keys
    by_time = bool(times) and not (top and top.count and not question.groups)

    def place(key: Key) -> tuple[list[str], float, list[str]]:
        return (
            [str(key[i]) for i in times] if by_time else [],
            _measure(key, worked),
            [str(part) for part in key],
        )

    ordered = sorted(keys, key=place)
    return ordered[: top.count] if top and top.count and not (times and question.groups) else ordered


def _measure(key: Key, worked: Worked) -> float:
    """What a group is ranked by, the first being the smallest; a group without a value comes last."""
    top = worked.compiled.question.top
    metric = top.metric if top else worked.compiled.question.metrics[0]
    found = _by(top.by if top else "value", key, metric, worked)
    descending = not top or top.descending
    return float("inf") if found is None else -found if descending else found
