"""The console's page about usage: who sees it, what it shows, in both languages, without JavaScript."""

from __future__ import annotations

import html
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Actor, Role
from app.db import db, transaction
from app.gateway import ratings
from tests.browsing import counted_statements, sign_in
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.gateway.usage_rows import make_agent, make_conversation, make_run

EN, ZH = {"Accept-Language": "en"}, {"Accept-Language": "zh"}
HOSTILE = '<img src=x onerror="alert(1)">{{ 7*7 }}'


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    with app.app_context():
        user = make_user("ada", roles=(Role.ADMIN,))
    client = app.test_client()
    sign_in(client, user)
    return client


def test_only_admins_see_it(app: Flask) -> None:
    for roles in ((Role.CUSTOMER,), (Role.OPERATOR,), (Role.CONSULTANT,)):
        with app.app_context():
            user = make_user(roles[0].value, roles=roles)
        client = app.test_client()
        sign_in(client, user)
        assert client.get("/admin/usage").status_code == 403
        assert client.get("/admin/usage.csv").status_code == 403
    assert app.test_client().get("/admin/usage").status_code == 303


def test_before_the_first_answer_the_page_says_what_will_stand_there(ada: FlaskClient) -> None:
    page = ada.get("/admin/usage", headers=EN).text
    assert "Nobody has asked the assistant yet" in page
    assert "data-chart" not in page and "usage.csv" not in page


def test_figures_charts_and_tables_stand_on_the_page(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        (version,) = make_agent("Fast")
        make_run(
            "user:1", agent_version_id=version, model="m-one", cost_micros=2_500_000, prompt_tokens=1_200
        )
        make_run("guest:g", status="error", model="m-two", prompt_tokens=10)
    page = ada.get("/admin/usage?days=7", headers=EN).text
    for words in (
        "Fast v1",
        "m-one",
        "¥2.50",
        "no price",
        "Set LLM_PRICES",
        "ada",
        "50.0% of all",
        "Guest",
        "1,200",
    ):
        assert words in page, words
    charts = [json.loads(html.unescape(found)) for found in re.findall(r'data-chart="([^"]+)"', page)]
    assert [chart["kind"] for chart in charts] == ["stacked", "line", "stacked", "bar"]
    assert charts[0]["series"][1]["values"] == [0, 0, 0, 0, 0, 0, 1]
    assert 'aria-current="true">Last 7 days' in page
    chinese = ada.get("/admin/usage?days=7", headers=ZH).text
    assert 'lang="zh-CN"' in chinese and "m-one" in chinese and chinese.count("data-chart") == 4


def test_an_unknown_period_is_the_usual_one(ada: FlaskClient) -> None:
    for wrong in ("8", "-1", "x", "99999999999999999999", ""):
        page = ada.get(f"/admin/usage?days={wrong}", headers=EN)
        assert page.status_code == 200
        assert 'aria-current="true">Last 30 days' in page.text


def test_what_customers_wrote_is_text(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        talk = make_conversation("user:9")
        make_run("user:9", conversation_id=talk, model=HOSTILE[:80])
        with transaction():
            ratings.rate(Actor(user_id=9), talk, score=2, thumb="down", comment=HOSTILE)
        db.session.rollback()
    page = ada.get("/admin/usage", headers=EN).text
    assert "&lt;img src=x onerror=" in page and "<img src=x" not in page
    assert "2 of 5" in page and "Not helpful" in page
    # As it was written: the template within it was not worked out.
    assert "{{ 7*7 }}" in page.split("What customers wrote")[1]


def test_the_csv_is_a_file(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        make_run(model="m-one")
    answer = ada.get("/admin/usage.csv?days=7")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert re.search(
        r"attachment; filename=usage-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv",
        answer.headers["Content-Disposition"],
    )
    assert answer.data.startswith(b"\xef\xbb\xbfday,agent,")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_page_takes_few_statements(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        (version,) = make_agent("Fast")
        for number in range(12):
            make_run(f"user:{number}", agent_version_id=version)
    with counted_statements(app) as statements:
        ada.get("/admin/usage?days=90")
    # The login session, its user, and the six of the figures.
    assert len(statements) <= 8, statements


def test_prices_of_the_settings_take_the_hint_away(make_app: MakeApp) -> None:
    app = make_app(llm_prices={"m": {"input": 1, "output": 1}})
    with app.app_context():
        user = make_user("ada", roles=(Role.ADMIN,))
        make_run(model="m", prompt_tokens=1_000, cost_micros=1_000)
    client = app.test_client()
    sign_in(client, user)
    page = client.get("/admin/usage", headers=EN).text
    assert "LLM_PRICES to" not in page and "¥0.0010" in page
