"""The guard's verdicts, and that what passes means the same in SQLite and MariaDB."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.insights.guard import Checked, Moment, Rejected, check
from app.insights.guard.lexing import clean
from app.insights.guard.reasons import MESSAGES
from app.insights.runner import Table, run
from app.insights.schema import SUMS, TABLES
from tests.insights.guard_data import CANARY, STORES, TODAY, fill_shop
from tests.insights.guard_honest import HONEST
from tests.insights.guard_hostile import HOSTILE

HERE = Path(__file__).parent
SAMPLE = [json.loads(line) for line in (HERE / "sql_guard.jsonl").read_text(encoding="utf-8").splitlines()]
SCHEMA = json.loads((HERE / "sql_guard_schema.json").read_text(encoding="utf-8"))
MOMENT = Moment(date(2026, 11, 21), TODAY)
BAD = [
    pytest.param(sql, id=f"{kind}-{number}")
    for kind, many in HOSTILE.items()
    for number, sql in enumerate(many)
]


@pytest.mark.parametrize("case", SAMPLE, ids=[case["sql"][:40] for case in SAMPLE])
def test_the_sample_gets_its_verdicts(case: dict[str, str]) -> None:
    if case["verdict"] == "pass":
        assert check(case["sql"]).sqlite
        return
    with pytest.raises(Rejected):
        check(case["sql"])


@pytest.mark.parametrize("sql", BAD)
def test_hostile_sql_is_refused_with_a_reason(sql: str) -> None:
    with pytest.raises(Rejected) as refused:
        check(sql)
    assert refused.value.reason in MESSAGES
    assert refused.value.text()


def test_the_guard_knows_exactly_the_columns_of_the_schema() -> None:
    shown = {table: list(columns) for table, columns in TABLES.items() if table not in SUMS}
    assert shown == SCHEMA["allowed"]


def test_the_sums_by_day_are_for_our_own_statements_alone() -> None:
    for table in SUMS:
        with pytest.raises(Rejected, match=table):
            check(f"SELECT COUNT(*) FROM {table}")
        assert check(f"SELECT COUNT(*) FROM {table}", with_sums=True).tables == (table,)


def test_a_star_means_the_columns_of_the_schema() -> None:
    assert list(check("SELECT * FROM orders").columns) == SCHEMA["allowed"]["orders"]
    assert list(check("SELECT s.*, 1 AS one FROM stores s").columns) == ["id", "name", "city", "one"]


@pytest.mark.parametrize(
    ("sql", "limit", "applied"),
    [
        ("SELECT id FROM orders", 1000, True),
        ("SELECT id FROM orders LIMIT 5", 5, False),
        ("SELECT id FROM orders LIMIT 1000", 1000, False),
        ("SELECT id FROM orders LIMIT 50000", 1000, True),
        ("SELECT id FROM orders LIMIT 20, 5000", 1000, True),
        ("SELECT id FROM orders UNION SELECT id FROM stores", 1000, True),
        (
            "(SELECT id FROM orders LIMIT 5000) UNION ALL (SELECT id FROM stores LIMIT 7) LIMIT 2000",
            1000,
            True,
        ),
        ("WITH a AS (SELECT id FROM orders LIMIT 5000) SELECT id FROM a", 1000, True),
    ],
)
def test_more_rows_than_the_cap_are_never_asked_for(sql: str, limit: int, applied: bool) -> None:
    checked = check(sql)
    assert (checked.row_limit, checked.limit_applied) == (limit, applied)
    for text in (checked.sqlite, checked.mysql):
        assert re.search(rf"LIMIT {limit}( OFFSET \d+)?$", text)


def test_the_cap_is_the_callers() -> None:
    assert check("SELECT id FROM orders", max_rows=7).row_limit == 7


def test_today_is_the_shops_day_and_now_is_utc() -> None:
    late = datetime(2026, 11, 21, 20, tzinfo=UTC)
    moment = Moment(date(2026, 11, 22), late)
    assert "'2026-11-22'" in check("SELECT CURDATE()", moment=moment).mysql
    assert "'2026-11-21 20:00:00'" in check("SELECT NOW()", moment=moment).sqlite


def test_no_comment_and_no_original_text_is_left() -> None:
    checked = check("SELECT /* hidden */ id -- more\nFROM orders # end")
    assert checked.mysql == "SELECT `orders`.`id` AS `id` FROM `orders` LIMIT 1000"


def test_a_cte_cannot_be_taken_for_a_table() -> None:
    """Should an engine look for the name elsewhere, it finds nothing by it."""
    checked = check("WITH users AS (SELECT id FROM orders) SELECT id FROM users")
    assert "`cte_users`" in checked.mysql
    assert "FROM `users`" not in checked.mysql
    assert checked.tables == ("orders",)


def test_an_alias_cannot_stand_for_a_hidden_column() -> None:
    """MySQL's GROUP BY and HAVING would take the table's own contact_phone before the alias."""
    checked = check(
        "SELECT level AS contact_phone, COUNT(*) AS n FROM members GROUP BY contact_phone HAVING contact_phone > 1"
    )
    for text in (checked.sqlite, checked.mysql):
        assert text.count("contact_phone") == 1


def test_a_reason_says_what_would_be_right() -> None:
    with pytest.raises(Rejected) as refused:
        check("SELECT email FROM members")
    assert refused.value.reason == "COLUMN"
    assert refused.value.params["what"] == "email"
    assert "total_spent" in str(refused.value.params["known"])


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=80, deadline=None)
def test_any_text_gets_a_verdict(text: str) -> None:
    for sql in (text, f"SELECT {text} FROM orders", f"SELECT id FROM orders WHERE channel = '{text}'"):
        try:
            assert isinstance(check(sql), Checked)
        except Rejected as refused:
            assert refused.reason in MESSAGES


@given(st.text(alphabet=st.characters(exclude_characters="\\"), max_size=30))
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_quoted_text_stays_one_text(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    try:
        assert clean(f"SELECT {quoted}") == f"SELECT {quoted}"
    except Rejected as refused:
        assert refused.reason == "CHARACTER"


@pytest.fixture
def both(make_app: Callable[..., Flask], mariadb_url: str) -> list[Flask]:
    """The same shop on SQLite and on MariaDB."""
    apps = [make_app(), make_app(mariadb_url)]
    for app in apps:
        with app.app_context():
            fill_shop()
    return apps


def _asked(app: Flask, sql: str) -> Table:
    with app.app_context():
        return run(check(sql, moment=MOMENT))


def _comparable(table: Table, *, is_ordered: bool) -> tuple[tuple[str, ...], list[list[Any]]]:
    rows = [[_plain(value) for value in row] for row in table.rows]
    return table.columns, rows if is_ordered else sorted(rows, key=repr)


def _plain(value: Any) -> Any:
    """SQLite has no decimals: 1 and 1.0 and '1' are one answer."""
    try:
        return round(float(value), 3)
    except (TypeError, ValueError):
        return value


@pytest.mark.mariadb
def test_honest_queries_give_the_same_on_both_databases(both: list[Flask]) -> None:
    honest = HONEST + [case["sql"] for case in SAMPLE if case["verdict"] == "pass"]
    for sql in honest:
        lite, maria = (_comparable(_asked(app, sql), is_ordered="ORDER BY" in sql) for app in both)
        # Which rows a LIMIT without an order takes is each database's own choice.
        if "LIMIT" in sql and "ORDER BY" not in sql:
            lite, maria = (lite[0], len(lite[1])), (maria[0], len(maria[1]))
        assert lite == maria, sql
        assert lite[0] == check(sql).columns, sql
        assert CANARY not in repr(lite), sql


@pytest.mark.mariadb
def test_figures_are_those_of_the_rows(make_app: Callable[..., Flask], mariadb_url: str) -> None:
    for app in (make_app(), make_app(mariadb_url)):
        with app.app_context():
            paid = [row for row in fill_shop() if row["pay_status"] == 1]
        gmv = float(sum(Decimal(row["amount_cents"]) for row in paid) / 100)
        overall = _asked(
            app, "SELECT COUNT(*), SUM(amount), SUM(amount) / COUNT(*) FROM orders WHERE pay_status = 1"
        )
        assert overall.rows == [[len(paid), pytest.approx(gmv), pytest.approx(gmv / len(paid))]]
        week = [row for row in paid if row["paid_on"] > date(2026, 11, 21) - timedelta(days=7)]
        last = "SELECT COUNT(*) FROM orders WHERE pay_status = 1 AND paid_on > DATE_SUB(CURDATE(), INTERVAL 7 DAY)"
        assert _asked(app, last).rows == [[len(week)]]
        by_store = "SELECT s.name, COUNT(*) AS n FROM orders o JOIN stores s ON s.id = o.store_id WHERE o.pay_status = 1 GROUP BY s.name ORDER BY s.name"
        counts = {name: sum(row["store_id"] == key for row in paid) for key, name, _ in STORES}
        assert dict(_asked(app, by_store).rows) == counts
        hours = "SELECT DATE(CONVERT_TZ(created_at, '+00:00', '+08:00')) AS d, COUNT(*) FROM orders WHERE id <= 50 GROUP BY d"
        days: dict[str, int] = {}
        with app.app_context():
            for row in [row for row in _rows() if row["id"] <= 50]:
                day = (row["created_at"] + timedelta(hours=8)).date().isoformat()
                days[day] = days.get(day, 0) + 1
        assert dict(_asked(app, hours).rows) == days


def _rows() -> list[dict[str, Any]]:
    """The orders as they are in the database."""
    from sqlalchemy import select

    from app.db import db
    from app.orders.models import Order

    return [{"id": order.id, "created_at": order.created_at} for order in db.session.scalars(select(Order))]
