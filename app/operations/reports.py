"""A report that ran, as the answer shows it."""

from __future__ import annotations

from collections.abc import Sequence

from app.insights.answers import Definition
from app.insights.compiling.report import Column, Report
from app.insights.metrics.catalogue import catalogue
from app.insights.reporting import Ran
from app.operations.charts import charts_of
from app.operations.schemas import ColumnOut, DefinitionOut, PeriodOut, ReportOut


def report_out(ran: Ran, definitions: Sequence[Definition]) -> ReportOut:
    """The report with its charts, its definitions and the SQL that ran."""
    report = ran.report
    found = ReportOut(
        columns=[_column(column) for column in report.columns],
        rows=[list(row) for row in report.rows],
        chart=None,
        definitions=[
            DefinitionOut(metric=each.metric, name=each.name, text=each.text, unit=each.unit)
            for each in definitions
        ],
        period=_period(report),
        sql=";\n\n".join(ran.sql),
        labels={key: dict(words) for key, words in report.labels.items()},
        truncated=ran.truncated,
    )
    found.charts = charts_of(found)
    found.chart = next(iter(found.charts), None)
    return found


def _column(column: Column) -> ColumnOut:
    entry = catalogue().metrics.get(column.of)
    return ColumnOut(
        key=column.key,
        name=column.name,
        role=column.role,
        of=column.of,
        unit=column.unit,
        higher_is_better=entry.higher_is_better if entry else True,
    )


def _period(report: Report) -> PeriodOut:
    base = report.base
    return PeriodOut(
        start=report.span.start,
        end=report.span.end,
        base_start=base.start if base else None,
        base_end=base.end if base else None,
    )
