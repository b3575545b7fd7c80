"""What a program is told of a question: a compact report, a question back with its choices, or the reason for a no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext

from app.insights.answers import Answer, Clarify, Note, Refused, Understood
from app.insights.compiling.report import Column, Report
from app.insights.names import Context
from app.insights.reporting import make_report
from app.language.periods import Span

Told = dict[str, Any]
# What a model can read; the desk shows and exports all of it.
MAX_ROWS = 50


def told_answer(answer: Answer, context: Context, *, max_rows: int = MAX_ROWS) -> Told:
    """The answer with its figures, in the language of the context. Raises what `make_report` raises."""
    if isinstance(answer, Clarify):
        # The words of a choice, asked again, are that question.
        return {
            "status": "clarify",
            "reason": answer.reason,
            "message": gettext(answer.message, **answer.params),
            "choices": [choice.text for choice in answer.choices],
        }
    if isinstance(answer, Refused):
        message = gettext(answer.message, **answer.params)
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
        "definitions": [
            {"metric": each.metric, "name": each.name, "definition": each.text, "unit": each.unit}
            for each in understood.definitions
        ],
        "notes": list(_notes((*understood.notes, *ran.notes))),
        "sql": list(ran.sql),
    }
    if total > max_rows:
        told["notes"].append(gettext("Only the first %(num)s rows are shown.", num=max_rows))
    if ran.truncated:
        told["notes"].append(gettext("There are more rows than a report holds."))
    return told


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
    return (gettext(note.message, **note.params) for note in notes)
