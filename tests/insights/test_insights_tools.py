"""The operators' tools through the one executor: figures, choices, reasons; nothing for others, nothing personal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import User
from app.core.actor import Actor, Role
from app.core.money import cents
from app.db import db, in_transaction
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.service import load_documents
from app.orders.models import Order
from app.tools.executor import ToolResult, execute
from app.tools.queries import list_tools
from app.tools.registry import registry
from tests.insights.shop_data import TODAY, demo_file, demo_shop  # noqa: F401

OLGA = Actor(user_id=1, roles=frozenset({Role.OPERATOR}), locale="en")
LING = Actor(user_id=1, roles=frozenset({Role.OPERATOR}), locale="zh")
READING = ("query_metrics", "ask_report", "diagnose", "search_knowledge", "draft_campaign_plan")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "query_metrics": {"metrics": ["gmv"], "period": "last 7 days"},
    "ask_report": {"question": "GMV"},
    "diagnose": {"question": "why did GMV fall"},
    "search_knowledge": {"q": "repeat rate"},
    "draft_campaign_plan": {"brief": "win back"},
}


def call(name: str, actor: Actor = OLGA, **arguments: Any) -> ToolResult:
    return execute(actor, name, arguments, caller="test")


def told(name: str, actor: Actor = OLGA, **arguments: Any) -> dict[str, Any]:
    result = call(name, actor, **arguments)
    assert result.status == "ok", result.result
    return result.full


def error_of(name: str, **arguments: Any) -> dict[str, Any]:
    result = call(name, **arguments)
    assert result.status == "error"
    found: dict[str, Any] = result.result["error"]
    return found


def paid_cents(*, days: int) -> int:
    since = TODAY.toordinal() - days + 1
    rows = db.session.execute(
        select(Order.paid_on, func.sum(Order.amount_cents))
        .where(Order.pay_status == 1)
        .group_by(Order.paid_on)
    ).all()
    db.session.rollback()
    return sum(int(amount) for day, amount in rows if since <= day.toordinal() <= TODAY.toordinal())


def test_a_metric_is_that_of_the_orders(demo_shop: Flask) -> None:  # noqa: F811
    report = told("query_metrics", metrics=["gmv", "orders"], period="last 7 days")
    assert report["status"] == "ok"
    assert [column["key"] for column in report["columns"]] == ["gmv", "orders"]
    assert report["period"] == {"start": "2026-11-15", "end": "2026-11-21"}
    assert cents(report["rows"][0][0]) == paid_cents(days=7)
    assert [each["metric"] for each in report["definitions"]] == ["gmv", "orders"]
    assert "2026-11-15 to 2026-11-21" in report["understood_as"]
    assert report["sql"][0].upper().startswith("SELECT")


def test_splits_filters_and_comparisons_take_names_in_either_language(demo_shop: Flask) -> None:  # noqa: F811
    report = told(
        "query_metrics",
        metrics=["gmv"],
        dimensions=["channel"],
        filters=[
            {"dimension": "city", "values": ["Shanghai"]},
            {"dimension": "channel", "values": ["外卖", "online"]},
        ],
        period="最近30天",
        compare="previous",
    )
    assert {row[0] for row in report["rows"]} <= {"Delivery", "Online"}
    assert report["compared_with"] == {"start": "2026-09-23", "end": "2026-10-22"}
    by_number = told(
        "query_metrics",
        metrics=["orders"],
        filters=[{"dimension": "store", "values": [3]}],
        period="last month",
    )
    by_name = told("ask_report", question="orders of store 3 last month")
    assert by_number["rows"] == by_name["rows"] != []


def test_a_sentence_is_the_same_report(demo_shop: Flask) -> None:  # noqa: F811
    asked = told("ask_report", LING, question="最近7天各门店成交额")
    queried = told("query_metrics", LING, metrics=["gmv"], dimensions=["store"], period="最近7天")
    assert asked["rows"] == queried["rows"]
    assert asked["columns"][1]["name"] == "成交额"


def test_long_tables_are_cut_and_say_so(demo_shop: Flask) -> None:  # noqa: F811
    report = told("query_metrics", metrics=["orders"], dimensions=["day"], period="last 80 days")
    assert len(report["rows"]) == 50
    assert report["row_count"] == 80
    assert any("50" in note for note in report["notes"])


def test_what_is_unclear_is_asked_with_choices_that_are_understood(demo_shop: Flask) -> None:  # noqa: F811
    unclear = told("ask_report", question="how is business going")
    assert unclear["status"] == "clarify"
    assert 2 <= len(unclear["choices"]) <= 4
    for choice in unclear["choices"]:
        assert told("ask_report", question=choice)["status"] == "ok"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("GMV next month", "future"),
        ("list the phone numbers of our members", "personal"),
        ("SELECT * FROM users", "sql"),
        ("delete all orders", "write"),
        ("what is the weather", "off_topic"),
    ],
)
def test_what_no_report_can_say_is_refused_with_the_reason(
    demo_shop: Flask,  # noqa: F811
    question: str,
    reason: str,
) -> None:
    found = told("ask_report", question=question)
    assert (found["status"], found["reason"]) == ("refused", reason)
    assert found["message"] and "rows" not in found


def test_a_why_and_a_plan_lead_to_their_tools(demo_shop: Flask) -> None:  # noqa: F811
    assert told("ask_report", question="why did GMV fall last week")["tool"] == "diagnose"
    plan = told("ask_report", question="plan a campaign to win back members, budget 8000")
    assert plan["tool"] == "draft_campaign_plan"


def test_wrong_parts_are_named_with_what_there_is(demo_shop: Flask) -> None:  # noqa: F811
    wrong_metric = error_of("query_metrics", metrics=["profit"], period="last 7 days")
    assert "gmv" in wrong_metric["message"] and "metrics" in wrong_metric["fields"]
    wrong_city = error_of(
        "query_metrics",
        metrics=["gmv"],
        filters=[{"dimension": "city", "values": ["Atlantis"]}],
        period="last 7 days",
    )
    assert "上海" in wrong_city["message"]
    assert "period" in error_of("query_metrics", metrics=["gmv"], period="whenever")["fields"]
    assert "period" in error_of("query_metrics", metrics=["gmv"], period="today and last month")["fields"]
    assert told("query_metrics", metrics=["gmv"], period="next month")["reason"] == "future"
    not_counted = told("query_metrics", metrics=["new_members"], dimensions=["product"], period="last 7 days")
    assert not_counted["status"] == "clarify" and not_counted["choices"]


HOSTILE = (
    "' OR 1=1 --",
    "x'; DROP TABLE orders; --",
    "\\' UNION SELECT password_hash FROM users",
    "\x00",
    "１' or '1'='1",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_arguments_reach_no_statement(demo_shop: Flask, text: str) -> None:  # noqa: F811
    before = db.session.scalar(select(func.count()).select_from(Order))
    db.session.rollback()
    for arguments in (
        {"metrics": [text], "period": "last 7 days"},
        {"metrics": ["gmv"], "dimensions": [text], "period": "last 7 days"},
        {"metrics": ["gmv"], "period": text},
        {"metrics": ["gmv"], "period": "last 7 days", "filters": [{"dimension": text, "values": ["a"]}]},
        {"metrics": ["gmv"], "period": "last 7 days", "filters": [{"dimension": "store", "values": [text]}]},
        {"metrics": ["gmv"], "period": "last 7 days", "filters": [{"dimension": "level", "values": [text]}]},
    ):
        assert error_of("query_metrics", **arguments)["code"] == "INVALID_PARAM"
    assert told("diagnose", question=f"why did GMV fall {text}")["status"] in ("ok", "clarify", "refused")
    assert told("ask_report", question=f"GMV {text}")["status"] in ("ok", "clarify", "refused")
    assert call("search_knowledge", q=text).status == "ok"
    assert call("draft_campaign_plan", brief=text).status == "ok"
    assert db.session.scalar(select(func.count()).select_from(Order)) == before
    db.session.rollback()


def test_sizes_and_unknown_arguments_are_refused(demo_shop: Flask) -> None:  # noqa: F811
    for name, arguments in (
        ("ask_report", {"question": "x" * 501}),
        ("ask_report", {"question": "GMV", "user_id": 1}),
        ("query_metrics", {"metrics": ["gmv"] * 9, "period": "today"}),
        ("query_metrics", {"metrics": [], "period": "today"}),
        ("query_metrics", {"metrics": ["gmv"]}),
        ("query_metrics", {"metrics": ["gmv"], "period": "last 99999999 days of 9999999"}),
        ("search_knowledge", {"q": ""}),
        ("draft_campaign_plan", {"brief": "x" * 501}),
    ):
        assert error_of(name, **arguments)["code"] == "INVALID_PARAM", (name, arguments)


def test_nobody_else_has_them(demo_shop: Flask) -> None:  # noqa: F811
    others = [
        Actor(guest_id="g"),
        *(Actor(user_id=1, roles=frozenset({r})) for r in (Role.CUSTOMER, Role.CONSULTANT)),
    ]
    for actor in others:
        assert not {offer.spec.name for offer in list_tools(actor)} & set(READING)
        for name in READING:
            refused = execute(actor, name, ARGUMENTS[name], caller="test")
            assert refused.result["error"]["code"] == "NOT_FOUND"
    admin = Actor(user_id=1, roles=frozenset({Role.ADMIN}))
    for actor in (OLGA, admin):
        assert {offer.spec.name for offer in list_tools(actor)} >= set(READING)
    assert {registry.get(name).category for name in READING} == {"insights"}


def test_no_answer_holds_personal_data(demo_shop: Flask) -> None:  # noqa: F811
    private = {value for row in db.session.execute(select(User.email, User.phone)) for value in row if value}
    db.session.rollback()
    answers = [told(name, **arguments) for name, arguments in ARGUMENTS.items()]
    said = json.dumps(answers, ensure_ascii=False)
    assert private and not [value for value in private if value in said]


def test_knowledge_is_found_in_the_callers_language(demo_shop: Flask) -> None:  # noqa: F811
    files = list(read_documents())
    in_transaction(lambda: load_documents(files))
    english = told("search_knowledge", q="repeat rate fell", limit=3)
    chinese = told("search_knowledge", LING, q="复购率下降", limit=3)
    assert english["count"] == chinese["count"] == 3
    assert english["documents"][0]["title"].isascii()
    assert not chinese["documents"][0]["title"].isascii()


def test_a_drafted_plan_has_counted_figures_and_is_not_published(demo_shop: Flask) -> None:  # noqa: F811
    found = told(
        "draft_campaign_plan",
        brief="50 off 300 for members who haven't ordered in 60 days, budget 8000, 14 days",
    )
    assert (found["plan"]["budget"], found["plan"]["duration_days"]) == (8_000, 14)
    assert found["plan"]["offer"]["value"] == 50
    assert found["estimate"]["members"] >= found["estimate"]["accounts"]
    assert found["filled_with_defaults"] == []
    assert "Budget" in told("draft_campaign_plan", brief="15% off for a week")["filled_with_defaults"]


def test_a_why_is_answered_by_claims_with_their_sources(demo_shop: Flask) -> None:  # noqa: F811
    files = list(read_documents())
    in_transaction(lambda: load_documents(files))
    found = told("diagnose", question="why did the repeat rate fall in the last 7 days")
    assert found["status"] == "ok" and found["premise"] in ("holds", "noise", "wrong")
    figures = {figure["key"] for figure in found["figures"]}
    documents = {document["key"] for document in found["documents"]}
    assert found["claims"]
    for claim in found["claims"]:
        assert claim["tag"] in ("data", "kb") and claim["sources"]
        assert set(claim["sources"]) <= (figures if claim["tag"] == "data" else documents)
    assert found["period"]["end"] == "2026-11-21" and found["definitions"][0]["metric"] == "repeat_rate"
    assert all(sql.upper().lstrip().startswith(("SELECT", "WITH")) for sql in found["sql"])


def test_what_cannot_be_diagnosed_is_asked_or_refused(demo_shop: Flask) -> None:  # noqa: F811
    assert told("diagnose", question="why is the weather bad")["status"] == "refused"
    assert told("diagnose", question="what happened")["status"] in ("clarify", "refused")
    assert told("diagnose", question="plan a campaign with a budget of 8000")["tool"] == "draft_campaign_plan"
    # No "why" in it: the tool's own name says what is wanted.
    assert told("diagnose", LING, question="最近7天成交额")["claims"]
