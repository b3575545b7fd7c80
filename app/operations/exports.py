"""A report as a file for a spreadsheet: CSV and XLSX.

Figures are numbers there. A text that a spreadsheet would take for a formula (a store named "=HYPERLINK(...)") stays a text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import BytesIO, StringIO

import xlsxwriter

from app.operations.formats import label
from app.operations.schemas import Cell, ReportOut

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# With these a spreadsheet begins a formula, or throws away what is before one.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
FORMATS = {"yuan": "#,##0.00", "count": "#,##0", "ratio": "0.0%", "number": "#,##0.00"}
WIDEST = 40


def rows_of(report: ReportOut) -> Iterator[list[Cell]]:
    """The rows with words for the values of dimensions; all other cells as they are."""
    for row in report.rows:
        yield [
            label(report, place, value) if report.columns[place].role in ("dimension", "label") else value
            for place, value in enumerate(row)
        ]


def to_csv(report: ReportOut) -> bytes:
    """UTF-8 with the mark by which spreadsheets know it."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(_harmless(column.name) for column in report.columns)
    for row in rows_of(report):
        writer.writerow(_harmless(cell) for cell in row)
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(DANGEROUS) else cell


def to_xlsx(report: ReportOut) -> bytes:
    """One sheet with the figures, one with what they mean."""
    out = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        _write_figures(book, report)
        _write_meaning(book, report)
    return out.getvalue()


def _write_figures(book: xlsxwriter.Workbook, report: ReportOut) -> None:
    sheet, bold = book.add_worksheet("report"), book.add_format({"bold": True})
    formats = [
        book.add_format({"num_format": FORMATS.get(column.unit, "General")}) for column in report.columns
    ]
    rows = list(rows_of(report))
    for place, column in enumerate(report.columns):
        sheet.write_string(0, place, column.name, bold)
        longest = max([len(column.name) * 2, *(len(str(row[place])) for row in rows)])
        sheet.set_column(place, place, min(WIDEST, longest + 2))
        for number, row in enumerate(rows, start=1):
            _write(sheet, number, place, row[place], formats[place])
    sheet.freeze_panes(1, 0)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(report.columns) - 1)


def _write(sheet: xlsxwriter.worksheet.Worksheet, row: int, place: int, cell: Cell, style: object) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, place, cell)
    elif cell is not None:
        sheet.write_number(row, place, cell, style)


def _write_meaning(book: xlsxwriter.Workbook, report: ReportOut) -> None:
    sheet = book.add_worksheet("definitions")
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 100)
    lines = [(f"{report.period.start} – {report.period.end}", "")] if report.period else []
    lines += [(each.name, each.text) for each in report.definitions]
    lines += [("SQL", report.sql)]
    for number, (name, text) in enumerate(lines):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, text[:32_000])
