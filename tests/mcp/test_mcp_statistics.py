"""Statistics: counted in the transaction that logs, exact after any mix of processes, few statements, fast."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

from app.core import clock
from app.core.clock import now
from app.db import db, in_transaction, transaction
from app.mcp.log_queries import CallFilter
from app.mcp.statistics import PERIODS, series_for, series_of, start_of, totals_of
from app.tools.call_batch import write
from app.tools.durations import percentiles, rounded
from app.tools.models import ToolCallCount, ToolCallLog
from tests.browsing import counted_statements
from tests.mcp.log_rows import admin_of, make_group, row, write_rows
from tests.parallel import crowd

pytestmark = pytest.mark.redis
NOW = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_figures_add_up_by_tool_group_and_kind(each_app: Flask) -> None:
    with each_app.app_context(), clock.frozen(NOW):
        group = make_group()
        write_rows(
            [
                *(row("list_products", duration_ms=number) for number in range(1, 21)),
                row("list_products", group_id=group, duration_ms=1_000),
                row("get_product", group_id=group, error_code="TIMEOUT", duration_ms=10_000),
                row("get_product", group_id=group, error_code="RATE_LIMITED", duration_ms=0),
                row("made up by a caller", error_code="NOT_FOUND", duration_ms=1),
                row("list_stores", 25 * HOUR),
            ]
        )
        totals = totals_of("24h")
    assert (totals.total.figures.calls, totals.total.figures.errors) == (24, 3)
    assert [(line.key, line.figures.calls, line.figures.errors) for line in totals.tools] == [
        ("list_products", 21, 0), ("get_product", 2, 2), ("", 1, 1),
    ]  # fmt: skip
    assert [(line.key, line.figures.calls) for line in totals.groups] == [(0, 21), (group, 3)]
    assert [(kind.code, kind.calls, list(kind.tools)) for kind in totals.kinds] == [
        ("NOT_FOUND", 1, [""]), ("RATE_LIMITED", 1, ["get_product"]), ("TIMEOUT", 1, ["get_product"]),
    ]  # fmt: skip
    products, get_product = totals.tools[0], totals.tools[1]
    assert (products.p50, products.p95) == (11, 20)
    # What a limit refused never ran; the other took 10 s, as near as is kept.
    assert get_product.p50 == get_product.p95 == rounded(10_000)
    assert abs(rounded(10_000) - 10_000) <= 320
    assert totals.total.figures.error_rate == pytest.approx(3 / 24)


def test_rounded_durations_are_near_and_few() -> None:
    values = [rounded(number) for number in range(120_000)]
    assert values[:32] == list(range(32))
    assert max(abs(kept - number) / number for number, kept in enumerate(values) if number) <= 0.032
    assert values == sorted(values)
    assert len(set(values)) < 240
    assert percentiles({}, 50, 95) == [None, None]
    assert percentiles({5: 1, 9: 19}, 5, 50) == [5, 9]


def test_days_are_the_shops_and_hours_are_whole(each_app: Flask) -> None:
    with each_app.app_context(), clock.frozen(NOW):
        # 00:30 and 23:30 in Shanghai, on either side of midnight.
        write_rows([row(created_at=datetime(2026, 11, 20, 16, 30, tzinfo=UTC))])
        write_rows([row(created_at=datetime(2026, 11, 20, 15, 30, tzinfo=UTC), error_code="TIMEOUT")])
        days, hours = series_of("7d"), series_of("24h")
        assert start_of("7d") == datetime(2026, 11, 14, 16, tzinfo=UTC)
        assert start_of("24h") == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert [(point.calls, point.errors) for point in days.points] == [(0, 0)] * 5 + [(1, 1), (1, 0)]
    assert (len(hours.points), days.span, hours.span) == (24, "day", "hour")
    assert {point.start.hour: (point.calls, point.errors) for point in hours.points if point.calls} == {
        15: (1, 1),
        16: (1, 0),
    }


def test_the_lists_chart_follows_its_filters(each_app: Flask) -> None:
    with each_app.app_context(), clock.frozen(NOW):
        group = make_group()
        write_rows([row("list_stores", HOUR, group_id=group), row(ago=3 * DAY, error_code="TIMEOUT"), row()])

        def seen(**wanted: Any) -> tuple[str, int, int]:
            series = series_for(CallFilter(**wanted))
            assert series is not None
            return series.span, len(series.points), sum(point.calls for point in series.points)

        assert seen() == ("hour", 24, 2)
        assert seen(tool="list_stores") == seen(group_id=group) == ("hour", 24, 1)
        assert seen(since=NOW - 2 * HOUR) == ("hour", 3, 2)
        assert seen(since=NOW - 4 * DAY) == ("day", 5, 3)
        assert seen(since=NOW - 4 * DAY, outcome="ok") == ("day", 5, 2)
        assert seen(since=NOW - 4 * DAY, error_code="TIMEOUT") == ("day", 5, 1)
        assert seen(since=NOW - 4 * DAY, until=NOW - 2 * DAY) == ("hour", 49, 1)
        assert seen(since=NOW - 6 * DAY, until=NOW - 2 * DAY) == ("day", 5, 1)
        assert seen(until=NOW - DAY)[:2] == ("day", 30)
        assert seen(since=NOW - 3_000 * DAY)[:2] == ("day", 90)
        assert series_for(CallFilter(caller="a")) is None
        assert series_for(CallFilter(text="a")) is None


def test_counts_are_exact_when_many_write_at_once(each_app: Flask) -> None:
    moment = now()

    def one(number: int) -> None:
        rows = [row(random.choice(("list_products", "list_stores")), created_at=moment) for _ in range(20)]
        with each_app.app_context():
            in_transaction(lambda: write(rows))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(one, range(60)))
    with each_app.app_context():
        logged = db.session.scalar(select(func.count()).select_from(ToolCallLog))
        counted = Counter(dict(db.session.execute(
            select(ToolCallCount.span, func.sum(ToolCallCount.calls)).group_by(ToolCallCount.span)
        ).all()))  # fmt: skip
    assert logged == 1_200
    assert {span: int(calls) for span, calls in counted.items()} == {"hour": 1_200, "day": 1_200}


def test_a_row_that_cannot_be_written_is_not_counted(each_app: Flask) -> None:
    with each_app.app_context():
        broken = {**row(), "duration_ms": None}
        with pytest.raises(Exception):  # noqa: B017 - each engine has its own
            in_transaction(lambda: write([row(), broken]))
        db.session.rollback()
        assert db.session.scalar(select(func.count()).select_from(ToolCallCount)) == 0


def test_two_statements_whatever_there_is(each_app: Flask) -> None:
    with each_app.app_context():
        write_rows(row(ago=number * HOUR) for number in range(60))
        for period in PERIODS:
            db.session.rollback()
            with counted_statements(each_app) as statements:
                totals_of(period)
                series_of(period)
            assert len(statements) == 2, statements


def test_a_month_of_a_million_calls_is_read_quickly(each_app: Flask) -> None:
    """25 tools, each with 1,300 calls a day of some 40 different durations and 3 kinds of errors."""
    with each_app.app_context():
        assert _fill() > 35_000
        took = {period: min(_seconds(period) for _ in range(8)) for period in PERIODS}
        calls = totals_of("30d").total.figures.calls
    print({period: f"{seconds * 1000:.0f} ms" for period, seconds in took.items()}, f"{calls:,} calls")
    assert calls >= 1_000_000
    assert max(took.values()) < 0.3 * crowd()


def _fill() -> int:
    random.seed(7)
    rows = []
    for span, number, kinds_of, calls in (("day", 30, 50, 37), ("hour", 24, 20, 3)):
        for back in range(number):
            start = start_of("30d") + back * DAY if span == "day" else start_of("24h") + back * HOUR
            for tool in range(25):
                kinds = [("", rounded(int(random.lognormvariate(3.5, 1.2)))) for _ in range(kinds_of)]
                kinds += [(f"KIND_{each}", each) for each in range(3)]
                rows += [
                    {"span": span, "start": start, "tool_name": f"tool_{tool}", "group_id": tool % 4, "error_code": code,
                     "duration_ms": duration, "calls": calls}
                    for code, duration in set(kinds)
                ]  # fmt: skip
    with transaction() as session:
        for first in range(0, len(rows), 5_000):
            session.execute(insert(ToolCallCount), rows[first : first + 5_000])
    return len(rows)


def _seconds(period: str) -> float:
    db.session.rollback()
    begun = time.perf_counter()
    totals_of(period)
    series_of(period)
    return time.perf_counter() - begun


def test_the_api_has_every_figure(app: Flask) -> None:
    client = admin_of(app)
    with app.app_context():
        group = make_group()
        write_rows([row(group_id=group), row(error_code="TIMEOUT"), row("nobody has this")])
    answer = client.get("/api/v1/mcp/statistics?period=7d").get_json()
    assert answer["success"] is True
    data = answer["data"]
    assert (data["period"], data["span"], len(data["series"])) == ("7d", "day", 7)
    assert data["total"] == {"calls": 3, "errors": 1, "error_rate": 0.3333, "p50_ms": 12, "p95_ms": 12}
    assert [(line["tool"], line["calls"]) for line in data["tools"]] == [("list_products", 2), ("", 1)]
    assert [(line["group_id"], line["name"]) for line in data["groups"]] == [
        (None, "Without a key"), (group, "Partner"),
    ]  # fmt: skip
    assert data["errors"] == [{"error_code": "TIMEOUT", "calls": 1, "tools": ["list_products"]}]
    assert client.get("/api/v1/mcp/statistics?period=9d").status_code == 422
