"""Ratings: one for a conversation, by whose it is, again replaces; through the API and the page."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.tokens import issue_token
from app.conversations.models import Conversation
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import InvalidParam, NotFound
from app.db import db, in_transaction, transaction
from app.gateway import ratings
from app.gateway.models import Rating
from tests.agent.conftest import Quiet, wait_until
from tests.browsing import PARTIAL, counted_statements, csrf_of, sign_in
from tests.builders import make_user
from tests.gateway.usage_rows import make_agent, make_conversation

ALICE, BOB = Actor(user_id=1), Actor(user_id=2)


def rate(actor: Actor, talk: str, **given: Any) -> Rating:
    return in_transaction(lambda: ratings.rate(actor, talk, **given))


def test_again_replaces_what_is_given_and_keeps_the_rest(each_app: Flask) -> None:
    with each_app.app_context():
        talk = make_conversation("user:1")
        rate(ALICE, talk, thumb="up")
        rate(ALICE, talk, score=4, comment=" fine ")
        rate(ALICE, talk, score=2)
        found = ratings.get_rating(ALICE, talk)
        assert (found.thumb, found.score, found.comment) == (1, 2, "fine")
        rate(ALICE, talk, thumb="down", comment="")
        db.session.rollback()
        assert [(row.thumb, row.score, row.comment) for row in db.session.query(Rating)] == [(-1, 2, "")]


def test_a_rating_goes_to_the_version_that_answered(each_app: Flask) -> None:
    with each_app.app_context():
        one, two = make_agent("Fast", versions=2)
        talk = make_conversation("user:1", agent_version_id=one)
        assert rate(ALICE, talk, score=5).agent_version_id == one
        with transaction():
            db.session.get_one(Conversation, talk).agent_version_id = two
        assert rate(ALICE, talk, score=5).agent_version_id == two
        gone = make_conversation("user:1", agent_version_id=9_999)
        assert rate(ALICE, gone, score=5).agent_version_id is None


def test_nobody_rates_somebody_elses_talk(app: Flask) -> None:
    with app.app_context():
        talk = make_conversation("user:1")
        for actor in (BOB, Actor(guest_id="1"), Actor()):
            with pytest.raises(NotFound):
                rate(actor, talk, score=1)
            with pytest.raises(NotFound):
                ratings.get_rating(actor, talk)
        with pytest.raises(NotFound):
            rate(ALICE, "nothing", score=1)
        assert db.session.query(Rating).count() == 0


@pytest.mark.parametrize(
    "given",
    [{}, {"comment": "  "}, {"score": 0}, {"score": 6}, {"thumb": "sideways"}, {"comment": "x" * 1_001}],
)
def test_a_wrong_rating_is_refused(app: Flask, given: dict[str, Any]) -> None:
    with app.app_context():
        talk = make_conversation("user:1")
        with pytest.raises(InvalidParam):
            rate(ALICE, talk, **given)
        db.session.rollback()
        assert db.session.query(Rating).count() == 0


def test_two_first_ratings_at_the_same_time_make_one(each_app: Flask) -> None:
    with each_app.app_context():
        talk = make_conversation("user:1")
        db.session.remove()
    is_rated, failed = threading.Event(), []

    def first() -> None:
        with each_app.app_context(), transaction():
            ratings.rate(ALICE, talk, score=5, comment="first")
            is_rated.set()
            time.sleep(0.2)

    def second() -> None:
        with each_app.app_context():
            assert is_rated.wait(5)
            try:
                rate(ALICE, talk, score=1)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    with each_app.app_context():
        assert failed == []
        assert [(row.score, row.comment) for row in db.session.query(Rating)] == [(1, "first")]


def test_opinions_are_counted_and_comments_listed_newest_first(each_app: Flask) -> None:
    with each_app.app_context():
        (version,) = make_agent("Fast")
        rate(ALICE, make_conversation("user:1", agent_version_id=version), score=5, comment="first")
        rate(ALICE, make_conversation("user:1"), score=2, thumb="down", comment="second")
        rate(ALICE, make_conversation("user:1"), thumb="up")
        since = now() - timedelta(hours=1)
        opinion = ratings.opinion_since(since)
        assert (opinion.count, opinion.average, opinion.up, opinion.down) == (3, 3.5, 1, 1)
        told = [(each.text, each.score, each.thumb, each.version) for each in ratings.list_comments(since)]
        assert told == [("second", 2, "down", ""), ("first", 5, None, "Fast v1")]
        assert ratings.opinion_since(now() + timedelta(hours=1)).average is None
        assert ratings.list_comments(now() + timedelta(hours=1)) == []


@pytest.fixture
def alice(app: Flask) -> dict[str, Any]:
    with app.app_context():
        user = make_user("alice")
        token, _ = issue_token(user.id)
        talk = make_conversation(f"user:{user.id}")
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    return {"user": user, "headers": headers, "talk": talk, "path": f"/api/v1/conversations/{talk}/rating"}


def test_the_api_rates_and_shows(app: Flask, client: FlaskClient, alice: dict[str, Any]) -> None:
    path, headers = alice["path"], alice["headers"]
    assert client.get(path, headers=headers).status_code == 404
    answer = client.post(path, json={"score": 4, "thumb": "up", "comment": "好"}, headers=headers)
    assert answer.status_code == 200
    told = {key: answer.json[key] for key in ("session_id", "score", "thumb", "comment")}
    assert told == {"session_id": alice["talk"], "score": 4, "thumb": "up", "comment": "好"}
    assert client.get(path, headers=headers).json == answer.json


def test_the_api_refuses(app: Flask, client: FlaskClient, alice: dict[str, Any]) -> None:
    with app.app_context():
        token, _ = issue_token(make_user("bob").id)
    bob = {"Authorization": f"Bearer {token}"}
    assert client.post(alice["path"], json={"score": 1}, headers=bob).status_code == 404
    assert client.get(alice["path"], headers=bob).status_code == 404
    assert client.post(alice["path"], json={"score": 1}).status_code == 401
    for body in ({}, {"score": 0}, {"score": 6}, {"score": 2.5}, {"thumb": "x"}, {"comment": "x" * 1_001}):
        answer = client.post(alice["path"], json=body, headers=alice["headers"])
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID_PARAM"), body


@pytest.fixture
def browser(app: Flask, alice: dict[str, Any]) -> FlaskClient:
    client = app.test_client()
    sign_in(client, alice["user"])
    return client


def say(browser: FlaskClient, talk: str = "") -> str:
    """Ask in the page; the address of the conversation."""
    form = {"csrf_token": csrf_of(browser, "/chat"), "content": "hello", "session_id": talk}
    return str(browser.post("/chat/messages", data=form).headers["Location"]).partition("#")[0]


def test_thumbs_and_stars_stand_under_the_last_answer_only(browser: FlaskClient) -> None:
    address = say(browser)
    say(browser, address.partition("session=")[2])
    page = browser.get(address, headers={"Accept-Language": "en"}).text
    assert page.count('class="message message-assistant"') == 2
    assert page.count('id="chat-rating"') == 1
    assert page.rindex('id="chat-rating"') > page.rindex("message-assistant")
    assert "Rate this conversation" in page and page.count('type="radio"') == 5


def test_without_javascript_the_form_leads_back_to_the_talk(app: Flask, browser: FlaskClient) -> None:
    address = say(browser)
    talk = address.partition("session=")[2]
    path = f"/chat/conversations/{talk}/rating"
    form = {"csrf_token": csrf_of(browser, address), "score": "3", "comment": "a\r\n" * 500}
    answer = browser.post(path, data=form, headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{address}#latest")
    page = browser.get(address, headers={"Accept-Language": "en"}).text
    assert "3 of 5" in page and 'value="3" checked' in page and "Your rating is kept" in page
    assert browser.post(path, data={"score": "3"}).status_code == 403, "no CSRF token"


def test_with_htmx_the_rating_is_put_in_place(browser: FlaskClient) -> None:
    address = say(browser)
    talk, token = address.partition("session=")[2], csrf_of(browser, address)
    answer = browser.post(
        f"/chat/conversations/{talk}/rating",
        data={"csrf_token": token, "thumb": "down"},
        headers={**PARTIAL, "Accept-Language": "en"},
    )
    assert answer.status_code == 200 and answer.text.lstrip().startswith('<div class="rating"')
    assert 'value="down" aria-pressed="true"' in answer.text and "Your rating is kept" in answer.text
    empty = browser.post(
        f"/chat/conversations/{talk}/rating",
        data={"csrf_token": token, "comment": " " * 1_100},
        headers={**PARTIAL, "Accept-Language": "en"},
    )
    assert empty.status_code in (200, 422)


def test_an_empty_form_says_what_to_do(browser: FlaskClient) -> None:
    address = say(browser)
    talk = address.partition("session=")[2]
    answer = browser.post(
        f"/chat/conversations/{talk}/rating",
        data={"csrf_token": csrf_of(browser, address), "comment": ""},
        headers={**PARTIAL, "Accept-Language": "en"},
    )
    assert "Choose a thumb" in answer.text and "<details" in answer.text and " open" in answer.text


def test_a_strangers_talk_is_not_there(app: Flask, browser: FlaskClient) -> None:
    with app.app_context():
        talk = make_conversation("user:999")
    form = {"csrf_token": csrf_of(browser, "/chat"), "thumb": "up"}
    assert browser.post(f"/chat/conversations/{talk}/rating", data=form).status_code == 404


def test_the_chat_page_takes_one_statement_for_it(app: Flask, browser: FlaskClient) -> None:
    is_quiet = Quiet()
    address = say(browser)
    with app.app_context():
        wait_until(is_quiet)
    with counted_statements(app) as statements:
        browser.get(address)
    assert sum("ratings" in statement for statement in statements) == 1
