"""Reading the call log: filters, going on from any place, texts, the API, what is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.admin import jobs
from app.core import clock
from app.core.clock import now
from app.db import db
from app.mcp import log_queries
from app.mcp.log_queries import CallFilter, Place, list_calls
from app.tools.models import ToolCallCount, ToolCallLog
from tests.browsing import counted_statements
from tests.conftest import MakeApp
from tests.mcp.log_rows import admin_of, make_group, row, write_rows

pytestmark = pytest.mark.redis
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
API = "/api/v1/mcp/logs"


def tools_of(wanted: CallFilter | None = None) -> list[str]:
    return [each.tool_name for each in list_calls(wanted or CallFilter()).items]


def test_each_filter_narrows_and_the_newest_comes_first(each_app: Flask) -> None:
    with each_app.app_context():
        group = make_group()
        write_rows(
            [
                row("a", 3 * MINUTE, group_id=group, caller_app_id="mcp:partner"),
                row("b", 2 * MINUTE, error_code="TIMEOUT"),
                row("c", MINUTE, error_code="NOT_FOUND", group_id=group, request_data='{"q":"Serum 100%"}'),
                row("d", 5 * DAY),
            ]
        )
        assert tools_of() == ["c", "b", "a", "d"]
        assert tools_of(CallFilter(tool="b")) == ["b"]
        assert tools_of(CallFilter(group_id=group)) == ["c", "a"]
        assert tools_of(CallFilter(group_id=log_queries.WITHOUT_GROUP)) == ["b", "d"]
        assert tools_of(CallFilter(caller="mcp:partner")) == ["a"]
        assert tools_of(CallFilter(outcome="ok")) == ["a", "d"]
        assert tools_of(CallFilter(outcome="error")) == ["c", "b"]
        assert tools_of(CallFilter(error_code="TIMEOUT")) == ["b"]
        assert tools_of(CallFilter(since=now() - 150 * timedelta(seconds=1))) == ["c", "b"]
        assert tools_of(CallFilter(until=now() - DAY)) == ["d"]
        assert tools_of(CallFilter(text="serum 100%")) == ["c"]
        assert tools_of(CallFilter(text="told of time")) == ["b"]
        assert tools_of(CallFilter(text="%")) == ["c"]
        assert tools_of(CallFilter(tool="a", outcome="error")) == []


def test_one_goes_on_where_the_page_before_ended_even_within_a_moment(each_app: Flask) -> None:
    with each_app.app_context():
        moment = now()
        write_rows(row(f"t{number:02}", created_at=moment) for number in range(10))
        write_rows(row(f"u{number:02}", created_at=moment - number * MINUTE) for number in range(1, 6))
        seen, after, pages = [], None, 0
        while True:
            found = list_calls(CallFilter(), 4, after)
            seen += [each.tool_name for each in found.items]
            pages += 1
            if found.next is None:
                break
            after = Place.read(str(found.next))
        assert seen == [f"t{number:02}" for number in range(9, -1, -1)] + [
            f"u{number:02}" for number in range(1, 6)
        ]
        assert pages == 4


def test_what_no_index_knows_is_looked_for_so_far_at_a_time_and_on_from_there(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queries, "LOOKED_THROUGH", 5)
    with each_app.app_context():
        write_rows(row(f"t{n:02}", n * MINUTE, request_data="needle" if n == 7 else "hay") for n in range(12))
        wanted = CallFilter(text="needle")
        first = list_calls(wanted)
        assert not first.items and first.next is not None and first.looked_until is not None
        second = list_calls(wanted, after=first.next)
        assert [each.tool_name for each in second.items] == ["t07"] and second.next is not None
        third = list_calls(wanted, after=second.next)
        assert not third.items and third.next is None
        both = CallFilter(tool="t07", group_id=log_queries.WITHOUT_GROUP)
        assert len(list_calls(both).items) == 1
        assert list_calls(CallFilter(caller="assistant", tool="t07")).next is not None


@pytest.mark.parametrize("text", ["", "x", "1", "1-", "-1", "9" * 18 + "-1", "1-1-1", "１-1", None])
def test_a_place_that_is_none_is_none(text: str | None) -> None:
    assert Place.read(text) is None


def test_the_api_lists_filters_and_goes_on(app: Flask) -> None:
    client = admin_of(app)
    with app.app_context():
        group = make_group()
        write_rows(row(f"t{n}", n * MINUTE, group_id=group if n % 2 else None) for n in range(5))
    first = client.get(f"{API}?limit=2").get_json()
    assert first["success"] is True and first["message"] == ""
    assert [call["tool"] for call in first["data"]] == ["t0", "t1"]
    assert first["data"][1]["group_id"] == group and first["data"][0]["group_id"] is None
    assert set(first["data"][0]) == {
        "id", "tool", "group_id", "caller", "success", "error_code", "error_message", "duration_ms", "created_at",
        "request", "response",
    }  # fmt: skip
    second = client.get(f"{API}?limit=2&cursor={first['next_cursor']}").get_json()
    third = client.get(f"{API}?limit=2&cursor={second['next_cursor']}").get_json()
    assert [call["tool"] for call in second["data"] + third["data"]] == ["t2", "t3", "t4"]
    assert third["next_cursor"] is None
    since = (datetime.now(UTC) - 150 * timedelta(seconds=1)).isoformat().replace("+", "%2B")
    assert len(client.get(f"{API}?since={since}").get_json()["data"]) == 3
    assert [call["tool"] for call in client.get(f"{API}?group_id={group}").get_json()["data"]] == ["t1", "t3"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("cursor=abc", "cursor"), ("since=2026-11-21T10:00", "since"),
        ("outcome=maybe", "outcome"), ("group_id=-1", "group_id"), ("group_id=99999999999", "group_id"),
        ("q=" + "x" * 101, "q"), ("tool=" + "x" * 65, "tool"),
    ],
)  # fmt: skip
def test_the_api_says_what_is_wrong_with_a_query(client: FlaskClient, query: str, field: str) -> None:
    answer = admin_of(client.application).get(f"{API}?{query}")
    assert answer.status_code == 422
    assert list(answer.get_json()["error"]["fields"]) == [field]


def test_others_see_no_log(client: FlaskClient) -> None:
    for path in (API, "/api/v1/mcp/statistics"):
        assert client.get(path).status_code == 401


def test_the_list_reads_from_an_index_in_its_order(app: Flask) -> None:
    wanted: dict[str, CallFilter] = {
        "created_at": CallFilter(),
        "tool_name_created_at": CallFilter(tool="a"),
        "group_id_created_at": CallFilter(group_id=1),
        "caller_app_id_created_at": CallFilter(caller="a"),
        "success_created_at": CallFilter(outcome="error"),
        "error_code_created_at": CallFilter(error_code="TIMEOUT"),
    }
    with app.app_context():
        for index, each in wanted.items():
            with counted_statements(app) as statements:
                list_calls(each)
            plan = _plan(statements[0])
            assert any(f"INDEX ix_mcp_call_logs_{index}" in line for line in plan), plan
            assert not any("TEMP B-TREE" in line for line in plan), plan


def _plan(statement: str) -> list[str]:
    rows: Any = db.session.connection().exec_driver_sql(
        f"EXPLAIN QUERY PLAN {statement}", ("x",) * statement.count("?")
    )
    return [line[3] for line in rows]


def test_calls_are_kept_for_so_many_days_and_counts_for_longer(make_app: MakeApp) -> None:
    app = make_app(mcp_log_days=3)
    with app.app_context():
        write_rows([row("old", 4 * DAY), row("old", 4 * DAY), row("new", 2 * DAY), row("now")])
        assert jobs.clean_up()["mcp_call_logs"] == 2
        assert tools_of() == ["now", "new"]
        assert _spans() == {"hour": 4, "day": 4}
        with clock.shifted(9 * DAY):
            assert jobs.clean_up()["mcp_call_counts"] > 0
        assert _spans() == {"day": 4}
        with clock.shifted(500 * DAY):
            jobs.clean_up()
        assert _spans() == {}
        assert db.session.scalar(select(func.count()).select_from(ToolCallLog)) == 0


def _spans() -> dict[str, int]:
    db.session.rollback()
    rows: Any = db.session.execute(
        select(ToolCallCount.span, func.sum(ToolCallCount.calls)).group_by(ToolCallCount.span)
    )
    return {span: int(calls) for span, calls in rows}
