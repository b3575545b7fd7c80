"""The consultants' conversation page, the customer's side of it, canned replies: who sees what, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.login import LoadedUser
from app.accounts.tokens import issue_token
from app.consultants import canned, service, talking
from app.core.actor import Actor, Role
from app.core.errors import Forbidden, InvalidParam
from app.db import db, in_transaction
from app.onboarding.settings import read_values
from tests.browsing import csrf_of, post_form, sign_in
from tests.builders import actor_of, make_user
from tests.consultants.desk_rows import (
    claim,
    consultation_of,
    make_consultant,
    make_talk,
    make_waiting,
    said_in,
    status_of,
)

pytestmark = pytest.mark.redis
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Apart(FlaskClient):
    """Requests see nothing of the test's own application context."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return Context().run(super().open, *args, **kwargs)


@pytest.fixture
def desk(app: Flask) -> Iterator[Flask]:
    app.test_client_class = Apart
    with app.app_context():
        yield app
        db.session.rollback()


def browser(app: Flask, who: Actor, language: str = "en") -> FlaskClient:
    client = app.test_client()
    db.session.rollback()
    sign_in(client, LoadedUser(who.require_user(), "somebody", who.roles))
    client.set_cookie("locale", language)
    return client


def page_of(talk: str) -> str:
    return f"/consultant/conversations/{talk}"


def test_who_may_see_a_conversation(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    alice, berta = make_consultant("alice"), make_consultant("berta")
    ada = actor_of(make_user("ada", roles=(Role.ADMIN,)))
    charlie = actor_of(make_user("charlie"))
    assert browser(desk, charlie).get(page_of(talk)).status_code == 403
    assert browser(desk, bob).get(page_of(talk)).status_code == 403
    assert "bob" in browser(desk, berta).get(page_of(talk)).text
    claim(alice, bob)
    for path in ("", "/customer", "/live"):
        assert browser(desk, berta).get(page_of(talk) + path).status_code == 404, path
    for who in (alice, ada):
        assert "bob" in browser(desk, who).get(page_of(talk)).text
    assert "bob" in browser(desk, ada).get(page_of(talk) + "/customer").text
    _, other = make_talk("dora")
    assert browser(desk, ada).get(page_of(other)).status_code == 404


def test_only_who_has_claimed_writes_and_hands_back(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    alice, berta = make_consultant("alice"), make_consultant("berta")
    ada = actor_of(make_user("ada", roles=(Role.ADMIN,)))
    claim(alice, bob)
    for who in (berta, ada):
        client = browser(desk, who)
        for action in ("messages", "handback", "takeover", "typing", "read"):
            response = post_form(client, f"{page_of(talk)}/{action}", content="x", note="", message_id="1")
            assert response.status_code == 404, (who, action)
    assert said_in(talk) == [("system", "taken_over")]


def test_a_talk_by_plain_forms(desk: Flask) -> None:
    """Neither side needs JavaScript."""
    bob, talk = make_talk("bob")
    alice = make_consultant("alice")
    customer, consultant = browser(desk, bob), browser(desk, alice)
    found = customer.get(f"/chat?session={talk}").text
    assert "Talk to a consultant" in found
    post_form(customer, "/chat/consultant", session_id=talk)
    assert "1 is online" in customer.get(f"/chat?session={talk}").text
    response = post_form(consultant, f"{page_of(talk)}/claim")
    assert response.headers["Location"].endswith(page_of(talk))
    post_form(consultant, f"{page_of(talk)}/messages", content="Good day", client_message_id="1")
    found = customer.get(f"/chat?session={talk}").text
    assert "Good day" in found and "alice, a consultant, answers you" in found
    post_form(customer, "/chat/messages", content="Hello there", session_id=talk, client_message_id="c")
    found = consultant.get(page_of(talk)).text
    assert "Hello there" in found and "You answer; the assistant is silent" in found
    assert "Seen" in customer.get(f"/chat?session={talk}").text
    post_form(consultant, f"{page_of(talk)}/handback", note="be kind")
    assert status_of(talk) == "assistant"
    found = customer.get(f"/chat?session={talk}").text
    assert "the assistant answers you again" in found and "be kind" not in found
    assert "Rate this conversation" in found
    assert "Closed" in consultant.get(page_of(talk)).text


def test_the_customer_sends_the_consultant_away(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    claim(make_consultant(), bob)
    customer = browser(desk, bob, "zh")
    assert "顾问" in customer.get(f"/chat?session={talk}").text
    post_form(customer, f"/chat/conversations/{talk}/consultant/leave")
    assert consultation_of(talk).closed_reason == "customer_left"


def test_a_guest_is_asked_to_sign_in(desk: Flask) -> None:
    assert (
        "Sign in to talk to a consultant"
        in desk.test_client().get("/chat", headers={"Accept-Language": "en"}).text
    )


def test_the_customers_stream_brings_what_the_consultant_writes_and_ends_with_the_talk(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    alice = make_consultant("alice")
    claim(alice, bob)
    first, _ = in_transaction(lambda: talking.send(alice, talk, "One <b>"))
    second, _ = in_transaction(lambda: talking.send(alice, talk, "Two"))
    in_transaction(lambda: service.hand_back(alice, talk))
    customer = browser(desk, bob)
    whole = customer.get(f"/chat/conversations/{talk}/live?after=0", buffered=True).text
    assert "One &lt;b&gt;" in whole and "Two" in whole and whole.rstrip().endswith("data: end")
    assert 'hx-target="#chat-rating" hx-swap="delete"' in whole and "Rate this conversation" in whole
    resumed = customer.get(
        f"/chat/conversations/{talk}/live?after=0", headers={"Last-Event-ID": str(first)}, buffered=True
    ).text
    assert "One" not in resumed and f'id="message-{second}"' in resumed
    charlie = browser(desk, actor_of(make_user("charlie")))
    assert charlie.get(f"/chat/conversations/{talk}/live").status_code == 404


def test_the_consultants_stream_brings_everything_once(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    alice = make_consultant("alice")
    claim(alice, bob)
    in_transaction(lambda: talking.send(alice, talk, "Hello"))
    in_transaction(lambda: talking.keep_for_consultant(bob, talk, "Hi <i>"))
    in_transaction(lambda: service.hand_back(alice, talk))
    whole = browser(desk, alice).get(f"{page_of(talk)}/live?after=0", buffered=True).text
    for text in ("Hello", "Hi &lt;i&gt;", "Closed"):
        assert text in whole, text
    assert whole.count(">Hello<") == 1


def test_notes_are_private(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    alice = make_consultant("alice")
    claim(alice, bob)
    client = browser(desk, alice)
    response = client.post(
        f"{page_of(talk)}/notes",
        data={"text": "prefers <tea>", "csrf_token": csrf_of(client)},
        headers=PARTIAL,
    )
    assert "prefers &lt;tea&gt;" in response.text
    assert (
        client.post(
            f"{page_of(talk)}/notes", data={"text": " ", "csrf_token": csrf_of(client)}, headers=PARTIAL
        ).status_code
        == 422
    )
    assert "tea" not in browser(desk, bob).get(f"/chat?session={talk}").text
    token, _ = issue_token(bob.require_user())
    api = desk.test_client().get(
        f"/api/v1/conversations/{talk}/notes", headers={"Authorization": f"Bearer {token}"}
    )
    assert api.status_code == 403


def test_a_canned_reply_is_sent_in_the_customers_language(desk: Flask) -> None:
    bob, talk = make_waiting("bob")
    alice = make_consultant("alice")
    claim(alice, bob)
    ada = actor_of(make_user("ada", roles=(Role.ADMIN,)))
    values = {"code": "/Hours", "text_zh": "九点开门", "text_en": "We open at nine", "enabled": True}
    reply = in_transaction(lambda: canned.save_reply(ada, None, values))
    with pytest.raises(Forbidden):
        in_transaction(lambda: canned.save_reply(alice, None, values))
    client = browser(desk, alice)
    assert "/hours" in client.get(page_of(talk)).text
    post_form(client, f"{page_of(talk)}/messages", content="/HOURS")
    assert said_in(talk)[-1] == ("consultant", "We open at nine")
    refused = client.post(
        f"{page_of(talk)}/messages",
        data={"content": "/nothing", "csrf_token": csrf_of(client)},
        headers=PARTIAL,
    )
    assert refused.status_code == 422 and "no canned reply" in refused.text
    in_transaction(lambda: canned.save_reply(ada, reply.id, {**values, "enabled": False}))
    with pytest.raises(InvalidParam):
        canned.expand(alice, talk, "/hours")
    assert canned.expand(alice, talk, "and/or") == "and/or"


def test_canned_replies_in_the_console(desk: Flask) -> None:
    client = browser(desk, actor_of(make_user("ada", roles=(Role.ADMIN,))))
    form = {"code": "hello", "text_zh": "你好", "text_en": "Hello", "enabled": "y"}
    assert post_form(client, "/admin/canned-replies/new", **form).status_code == 303
    assert "/hello" in client.get("/admin/canned-replies/").text
    assert "taken" in post_form(client, "/admin/canned-replies/new", **form).text
    assert post_form(client, "/admin/canned-replies/1/delete").status_code == 303
    assert "No canned replies yet" in client.get("/admin/canned-replies/").text


def test_the_care_plan_and_the_customers_panel(desk: Flask) -> None:
    from tests.customers.buying import stock_shelves

    stock_shelves()
    bob, talk = make_waiting("bob")
    alice = make_consultant("alice")
    claim(alice, bob)
    client = browser(desk, alice)
    assert "No orders yet" in client.get(f"{page_of(talk)}/customer", headers=PARTIAL).text
    made = client.post(
        f"{page_of(talk)}/plan",
        data={"goals": "dry skin", "budget": "500", "csrf_token": csrf_of(client)},
        headers=PARTIAL,
    )
    assert made.status_code == 200 and "Total" in made.text and "Improve it" in made.text
    wrong = client.post(
        f"{page_of(talk)}/plan",
        data={"goals": "", "budget": "many", "csrf_token": csrf_of(client)},
        headers=PARTIAL,
    )
    assert wrong.status_code == 422 and "field-error" in wrong.text


def test_a_claim_that_is_lost_says_so(desk: Flask) -> None:
    bob, talk = make_talk("bob")
    in_transaction(lambda: service.open_for_registration(bob.require_user(), talk, read_values()))
    client = browser(desk, make_consultant("berta"))
    token, _ = issue_token(make_consultant("alice").require_user())
    headers = {"Authorization": f"Bearer {token}"}
    won = desk.test_client().post(f"/api/v1/customers/{bob.user_id}/claim", headers=headers)
    assert won.status_code == 200 and won.get_json()["conversation_id"] == talk
    user_token, _ = issue_token(make_consultant("carla").require_user())
    lost = desk.test_client().post(
        f"/api/v1/customers/{bob.user_id}/claim", headers={"Authorization": f"Bearer {user_token}"}
    )
    assert lost.status_code == 409 and lost.get_json()["error"]["code"] == "ALREADY_CLAIMED"
    assert post_form(client, f"{page_of(talk)}/claim").status_code == 404
