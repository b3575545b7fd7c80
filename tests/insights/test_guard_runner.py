"""Running what the guard let through, and the commands around it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from app.core.errors import Unavailable
from app.db import db
from app.insights.commands import check_sql, grants
from app.insights.connection import QueryFailed, QueryTimedOut, SqliteReader
from app.insights.guard import check
from app.insights.runner import cell, run
from tests.insights.guard_data import fill_shop

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("12.50"), 12.5),
        (Decimal("12.00"), 12),
        (Decimal("0.3333333333"), 0.333333),
        (float("nan"), None),
        (0.1 + 0.2, 0.3),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 4, 5, 6, 789, tzinfo=UTC).replace(tzinfo=None), "2026-11-21 04:05:06"),
        ("2026-11-21 04:05:06.000789", "2026-11-21 04:05:06"),
        (timedelta(hours=1), "1:00:00"),
        (b"\xe5\xba\x97", "店"),
        ("x" * 5_000, "x" * 1_999 + "…"),
        (None, None),
    ],
)
def test_cells_are_ready_for_json(value: object, shown: object) -> None:
    assert cell(value) == shown
    json.dumps(cell(value), allow_nan=False)


def test_a_table_says_whether_there_may_be_more(each_app: Flask) -> None:
    with each_app.app_context():
        fill_shop(30)
        some = run(check("SELECT id FROM orders", max_rows=10))
        assert (len(some.rows), some.truncated) == (10, True)
        everything = run(check("SELECT id FROM orders"))
        assert (len(everything.rows), everything.truncated) == (30, False)
        asked_for = run(check("SELECT id FROM orders LIMIT 5"))
        assert (len(asked_for.rows), asked_for.truncated) == (5, False)
        assert everything.elapsed_ms > 0
        assert everything.sql == check("SELECT id FROM orders").for_dialect(db.engine.dialect.name)


def test_what_fails_in_the_database_says_so(each_app: Flask) -> None:
    with each_app.app_context(), pytest.raises(QueryFailed) as failed:
        run(check("SELECT id FROM orders WHERE SUM(amount) > 1"))
    assert failed.value.status == 422


def test_a_long_text_is_not_made(app: Flask) -> None:
    """SQLite's own limit, should the guard's estimate be wrong."""
    with app.app_context():
        fill_shop(1)
        path = str(db.engine.url.database)
    grown = "'" + "a" * 1_000 + "'"
    for _ in range(3):
        grown = f"REPLACE({grown}, 'a', 'aaaaaaaaaaaa')"
    with pytest.raises(QueryFailed):
        SqliteReader(path).fetch(f"SELECT LENGTH({grown})", most=1, seconds=2)


def test_sqlite_ends_in_time_and_leaves_other_threads_alone(app: Flask) -> None:
    with app.app_context():
        fill_shop(100)
        path = str(db.engine.url.database)
    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.01):
            ticks.append(time.monotonic())

    clock = threading.Thread(target=tick)
    clock.start()
    endless = "SELECT COUNT(*) FROM " + ", ".join(f"order_items a{n}" for n in range(6))
    started = time.monotonic()
    with pytest.raises(QueryTimedOut):
        SqliteReader(path).fetch(endless, most=1, seconds=0.5)
    stop.set()
    clock.join()
    assert time.monotonic() - started < 3
    assert len(ticks) > 5


def test_under_gevent_other_greenlets_go_on() -> None:
    """The query is in a native thread: a greenlet counts meanwhile."""
    program = """
from gevent import monkey
monkey.patch_all()
import gevent, sqlite3, tempfile, time
from app.insights.connection import QueryTimedOut, SqliteReader
path = tempfile.mkdtemp() + "/shop.db"
with sqlite3.connect(path) as made:
    made.execute("CREATE TABLE stores (id INTEGER)")
    made.executemany("INSERT INTO stores VALUES (?)", [(n,) for n in range(100)])
made.close()
count = 0
def tick():
    global count
    while True:
        gevent.sleep(0.01)
        count += 1
gevent.spawn(tick)
gevent.sleep(0.05)
before = count
try:
    SqliteReader(path).fetch("SELECT COUNT(*) FROM " + ", ".join(f"stores s{n}" for n in range(7)), most=1, seconds=1)
except QueryTimedOut:
    print("timed out", count - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    word = re.fullmatch(r"timed out (\d+)", done.stdout.strip())
    assert word, done.stderr
    assert int(word.group(1)) > 5


def test_a_database_that_is_away_is_told(make_app: Callable[..., Flask]) -> None:
    app = make_app(insights_database_url="mysql://nobody@127.0.0.1:1/none")
    with app.app_context(), pytest.raises(Unavailable):
        run(check("SELECT 1"))
    missing = make_app(insights_database_url="sqlite:////nonexistent/shop.db")
    with missing.app_context(), pytest.raises(QueryFailed):
        run(check("SELECT 1"))


def test_many_queries_at_once_all_answer(each_app: Flask) -> None:
    with each_app.app_context():
        fill_shop(50)
    answers: list[int] = []

    def ask() -> None:
        with each_app.app_context():
            answers.append(int(str(run(check("SELECT COUNT(*) FROM orders")).rows[0][0])))

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [50] * 24


def _verdicts(app: Flask, lines: bytes) -> list[dict[str, str]]:
    result = app.test_cli_runner().invoke(check_sql, input=lines)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout_bytes.decode().splitlines()]


def test_check_sql_answers_line_by_line(each_app: Flask) -> None:
    asked = [{"sql": "SELECT id FROM orders"}, {"sql": "SELECT * FROM users"}, {"sql": "SELECT '店' AS x"}]
    good, bad, words = _verdicts(each_app, "\n".join(json.dumps(line) for line in asked).encode())
    quote = '"' if db_name(each_app) == "sqlite" else "`"
    assert good == {
        "verdict": "pass",
        "reason": "",
        "sql": f"SELECT {quote}orders{quote}.{quote}id{quote} AS {quote}id{quote} FROM {quote}orders{quote} LIMIT 1000",
    }
    assert bad["verdict"] == "reject"
    assert bad["reason"].startswith("TABLE: There is no table users.")
    assert bad["sql"] is None
    assert "店" in words["sql"]


def db_name(app: Flask) -> str:
    """sqlite or mysql."""
    with app.app_context():
        return db.engine.dialect.name


def test_check_sql_survives_what_is_no_question(app: Flask) -> None:
    lines = [
        *(
            b"",
            b"   ",
            b"not json",
            b"[]",
            b"5",
            b"null",
            b'{"sql": 5}',
            b'{"other": "SELECT 1"}',
            b"\xff\xfe{",
        ),
        *(
            b"[" * 50_000,
            b'{"sql": "SELECT \\ud800"}',
            b'{"sql": "' + b"x" * 3_000_000 + b'"}',
            b'{"sql": "SELECT 1"}',
        ),
    ]
    verdicts = [answer["verdict"] for answer in _verdicts(app, b"\n".join(lines))]
    assert verdicts == ["reject"] * 10 + ["pass"]


def test_a_thousand_lines_take_seconds(app: Flask) -> None:
    sql = "SELECT s.name, SUM(o.amount) AS gmv FROM orders o JOIN stores s ON s.id = o.store_id WHERE o.pay_status = 1 GROUP BY s.name ORDER BY gmv DESC"
    lines = "\n".join([json.dumps({"sql": sql})] * 1_000).encode()
    started = time.process_time()
    assert len(_verdicts(app, lines)) == 1_000
    assert time.process_time() - started < 10


def test_the_setting_lowers_the_cap(make_app: Callable[..., Flask]) -> None:
    answer = _verdicts(make_app(sql_max_rows=50), b'{"sql": "SELECT id FROM orders LIMIT 900"}')
    assert answer[0]["sql"].endswith("LIMIT 50")


@pytest.mark.mariadb
def test_grants_name_columns_and_nothing_else(make_app: Callable[..., Flask], mariadb_url: str) -> None:
    app = make_app(mariadb_url)
    shown = app.test_cli_runner().invoke(grants, ["--user", "reports", "--host", "10.0.0.%"])
    assert shown.exit_code == 0, shown.output
    assert "GRANT SELECT (`id`, `name`, `city`)" in shown.output
    assert "contact" not in shown.output
    assert "'reports'@'10.0.0.%'" in shown.output
    odd = app.test_cli_runner().invoke(grants, ["--user", "x'; DROP USER y; --"])
    assert odd.exit_code == 1


def test_sqlite_needs_no_grants(app: Flask) -> None:
    shown = app.test_cli_runner().invoke(grants)
    assert shown.exit_code == 1
    assert "read-only" in shown.output
