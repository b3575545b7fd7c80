"""A report that a language model's own SQL gave, as the answer shows it: marked, without definitions, told from its cells."""

from __future__ import annotations

from flask_babel import gettext

from app.insights.modelling.free_sql import FreeColumn, FreeReport
from app.operations.charts import charts_of
from app.operations.formats import figure
from app.operations.schemas import Cell, ColumnOut, DebugOut, DeskAnswer, GuardOut, ReportOut

# So many columns of a single row are told in words.
MOST_TOLD = 4
NUMBER, TEXT, DATE = "number", "text", "date"


def free_answer(free: FreeReport) -> DeskAnswer:
    """The answer of a model's own query, in the language that is set."""
    report = free_report(free)
    reading = free.reading or str(gettext("A query that a language model wrote"))
    return DeskAnswer(
        intent="report",
        answer=_told(report),
        report=report,
        understood_as=reading,
        notes=[
            str(
                gettext(
                    "No metric of the catalogue fits, so a language model wrote this query. Nobody has defined its figures: read "
                    "the SQL and the columns before you rely on them."
                )
            )
        ],
        debug=DebugOut(
            route_intent="report",
            sql=free.sql,
            guard=GuardOut(passed=True, limit_applied=free.limit_applied),
        ),
    )


def free_report(free: FreeReport) -> ReportOut:
    """The table with its charts. It has no period and no definitions: the SQL says what it counts."""
    days = [column for column in free.columns if column.unit == DATE]
    is_series = len(days) == 1 and all(column.unit != TEXT for column in free.columns)
    report = ReportOut(
        columns=[_column(place, column, is_series) for place, column in enumerate(free.columns)],
        rows=[list(row) for row in free.rows],
        chart=None,
        definitions=[],
        period=None,
        sql=free.sql,
        truncated=free.truncated,
        source="model",
    )
    report.charts = charts_of(report) if is_series or not days else []
    report.chart = next(iter(report.charts), None)
    return report


def _column(place: int, column: FreeColumn, is_series: bool) -> ColumnOut:
    """The key of the days in a series is the catalogue's, so that a line is drawn."""
    key = "day" if is_series and column.unit == DATE else f"column_{place + 1}"
    role = "metric" if column.unit == NUMBER else "dimension"
    return ColumnOut(key=key, name=column.name, role=role, of=key, unit=column.unit)


def _told(report: ReportOut) -> str:
    """What the rows say; every figure is a cell, or counts the rows."""
    if not report.rows:
        return str(gettext("The query found nothing."))
    if len(report.rows) > 1:
        return str(gettext("The query gave %(rows)s rows.", rows=len(report.rows)))
    cells = list(zip(report.columns, report.rows[0], strict=True))[:MOST_TOLD]
    return str(gettext("; ")).join(f"{column.name}: {_said(column, cell)}" for column, cell in cells)


def _said(column: ColumnOut, cell: Cell) -> str:
    return figure(cell, column.unit) if column.unit == NUMBER else str(cell if cell is not None else "–")
