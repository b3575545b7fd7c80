"""A diagnosis as a page shows it, from its JSON form: parts with linked tags, charts, tables. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.insights.diagnosis.model import SECTIONS
from app.insights.diagnosis.writing import shown

# Figures and documents that one claim names; more would be a list of everything.
MOST_LINKS = 3
_FACTORS = {"ratio": 100, "points": 100}
_MARKS = {"yuan": "¥", "ratio": "%", "points": "%"}
KNOWLEDGE = "/ops/knowledge/"


@dataclass(frozen=True, slots=True)
class Link:
    """Where a tag leads: a figure on the page or a document of the knowledge base."""

    href: str
    title: str


@dataclass(frozen=True, slots=True)
class ClaimShown:
    """A sentence and where it comes from."""

    text: str
    tag: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class PartShown:
    """One of the four parts: finding, hypothesis, check, next."""

    key: str
    claims: tuple[ClaimShown, ...]


@dataclass(frozen=True, slots=True)
class HeadShown:
    """A column's head."""

    name: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class FigureShown:
    """A table under the answer; `id` is its anchor."""

    id: str
    title: str
    heads: tuple[HeadShown, ...]
    rows: tuple[tuple[str, ...], ...]
    sql: str


@dataclass(frozen=True, slots=True)
class ChartShown:
    """A chart for `data-chart` (static/js/charts.js), and the anchor of the table that has the same figures."""

    data: str
    title: str
    figure_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisShown:
    """All that `operations/_diagnosis.html` reads. `id` begins every anchor, so that several answers fit on one page."""

    id: str
    name: str
    premise: str
    asked: str
    moved: str
    parts: tuple[PartShown, ...]
    charts: tuple[ChartShown, ...]
    figures: tuple[FigureShown, ...]
    notes: tuple[str, ...]
    dropped: int


def show_diagnosis(diagnosis: Mapping[str, Any], locale: str, prefix: str = "") -> DiagnosisShown:
    """Prepare `Diagnosis.as_json()` for the page; `prefix` sets the anchors of several answers apart."""
    head = f"{prefix}-figure-" if prefix else "figure-"
    titles = {each["key"]: str(each["title"]) for each in (*diagnosis["figures"], *diagnosis["documents"])}
    return DiagnosisShown(
        id=f"{prefix}-diagnosis" if prefix else "diagnosis",
        name=diagnosis["name"],
        premise=diagnosis["premise"],
        asked=diagnosis["asked"] or "",
        moved=diagnosis["moved"] or "",
        parts=tuple(
            PartShown(
                key,
                tuple(
                    _claim(claim, titles, head) for claim in diagnosis["claims"] if claim["section"] == key
                ),
            )
            for key in SECTIONS
        ),
        charts=tuple(_chart(chart, head) for chart in diagnosis["charts"]),
        figures=tuple(_figure(figure, head, locale) for figure in diagnosis["figures"]),
        notes=tuple(diagnosis["notes"]),
        dropped=len(diagnosis["dropped"]),
    )


def _claim(claim: Mapping[str, Any], titles: Mapping[str, str], head: str) -> ClaimShown:
    keys = list(dict.fromkeys(ref["key"] for ref in claim["refs"]))[:MOST_LINKS]
    is_data = claim["tag"] == "data"
    return ClaimShown(
        claim["text"],
        claim["tag"],
        tuple(
            Link(f"#{head}{key}" if is_data else f"{KNOWLEDGE}{key}", titles.get(key, key)) for key in keys
        ),
    )


def _figure(figure: Mapping[str, Any], head: str, locale: str) -> FigureShown:
    columns = figure["columns"]
    return FigureShown(
        f"{head}{figure['key']}",
        figure["title"],
        tuple(HeadShown(column["name"], column["unit"] not in ("text", "date")) for column in columns),
        tuple(_row(row, columns, locale) for row in figure["rows"]),
        ";\n\n".join(figure["sql"]),
    )


def _row(row: Sequence[Any], columns: Sequence[Mapping[str, Any]], locale: str) -> tuple[str, ...]:
    return tuple(
        shown(value, column["unit"], locale, signed=column["role"] == "change")
        for value, column in zip(row, columns, strict=True)
    )


def _chart(chart: Mapping[str, Any], head: str) -> ChartShown:
    factor = _FACTORS.get(chart["unit"], 1)
    series = [
        {"name": each["name"], "values": [round(value * factor, 4) for value in each["values"]]}
        for each in chart["series"]
    ]
    told = {
        "kind": chart["kind"],
        "title": chart["title"],
        "categories": chart["categories"],
        "series": series,
        "unit": _MARKS.get(chart["unit"], ""),
    }
    return ChartShown(json.dumps(told, ensure_ascii=False), chart["title"], f"{head}{chart['figure']}")
