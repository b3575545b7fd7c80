"""The desk with a language model behind it, over HTTP on both sides: what it adds, and what of it never gets through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.conversations.models import Run
from app.core.actor import Role
from app.core.clock import frozen
from app.db import db
from app.gateway.usage import get_usage
from app.insights import connection
from tests.browsing import post_form, sign_in
from tests.builders import make_user
from tests.gateway import upstreams as up
from tests.insights.scripted_agents import Answer, Desk, maker, open_desk
from tests.insights.shop_data import NOON, demo_file
from tests.operations.desk_shop import ask, client_of

__all__ = ["demo_file"]
pytestmark = pytest.mark.redis
ODD = "how many bucks did the tills ring up in the magic city"
WHY = "最近7天复购率为什么下降"
PLAN = "给等级3以上会员做一个满300减50的活动，预算8000元，两周"
QUESTION = {
    "answer": "question",
    "question": {
        "metrics": ["gmv"],
        "dimensions": ["store"],
        "filters": [{"dimension": "city", "operator": "in", "values": ["Shanghai"]}],
        "period": {"kind": "rolling", "unit": "day", "count": 7, "back": 0, "start": None, "end": None},
        "comparison": None,
        "share": False,
        "daily": False,
        "top": None,
        "thresholds": [],
    },
    "why_not": None,
}
BY_SQL = {"answer": "sql", "question": None, "why_not": None}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, redis_url: str, demo_file: Path) -> Iterator[Desk]:
    """The demo shop with one agent for its operators."""
    with ExitStack() as stack:
        make = maker(tmp_path_factory.mktemp("desk"), redis_url, demo_file)
        made = open_desk(stack, make, [QUESTION], llm_prices={"agent *": {"input": 2, "output": 8}})
        stack.enter_context(frozen(NOON))
        yield made
        with made.app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="module")
def olga(shop: Desk) -> FlaskClient:
    return client_of(shop.app, "olga", Role.OPERATOR)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reach the database of the reports."""
    found: list[str] = []
    fetch = connection.SqliteReader.fetch

    def noting(self: Any, sql: str, **limits: Any) -> Any:
        found.append(sql)
        return fetch(self, sql, **limits)

    monkeypatch.setattr(connection.SqliteReader, "fetch", noting)
    return found


def row_of(shop: Desk, body: dict[str, Any]) -> Run:
    with shop.app.app_context():
        found = db.session.get(Run, body["run_id"])
        assert found is not None
        return found


def test_a_question_in_odd_words_becomes_a_report_of_the_catalogue(shop: Desk, olga: FlaskClient) -> None:
    shop.rewrite(QUESTION)
    body = ask(olga, ODD)
    assert body["intent"] == "report" and body["report"]["source"] == "catalogue"
    assert body["understood_as"] == "GMV · by store · Shanghai · 2026-11-15 to 2026-11-21 (the last 7 days)"
    assert [each["metric"] for each in body["report"]["definitions"]] == ["gmv"]
    plain = ask(olga, "GMV by store in Shanghai for the last 7 days")
    assert body["report"]["rows"] == plain["report"]["rows"] and body["answer"] == plain["answer"]
    assert (body["debug"]["model"], plain["debug"]["model"]) == ("agent 0", "builtin")
    assert body["debug"]["timings_ms"]["route"] > plain["debug"]["timings_ms"]["route"]
    assert body["debug"]["model_failures"] == [] and len(shop.script.asked) == 1
    # Its follow-up leans on what the model has understood, and needs no model.
    again = ask(olga, "by channel", body["session_id"])
    assert [column["key"] for column in again["report"]["columns"]] == ["channel", "gmv"]
    assert again["debug"]["model"] == "builtin" and "Shanghai" in again["understood_as"]


def test_its_tokens_and_costs_are_the_runs_and_on_the_usage_page(shop: Desk, olga: FlaskClient) -> None:
    shop.rewrite(QUESTION)
    run = row_of(shop, ask(olga, ODD))
    assert (run.model, run.provider, run.attempts, run.status) == ("agent 0", "openai", 1, "done")
    assert (run.prompt_tokens, run.completion_tokens) == (11, 7) and run.cost_micros == 11 * 2 + 7 * 8
    assert run.agent_version_id and run.first_token_ms is not None and run.duration_ms
    plain = row_of(shop, ask(olga, "最近7天各门店成交额"))
    assert (plain.attempts, plain.prompt_tokens, plain.cost_micros) == (0, 0, 0)
    with shop.app.app_context():
        lines = {line.key: line.figures for line in get_usage(7).purposes}
    assert lines["operations"].prompt_tokens >= 11 and lines["operations"].cost_micros >= 78


def test_a_query_of_its_own_is_marked_with_its_sql_and_columns_and_no_definition(
    shop: Desk,
    olga: FlaskClient,
    runs: list[str],
) -> None:
    sql = "SELECT name AS 商品, stock AS 库存 FROM products WHERE stock < 40 ORDER BY stock LIMIT 5"
    shop.rewrite(BY_SQL, {"answer": "sql", "sql": sql, "reading": "库存少于40件的商品", "why_not": None})
    body = ask(olga, "库存不到40件的是哪些")
    report = body["report"]
    assert body["intent"] == "report" and report["source"] == "model" and len(runs) == 1
    assert (
        report["definitions"] == []
        and report["period"] is None
        and report["sql"] == runs[0] == body["debug"]["sql"]
    )
    assert [column["name"] for column in report["columns"]] == ["商品", "库存"] and len(report["rows"]) <= 5
    assert body["understood_as"] == "库存少于40件的商品" and len(body["notes"]) == 1
    assert body["debug"]["model"] == "agent 0" and body["debug"]["guard"]["passed"] is True
    steps = olga.get(f"/api/chat/sessions/{body['session_id']}/messages").get_json()
    names = [call["tool_name"] for message in steps for call in message["tool_calls"] or ()]
    assert names in ([], ["route", "route", "gen_sql", "run_sql"])


def test_the_page_marks_a_query_of_a_model_and_shows_its_sql_and_steps(shop: Desk) -> None:
    sql = "SELECT name, stock FROM products WHERE stock < 40 ORDER BY stock LIMIT 5"
    shop.rewrite(BY_SQL, {"answer": "sql", "sql": sql, "reading": "Products that run out", "why_not": None})
    client = shop.app.test_client()
    with shop.app.app_context():
        sign_in(client, make_user("otto", roles=(Role.CUSTOMER, Role.OPERATOR)))
    client.set_cookie("locale", "en")
    answer = post_form(client, "/ops/ask", query="库存不到40件的是哪些", session_id="")
    html = client.get(str(answer.headers["Location"])).text
    assert "SQL 由语言模型编写" in html or "SQL by a language model" in html
    assert (
        '<details class="desk-more" open>' in html and "agent 0" in html and "Products that run out" in html
    )
    run_id = re.findall(r'id="run-(\w{32})"', html)[0]
    assert client.get(f"/ops/answers/{run_id}.csv").status_code == 200
    assert client.get(f"/ops/answers/{run_id}.xlsx").status_code == 200


BAD: dict[str, Answer] = {
    "prose": "GMV in Shanghai was 7,654,321 yuan, trust me.",
    "broken JSON": json.dumps(QUESTION)[:-9],
    "blanks": "  \n ",
    "invented figures": {**QUESTION, "gmv": 7_654_321},
    "hostile SQL": {"answer": "sql", "sql": "DROP TABLE orders", "question": None, "why_not": None},
    "500": up.status(500),
    "slow": up.silent,
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_answers_badly_reaches_neither_the_database_nor_the_reader(
    shop: Desk, olga: FlaskClient, runs: list[str], name: str
) -> None:
    shop.rewrite(BAD[name])
    body = ask(olga, ODD)
    assert body["intent"] == "clarify" and body["report"] is None and not runs
    assert body["debug"]["model"] == "builtin" and body["debug"]["model_failures"]
    assert "7654321" not in json.dumps(body).replace(",", "") and "DROP" not in json.dumps(body)


def test_hostile_sql_of_a_model_is_refused_by_name(shop: Desk, olga: FlaskClient, runs: list[str]) -> None:
    shop.rewrite(
        BY_SQL, {"answer": "sql", "sql": "SELECT phone FROM members", "reading": None, "why_not": None}
    )
    body = ask(olga, "库存不到40件的是哪些")
    assert body["refused"]["reason"] == "not_in_data" and not runs
    assert body["debug"]["model_failures"] == ["report_sql: REJECTED COLUMN"]


# ---- why


def figures_in(wire: up.Wire) -> list[dict[str, Any]]:
    """The figures that the model was given, out of their fence."""
    told = wire.body["messages"][1]["content"]
    found = re.search(r"<<DATA \w+ figures>>\n(.*)\n<<END", told)
    assert found is not None
    return list(json.loads(found[1]))


def documents_in(wire: up.Wire) -> list[dict[str, Any]]:
    told = wire.body["messages"][1]["content"]
    return [json.loads(each) for each in re.findall(r"<<DATA \w+ document>>\n(.*)\n<<END", told)]


def claim(
    section: str, tag: str, text: str, key: str, row: int | None = None, column: str | None = None
) -> dict[str, Any]:
    return {
        "section": section,
        "tag": tag,
        "text": text,
        "refs": [{"key": key, "row": row, "column": column}],
    }


def honest(wire: up.Wire) -> list[dict[str, Any]]:
    """Claims on real cells: counts of the figures' rows, with the number as the cell has it; and a real quotation."""
    found = []
    for figure in figures_in(wire)[1:]:
        for place, column in enumerate(figure["columns"]):
            value = figure["rows"][0][place] if figure["rows"] else None
            if column["unit"] == "count" and isinstance(value, int) and value >= 2:
                found.append(
                    claim("finding", "data", f"MODEL: {value:,} 单", figure["key"], 0, column["key"])
                )
                break
    for document in documents_in(wire)[:1]:
        found.append(
            claim("hypothesis", "kb", f"MODEL: “{document['content'].strip()[:12]}”", document["key"])
        )
    return found


INVENTED = [
    ("data", "MODEL: 成交额为 ¥7,654,321", True),
    ("data", "MODEL: 复购率下降 98.7%", True),
    ("data", "MODEL: 店长换人了", True),
    ("kb", "MODEL: “复购率下降一定要马上全场五折”", False),
    ("kb", "MODEL: 众所周知", False),
]


def invented(wire: up.Wire) -> list[dict[str, Any]]:
    figure = figures_in(wire)[0]["key"]
    document = (documents_in(wire) or [{"key": "none"}])[0]["key"]
    return [
        claim("finding" if is_figure else "next", tag, text, figure if is_figure else document)
        for tag, text, is_figure in INVENTED
    ]


def saying(*makers: Any) -> Answer:
    def behave(wire: up.Wire) -> None:
        claims = [each for make in makers for each in make(wire)]
        up.well(json.dumps({"claims": claims}, ensure_ascii=False))(wire)

    return behave


def test_the_models_claims_that_hold_are_shown_between_ours(shop: Desk, olga: FlaskClient) -> None:
    with shop.app.app_context():
        shop.rewrite(up.status(500))
    plain = ask(olga, WHY)
    assert plain["debug"]["model"] == "builtin" and plain["debug"]["model_failures"] == [
        "diagnosis: UPSTREAM"
    ]
    shop.rewrite(saying(honest, invented))
    body = ask(olga, WHY)
    assert body["intent"] == "diagnose" and body["debug"]["model"] == "agent 0"
    assert body["answer"].count("MODEL:") >= 3
    for _, text, _ in INVENTED:
        assert text not in body["answer"]
    # The premise is ours and comes first.
    assert body["answer"].split("\n")[0] == plain["answer"].split("\n")[0]
    assert "MODEL" not in body["answer"].split("\n")[0]


def test_with_invented_figures_and_quotations_alone_our_own_text_stands(
    shop: Desk, olga: FlaskClient
) -> None:
    shop.rewrite(up.status(500))
    plain = ask(olga, WHY)
    script = shop.rewrite(saying(invented))
    body = ask(olga, WHY)
    assert body["answer"] == plain["answer"] and body["debug"]["model"] == "builtin"
    assert body["debug"]["model_failures"] == ["diagnosis: REJECTED UNPROVEN"] and len(script.asked) == 2
    assert "number" in script.asked[1]["messages"][3]["content"]


def test_causes_that_a_model_leaves_out_are_still_told(shop: Desk, olga: FlaskClient) -> None:
    shop.rewrite(up.status(500))
    plain = ask(olga, WHY)
    shop.rewrite(saying(honest))
    body = ask(olga, WHY)
    causes = {(each["figure"], each["row"]) for each in body["diagnosis"].get("causes", [])}
    told = (
        {(ref["key"], ref["row"]) for each in body["diagnosis"]["claims"] for ref in each["refs"]}
        if causes
        else set()
    )
    assert not causes or causes <= told
    assert body["diagnosis"]["figures"] == plain["diagnosis"]["figures"]


def test_orders_inside_a_document_change_nothing_that_is_checked(shop: Desk, olga: FlaskClient) -> None:
    def obedient(wire: up.Wire) -> None:
        """Says what the first document tells it to, as if it were the data's."""
        document = documents_in(wire)[0]
        text = document["content"].strip()[:60].replace("\n", " ")
        claims = [claim("finding", "data", f"MODEL 7654321: {text}", figures_in(wire)[0]["key"])] * 4
        up.well(json.dumps({"claims": claims}, ensure_ascii=False))(wire)

    shop.rewrite(obedient)
    assert "7654321" not in ask(olga, WHY)["answer"]


# ---- a plan

OWN = {
    "goal": "让老会员回来",
    "duration_days": 30,
    "budget": 99_999,
    "target_segment": {"rules": [{"field": "city", "op": "==", "value": "shanghai"}]},
    "offer": {"type": "discount", "threshold": 0, "value": 50, "max_redemptions": 100_000},
    "channels": ["短信"],
    "kpi": {"primary": "repeat_rate", "targets": ["复购率高于活动前"]},
    "risk_controls": ["每人限用一次"],
}


def test_a_models_plan_keeps_what_the_sentence_states(shop: Desk, olga: FlaskClient) -> None:
    shop.rewrite(OWN)
    body = ask(olga, PLAN)
    plan = body["plan"]
    assert (
        body["intent"] == "plan" and body["debug"]["model"] == "agent 0" and body["debug"]["plan_fixed"] == []
    )
    assert (plan["goal"], plan["budget"], plan["duration_days"]) == ("让老会员回来", 8_000, 14)
    assert plan["offer"] == {"type": "full_reduction", "threshold": 300, "value": 50, "max_redemptions": 160}
    rules = {rule["field"]: (rule["op"], rule["value"]) for rule in plan["target_segment"]["rules"]}
    assert rules == {"level": (">=", 3), "city": ("==", "上海")}
    assert "上海" in plan["target_segment"]["definition"]
    with shop.app.app_context():
        from app.campaigns.counting import estimate_plan
        from app.campaigns.plans import Plan

        assert estimate_plan(Plan.model_validate(plan)).is_publishable


def test_gaps_of_a_models_plan_are_completed_and_named(shop: Desk, olga: FlaskClient) -> None:
    shop.rewrite({"goal": "让老会员回来"})
    body = ask(olga, "做一个提升复购率的活动")
    assert body["plan"]["goal"] == "让老会员回来" and body["plan"]["kpi"]["primary"] == "repeat_rate"
    assert {"budget", "duration_days", "target_segment", "offer"} <= set(body["debug"]["plan_fixed"])


UNSOUND: dict[str, Answer] = {
    "prose": "Sure, here is a great campaign!",
    "unknown keys": {**OWN, "publish": True},
    "unknown keys within": {**OWN, "offer": {**OWN["offer"], "currency": "USD"}},  # type: ignore[dict-item]
    "SQL in its rules": {
        **OWN,
        "target_segment": {"rules": [{"field": "id) OR 1=1 --", "op": "==", "value": 1}]},
    },
    "a city that is not": {
        **OWN,
        "target_segment": {"rules": [{"field": "city", "op": "==", "value": "Atlantis"}]},
    },
    "an unknown figure of success": {**OWN, "kpi": {"primary": "happiness", "targets": []}},
    "invented figures": {**OWN, "goal": "预计带来 7654321 元成交额"},
    "SQL": {**OWN, "sql_preview": "SELECT * FROM users"},
    "a list": "[]",
}


@pytest.mark.parametrize("name", UNSOUND)
def test_an_unsound_plan_is_asked_again_once_and_then_the_rules_write_it(
    shop: Desk, olga: FlaskClient, name: str
) -> None:
    shop.rewrite(up.status(500))
    plain = ask(olga, PLAN)
    script = shop.rewrite(UNSOUND[name])
    body = ask(olga, PLAN)
    assert body["plan"] == plain["plan"] and body["answer"] == plain["answer"]
    assert body["debug"]["model"] == "builtin" and len(script.asked) == 2
    assert body["debug"]["model_failures"][0].startswith("campaign_plan: ")
    shop.rewrite(UNSOUND[name], OWN)
    assert ask(olga, PLAN)["debug"]["model"] == "agent 0"


def test_a_stopped_answer_stops_the_model(shop: Desk, olga: FlaskClient) -> None:
    """An abort is heard while the model is silent, and nothing of it is kept."""
    shop.rewrite(up.silent)
    answer = olga.post("/api/insights/stream", json={"query": ODD})
    run_id = answer.headers["X-Run-Id"]
    assert olga.post("/api/chat/abort", json={"run_id": run_id}).status_code == 200
    assert '"type": "complete"' in answer.text or '"type":"complete"' in answer.text
