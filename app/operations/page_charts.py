"""Charts in the form of static/js/charts.js."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from app.operations.schemas import ChartOut

KINDS = {"line": "line", "bar": "rows", "share": "share", "waterfall": "waterfall"}
UNITS = {"yuan": "¥", "ratio": "%", "points": "%"}
FEW, MANY = 8, 14


@dataclass(frozen=True, slots=True)
class ChartShown:
    """A chart for `data-chart`, and how much room it needs: s, m or l."""

    data: str
    size: str


def show_charts(charts: Iterable[ChartOut]) -> list[ChartShown]:
    return [show_chart(chart) for chart in charts]


def show_chart(chart: ChartOut) -> ChartShown:
    """A chart; ratios as per cent, bars lying so that their names have room."""
    factor = 100 if chart.unit in ("ratio", "points") else 1
    series = [
        {
            "name": each.name,
            "values": [None if value is None else round(value * factor, 4) for value in each.values],
            "dashed": each.is_base,
        }
        for each in chart.series
    ]
    told = {
        "kind": KINDS[chart.kind],
        "title": chart.title,
        "categories": chart.categories,
        "series": series,
        "unit": UNITS.get(chart.unit, ""),
    }
    lines = len(chart.categories) * (len(chart.series) if chart.kind == "bar" else 0)
    size = "s" if lines <= FEW else "m" if lines <= MANY else "l"
    return ChartShown(json.dumps(told, ensure_ascii=False), size)
