"""Running a compiled question: every statement through the guard, then on the read-only connection."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import N_
from app.insights import runner
from app.insights.answers import Note
from app.insights.compiling.compiler import Compiled
from app.insights.compiling.report import Report, build_report
from app.insights.guard import Checked, Moment, check
from app.insights.names import Context
from app.insights.wording import dates
from app.runtime import settings


@dataclass(frozen=True, slots=True)
class Ran:
    """A report and how it came about. `sql` is what ran, in the engine's dialect; `run_ms` what the database took.

    `notes` come after those of `Understood`.
    """

    report: Report
    sql: tuple[str, ...]
    checked: tuple[Checked, ...]
    run_ms: float
    truncated: bool
    notes: tuple[Note, ...] = ()


def make_report(compiled: Compiled, context: Context) -> Ran:
    """The figures of a compiled question.

    Raises the guard's Rejected (which for our own SQL is a defect of the catalogue) and what `runner.run` raises.
    """
    return run_report(compiled, check_report(compiled, context), context)


def check_report(compiled: Compiled, context: Context) -> tuple[Checked, ...]:
    """The statements as they may run. Raises the guard's Rejected."""
    moment = Moment.current(context.timezone)
    return tuple(
        check(item.sql, max_rows=settings().sql_max_rows, moment=moment, with_sums=True)
        for item in compiled.statements
    )


def run_report(compiled: Compiled, checked: tuple[Checked, ...], context: Context) -> Ran:
    """The figures, from statements that have passed the guard. Raises what `runner.run` raises."""
    tables = [runner.run(item) for item in checked]
    report = build_report(compiled, [table.rows for table in tables], context)
    missing = report.base is not None and report.base_is_empty
    return Ran(
        report,
        tuple(table.sql for table in tables),
        checked,
        round(sum(table.elapsed_ms for table in tables), 2),
        any(table.truncated for table in tables),
        (_no_base(report, context),) if missing else (),
    )


def _no_base(report: Report, context: Context) -> Note:
    """The comparison has nothing to compare with: say so instead of showing empty columns without a word."""
    said = dates(report.base or report.span, context.locale)
    return Note("no_base", N_("There is no data from %(dates)s to compare with."), {"dates": said})
