"""From a text to SQL that may run."""

from __future__ import annotations

from dataclasses import dataclass

from app.insights.guard.functions import check_functions
from app.insights.guard.grammar import check_grammar
from app.insights.guard.lexing import clean
from app.insights.guard.limits import cap_rows, check_size
from app.insights.guard.moments import Moment
from app.insights.guard.parsing import parse
from app.insights.guard.reasons import Rejected
from app.insights.guard.relations import Tally
from app.insights.guard.resolving import resolve_query
from app.insights.guard.writing import write
from app.insights.schema import SUMS, TABLES


@dataclass(frozen=True, slots=True)
class Checked:
    """SQL that passed, generated from the checked tree. Only this can be given to the runner.

    `row_limit` is the LIMIT in the SQL; `limit_applied` is True when the guard added it or lowered a larger one.
    """

    sqlite: str
    mysql: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    row_limit: int
    limit_applied: bool

    def for_dialect(self, dialect: str) -> str:
        """The text for an engine by its SQLAlchemy name: sqlite, mysql or mariadb."""
        return self.sqlite if dialect == "sqlite" else self.mysql


def check(
    sql: str, *, max_rows: int = 1000, moment: Moment | None = None, with_sums: bool = False
) -> Checked:
    """The SQL as it may run, in both dialects. Rejected with the reason otherwise.

    Nothing is looked up in the database. `moment` is what CURDATE() and NOW() mean, the current one by default.
    The sums by day exist `with_sums` only, for what our own compiler wrote.
    """
    query = parse(clean(sql))
    check_size(query)
    check_grammar(query)
    check_functions(query, moment or Moment.current())
    tally = Tally()
    relation = resolve_query(query, None, {}, tally)
    if not with_sums and (sums := tally.tables & SUMS):
        known = ", ".join(sorted(set(TABLES) - SUMS))
        raise Rejected("TABLE", what=", ".join(sorted(sums)), known=known)
    row_limit, limit_applied = cap_rows(query, max_rows)
    sqlite, mysql = write(query)
    return Checked(
        sqlite=sqlite,
        mysql=mysql,
        columns=tuple(item.name for item in relation.fields),
        tables=tuple(sorted(tally.tables)),
        row_limit=row_limit,
        limit_applied=limit_applied,
    )
