"""A diagnosis for programs and for the page: JSON, and charts in the form of static/js/charts.js."""

from __future__ import annotations

from typing import Any

from app.insights.diagnosis.model import Chart, Claim, Diagnosis, Figure


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """All of it as plain values; ratios are 0..1, money yuan."""
    return {
        "metric": diagnosis.metric,
        "name": diagnosis.name,
        "understood_as": diagnosis.understood_as,
        "period": {"start": diagnosis.span.start.isoformat(), "end": diagnosis.span.end.isoformat()},
        "base": {"start": diagnosis.base.start.isoformat(), "end": diagnosis.base.end.isoformat()},
        "premise": diagnosis.premise,
        "asked": diagnosis.asked,
        "moved": diagnosis.moved,
        "claims": [_claim(claim) for claim in diagnosis.claims],
        "dropped": [
            {"text": each.claim.text, "reason": each.reason, "what": each.what} for each in diagnosis.dropped
        ],
        "causes": [
            {
                "kind": each.kind,
                "subject": each.subject,
                "direction": each.direction,
                "figure": each.figure,
                "row": each.row,
                "score": round(each.score, 2),
            }
            for each in diagnosis.causes
        ],
        "figures": [_figure(figure) for figure in diagnosis.figures],
        "documents": [{"key": each.key, "title": each.title} for each in diagnosis.documents],
        "charts": [_chart(chart) for chart in diagnosis.charts],
        "notes": list(diagnosis.notes),
        "sql": list(diagnosis.sql),
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "section": claim.section,
        "text": claim.text,
        "tag": claim.tag,
        "refs": [{"key": ref.key, "row": ref.row, "column": ref.column} for ref in claim.refs],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "key": figure.key,
        "title": figure.title,
        "columns": [{"key": c.key, "name": c.name, "unit": c.unit, "role": c.role} for c in figure.columns],
        "rows": [list(row) for row in figure.rows],
        "sql": list(figure.sql),
    }


def _chart(chart: Chart) -> dict[str, Any]:
    """A waterfall: its first category is what it was, its last what it is, between them the steps."""
    return {
        "kind": chart.kind,
        "title": chart.title,
        "figure": chart.figure,
        "categories": list(chart.categories),
        "series": [{"name": chart.title, "values": list(chart.values), "is_base": False}],
        "unit": chart.unit,
    }
