"""What costs money waits for a person's yes, which no model can give."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.catalogue.models import Product
from app.conversations.models import Confirmation
from app.core import clock
from app.db import db, transaction
from tests.agent.conftest import Events, Person, events_in, of_type, session_of, text_of
from tests.agent.scripted import ScriptedModel, call, say, unfenced
from tests.builders import make_product

Play = Callable[..., ScriptedModel]


@pytest.fixture(autouse=True)
def product(app: Flask) -> None:
    with app.app_context():
        make_product("A", price_cents=1000, stock=5)


def stock(app: Flask) -> int:
    with app.app_context():
        return db.session.get_one(Product, "A").stock


def reprice(app: Flask, cents: int) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Product, "A").price_cents = cents


def ask(alice: Person, **more: Any) -> tuple[Events, str, str]:
    """Let the model ask; the events, the confirmation's id and the conversation's."""
    events = alice.say("the cream please", **more)
    return events, of_type(events, "tool_call")[0]["confirmation_id"], session_of(events)


def state(app: Flask, confirmation_id: str) -> str:
    with app.app_context():
        return db.session.get_one(Confirmation, confirmation_id).status


def test_the_question_shows_everything_and_its_token_never_meets_the_model(
    app: Flask, alice: Person, play: Play
) -> None:
    model = play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("Bought."))
    events, token, session_id = ask(alice)
    asked = of_type(events, "tool_call")[0]
    assert asked["requires_confirmation"] is True and len(token) > 20
    result = of_type(events, "tool_result")[0]
    assert result["status"] == "confirmation_required"
    assert result["result"]["summary"]["total"] == 1000
    assert result["result"]["summary"]["expires_at"]
    assert stock(app) == 5
    alice.say("yes", session_id=session_id)
    assert token not in str([request.messages for request in model.requests])
    listed = alice.get(f"/api/chat/sessions/{session_id}/messages").get_data(as_text=True)
    assert token not in listed


@pytest.mark.parametrize("by_text", [True, False])
def test_a_yes_runs_exactly_the_stored_call_once(
    app: Flask, alice: Person, play: Play, by_text: bool
) -> None:
    model = play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("Bought."))
    _, token, session_id = ask(alice)
    if by_text:
        events = alice.say("确认", session_id=session_id)
    else:
        events = events_in(alice.post("/api/chat/confirm", confirmation_id=token, approve=True))
    assert [event["type"] for event in events] == ["tool_call", "tool_result", "chunk", "complete"]
    assert of_type(events, "tool_call")[0]["arguments"] == {"sku": "A"}
    assert of_type(events, "tool_call")[0]["requires_confirmation"] is False
    assert of_type(events, "tool_result")[0]["result"] == {"order": {"order_id": "O1"}}
    assert text_of(events) == "Bought."
    assert json.loads(unfenced(model.requests[2].messages[-1])) == {"order": {"order_id": "O1"}}
    assert stock(app) == 4
    again = alice.post("/api/chat/confirm", confirmation_id=token, approve=True)
    assert (again.status_code, again.json["error"]["code"]) == (409, "CONFIRMATION_USED")
    assert stock(app) == 4


@pytest.mark.parametrize("by_text", [True, False])
def test_a_no_does_nothing(app: Flask, alice: Person, play: Play, by_text: bool) -> None:
    model = play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("As you wish."))
    _, token, session_id = ask(alice)
    if by_text:
        events = alice.say("no", session_id=session_id)
    else:
        events = events_in(alice.post("/api/chat/confirm", confirmation_id=token, approve=False))
    assert of_type(events, "tool_result")[0]["status"] == "denied"
    assert json.loads(unfenced(model.requests[2].messages[-1])) == {"status": "denied"}
    assert (stock(app), state(app, token)) == (5, "denied")


def test_twenty_clicks_buy_once(app: Flask, alice: Person, play: Play) -> None:
    from concurrent.futures import ThreadPoolExecutor

    play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("Bought."))
    _, token, _ = ask(alice)

    def click(_number: int) -> int:
        body = {"confirmation_id": token, "approve": True}
        answer = app.test_client().post("/api/chat/confirm", json=body, headers=alice.headers)
        return len(answer.get_data()) and answer.status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(click, range(20))) == [200] + [409] * 19
    assert stock(app) == 4


def test_a_question_expires(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("Just text."))
    _, token, session_id = ask(alice)
    with clock.shifted(timedelta(seconds=301)):
        late = alice.client.post(
            "/api/chat/confirm", json={"confirmation_id": token, "approve": True}, headers=alice.headers
        )
        assert (late.status_code, late.json["error"]["code"]) == (409, "CONFIRMATION_EXPIRED")
        assert text_of(alice.say("yes", session_id=session_id)) == "Just text."
    assert stock(app) == 5


def test_a_changed_price_makes_the_question_void(app: Flask, alice: Person, play: Play) -> None:
    model = play(
        call(("try_buy", {"sku": "A"})),
        say("Please confirm."),
        call(("try_buy", {"sku": "A"}), text="The price has changed."),
        say("Please confirm again."),
        say("Bought."),
    )
    _, token, session_id = ask(alice)
    reprice(app, 2000)
    events = alice.say("yes", session_id=session_id)
    result = of_type(events, "tool_result")[0]
    assert (result["status"], result["result"]["error"]["code"]) == ("error", "CONFIRMATION_VOID")
    assert (result["result"]["asked"]["total"], result["result"]["summary"]["total"]) == (1000, 2000)
    assert (stock(app), state(app, token)) == (5, "void")
    assert json.loads(unfenced(model.requests[2].messages[-1]))["summary"]["total"] == 2000
    alice.say("yes", session_id=session_id)
    assert stock(app) == 4


def test_a_changed_page_language_is_no_change(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("Bought."))
    _, _, session_id = ask(alice)
    alice.headers["Accept-Language"] = "zh"
    assert of_type(alice.say("好的", session_id=session_id), "tool_result")[0]["status"] == "ok"


def test_a_yes_counts_only_while_the_question_is_the_latest_thing(
    app: Flask, alice: Person, play: Play
) -> None:
    play(
        call(("try_buy", {"sku": "A"})),
        say("Please confirm."),
        say("It is a cream."),
        say("Yes what?"),
        say("Bought."),
    )
    _, token, session_id = ask(alice)
    alice.say("what is it?", session_id=session_id)
    assert text_of(alice.say("yes", session_id=session_id)) == "Yes what?"
    assert (stock(app), state(app, token)) == (5, "pending")
    events_in(alice.post("/api/chat/confirm", confirmation_id=token, approve=True))
    assert stock(app) == 4


def test_a_newer_question_replaces_the_older(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_buy", {"sku": "A"})), say("?"), call(("try_buy", {"sku": "A"})), say("?"))
    _, first, session_id = ask(alice)
    ask(alice, session_id=session_id)
    answer = alice.post("/api/chat/confirm", confirmation_id=first, approve=True)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFIRMATION_USED")
    assert stock(app) == 5


def test_a_model_cannot_ask_twice_in_one_answer_nor_confirm_itself(
    app: Flask, alice: Person, play: Play
) -> None:
    play(
        call(("try_buy", {"sku": "A"}), ("try_buy", {"sku": "A"})),
        call(("try_buy", {"sku": "A", "approve": True, "confirmed": "yes"})),
        say("?"),
    )
    results = of_type(alice.say("buy"), "tool_result")
    assert [item["status"] for item in results] == ["confirmation_required", "error", "error"]
    assert stock(app) == 5


def test_what_cannot_be_previewed_is_not_asked(app: Flask, alice: Person, play: Play) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Product, "A").stock = 0
    play(call(("try_buy", {"sku": "A"})), say("Sold out."))
    events, token, _ = ask(alice)
    assert of_type(events, "tool_result")[0]["result"]["error"]["code"] == "INSUFFICIENT_STOCK"
    assert alice.post("/api/chat/confirm", confirmation_id=token, approve=True).status_code == 404


def test_nobody_else_can_answer(app: Flask, alice: Person, bob: Person, play: Play) -> None:
    play(call(("try_buy", {"sku": "A"})), say("Please confirm."))
    _, token, _ = ask(alice)
    assert bob.post("/api/chat/confirm", confirmation_id=token, approve=True).status_code == 404
    assert alice.post("/api/chat/confirm", confirmation_id="x", approve=True).status_code == 404
    assert alice.post("/api/chat/confirm", confirmation_id=token).status_code == 422
    assert (stock(app), state(app, token)) == (5, "pending")


def test_json_chat_hands_out_the_confirmation(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_buy", {"sku": "A"})), say("Please confirm."))
    body = alice.post("/api/chat", text="buy").json
    assert state(app, body["confirmation_id"]) == "pending"
