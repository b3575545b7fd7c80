"""Budgets: a person's day, an agent's month, both of the shop's zone; the built-in model is free."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import force_locale

from app.accounts.tokens import issue_token
from app.conversations.models import Message, Run
from app.core import clock
from app.core.actor import Actor
from app.db import db
from app.gateway.budgets import BudgetExceeded, check_user, spent_this_month, spent_this_month_micros
from app.gateway.models import AgentVersion
from app.runtime import redis
from app.web.i18n import error_text
from tests.browsing import counted_statements
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.gateway.usage_rows import make_agent, make_run

# Shanghai is 8 hours ahead: 15:30 UTC is half past eleven at night, 16:30 half past midnight.
EVENING = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
AFTER_MIDNIGHT = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
ALICE = Actor(user_id=1, locale="en")
GUEST = Actor(guest_id="g1", locale="en")


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    return make_app(
        url, agent_user_daily_tokens=10_000, llm_api_key="k", llm_base_url="http://127.0.0.1:9/v1"
    )


def refused(actor: Actor) -> BudgetExceeded | None:
    db.session.rollback()
    try:
        check_user(actor)
    except BudgetExceeded as error:
        return error
    return None


def test_who_has_used_up_the_day_is_told_when_there_is_more(shop: Flask) -> None:
    with shop.app_context(), clock.frozen(EVENING):
        make_run("user:1", prompt_tokens=9_000, completion_tokens=999)
        assert refused(ALICE) is None
        make_run("user:1", prompt_tokens=1)
        error = refused(ALICE)
        assert error is not None
        assert (error.code, error.status, error.retry_after) == ("BUDGET_EXCEEDED", 429, 1_800)
        assert error_text(error, "en").endswith("from 2026-11-22 00:00 (Asia/Shanghai).")
        assert refused(Actor(user_id=2)) is None
    with shop.app_context(), clock.frozen(AFTER_MIDNIGHT):
        assert refused(ALICE) is None


def test_a_limit_of_money_counts_cost(make_app: MakeApp) -> None:
    app = make_app(agent_user_daily_tokens=0, agent_user_daily_cents=2, llm_api_key="k")
    with app.app_context():
        make_run("user:1", cost_micros=19_999, prompt_tokens=10**6)
        assert refused(ALICE) is None
        make_run("user:1", cost_micros=1)
        assert refused(ALICE) is not None


def test_guests_count_by_their_browser_session(shop: Flask) -> None:
    with shop.app_context():
        make_run("guest:g1", prompt_tokens=10_000)
        assert refused(GUEST) is not None
        assert refused(Actor(guest_id="g2")) is None


def test_answers_of_the_builtin_model_are_free(shop: Flask) -> None:
    with shop.app_context():
        make_run("user:1", provider="builtin", prompt_tokens=10**6)
        assert refused(ALICE) is None


def test_with_only_the_builtin_model_nobody_is_refused(make_app: MakeApp) -> None:
    with make_app(agent_user_daily_tokens=10).app_context():
        make_run("user:1", prompt_tokens=10**6)
        assert refused(ALICE) is None
        make_agent("Off", enabled=False)
        make_agent("Unused", weight=0)
        make_agent("Local", provider="builtin")
        assert refused(ALICE) is None
        make_agent("Paid")
        assert refused(ALICE) is not None


def test_without_limits_the_database_is_not_asked(make_app: MakeApp) -> None:
    app = make_app(agent_user_daily_tokens=0, llm_api_key="k")
    with app.app_context(), counted_statements(app) as statements:
        check_user(ALICE)
    assert statements == []


def test_a_check_is_one_statement_on_an_index(shop: Flask) -> None:
    with shop.app_context(), counted_statements(shop) as statements:
        check_user(ALICE)
    assert len(statements) == 1


def test_answers_under_way_count_with_a_reservation(shop: Flask) -> None:
    with shop.app_context():
        for _ in range(2):
            make_run("user:1", status="running", active_in=None, prompt_tokens=0)
        assert refused(ALICE) is None
        for number in range(3):
            make_run("user:1", status="running", active_in=f"talk{number}", provider="")
        error = refused(ALICE)
        assert error is not None and error.retry_after == 30
        with force_locale("en"):
            assert "still being made" in error_text(error)


def test_an_agents_month_is_the_shops(shop: Flask) -> None:
    with shop.app_context():
        first, second = make_agent("Fast", versions=2)
        (other,) = make_agent("Other")
        with clock.frozen(datetime(2026, 10, 31, 15, 59, tzinfo=UTC)):
            make_run(agent_version_id=first, cost_micros=7)
        with clock.frozen(datetime(2026, 10, 31, 16, 0, tzinfo=UTC)):
            make_run(agent_version_id=first, cost_micros=11)
        with clock.frozen(datetime(2026, 11, 30, 15, 59, tzinfo=UTC)):
            make_run(agent_version_id=second, cost_micros=2**33)
            make_run(agent_version_id=other, cost_micros=5)
            make_run(cost_micros=1_000)
            ids = _agent_ids(first, other)
            assert spent_this_month_micros(ids[0]) == 2**33 + 11
            assert spent_this_month(ids) == {ids[0]: 2**33 + 11, ids[1]: 5}
        with clock.frozen(datetime(2026, 11, 30, 16, 0, tzinfo=UTC)):
            db.session.rollback()
            assert spent_this_month_micros(ids[0]) == 0


def _agent_ids(*versions: int) -> list[int]:
    return [db.session.get_one(AgentVersion, version).agent_id for version in versions]


def test_a_refused_message_leaves_nothing_behind(make_app: MakeApp) -> None:
    app = make_app(agent_user_daily_tokens=100, llm_api_key="k", llm_base_url="http://127.0.0.1:9/v1")
    with app.app_context():
        user = make_user("alice")
        token, _ = issue_token(user.id)
        make_run(f"user:{user.id}", prompt_tokens=100)
        for path, body in (
            ("/api/chat/stream", {"content": "hi"}),
            ("/api/chat", {"text": "hi"}),
            ("/api/chat/stream/direct", {"messages": [{"role": "user", "content": "hi"}]}),
        ):
            for language, words in (("en", "used up"), ("zh", "用")):
                headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
                answer = app.test_client().post(path, json=body, headers=headers)
                assert (answer.status_code, answer.json["error"]["code"]) == (429, "BUDGET_EXCEEDED"), path
                assert 0 < int(answer.headers["Retry-After"]) <= 86_400
                assert words in answer.json["error"]["message"] or language == "zh"
        db.session.rollback()
        assert db.session.query(Run).count() == 1
        assert db.session.query(Message).count() == 0
        assert redis().keys("run:*") == []
