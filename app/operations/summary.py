"""The report in a few sentences: the figures that matter, and only what the rows say.

A total is told where figures add up and all groups are there; a ratio has no total, so its ends are told instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext

from app.insights.metrics.catalogue import catalogue
from app.insights.question import TIME, Question
from app.operations.formats import figure, label, money_or_figure
from app.operations.schemas import Cell, ReportOut

Row = Sequence[Cell]
# More metrics than these are left to the table.
MOST_TOLD = 3


def summarise(report: ReportOut, question: Question) -> str:
    """What the report says, in the language that is set. Reads nothing but the report."""
    if not _has_figures(report):
        return str(gettext("Nothing was found for this in that period."))
    metrics = [place for place, column in enumerate(report.columns) if column.role == "metric"][:MOST_TOLD]
    if not question.dimensions:
        return "\n".join(_single(report, place) for place in metrics)
    tellers = [_Metric(report, question, place) for place in metrics]
    return "\n".join(told for teller in tellers if (told := teller.tell()))


def _has_figures(report: ReportOut) -> bool:
    places = [place for place, column in enumerate(report.columns) if column.role in ("metric", "base")]
    return any(row[place] for row in report.rows for place in places)


def _single(report: ReportOut, place: int) -> str:
    """One figure and, where there is one, its change."""
    column, row = report.columns[place], report.rows[0]
    value, base = row[place], _base(report, place)
    said = {"metric": column.name, "value": money_or_figure(value, column.unit)}
    if base is None:
        return str(gettext("%(metric)s: %(value)s.", **said))
    return str(
        gettext("%(metric)s: %(value)s, %(change)s.", **said, change=_change(value, row[base], column.unit))
    )


def _base(report: ReportOut, place: int) -> int | None:
    following = place + 1
    is_base = following < len(report.columns) and report.columns[following].role == "base"
    return following if is_base else None


def _change(value: Cell, base: Cell, unit: str) -> str:
    """Against the figure before: by per cent, of a ratio by percentage points."""
    if not isinstance(value, int | float) or not isinstance(base, int | float) or not base:
        return str(gettext("nothing to compare with"))
    before = money_or_figure(base, unit)
    if unit == "ratio":
        size, is_same = f"{abs(value - base) * 100:.1f}", abs(value - base) < 0.0005
        text = (
            gettext("%(size)s points higher than %(before)s", size=size, before=before)
            if value > base
            else gettext("%(size)s points lower than %(before)s", size=size, before=before)
        )
    else:
        size, is_same = figure(abs(value / base - 1), "ratio"), abs(value / base - 1) < 0.0005
        text = (
            gettext("%(size)s more than %(before)s", size=size, before=before)
            if value > base
            else gettext("%(size)s less than %(before)s", size=size, before=before)
        )
    return str(gettext("the same as before") if is_same else text)


@dataclass(frozen=True, slots=True)
class _Metric:
    """One metric over the rows of a report that is split."""

    report: ReportOut
    question: Question
    place: int

    def tell(self) -> str:
        """The total, then the largest and the smallest; "" without a single value."""
        rows = [row for row in self.report.rows if isinstance(row[self.place], int | float)]
        if not rows:
            return ""
        parts = [self._total(), *self._ends(rows)]
        name = self.report.columns[self.place].name
        told = gettext(", ").join(part for part in parts if part)
        return str(gettext("%(metric)s: %(value)s.", metric=name, value=told))

    def _total(self) -> str:
        """What all rows come to, and how that changed."""
        if not self._adds_up():
            return ""
        unit = self.report.columns[self.place].unit
        total = sum(_number(row[self.place]) for row in self.report.rows)
        said = gettext("%(value)s in all", value=money_or_figure(total, unit))
        base = _base(self.report, self.place)
        if base is None:
            return str(said)
        before = sum(_number(row[base]) for row in self.report.rows)
        return str(gettext(", ").join([said, _change(total, before, unit)]))

    def _adds_up(self) -> bool:
        entry, question = catalogue().metrics[self.report.columns[self.place].of], self.question
        is_cut = bool(question.thresholds or (question.top and question.top.count) or self.report.truncated)
        return entry.kind == "sum" and not is_cut and not question.daily

    def _ends(self, rows: Sequence[Row]) -> list[str]:
        """The largest and the smallest group; of a split series those over the whole time, where they add up."""
        found = self._by_group(rows)
        if len(found) < 2:
            return [f"{name} {self._said(value)}" for name, value in found.items()]
        ordered = sorted(found.items(), key=lambda item: -item[1])
        (first, most), (last, least) = ordered[0], ordered[-1]
        return [
            str(gettext("highest %(name)s with %(value)s", name=first, value=self._said(most))),
            str(gettext("lowest %(name)s with %(value)s", name=last, value=self._said(least))),
        ]

    def _said(self, value: float) -> str:
        return money_or_figure(value, self.report.columns[self.place].unit)

    def _by_group(self, rows: Sequence[Row]) -> dict[str, float]:
        """The figure of each group; sums of a split series are added up over the time."""
        entry = catalogue().metrics[self.report.columns[self.place].of]
        is_split_series = self.question.grain is not None and bool(self.question.groups)
        adds = is_split_series and entry.kind == "sum"
        found: dict[str, float] = {}
        for row in rows:
            name = self._name(row, without_time=adds)
            found[name] = (
                found.get(name, 0.0) + _number(row[self.place]) if adds else _number(row[self.place])
            )
        return found

    def _name(self, row: Row, *, without_time: bool) -> str:
        said = []
        for place, column in enumerate(self.report.columns):
            is_skipped = (without_time and column.of in TIME) or column.key == "sku"
            if column.role in ("dimension", "label") and not is_skipped:
                said.append(label(self.report, place, row[place]))
        return " · ".join(said)


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
