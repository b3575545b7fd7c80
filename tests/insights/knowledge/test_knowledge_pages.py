"""The knowledge base's pages, as an operator uses them."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Role
from app.db import in_transaction
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.service import load_documents
from tests.browsing import counted_statements, post_form, sign_in
from tests.builders import make_user

TEXT = {
    "tags": "risk, weather",
    "title": "天气",
    "content": "下雨",
    "title_en": "Weather",
    "content_en": "Rain",
}


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> FlaskClient:
    """An operator's browser in a shop with the delivered documents, in English."""
    with app.app_context():
        in_transaction(lambda: load_documents(list(read_documents())))
        sign_in(client, make_user("oscar", roles=(Role.OPERATOR,)))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def test_a_question_shows_what_comes_up_and_why(desk: FlaskClient) -> None:
    page = desk.get("/ops/knowledge?q=复购率怎么算").get_data(as_text=True)
    assert "/ops/knowledge/repeat-rate" in page and "复购" in page and "place 1, BM25" in page
    assert "/ops/knowledge/risk-stock" not in page
    nothing = desk.get("/ops/knowledge?q=zzzz").get_data(as_text=True)
    assert "No document comes up" in nothing


def test_a_document_is_written_changed_and_deleted(desk: FlaskClient) -> None:
    made = post_form(desk, "/ops/knowledge/new", key="weather", **TEXT)
    assert made.location == "/ops/knowledge/weather"
    form = desk.get(made.location).get_data(as_text=True)
    seen = form.split('name="seen"')[1].split('value="')[1].split('"')[0]
    saved = post_form(
        desk, made.location, seen=seen, **{**TEXT, "title": "<b>Weather</b>", "title_en": "<b>Weather</b>"}
    )
    assert saved.status_code == 303
    assert "&lt;b&gt;Weather" in desk.get("/ops/knowledge?kind=risk").get_data(as_text=True)
    late = post_form(desk, made.location, seen=seen, **TEXT)
    assert late.status_code == 409 and "Somebody else changed" in late.get_data(as_text=True)
    assert post_form(desk, f"{made.location}/delete").status_code == 303
    assert desk.get(made.location).status_code == 404


def test_what_is_wrong_is_said_at_its_field(desk: FlaskClient) -> None:
    answer = post_form(desk, "/ops/knowledge/new", key="A B", **{**TEXT, "tags": "weather"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "The first tag is one of" in page and "下雨" in page
    taken = post_form(desk, "/ops/knowledge/new", key="aov", **TEXT)
    assert taken.status_code == 422 and "a document with this key already" in taken.get_data(as_text=True)


def test_pages_take_few_statements(app: Flask, desk: FlaskClient) -> None:
    desk.get("/ops/knowledge?q=aov")
    for path, most in (("/ops/knowledge", 4), ("/ops/knowledge?q=aov", 4), ("/ops/knowledge/aov", 4)):
        with counted_statements(app) as statements:
            assert desk.get(path).status_code == 200
        assert len(statements) <= most, (path, statements)


def test_customers_do_not_get_in(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        sign_in(client, make_user())
    assert client.get("/ops/knowledge").status_code == 403
