"""Runs SQL that the guard has let through, and gives back a table that is ready for JSON."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import BoundedSemaphore
from typing import Any

from app.core.errors import N_, Unavailable
from app.insights.connection import PARALLEL_QUERIES, reader_for
from app.insights.guard import Checked
from app.runtime import settings

Cell = str | int | float | bool | None
MAX_CELL_CHARS = 2_000
# Decimal places: money has two, ratios need more.
DIGITS = 6
WITH_MICROSECONDS = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d{6}")
_slots = BoundedSemaphore(PARALLEL_QUERIES)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a query. `sql` is what ran; `truncated`: the guard's LIMIT was reached, so there may be more rows."""

    columns: tuple[str, ...]
    rows: list[list[Cell]]
    truncated: bool
    elapsed_ms: float
    sql: str


def run(checked: Checked) -> Table:
    """Run a checked query on the insights database.

    Raises QueryTimedOut (SQL_TIMEOUT_SECONDS), QueryFailed, or Unavailable when the database cannot be reached or as many
    queries run as may.
    """
    reader, seconds = reader_for(settings().insights_database_uri), settings().sql_timeout_seconds
    sql = checked.for_dialect(reader.dialect)
    if not _slots.acquire(timeout=seconds):
        raise Unavailable(N_("Too many reports are being made right now."), retry_after=int(seconds) or 1)
    started = time.perf_counter()
    try:
        columns, rows = reader.fetch(sql, most=checked.row_limit, seconds=seconds)
    finally:
        _slots.release()
    elapsed_ms = round((time.perf_counter() - started) * 1_000, 2)
    truncated = checked.limit_applied and len(rows) >= checked.row_limit
    return Table(tuple(columns), _cells(rows), truncated, elapsed_ms, sql)


def dialect() -> str:
    """sqlite or mysql: what the insights database takes."""
    return reader_for(settings().insights_database_uri).dialect


def _cells(rows: Sequence[Sequence[Any]]) -> list[list[Cell]]:
    return [[cell(value) for value in row] for row in rows]


def cell(value: Any) -> Cell:
    """A value as JSON can hold it: decimals as numbers, dates as ISO texts (moments in UTC, to the second)."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else round(float(value), DIGITS)
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, timedelta):
        return str(value)
    text = value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)
    moment = WITH_MICROSECONDS.fullmatch(text)
    if moment:
        return moment.group(1)
    return text if len(text) <= MAX_CELL_CHARS else text[: MAX_CELL_CHARS - 1] + "…"
