"""`POST /api/chat` with a query and `/api/insights/stream`, on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Role
from tests.operations.desk_shop import ask, client_of, demo_file, desk, desk_shop, other  # noqa: F401

pytestmark = pytest.mark.redis
DEBUG = {"route_intent", "sql", "guard", "timings_ms", "model"}
TIMINGS = {"route", "gen_sql", "run_sql", "retrieve_kb", "compose", "execute"}


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if "data" in lines:
            found.append((lines["id"], json.loads(lines["data"])))
    return found


def test_a_report_has_the_form_that_is_promised(desk: FlaskClient) -> None:  # noqa: F811
    body = ask(desk, "最近7天各门店GMV、客单价、订单数，按天趋势")
    assert body["intent"] == "report" and body["plan"] is None
    report = body["report"]
    assert {"columns", "rows", "chart", "definitions", "period", "sql"} <= set(report)
    assert [column["key"] for column in report["columns"]] == ["store", "day", "gmv", "aov", "orders"]
    assert report["period"] == {
        "start": "2026-11-15",
        "end": "2026-11-21",
        "base_start": None,
        "base_end": None,
    }
    assert report["chart"]["kind"] == "line" and len(report["chart"]["categories"]) == 7
    assert len(report["definitions"]) == 3 and "SELECT" in report["sql"]
    debug = body["debug"]
    assert set(debug) >= DEBUG and set(debug["timings_ms"]) == TIMINGS
    assert debug["guard"] == {"passed": True, "reason": "", "limit_applied": True}
    assert debug["sql"] == report["sql"] and debug["model"] == "builtin"
    assert body["session_id"] and "2026-11-15 至 2026-11-21" in body["understood_as"]


def test_a_follow_up_changes_the_question_before(desk: FlaskClient) -> None:  # noqa: F811
    first = ask(desk, "最近30天各门店成交额")
    again = ask(desk, "只看上海", first["session_id"])
    assert {row[0] for row in again["report"]["rows"]} < {row[0] for row in first["report"]["rows"]}
    last = ask(desk, "and by channel?", first["session_id"])
    assert [column["key"] for column in last["report"]["columns"]] == ["channel", "gmv"]
    assert "Shanghai" in last["understood_as"] and last["session_id"] == first["session_id"]


def test_a_why_of_too_few_days_offers_a_week(desk: FlaskClient) -> None:  # noqa: F811
    day = ask(desk, "昨天的客单价为什么下降了")
    assert day["intent"] == "diagnose" and day["diagnosis"]["premise"] == "noise"
    (offered,) = day["choices"]
    assert offered["text"].startswith("最近7天客单价为什么")
    week = ask(desk, offered["text"], day["session_id"])
    assert week["intent"] == "diagnose" and "2026-11-15 至 2026-11-21" in week["understood_as"]
    assert week["choices"] == []


def test_a_vague_question_is_asked_back_and_a_choice_is_its_report(desk: FlaskClient) -> None:  # noqa: F811
    asked = ask(desk, "最近怎么样")
    assert asked["intent"] == "clarify" and 2 <= len(asked["choices"]) <= 4 and asked["report"] is None
    chosen = ask(desk, asked["choices"][1]["text"], asked["session_id"])
    assert chosen["intent"] == "report" and chosen["question"] == asked["choices"][1]["question"]


def test_a_choice_after_why_is_a_reason(desk: FlaskClient) -> None:  # noqa: F811
    asked = ask(desk, "店里怎么了")
    assert asked["intent"] == "clarify"
    chosen = ask(desk, asked["choices"][0]["text"], asked["session_id"])
    assert chosen["intent"] == "diagnose" and chosen["diagnosis"]["metric"] == "gmv"
    assert ask(desk, "按渠道", asked["session_id"])["intent"] == "report"


def test_what_no_data_answers_is_refused_with_its_reason_and_no_sql(desk: FlaskClient) -> None:  # noqa: F811
    body = ask(desk, "明天的成交额")
    assert (body["intent"], body["refused"]["reason"]) == ("clarify", "future")
    assert (
        body["debug"]["sql"] is None and body["report"] is None and body["debug"]["guard"]["passed"] is None
    )


def test_a_plan_is_a_draft_that_could_be_executed(desk: FlaskClient) -> None:  # noqa: F811
    body = ask(desk, "给60天没下单的会员做一个满300减50的活动，预算8000元，两周")
    plan = body["plan"]
    assert body["intent"] == "plan" and (plan["budget"], plan["duration_days"]) == (8000, 14)
    assert plan["offer"]["threshold"] == 300 and plan["offer"]["value"] == 50


@pytest.mark.parametrize("role", [None, Role.CONSULTANT])
def test_others_are_forbidden_and_strangers_unauthorised(desk_shop: Flask, role: Role | None) -> None:  # noqa: F811
    client = client_of(desk_shop, f"nobody-{role}", *([role] if role else []))
    for path, body in (("/api/chat", {"query": "GMV"}), ("/api/insights/stream", {"query": "GMV"})):
        assert client.post(path, json=body).status_code == 403
        assert desk_shop.test_client().post(path, json=body).status_code == 401


def test_the_shop_keeps_its_own_words_and_conversations(desk: FlaskClient) -> None:  # noqa: F811
    shop = desk.post("/api/chat", json={"text": "你好"}).get_json()
    assert shop["reply"] and "cart" in shop
    mine = ask(desk, "昨天的订单数")
    assert ask(desk, "昨天的订单数", shop["session_id"], 404)
    assert desk.post("/api/chat", json={"text": "你好", "session_id": mine["session_id"]}).status_code == 404
    listed = [row["session_id"] for row in desk.get("/api/chat/sessions").get_json()]
    assert shop["session_id"] in listed and mine["session_id"] not in listed


def test_another_operators_session_is_not_found(desk: FlaskClient, other: FlaskClient) -> None:  # noqa: F811
    mine = ask(desk, "昨天的订单数")
    assert ask(other, "按渠道", mine["session_id"], 404)["error"]["code"] == "NOT_FOUND"
    assert other.get(f"/api/insights/answers/{mine['run_id']}").status_code == 404
    assert desk.get(f"/api/insights/answers/{mine['run_id']}").get_json() == mine
    assert other.get(f"/api/chat/runs/{mine['run_id']}/events").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"query": ""}, {"query": " "}, {"query": "问" * 501}, {"query": "a", "text": "b"}]
)
def test_what_is_no_question_is_invalid(desk: FlaskClient, body: dict[str, str]) -> None:  # noqa: F811
    assert desk.post("/api/chat", json=body).status_code == 422


def test_the_stream_tells_each_step_and_can_be_resumed(desk: FlaskClient) -> None:  # noqa: F811
    answer = desk.post("/api/insights/stream", json={"query": "最近7天各渠道成交额"})
    told = events(answer.text)
    kinds = [event["type"] for _id, event in told]
    assert kinds == ["tool_call", "tool_result"] * 4 + ["chunk", "complete"]
    names = [event["data"]["tool_name"] for _id, event in told if event["type"] == "tool_call"]
    assert names == ["route", "gen_sql", "run_sql", "compose"]
    last = told[-1][1]["data"]
    assert last["message"]["content"] == told[-2][1]["data"]["content"] == last["answer"]["answer"]
    assert [call["tool_name"] for call in last["message"]["tool_calls"]] == names
    run = answer.headers["X-Run-Id"]
    rest = desk.get(f"/api/chat/runs/{run}/events", headers={"Last-Event-ID": told[3][0]})
    assert events(rest.text) == told[4:]


def test_a_repeated_request_finds_its_first_run(desk: FlaskClient) -> None:  # noqa: F811
    body = {"query": "昨天的成交额", "client_message_id": "again"}
    first, second = (desk.post("/api/chat", json=body).get_json() for _ in range(2))
    assert first["run_id"] == second["run_id"]
