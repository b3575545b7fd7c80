"""The change as a chart: from the base over what each part did to the period (waterfall), or the parts alone (bar)."""

from __future__ import annotations

from collections.abc import Sequence

from app.insights.diagnosis.model import Chart, Figure
from app.insights.diagnosis.premise import Move
from app.insights.diagnosis.splits import Split, telling
from app.insights.diagnosis.subject import Subject

MOST_STEPS = 8


def charts_of(
    subject: Subject, move: Move, formula: Figure | None, splits: Sequence[Split]
) -> tuple[Chart, ...]:
    """A waterfall by formula, or else by the most telling dimension; contributions by that dimension."""
    if move.value is None or move.base is None or not move.change:
        return ()
    found = []
    if formula is not None:
        found.append(_waterfall(subject, move, formula))
    for split in telling(splits)[: 2 - len(found)]:
        found.append(_waterfall(subject, move, split.figure))
    return tuple(found)


def _waterfall(subject: Subject, move: Move, figure: Figure) -> Chart:
    english = subject.context.locale == "en"
    labels, parts = figure.place("label"), figure.place("contribution")
    steps = [(str(row[labels]), float(row[parts] or 0)) for row in figure.rows]
    head, tail = steps[:MOST_STEPS], steps[MOST_STEPS:]
    if tail:
        head.append(("Others" if english else "其他", sum(value for _, value in tail)))
    before, now = ("Before", "Now") if english else ("对比期", "本期")
    return Chart(
        "waterfall",
        figure.title,
        subject.unit,
        figure.key,
        (before, *(label for label, _ in head), now),
        (move.base or 0.0, *(value for _, value in head), move.value or 0.0),
    )
