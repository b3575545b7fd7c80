"""What an answer looks like on the wire and in the database, with a model that plays a script."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.conversations.models import Message, Run
from app.db import db
from app.llm.client import ChatRequest, Finish, ModelError, TextDelta, ToolCall
from app.tools.models import ToolCallLog
from tests.agent.conftest import Person, events_in, of_type, session_of, text_of
from tests.agent.scripted import ScriptedModel, call, say, unfenced

Play = Callable[..., ScriptedModel]


def rows_of(app: Flask, session_id: str) -> list[Message]:
    with app.app_context():
        return list(
            db.session.scalars(
                select(Message).where(Message.conversation_id == session_id).order_by(Message.id)
            )
        )


def test_a_spoken_answer_is_chunks_and_complete(alice: Person, play: Play) -> None:
    play(say("你好", "，", "Alice"))
    response = alice.post("/api/chat/stream", content="  你好  ")
    assert response.mimetype == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["Cache-Control"] == "no-store"
    events = events_in(response)
    assert {event["type"] for event in events[:-1]} == {"chunk"}
    message = events[-1]["data"]["message"]
    assert events[-1]["type"] == "complete"
    assert message["run_id"] == response.headers["X-Run-Id"]
    assert message["content"] == text_of(events) == "你好，Alice"
    assert (message["role"], message["status"], message["model"]) == ("assistant", "done", "scripted")
    assert message["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    listed = alice.get(f"/api/chat/sessions/{message['session_id']}/messages").json
    assert [(row["role"], row["content"]) for row in listed] == [
        ("user", "你好"),
        ("assistant", "你好，Alice"),
    ]
    assert listed[1]["id"] == message["id"]
    assert alice.get("/api/chat/sessions").json[0]["title"] == "你好"


def test_the_first_bytes_come_at_once(alice: Person, play: Play) -> None:
    def thinks(_request: ChatRequest) -> Any:
        time.sleep(0.4)
        yield from say("done")

    play(thinks)
    started = time.perf_counter()
    chunks = alice.post("/api/chat/stream", content="hi").iter_encoded()
    assert next(chunks).startswith(b":")
    assert time.perf_counter() - started < 0.3
    list(chunks)


def test_tools_run_and_the_model_gets_their_results(alice: Person, play: Play) -> None:
    model = play(call(("try_echo", {"text": "a"}), text="Let me look."), say("Found it."))
    events = alice.say("look")
    types = [event["type"] for event in events]
    assert types == ["chunk", "tool_call", "tool_result", "chunk", "complete"]
    asked, answered = of_type(events, "tool_call")[0], of_type(events, "tool_result")[0]
    assert asked == {
        "tool_call_id": "call_try_echo_0",
        "tool_name": "try_echo",
        "arguments": {"text": "a"},
        "requires_confirmation": False,
    }
    assert answered["tool_call_id"] == "call_try_echo_0"
    assert (answered["status"], answered["result"]) == ("ok", {"echo": "a"})
    assert isinstance(answered["duration_ms"], int)
    message = events[-1]["data"]["message"]
    assert message["content"] == text_of(events) == "Let me look.\n\nFound it."
    assert [item["tool_name"] for item in message["tool_calls"]] == ["try_echo"]
    sent = model.requests[1].messages
    assert [item["role"] for item in sent] == ["system", "user", "assistant", "tool"]
    assert sent[2]["tool_calls"][0]["function"]["name"] == "try_echo"
    assert json.loads(unfenced(sent[3])) == {"echo": "a"}


def test_parallel_calls_run_side_by_side(alice: Person, play: Play) -> None:
    # Each waits inside of the tool until all four are there: one after the other they would wait in vain.
    play(call(*[("try_meet", {"people": 4})] * 4), say("ok"))
    events = alice.say("go")
    ids = {item["tool_call_id"] for item in of_type(events, "tool_call")}
    assert len(ids) == 4
    assert {item["tool_call_id"] for item in of_type(events, "tool_result")} == ids
    assert {item["status"] for item in of_type(events, "tool_result")} == {"ok"}


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("no_such_tool", "{}", "NOT_FOUND"),
        ("try_staff", "{}", "NOT_FOUND"),
        ("try_echo", "{broken", "INVALID_PARAM"),
        ("try_echo", '["a"]', "INVALID_PARAM"),
        ("try_echo", '{"text": 5}', "INVALID_PARAM"),
        ("try_echo", '{"text": NaN}', "INVALID_PARAM"),
        ("try_echo", '{"text": "\\ud800"}', "INVALID_PARAM"),
        ("try_echo", '{"text": "' + "x" * 30_000 + '"}', "INVALID_PARAM"),
        ("try_echo", "[" * 5_000, "INVALID_PARAM"),
        ("try_crash", "", "INTERNAL"),
        ("try_buy", "{broken", "INVALID_PARAM"),
    ],
)
def test_a_wrong_call_is_an_error_the_model_can_mend(
    alice: Person, play: Play, name: str, arguments: str, code: str
) -> None:
    model = play([ToolCall("x", name, arguments), Finish("tool_calls")], say("Sorry."))
    events = alice.say("go")
    result = of_type(events, "tool_result")[0]
    assert (result["status"], result["result"]["error"]["code"]) == ("error", code)
    assert json.loads(unfenced(model.requests[1].messages[-1]))["error"]["code"] == code
    assert events[-1]["type"] == "complete"


def test_the_same_call_id_twice_still_means_two_calls(alice: Person, play: Play) -> None:
    twice = [ToolCall("", "try_echo", '{"text": "a"}'), ToolCall("1", "try_echo", '{"text": "b"}')] * 2
    play([*twice, Finish("tool_calls")], say("ok"))
    results = of_type(alice.say("go"), "tool_result")
    assert len({item["tool_call_id"] for item in results}) == 4
    assert sorted(item["result"]["echo"] for item in results) == ["a", "a", "b", "b"]


def test_an_endless_model_is_stopped_honestly(alice: Person, play: Play) -> None:
    model = play(*[call(("try_echo", {"text": str(n)})) for n in range(20)])
    events = alice.say("go")
    assert len(model.requests) == 8
    assert len(of_type(events, "tool_result")) == 8
    assert events[-1]["type"] == "complete"
    assert "steps" in text_of(events)


def test_a_model_that_fails_ends_in_error_and_keeps_the_text(app: Flask, alice: Person, play: Play) -> None:
    def breaks(_request: ChatRequest) -> Any:
        yield TextDelta("Half an ans")
        raise ModelError("RATE_LIMITED", retryable=True)

    play(breaks, say("Again."))
    response = alice.post("/api/chat/stream", content="hi")
    events = events_in(response)
    assert events[-1]["type"] == "error"
    assert events[-1]["data"]["code"] == "RATE_LIMITED" and events[-1]["data"]["retryable"] is True
    session_id = response.headers["X-Session-Id"]
    kept = rows_of(app, session_id)[-1]
    assert (kept.role, kept.content, kept.status) == ("assistant", "Half an ans", "error")
    assert alice.say("again", session_id=session_id)[-1]["type"] == "complete"


def test_a_bug_in_a_model_ends_in_error_without_details(alice: Person, play: Play) -> None:
    def bug(_request: ChatRequest) -> Any:
        raise ZeroDivisionError("secret")
        yield

    play(bug)
    events = alice.say("hi")
    assert events[-1]["data"]["code"] == "INTERNAL"
    assert "secret" not in str(events)


def test_a_silent_model_is_an_error(alice: Person, play: Play) -> None:
    play([Finish("stop")])
    assert alice.say("hi")[-1]["data"]["code"] == "UPSTREAM"


def test_a_long_result_is_cut_for_the_model_and_kept_whole(app: Flask, alice: Person, play: Play) -> None:
    model = play(call(("try_long", {"n": 400})), say("Many."), say("Yes."))
    events = alice.say("all")
    result = of_type(events, "tool_result")[0]
    assert result["summarised"] is True
    assert of_type(events, "tool_stream_chunk")[0]["tool_call_id"] == result["tool_call_id"]
    rows = rows_of(app, session_of(events))
    stored = next(row for row in rows if row.role == "tool")
    assert len(json.loads(stored.content)["products"]) == 400
    alice.say("really?", session_id=session_of(events))
    for request in model.requests[1:]:
        tool = next(item for item in request.messages if item["role"] == "tool")
        assert len(unfenced(tool)) <= 8_000


def test_json_chat_returns_reply_actions_and_cart(alice: Person, play: Play) -> None:
    play(call(("try_echo", {"text": "a"})), say("Done."))
    body = alice.post("/api/chat", text="go").json
    assert body["reply"] == "Done."
    assert body["actions"] == [
        {"tool_name": "try_echo", "arguments": {"text": "a"}, "result": {"echo": "a"}, "status": "ok"}
    ]
    assert body["cart"] == []
    assert alice.post("/api/chat", text="more", session_id=body["session_id"]).status_code == 200


def test_json_chat_reports_a_failed_model(alice: Person, play: Play) -> None:
    def breaks(_request: ChatRequest) -> Any:
        raise ModelError("UPSTREAM")
        yield

    play(breaks)
    answer = alice.post("/api/chat", text="go")
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "UPSTREAM")


def test_a_repeated_message_is_harmless(app: Flask, alice: Person, play: Play) -> None:
    play(say("once"), say("twice"))
    first = alice.say("hi", client_message_id="m1")
    again = alice.say("hi", client_message_id="m1")
    assert again == first
    session_id = session_of(first)
    assert alice.say("hi", client_message_id="m1", session_id=session_id) == first
    assert len(rows_of(app, session_id)) == 2
    assert text_of(alice.say("hi", client_message_id="m2", session_id=session_id)) == "twice"


def test_every_call_is_logged(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_echo", {"text": "a"}), ("no_such_tool", {})), say("ok"))
    alice.say("go")
    with app.app_context():
        rows = db.session.scalars(select(ToolCallLog)).all()
        assert {(row.tool_name, row.success) for row in rows} == {("try_echo", True), ("no_such_tool", False)}
        run = db.session.scalars(select(Run)).one()
        assert (run.status, run.active_in, run.prompt_tokens) == ("done", None, 20)


@pytest.mark.parametrize(
    "body",
    [{}, {"content": ""}, {"content": "  "}, {"content": "x" * 4001}, {"content": 5}],
)
def test_wrong_messages_are_refused(alice: Person, body: dict[str, Any]) -> None:
    assert alice.post("/api/chat/stream", **body).status_code == 422


def test_other_peoples_conversations_do_not_exist(alice: Person, bob: Person, play: Play) -> None:
    play(say("hello"), say("?"))
    response = alice.post("/api/chat/stream", content="hi")
    session_id, run_id = session_of(events_in(response)), response.headers["X-Run-Id"]
    assert bob.get(f"/api/chat/sessions/{session_id}/messages").status_code == 404
    assert bob.get(f"/api/chat/runs/{run_id}/events").status_code == 404
    assert bob.post("/api/chat/stream", content="hi", session_id=session_id).status_code == 404
    assert bob.post("/api/chat/abort", session_id=session_id).status_code == 404
    assert bob.post("/api/chat/abort", run_id=run_id).status_code == 404
    assert bob.get("/api/chat/sessions").json == []
    assert bob.get("/api/chat/runs/none/events").status_code == 404


def test_a_program_without_login_or_session_is_refused(app: Flask) -> None:
    client = app.test_client()
    for path in ("/api/chat/stream", "/api/chat", "/api/chat/abort", "/api/chat/confirm"):
        answer = client.post(path, json={"content": "hi", "text": "hi"})
        assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHORIZED")
    assert client.get("/api/chat/sessions").status_code == 401


def test_a_model_elsewhere_needs_permission(alice: Person, play: Play) -> None:
    play(say("hi"))
    for wanted in ({"base_url": "http://evil.example/v1"}, {"api_key": "sk"}):
        answer = alice.post("/api/chat/stream", content="hi", model_config=wanted)
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "FORBIDDEN")
    model = play(say("hi"))
    alice.say("hi", model_config={"temperature": 0.5, "max_tokens": 100})
    assert (model.requests[0].temperature, model.requests[0].max_tokens) == (0.5, 100)


@pytest.mark.parametrize(
    "words",
    ["😀👩‍👩‍👧", "<script>alert(1)</script>", "'; DROP TABLE users; --", "a\u2028b\u0007c", "x" * 4000],
)
def test_any_words_are_kept_as_they_are(alice: Person, play: Play, words: str) -> None:
    play([TextDelta(words), TextDelta("\ud83d"), Finish("stop")])
    session_id = session_of(alice.say(words))
    listed = alice.get(f"/api/chat/sessions/{session_id}/messages").json
    assert [row["content"] for row in listed] == [words, words + "?"]


def test_half_an_emoji_is_refused(alice: Person) -> None:
    answer = alice.client.post(
        "/api/chat/stream",
        data='{"content": "\\ud83d"}',
        headers=alice.headers,
        content_type="application/json",
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID_PARAM")
