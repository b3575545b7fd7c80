"""Which agents are asked, in which order, and which version of each."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.conversations.models import Run
from app.core.clock import now
from app.db import db, transaction
from app.gateway.budgets import BudgetExceeded
from app.gateway.models import Agent, AgentVersion
from app.gateway.routing import check_agents, pick_version, routes_for
from app.llm.gateway import ModelOptions, use_model
from app.tools.registry import registry
from tests.agent.conftest import events_in, of_type
from tests.agent.scripted import TOOLS, ScriptedModel, call, say
from tests.builders import make_product, save
from tests.gateway.failing import Shop, add_agent

NONE = ModelOptions()
URL = "https://api.example.com/v1"


def keys(purpose: str = "shop", subject: str = "user:1", options: ModelOptions = NONE) -> list[str]:
    return [route.key for route in routes_for(purpose, subject, options)]


def test_agents_come_by_priority_and_the_built_in_model_last(each_app: Flask) -> None:
    with each_app.app_context():
        second = add_agent("b", URL, priority=20).id
        first = add_agent("a", URL, priority=10).id
        add_agent("off", URL, priority=1, enabled=False)
        other = add_agent("other", URL, priority=1, purpose="welcome").id
        add_agent("no traffic", URL, priority=1, weight=0)
        gone = add_agent("gone", URL, priority=1).id
        with transaction():
            db.session.get_one(Agent, gone).deleted_at = now()
        assert keys() == [f"agent:{first}:v1", f"agent:{second}:v1", "builtin"]
        assert keys("welcome") == [f"agent:{other}:v1", "builtin"]
        assert keys("operations") == ["builtin"]


def test_it_is_one_statement(app: Flask) -> None:
    from sqlalchemy import event

    with app.app_context():
        for name in "abc":
            add_agent(name, URL)
        db.session.remove()
        seen: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
        assert len(keys()) == 4
        assert [each.split()[0] for each in seen if each != "BEGIN"] == ["SELECT"]


def test_without_agents_the_model_of_the_settings_answers(make_app: Any) -> None:
    with make_app(llm_api_key="sk", llm_model="m").app_context():
        routes = routes_for("shop", "user:1", NONE)
        assert [route.key for route in routes] == ["settings", "builtin"]
        assert routes[0].model_name == "m" and routes[0].provider == "openai"
        assert routes_for("shop", "user:1", ModelOptions(model_name="n"))[0].model_name == "n"
        add_agent("a", URL)
        assert keys() == ["agent:1:v1", "builtin"]


def test_a_callers_own_model_is_the_only_way(make_app: Any) -> None:
    with make_app(llm_api_key="sk").app_context():
        add_agent("a", URL)
        routes = routes_for("shop", "user:1", ModelOptions(base_url=URL, api_key="own", model_name="mine"))
        assert [(route.key, route.model_name, route.is_ours) for route in routes] == [
            ("caller", "mine", False)
        ]


def versions(*weights: int) -> list[AgentVersion]:
    return [AgentVersion(id=n, number=n, weight=weight) for n, weight in enumerate(weights, 1)]


def picked(weights: tuple[int, ...], people: int = 4_000) -> Counter[int]:
    found = (pick_version(versions(*weights), f"user:{n}", 7) for n in range(people))
    return Counter(version.number for version in found if version is not None)


@pytest.mark.parametrize("weights", [(50, 50), (90, 10), (1, 1, 1), (100, 0), (1, 999)])
def test_versions_share_the_traffic_by_weight(weights: tuple[int, ...]) -> None:
    found = picked(weights)
    for number, weight in enumerate(weights, 1):
        assert found[number] / 4_000 == pytest.approx(weight / sum(weights), abs=0.03)
        assert weight or not found[number]


def test_everybody_keeps_a_version_and_agents_differ() -> None:
    both = versions(50, 50)
    for n in range(50):
        first = pick_version(both, f"user:{n}", 1)
        assert first is pick_version(list(reversed(both)), f"user:{n}", 1)
    other = [pick_version(both, f"user:{n}", 2) for n in range(50)]
    assert other != [pick_version(both, f"user:{n}", 1) for n in range(50)]
    assert pick_version(versions(0, 0), "user:1", 1) is None


def test_a_growing_share_moves_nobody_back() -> None:
    """Who has the new last version at 10 % has it at 50 %, too."""
    few = {n for n in range(1_000) if _has_last((90, 10), n)}
    more = {n for n in range(1_000) if _has_last((50, 50), n)}
    assert few and few < more


def _has_last(weights: tuple[int, int], n: int) -> bool:
    version = pick_version(versions(*weights), f"user:{n}", 7)
    return version is not None and version.number == 2


def spend(version_id: int, micros: int, **values: Any) -> None:
    from app.conversations.models import Conversation

    talk = save(Conversation(owner="user:9"))
    save(
        Run(
            conversation_id=talk.id,
            owner="user:9",
            agent_version_id=version_id,
            cost_micros=micros,
            provider="openai",
            **values,
        )
    )


def test_an_agent_over_its_months_budget_is_left_out(each_app: Flask) -> None:
    with each_app.app_context():
        rich = add_agent("rich", URL, priority=1, monthly_budget_cents=500)
        free = add_agent("free", URL, priority=2)
        version = rich.versions[0].id
        spend(version, 4_999_999)
        assert keys() == [f"agent:{rich.id}:v1", f"agent:{free.id}:v1", "builtin"]
        spend(version, 1)
        assert keys() == [f"agent:{free.id}:v1", "builtin"]


def test_when_no_agent_has_money_left_it_is_said(app: Flask) -> None:
    with app.app_context():
        add_agent("a", URL, monthly_budget_cents=100)
        add_agent("b", URL, monthly_budget_cents=0)
        spend(1, 1_000_000)
        with pytest.raises(BudgetExceeded):
            keys()
        with pytest.raises(BudgetExceeded):
            check_agents("shop", NONE)
        check_agents("shop", ModelOptions(base_url=URL))
        check_agents("welcome", NONE)


def test_last_months_money_is_another(app: Flask) -> None:
    with app.app_context():
        add_agent("a", URL, monthly_budget_cents=100)
        spend(1, 9_000_000, started_at=now() - timedelta(days=32))
        assert keys() == ["agent:1:v1", "builtin"]


def test_who_was_asked_is_heard_though_the_money_is_gone(app: Flask) -> None:
    registry.add_all(TOOLS)
    try:
        alice = Shop(app, []).person()
        with app.app_context():
            make_product("S1", stock=3)
            use_model(ScriptedModel(call(("try_buy", {"sku": "S1"})), say("Shall I?")))
        asked = of_type(alice.say("buy it"), "tool_call")[0]["confirmation_id"]
        with app.app_context():
            use_model(None)
            add_agent("a", URL, monthly_budget_cents=0)
        events = events_in(alice.post("/api/chat/confirm", confirmation_id=asked, approve=True))
    finally:
        for spec in TOOLS:
            registry.discard(spec.name)
    assert of_type(events, "tool_result")[0]["result"] == {"order": {"order_id": "O1"}}
    assert events[-1]["type"] == "complete" and events[-1]["data"]["message"]["model"] == "built-in"


def test_a_customer_is_told_in_time(make_app: Any) -> None:
    app: Flask = make_app()
    with app.app_context():
        add_agent("a", URL, monthly_budget_cents=0)
    alice = Shop(app, []).person()
    for path, body in (
        ("/api/chat/stream", {"content": "hi"}),
        ("/api/chat", {"text": "hi"}),
        ("/api/chat/stream/direct", {"messages": [{"role": "user", "content": "hi"}]}),
    ):
        answer = alice.post(path, **body)
        assert (answer.status_code, answer.json["error"]["code"]) == (429, "BUDGET_EXCEEDED"), path


def test_a_key_that_cannot_be_opened_is_passed_over_and_told(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        add_agent("a", URL, priority=1, sealed_key="gAAAAnonsense")
        add_agent("b", URL, priority=2)
        assert keys() == ["agent:2:v1", "builtin"]
        assert "agent_alert" in caplog.text


def test_clients_are_shared_and_changes_make_new_ones(app: Flask) -> None:
    with app.app_context():
        add_agent("a", URL)
        first = routes_for("shop", "user:1", NONE)[0].model
        assert routes_for("shop", "user:2", NONE)[0].model is first
        add_agent("b", URL, priority=1, model="a", key="sk-other")
        assert routes_for("shop", "user:1", NONE)[0].model is not first
