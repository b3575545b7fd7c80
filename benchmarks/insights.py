"""Reports: every metric alone, by each dimension, in series, filtered, against the period before, as shares and ranks; over 90 days.

`python -m benchmarks insights [ORDERS [DAYS]] [--rows N]`: on the demo shop on SQLite and MariaDB, and on a chain of ORDERS
orders (4,000,000, spread over 180 days, so that the period before has as many) on MariaDB, in a database of its own that is
dropped at the end. One line for each question, the slowest first: milliseconds of guard, database and report, the better of
two runs, and of the processor alone where the system tells, for a machine on which others work too. `--rows` shows only
the first N lines.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
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
from app.insights.question import Comparison, Filter, Question, Threshold, Top
from app.insights.reporting import make_report
from app.language.periods import rolling
from app.runtime import settings
from app.sales.jobs import add_up_stale_days
from benchmarks.many_orders import add_orders
from benchmarks.processor import Processor
from benchmarks.program import build_app, databases, redis_server
from benchmarks.table import print_table

ORDERS, DAYS, PERIOD = 4_000_000, 180, 90
# As it was before there were sums by day: loading is quicker without triggers.
BEFORE_SUMS = "0017"
GIVE_UP_SECONDS = 60.0
# Milliseconds a report may take (issue 5), and reading a question into SQL.
DEMO_LIMIT, CHAIN_LIMIT, COMPILE_LIMIT = 150, 2_000, 10


@dataclass(frozen=True, slots=True)
class Timed:
    """What a question took, in milliseconds; `took` is None when it was given up, `cpu` where nobody tells."""

    name: str
    compiled: float
    took: float | None
    cpu: float | None


def main() -> None:
    """Print a table for each shop."""
    words = sys.argv[1:]
    shown = int(words[words.index("--rows") + 1]) if "--rows" in words else 0
    numbers = [
        int(word)
        for word in words[: words.index("--rows") if "--rows" in words else None]
        if word.isdecimal()
    ]
    orders, days = [*numbers, *(ORDERS, DAYS)[len(numbers) :]]
    with redis_server() as redis_url, databases() as found:
        for engine, url in found.items():
            with tempfile.TemporaryDirectory() as folder:
                app = _open(Path(folder), url, redis_url)
                with app.app_context():
                    load_demo(settings(), echo=lambda _text: None)
                    measure(f"Reports over {PERIOD} days, demo shop, {engine}", DEMO_LIMIT, shown)
                    if engine != "SQLite" and orders:
                        _grow(orders, days)
                        title = f"Reports over {PERIOD} of {days} days, {orders:,} orders, {engine}"
                        measure(title, CHAIN_LIMIT, shown)
                    db.session.remove()
                    db.engine.dispose()


def _open(home: Path, database_url: str, redis_url: str) -> Flask:
    return build_app(home, database_url, redis_url, sql_timeout_seconds=GIVE_UP_SECONDS)


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


def measure(title: str, limit: int, shown: int = 0) -> None:
    """Ask everything and print it, the slowest first."""
    context = current_context(settings().shop_timezone, "en")
    db.session.rollback()
    processor = Processor.of_reports()
    found = [
        timed
        for metric in catalogue().metrics
        for name, question in questions(metric, context)
        if (timed := _time(f"{metric} {name}", question, context, processor))
    ]
    found.sort(key=lambda timed: GIVE_UP_SECONDS * 1_000 if timed.took is None else timed.took, reverse=True)
    rows = [
        (
            timed.name,
            f">{GIVE_UP_SECONDS:.0f} s" if timed.took is None else round(timed.took),
            "" if timed.cpu is None else round(timed.cpu),
            limit,
            "" if timed.took is not None and timed.took < limit else "over",
        )
        for timed in found
    ]
    print_table(
        f"{title}: milliseconds", ("question", "took", "processor", "limit", ""), rows[: shown or None]
    )
    over = sum(1 for row in rows if row[-1])
    busy = sum(1 for timed in found if timed.took is None or (timed.cpu or timed.took) >= limit)
    middle = found[len(found) // 2].took
    print(
        f"{len(found)} reports; over {limit} ms: {over}, by processor time {busy}; median {middle or 0:.0f} ms;"
        f" compiling at most {max(timed.compiled for timed in found):.1f} ms (limit {COMPILE_LIMIT})\n",
        flush=True,
    )


def questions(metric: str, context: Context) -> Iterator[tuple[str, Question]]:
    """All that the catalogue can be asked about a metric, one of each kind, with names of the shop."""
    known, period = catalogue(), rolling(PERIOD)
    entry = known.metrics[metric]
    plain = Question(metrics=(metric,), period=period)

    def other(**values: object) -> Question:
        return Question.model_validate({**plain.model_dump(), **values})

    yield "alone", plain
    for key in known.dimensions:
        yield f"by {key}", other(dimensions=(key,))
    for key in ("store", "level", "customer", "category", "product"):
        yield f"by {key} and week", other(dimensions=(key, "week"))
    yield "by store and day", other(dimensions=("store", "day"))
    yield "by store and channel", other(dimensions=("store", "channel"))
    yield "by city and level", other(dimensions=("city", "level"))
    for filtered in _filters(context):
        yield (
            f"of {filtered.dimension} {filtered.operator} {len(filtered.values)}",
            other(filters=(filtered,)),
        )
    yield "against before", other(comparison=Comparison())
    yield "by store against before", other(dimensions=("store",), comparison=Comparison())
    yield (
        "by store above average",
        other(dimensions=("store",), thresholds=(Threshold(metric=metric, comparator="gt"),)),
    )
    for key in ("store", "product"):
        yield f"first 5 by {key}", other(dimensions=(key,), top=Top(metric=metric, count=5))
        yield f"first 5 by {key}, by week", other(dimensions=(key, "week"), top=Top(metric=metric, count=5))
    yield (
        "first 2 products by store",
        other(dimensions=("store", "product"), top=Top(metric=metric, count=2, per="store")),
    )
    if entry.kind == "sum":
        yield "share by channel", other(dimensions=("channel",), share=True)


def _filters(context: Context) -> Iterator[Filter]:
    names, closed = context.names, catalogue().dimensions
    yield Filter(dimension="store", values=(names.stores[0].name,))
    yield Filter(dimension="city", values=(names.stores[0].city,))
    yield Filter(dimension="level", operator="ge", values=(3,))
    yield Filter(dimension="category", values=(names.categories[0].name,))
    yield Filter(dimension="category", values=(names.categories[0].name, names.categories[1].name))
    yield Filter(dimension="product", values=(names.products[0].sku,))
    yield Filter(dimension="product", values=(names.products[0].sku, names.products[1].sku))
    for key in ("channel", "customer", "membership"):
        yield Filter(dimension=key, values=(next(iter(closed[key].values)),))


def _time(name: str, question: Question, context: Context, processor: Processor) -> Timed | None:
    """The better of two times; one that takes long is not asked again. None for what cannot be counted so."""
    best: Timed | None = None
    for _ in range(2):
        began, used = time.perf_counter(), processor.seconds()
        try:
            compiled = compile_question(question, context)
            read = time.perf_counter()
            make_report(compiled, context)
        except NotCountable:
            return None
        except QueryTimedOut:
            return Timed(name, 0.0, None, None)
        took, spent = (time.perf_counter() - began) * 1_000, processor.seconds()
        cpu = None if used is None or spent is None else (spent - used) * 1_000
        if best is None or took < (best.took or took):
            best = Timed(name, (read - began) * 1_000, took, cpu)
        if took > 1_000:
            break
    return best
