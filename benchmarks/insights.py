"""Reports: every metric alone, by each dimension, by day, against the period before, and the first five; over 90 days.

`python -m benchmarks insights [ORDERS [DAYS]]`: on the demo shop on SQLite and MariaDB, and on a chain of ORDERS orders
(4,000,000, spread over 180 days, so that the period before has as many) on MariaDB, in a database of its own that is
dropped at the end. Milliseconds of the database, guard and report, the better of two runs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from flask_migrate import downgrade, upgrade

from app.core.clock import business_day, now
from app.db import db
from app.demo.loader import load_demo
from app.insights.compiling.compiler import NotCountable, compile_question
from app.insights.connection import QueryTimedOut
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.queries import current_context
from app.insights.question import Comparison, Question, Top
from app.insights.reporting import make_report
from app.language.periods import rolling
from app.runtime import settings
from app.sales.jobs import add_up_stale_days
from benchmarks.many_orders import add_orders
from benchmarks.program import build_app, databases, redis_server
from benchmarks.table import print_table

ORDERS, DAYS, PERIOD = 4_000_000, 180, 90
# As it was before there were sums by day: loading is quicker without triggers.
BEFORE_SUMS = "0017"
LIMIT_SECONDS = 60.0
Row = tuple[object, ...]


def main() -> None:
    """Print a table for each shop."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    orders, days = [*numbers, *(ORDERS, DAYS)[len(numbers) :]]
    with redis_server() as redis_url, databases() as found:
        for engine, url in found.items():
            with tempfile.TemporaryDirectory() as folder:
                app = _open(Path(folder), url, redis_url)
                with app.app_context():
                    load_demo(settings(), echo=lambda _text: None)
                    _measure(f"Reports over {PERIOD} days, demo shop, {engine}: milliseconds")
                    if engine != "SQLite" and orders:
                        _grow(orders, days)
                        _measure(
                            f"Reports over {PERIOD} of {days} days, {orders:,} orders, {engine}: milliseconds"
                        )
                    db.session.remove()
                    db.engine.dispose()


def _open(home: Path, database_url: str, redis_url: str) -> Flask:
    return build_app(home, database_url, redis_url, sql_timeout_seconds=LIMIT_SECONDS)


def _grow(orders: int, days: int) -> None:
    """Make a chain of the demo shop."""
    began = time.perf_counter()
    downgrade(revision=BEFORE_SUMS)
    add_orders(orders, days, business_day(now(), settings().shop_timezone))
    loaded = time.perf_counter()
    upgrade()
    added = add_up_stale_days(everything=True)
    done = time.perf_counter()
    print(f"{orders:,} orders made in {loaded - began:.0f} s, {added} days added up in {done - loaded:.0f} s")


def _measure(title: str) -> None:
    context = current_context(settings().shop_timezone, "en")
    db.session.rollback()
    kinds = ("alone", *catalogue().dimensions, "against before", "first 5")
    rows = [_row(metric, kinds, context) for metric in catalogue().metrics]
    figures = [cell for row in rows for cell in row[1:] if isinstance(cell, int)]
    print_table(title, ("metric", *kinds), rows)
    print(
        f"{len(figures)} reports, slowest {max(figures)} ms, median {sorted(figures)[len(figures) // 2]} ms\n"
    )


def _row(metric: str, kinds: tuple[str, ...], context: Context) -> Row:
    return (metric, *(_cell(question, context) for question in _questions(metric, kinds)))


def _questions(metric: str, kinds: tuple[str, ...]) -> Iterator[Question]:
    period = rolling(PERIOD)
    for kind in kinds:
        if kind in catalogue().dimensions:
            yield Question(metrics=(metric,), dimensions=(kind,), period=period)
        elif kind == "against before":
            yield Question(metrics=(metric,), period=period, comparison=Comparison())
        elif kind == "first 5":
            split = "product" if "items" in catalogue().metrics[metric].formulas else "store"
            top = Top(metric=metric, count=5)
            yield Question(metrics=(metric,), dimensions=(split,), period=period, top=top)
        else:
            yield Question(metrics=(metric,), period=period)


def _cell(question: Question, context: Context) -> int | str:
    """The better of two times; one that takes long is not asked again."""
    best = LIMIT_SECONDS * 1_000
    for _ in range(2):
        began = time.perf_counter()
        try:
            make_report(compile_question(question, context), context)
        except NotCountable:
            return "-"
        except QueryTimedOut:
            return f">{LIMIT_SECONDS:.0f} s"
        best = min(best, (time.perf_counter() - began) * 1_000)
        if best > 1_000:
            break
    return round(best)
