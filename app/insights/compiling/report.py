"""The report: columns with their roles, rows, and the words for raw values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.insights.compiling.compiler import Compiled
from app.insights.compiling.figures import Cell, Key, Rows, Worked, work_out
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.question import TIME
from app.language.periods import Span

Role = Literal["dimension", "label", "metric", "base", "change", "share"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the report. `of` is its dimension or metric; `unit` yuan, count, ratio (0 to 1), number, text or date."""

    key: str
    role: Role
    of: str
    unit: str
    name: str


@dataclass(frozen=True, slots=True)
class Report:
    """The figures. Cells are raw values (a channel's code, a SKU, a ratio of 0..1); `labels` say them to a reader."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    span: Span
    base: Span | None
    labels: Mapping[str, Mapping[str, str]]
    base_is_empty: bool = False


def build_report(compiled: Compiled, results: Sequence[Rows], context: Context) -> Report:
    """The report, from the rows of each statement in order."""
    worked = work_out(compiled, results)
    columns = _columns(compiled, context)
    rows = tuple(tuple(_cell(column, key, worked, context) for column in columns) for key in worked.keys)
    labels = _labels(columns, rows, context)
    return Report(columns, rows, compiled.span, compiled.base, labels, worked.base_is_empty)


def _columns(compiled: Compiled, context: Context) -> tuple[Column, ...]:
    question, locale = compiled.question, context.locale
    found: list[Column] = []
    for key in question.dimensions:
        name = catalogue().dimensions[key].name(locale)
        if key == "product":
            found += [
                Column("sku", "dimension", key, "text", "SKU"),
                Column("product", "label", key, "text", name),
            ]
        else:
            found.append(Column(key, "dimension", key, "date" if key in TIME else "text", name))
    for metric in question.metrics:
        found += _metric_columns(metric, compiled, locale)
    return tuple(found)


_SAID = {
    "base": {"zh": "{}（对比期）", "en": "{}, before"},
    "change": {"zh": "{}变化", "en": "{}, change"},
    "share": {"zh": "{}占比", "en": "{}, share"},
    "daily": {"zh": "日均{}", "en": "{} per day"},
}


def _metric_columns(metric: str, compiled: Compiled, locale: str) -> list[Column]:
    entry, question = catalogue().metrics[metric], compiled.question
    name = entry.name(locale)
    is_daily = question.daily and not question.grain and entry.kind != "ratio"
    shown = _SAID["daily"][locale].format(name) if is_daily else name
    found = [
        Column(
            metric, "metric", metric, "number" if is_daily and entry.unit == "count" else entry.unit, shown
        )
    ]
    if compiled.base is not None:
        found.append(
            Column(f"{metric}_base", "base", metric, found[0].unit, _SAID["base"][locale].format(name))
        )
        found.append(
            Column(f"{metric}_change", "change", metric, "ratio", _SAID["change"][locale].format(name))
        )
    if question.share and entry.kind != "ratio":
        found.append(Column(f"{metric}_share", "share", metric, "ratio", _SAID["share"][locale].format(name)))
    return found


def _cell(column: Column, key: Key, worked: Worked, context: Context) -> Cell:
    if column.role in ("dimension", "label"):
        value = key[worked.compiled.question.dimensions.index(column.of)]
        return context.names.label("product", value, context.locale) if column.role == "label" else value
    if column.role == "metric":
        return _rounded(worked.value(key, column.of), column.unit)
    if column.role == "share":
        return _rounded(worked.shares[key][column.of] if worked.shares else None, "ratio")
    change = worked.changes[key][column.of]
    return _rounded(change.base, column.unit) if column.role == "base" else _rounded(change.change, "ratio")


def _rounded(value: float | None, unit: str) -> Cell:
    """Counts as integers, the rest to what a float holds without noise; how many digits are shown is the page's affair."""
    if value is None:
        return None
    return round(value) if unit == "count" else round(value, 6)


def _labels(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], context: Context
) -> dict[str, dict[str, str]]:
    """What to show for the raw values of each dimension."""
    found: dict[str, dict[str, str]] = {}
    for index, column in enumerate(columns):
        if column.role == "dimension" and column.of not in TIME:
            values = dict.fromkeys(row[index] for row in rows)
            found[column.key] = {
                str(value): context.names.label(column.of, value, context.locale) for value in values
            }
    return found
