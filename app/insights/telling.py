"""What a program is told of a question: a compact report, a question back with its choices, or the reason for a no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext

from app.insights.answers import Answer, Clarify, Definition, Note, Refused, Understood
from app.insights.compiling.report import Column, Report
from app.insights.diagnosis.model import Diagnosis, Figure
from app.insights.names import Context
from app.insights.reporting import make_report
from app.language.periods import Span

Told = dict[str, Any]
# What a model can read; the desk shows and exports all of it.
MAX_ROWS = 50
MAX_FIGURE_ROWS = 10


def told_answer(answer: Answer, context: Context, *, max_rows: int = MAX_ROWS) -> Told:
    """The answer with its figures, in the language of the context. Raises what `make_report` raises."""
    if isinstance(answer, Clarify):
        # The words of a choice, asked again, are that question.
        return {
            "status": "clarify",
            "reason": answer.reason,
            "message": _said(answer.message, answer.params),
            "choices": [choice.text for choice in answer.choices],
        }
    if isinstance(answer, Refused):
        message = _said(answer.message, answer.params)
        return {"status": "refused", "reason": answer.reason, "message": message}
    return _told_report(answer, context, max_rows)


def _told_report(understood: Understood, context: Context, max_rows: int) -> Told:
    assert understood.compiled is not None  # noqa: S101 - reports are always compiled
    ran = make_report(understood.compiled, context)
    report = ran.report
    total = len(report.rows)
    told: Told = {
        "status": "ok",
        "understood_as": understood.understood_as,
        "period": _span(report.span),
        **({"compared_with": _span(report.base)} if report.base is not None else {}),
        "columns": [_column(column) for column in report.columns],
        "rows": [_row(report, row) for row in report.rows[:max_rows]],
        "row_count": total,
        "definitions": _definitions(understood.definitions),
        "notes": list(_notes((*understood.notes, *ran.notes))),
        "sql": list(ran.sql),
    }
    if total > max_rows:
        told["notes"].append(gettext("Only the first %(num)s rows are shown.", num=max_rows))
    if ran.truncated:
        told["notes"].append(gettext("There are more rows than a report holds."))
    return told


def told_diagnosis(found: Diagnosis) -> Told:
    """Verified claims, each with its sources, and the figures that they cite."""
    cited = dict.fromkeys(key for claim in found.claims if claim.tag == "data" for key in claim.sources)
    figures = [figure for figure in found.figures if figure.key in cited]
    return {
        "status": "ok",
        "understood_as": found.understood_as,
        "period": _span(found.span),
        "compared_with": _span(found.base),
        "premise": found.premise,
        "claims": [
            {"section": claim.section, "text": claim.text, "tag": claim.tag, "sources": list(claim.sources)}
            for claim in found.claims
        ],
        "figures": [_figure(figure) for figure in figures],
        "documents": [{"key": each.key, "title": each.title} for each in found.documents],
        "definitions": _definitions(found.definitions),
        "notes": list(found.notes),
        "sql": list(dict.fromkeys(sql for figure in figures for sql in figure.sql)),
    }


def _figure(figure: Figure) -> Told:
    return {
        "key": figure.key,
        "title": figure.title,
        "columns": [column.name for column in figure.columns],
        "rows": [list(row) for row in figure.rows[:MAX_FIGURE_ROWS]],
        "row_count": len(figure.rows),
    }


def _definitions(definitions: Iterable[Definition]) -> list[Told]:
    return [
        {"metric": each.metric, "name": each.name, "definition": each.text, "unit": each.unit}
        for each in definitions
    ]


def _span(span: Span) -> Told:
    return {"start": span.start.isoformat(), "end": span.end.isoformat()}


def _column(column: Column) -> Told:
    return {"key": column.key, "name": column.name, "role": column.role, "unit": column.unit}


def _row(report: Report, row: Iterable[Any]) -> list[Any]:
    """The cells as a reader calls them: Online rather than its code."""
    shown = []
    for column, cell in zip(report.columns, row, strict=True):
        labels = report.labels.get(column.key) if column.key != "sku" else None
        shown.append(labels.get(str(cell), cell) if labels else cell)
    return shown


def _notes(notes: Iterable[Note]) -> Iterable[str]:
    return (_said(note.message, note.params) for note in notes)


def _said(message: str, params: Mapping[str, str]) -> str:
    """A msgid with its values; filled in even without any, for its "%%"."""
    return str(gettext(message)) % dict(params)
