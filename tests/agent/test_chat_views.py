"""What the chat pages get: conversations, cards, products, open questions, the answer that is being made."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from app.agent import queries
from app.core import clock
from app.core.errors import NotFound
from tests.agent.conftest import Person, events_in, iter_events, of_type, session_of
from tests.agent.scripted import ScriptedModel, call, hang, say
from tests.builders import make_product

Play = Callable[..., ScriptedModel]


def test_a_conversation_shows_what_was_said_and_done(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_long", {"n": 2}), ("no_such_tool", {})), say("Two."), say("Bye."))
    session_id = session_of(alice.say("show me"))
    alice.say("thanks", session_id=session_id)
    with app.app_context(), force_locale("en"):
        view = queries.conversation_view(alice.actor, session_id)
        sessions = queries.list_sessions(alice.actor)
    said, answer, thanks, bye = view.items
    assert (said.role, said.text, thanks.text, bye.text) == ("user", "show me", "thanks", "Bye.")
    assert (answer.status, answer.text) == ("done", "Two.")
    assert [product["sku"] for product in answer.products] == ["S0", "S1"]
    found, failed = answer.cards
    assert (found.name, found.status, found.summary) == ("try_long", "ok", "2 products")
    assert '"n": 2' in found.arguments and '"S0"' in found.result
    assert failed.status == "error" and "no_such_tool" in failed.summary
    assert view.active is None and view.pending is None
    assert [(item.session_id, item.title) for item in sessions] == [(session_id, "show me")]


def test_an_open_question_is_shown_until_it_is_answered(app: Flask, alice: Person, play: Play) -> None:
    with app.app_context():
        make_product("A", price_cents=1000, stock=5)
    play(call(("try_buy", {"sku": "A"})), say("Please confirm."), say("Bought."))
    session_id = session_of(alice.say("the cream please"))
    with app.app_context():
        view = queries.conversation_view(alice.actor, session_id)
        assert view.pending is not None
        assert (view.pending.state, view.pending.summary["total"]) == ("pending", 1000)
        assert "locale" not in view.pending.summary
        with clock.shifted(timedelta(minutes=6)):
            late = queries.conversation_view(alice.actor, session_id)
            assert late.pending is None and late.items[1].confirmations[0].state == "expired"
        queries.answer_confirmation(alice.actor, view.pending.id, True)
        for _ in range(100):
            view = queries.conversation_view(alice.actor, session_id)
            if view.active is None:
                break
            time.sleep(0.02)
    assert view.pending is None
    assert [item.confirmations[0].state for item in view.items[1:2]] == ["approved"]
    assert view.items[2].cards[0].status == "ok" and view.items[2].text == "Bought."


def test_a_running_answer_is_shown_as_far_as_it_got(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_echo", {"text": "a"}), text="Look"), hang(" and"))
    response = alice.post("/api/chat/stream", content="hi")
    session_id, run_id = response.headers["X-Session-Id"], response.headers["X-Run-Id"]
    stream = iter_events(response)
    seen = []
    while (event := next(stream)) is None or event["data"].get("content") != "\n\n and":
        seen += [event] if event else []
    last_id = event["id"]
    with app.app_context():
        view = queries.conversation_view(alice.actor, session_id)
    assert [type(item).__name__ for item in view.items] == ["Said", "Answer"]
    assert view.active is view.items[1]
    assert (view.active.run_id, view.active.status, view.active.text) == (run_id, "running", "Look\n\n and")
    assert view.active.cards[0].status == "ok"
    assert view.active.last_event_id == last_id
    alice.post("/api/chat/abort", run_id=run_id)
    rest = events_in(alice.get(f"/api/chat/runs/{run_id}/events?after={last_id}"))
    assert [item["type"] for item in rest] == ["complete"]
    with app.app_context():
        answer = queries.answer_view(alice.actor, run_id)
    assert (answer.status, answer.text, answer.message_id) == (
        "aborted",
        "Look\n\n and",
        rest[0]["data"]["message"]["id"],
    )
    list(stream)


def test_one_card_can_be_fetched_as_soon_as_its_result_is_there(
    app: Flask, alice: Person, bob: Person, play: Play
) -> None:
    play(call(("try_echo", {"text": "a"})), hang())
    response = alice.post("/api/chat/stream", content="hi")
    stream = iter_events(response)
    while (event := next(stream)) is None or event["type"] != "tool_result":
        pass
    run_id, call_id = response.headers["X-Run-Id"], event["data"]["tool_call_id"]
    with app.app_context():
        card, question = queries.tool_card_view(alice.actor, run_id, call_id)
        assert (card.status, question) == ("ok", None)
        with pytest.raises(NotFound):
            queries.tool_card_view(bob.actor, run_id, call_id)
        with pytest.raises(NotFound):
            queries.tool_card_view(alice.actor, run_id, "x")
        with pytest.raises(NotFound):
            queries.conversation_view(bob.actor, response.headers["X-Session-Id"])
    alice.post("/api/chat/abort", run_id=run_id)
    list(stream)


def test_a_failed_answer_is_shown_as_failed(app: Flask, alice: Person, play: Play) -> None:
    play([])
    response = alice.post("/api/chat/stream", content="hi")
    assert of_type(events_in(response), "error")
    with app.app_context():
        answer = queries.answer_view(alice.actor, response.headers["X-Run-Id"])
        items = queries.conversation_view(alice.actor, response.headers["X-Session-Id"]).items
    assert (answer.status, answer.text) == ("error", "")
    assert [item.text for item in items] == ["hi"]
