"""SQL that a model writes where no metric fits: through the guard, read for what it would show, run once.

The reader gets the rows, the columns and the SQL, marked as what they are: nobody has defined these figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.insights import runner
from app.insights.guard import Checked, Moment, Rejected, check
from app.insights.guard.library import FUNCTIONS
from app.insights.guard.limits import MAX_SQL_CHARS
from app.insights.modelling.disclosure import check_disclosure
from app.insights.modelling.literals import is_plain, numbers_in
from app.insights.modelling.tasks import ROUNDS, Task, Wrong
from app.insights.names import Context
from app.insights.runner import Cell
from app.insights.schema import SUMS, TABLES
from app.runtime import settings

MAX_READING = 200
WhyNot = Literal["off_topic", "not_in_data", "personal", "unclear"]
_MARKUP = re.compile(r"[<>`|*_#\[\]{}]|://|www\.", re.I)

PROMPT = """You write one SELECT for a retail chain's reporting database, in MySQL's dialect. You never answer the question yourself.

Tables and columns; there are no others:
{tables}

- Amounts (amount, original_amount, price, total_spent, threshold, value) are yuan; price_cents is in hundredths. order_items.price is for one piece.
- Only orders with pay_status = 1 count as sales. paid_on is the business day; created_at and paid_at are UTC, the shop's zone is +08:00.
- orders.channel is offline, online or delivery. orders.member_id is NULL for guests. order_items.category is the Chinese name of a category.
- Today is {today} (CURDATE()). The first day with data is {first_day}.
- Functions that exist: {functions}. Write texts in single quotes; no comments, no variables, no subquery in FROM without an alias; join tables by an equality of their keys.
- Show figures of groups: never rows of single members, orders or order lines, no member or order numbers, nobody looked up. Give each column a short plain name in the language of the question.
- Every figure comes from the columns. Write no figure of your own into the SQL but those that the question names.
Answer "no" with why_not when these tables cannot answer it (not_in_data), when it is about single people (personal), another topic (off_topic), or unclear.
reading: one short sentence, in the language of the question, that says what the query counts. No results in it: you do not know them."""


class Reply(BaseModel):
    """A SELECT, or why there is none."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["sql", "no"]
    sql: str | None = Field(max_length=MAX_SQL_CHARS, description="with answer=sql: one SELECT")
    reading: str | None = Field(max_length=600)
    why_not: WhyNot | None


@dataclass(frozen=True, slots=True)
class FreeColumn:
    """A column: `unit` is number, text or date, by what is in it."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class FreeReport:
    """What a model's query gave. `reading` says what it counts in the model's words, without results; it may be empty.

    `sql` is what ran, in the engine's dialect.
    """

    columns: tuple[FreeColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sql: str
    reading: str
    run_ms: float
    truncated: bool
    limit_applied: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A query that may run, as the model wrote it and as it was checked."""

    text: str
    checked: Checked
    reading: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A query that the database could not carry out, and what it said."""

    text: str
    problem: str


def sql_task(sentence: str, context: Context, failed: Failed | None = None) -> Task[Reply, Written | WhyNot]:
    """The task; its value is a query that may run, or why there can be none. After a failure there is one more round."""

    def checked(reply: Reply) -> Written | WhyNot:
        if reply.answer == "no":
            return reply.why_not or "unclear"
        if not reply.sql:
            raise Wrong(code="MISSING", problem="answer=sql needs sql")
        passed = guarded(reply.sql, sentence, context)
        return Written(reply.sql, passed, fair_reading(reply.reading or "", sentence, reply.sql))

    prompt = PROMPT.format(
        tables="\n".join(
            f"- {name}({', '.join(columns)})" for name, columns in TABLES.items() if name not in SUMS
        ),
        functions=", ".join(sorted(FUNCTIONS)),
        today=context.today,
        first_day=context.first_day or context.today,
    )
    data = [("question", sentence)]
    if failed is not None:
        data += [("query that failed", failed.text), ("what the database said", failed.problem)]
    rounds = ROUNDS if failed is None else 1
    return Task(name="report_sql", prompt=prompt, data=data, reply=Reply, check=checked, rounds=rounds)


def run_written(written: Written) -> FreeReport:
    """Run it. Raises what `runner.run` raises."""
    table = runner.run(written.checked)
    return FreeReport(
        columns=tuple(FreeColumn(name, _unit(table.rows, at)) for at, name in enumerate(table.columns)),
        rows=tuple(map(tuple, table.rows)),
        sql=table.sql,
        reading=written.reading,
        run_ms=table.elapsed_ms,
        truncated=table.truncated,
        limit_applied=written.checked.limit_applied,
    )


def guarded(sql: str, sentence: str, context: Context) -> Checked:
    """The SQL as it may run. Raises Wrong with the reason of the guard, or with what it would show."""
    try:
        passed = check(sql, max_rows=settings().sql_max_rows, moment=Moment.current(context.timezone))
        check_disclosure(passed.mysql, sentence)
    except Rejected as error:
        raise Wrong(code=error.reason, problem=error.text()) from error
    except Wrong:
        raise
    except Exception as error:
        # Whatever we cannot read does not run.
        raise Wrong(code="UNREADABLE", problem=type(error).__name__) from error
    return passed


def fair_reading(reading: str, sentence: str, sql: str) -> str:
    """The model's line on its query, or "": with a figure that is neither in the question nor in the query it is dropped."""
    line = " ".join(reading.split())
    if len(line) > MAX_READING or _MARKUP.search(line):
        return ""
    known = numbers_in(sentence) | numbers_in(sql)
    return (
        line
        if all(number in known or (is_plain(number) and number <= 31) for number in numbers_in(line))
        else ""
    )


def _unit(rows: Sequence[Sequence[Cell]], at: int) -> str:
    values = [row[at] for row in rows if row[at] is not None]
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "number"
    is_day = values and all(
        isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in values
    )
    return "date" if is_day else "text"
