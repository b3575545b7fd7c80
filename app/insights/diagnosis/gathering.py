"""Running a diagnosis's queries: every one through the guard, on the read-only connection, its SQL kept for the reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.insights import runner
from app.insights.compiling.select import Select
from app.insights.diagnosis.anatomy import Anatomy
from app.insights.diagnosis.statistics import Sums
from app.insights.guard import Moment, check
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.question import Filter
from app.language.periods import Span
from app.runtime import settings

Key = str | int | None
WHOLE: Key = None
# A member's own store, so that each belongs to one group however many stores they bought in.
HOME = {"home_store": "hs.name", "home_city": "hs.city"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows as they came, and the SQL that ran."""

    rows: list[list[Any]]
    sql: str


@dataclass(slots=True)
class Gatherer:
    """The one way of a diagnosis to the database. The same SQL is run once."""

    context: Context
    filters: tuple[Filter, ...]
    run_ms: float = 0.0
    _kept: dict[str, Fetched] = field(default_factory=dict)

    def fetch(self, sql: str) -> Fetched:
        """Rows of a SELECT in the guard's dialect. Raises what the guard and the runner raise."""
        if sql not in self._kept:
            moment = Moment.current(self.context.timezone)
            table = runner.run(check(sql, max_rows=settings().sql_max_rows, moment=moment))
            self.run_ms = round(self.run_ms + table.elapsed_ms, 2)
            self._kept[sql] = Fetched([list(row) for row in table.rows], table.sql)
        return self._kept[sql]

    @property
    def count(self) -> int:
        """Queries that were run."""
        return len(self._kept)

    def sums(self, parts: Anatomy, span: Span, by: str = "") -> tuple[dict[Key, Sums], str]:
        """Totals over the units of a metric, by the values of a dimension (or of the whole), and the SQL."""
        fetched = self.fetch(unit_sql(parts, span, self.filters, self.context.timezone, by))
        start = 1 if by else 0
        found = {
            (row[0] if by else WHOLE): Sums(*(float(value or 0) for value in row[start:]))
            for row in fetched.rows
        }
        return found, fetched.sql

    def select(self, source: str, span: Span, *, reach: tuple[str, ...] = ()) -> Select:
        """A SELECT's tables and conditions under the question's filters."""
        return Select(source, (), (), self.filters, span, self.context.timezone, reach=reach)


def unit_sql(parts: Anatomy, span: Span, filters: tuple[Filter, ...], zone: str, by: str = "") -> str:
    """Units, and the sums of x, y, their squares and product, by the values of a dimension."""
    home = by in HOME
    select = Select(
        parts.source,
        (parts.metric,),
        (by,) if by and not home else (),
        filters,
        span,
        zone,
        reach=("level",) if home else (),
    )
    tables = select.tables
    if home:
        tables = tables.replace("\nWHERE ", "\nJOIN stores hs ON hs.id = m.store_id\nWHERE ", 1)
    if parts.unit == "member":
        tables += "\n  AND o.member_id IS NOT NULL"
    group = HOME[by] if home else select.column(by) if by else ""
    x, y = _bound(parts.x, select), _bound(parts.y, select) if parts.y else "0"
    head = f"WITH {select.ctes}\n" if select.ctes else ""
    if parts.unit == "row":
        columns = ", ".join(_totals(f"({x})", f"({y})"))
        named = f"{group} AS grp, " if by else ""
        return f"{head}SELECT {named}COUNT(*) AS n, {columns}\n{tables}" + (
            f"\nGROUP BY {group}" if by else ""
        )
    named = f"{group} AS grp, " if by else ""
    grouped = f"{group}, {parts.key}" if by else parts.key
    inner = f"SELECT {named}{parts.key} AS unit_id, {x} AS x, {y} AS y\n{tables}\nGROUP BY {grouped}"
    outer = "u.grp AS grp, " if by else ""
    tail = "\nGROUP BY u.grp" if by else ""
    return (
        f"{head}SELECT {outer}COUNT(*) AS n, {', '.join(_totals('u.x', 'u.y'))}\nFROM (\n{inner}\n) u{tail}"
    )


def _totals(x: str, y: str) -> list[str]:
    said = {"x": x, "xx": f"{x} * {x}", "y": y, "xy": f"{x} * {y}", "yy": f"{y} * {y}"}
    return [f"SUM({what}) AS sum_{name}" for name, what in said.items()]


def _bound(said: str, select: Select) -> str:
    return select.bounds(said)


def source_of(metric: str, filters: tuple[Filter, ...], by: str = "") -> str | None:
    """From where a metric can be counted under the filters by a dimension."""
    reach = (*(part.dimension for part in filters), *((by,) if by and by not in HOME else ()))
    return catalogue().sources_of(metric, reach)
