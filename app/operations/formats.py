"""The cells of a report for a reader; figures as `app.insights.formats` writes them."""

from __future__ import annotations

from app.insights.formats import MINUS, NOTHING, figure, money_or_figure
from app.operations.schemas import Cell, ColumnOut, ReportOut

__all__ = ["MINUS", "NOTHING", "figure", "label", "money_or_figure", "show"]


def label(report: ReportOut, index: int, value: Cell) -> str:
    """What a cell of a dimension says."""
    column = report.columns[index]
    following = report.columns[index + 1 : index + 2]
    # A SKU has its words in a column of its own.
    if following and following[0].role == "label":
        return NOTHING if value is None else str(value)
    return report.labels.get(column.key, {}).get(str(value)) or (NOTHING if value is None else str(value))


def show(report: ReportOut, index: int, value: Cell) -> str:
    """A cell of the table."""
    column: ColumnOut = report.columns[index]
    if column.role in ("dimension", "label"):
        return label(report, index, value)
    return figure(value, column.unit, sign=column.role == "change")
