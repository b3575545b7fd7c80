"""A Dify application, against a server that speaks its documented wire format."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.llm.addresses import place_of
from app.llm.client import Alive, ChatRequest, Finish, ModelError, ModelEvent, TextDelta, Usage
from app.llm.dify import Dify, query_of
from app.llm.http import open_client
from app.tools.cancellation import Cancellation
from tests.gateway import upstreams as up

TASK = "900bbd43-dc0b-4383-a372-aa6e6c414227"
IDS = {"task_id": TASK, "message_id": "663c5084", "conversation_id": "45701982", "created_at": 1705398420}
USAGE = {
    "prompt_tokens": 1033,
    "prompt_unit_price": "0.001",
    "completion_tokens": 135,
    "total_tokens": 1168,
    "total_price": "0.0013030",
    "currency": "USD",
    "latency": 1.38,
}


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {"event": kind, **IDS, **more}


def end() -> dict[str, Any]:
    return event("message_end", metadata={"usage": USAGE, "retriever_resources": []})


def plays(*events: dict[str, Any]) -> up.Behaviour:
    def behave(wire: up.Wire) -> None:
        if wire.path.endswith("/stop"):
            wire.reject(200, {"result": "success"})
            return
        wire.begin()
        for each in events:
            wire.event(each)
        wire.end_body()

    return behave


def client(url: str) -> Dify:
    return Dify(
        base_url=url,
        api_key="app-secret",
        name="dify:guide",
        connect_timeout=1.0,
        read_timeout=5.0,
        http=open_client(frozenset({place_of(url)})),
    )


def request(*messages: tuple[str, str], **more: Any) -> ChatRequest:
    told = [{"role": role, "content": content} for role, content in messages or (("user", "hi"),)]
    return ChatRequest(messages=told, tools=[{"type": "function"}], locale="en", user="u1", **more)


def heard(behave: up.Behaviour, asked: ChatRequest | None = None) -> list[ModelEvent]:
    with up.upstream(behave) as server:
        return list(client(server.url).stream(asked or request()))


def test_an_answer_streams_with_its_usage() -> None:
    behave = plays(
        event("message", answer=" I"), {"event": "ping"}, event("message", answer="'m fine"), end()
    )
    with up.upstream(behave) as server:
        events = list(client(server.url).stream(request()))
        assert events == [TextDelta(" I"), TextDelta("'m fine"), Usage(1033, 135), Finish("stop")]
        assert server.paths == ["/v1/chat-messages"]
        assert server.headers[0]["Authorization"] == "Bearer app-secret"
        assert server.bodies[0] == {
            "inputs": {},
            "query": "hi",
            "response_mode": "streaming",
            "conversation_id": "",
            "user": "u1",
            "auto_generate_name": False,
        }


def test_an_agent_applications_thoughts_are_work_and_no_words() -> None:
    thought = event(
        "agent_thought",
        id="t1",
        position=1,
        thought="look it up",
        observation="",
        tool="search",
        tool_input="{}",
    )
    flow = event("node_started", workflow_run_id="w", data={"id": "n", "title": "LLM"})
    events = heard(plays(flow, thought, event("agent_message", answer="Here."), end()))
    assert events == [Alive(), Alive(), TextDelta("Here."), Usage(1033, 135), Finish("stop")]


def test_a_withdrawn_answer_is_followed_by_what_replaces_it() -> None:
    replaced = event("message_replace", answer="I cannot talk about that.")
    assert heard(plays(replaced, end()))[0] == TextDelta("I cannot talk about that.")
    after_words = heard(plays(event("message", answer="Well"), replaced, end()))
    assert after_words[1] == TextDelta("\n\nI cannot talk about that.")


@pytest.mark.parametrize(
    ("behave", "code", "retryable", "status"),
    [
        (plays(event("error", status=400, code="invalid_param", message="x")), "UPSTREAM", False, 400),
        (plays(event("error", status=500, code="internal_server_error", message="x")), "UPSTREAM", True, 500),
        (
            plays(event("error", status=400, code="completion_request_error", message="x")),
            "UPSTREAM",
            True,
            None,
        ),
        (plays(event("error", status=429, code="too_many_requests", message="x")), "RATE_LIMITED", True, 429),
        (plays(event("message", answer="Half")), "UPSTREAM", True, None),
        (plays(), "UPSTREAM", True, None),
        (up.garbage, "UPSTREAM", True, None),
        (up.html, "UPSTREAM", True, None),
        (up.deep_json, "UPSTREAM", True, None),
        (up.reset_at_once, "UPSTREAM", True, None),
        (lambda wire: wire.reject(401, {"code": "unauthorized", "message": "x"}), "UPSTREAM", False, 401),
        (lambda wire: wire.reject(400, {"code": "app_unavailable", "message": "x"}), "UPSTREAM", False, 400),
        (
            lambda wire: wire.reject(400, {"code": "provider_quota_exceeded", "message": "x"}),
            "UPSTREAM",
            True,
            None,
        ),
        (lambda wire: wire.reject(404, {"code": "not_found", "message": "x"}), "UPSTREAM", False, 404),
        (lambda wire: wire.reject(502, "bad gateway"), "UPSTREAM", True, 502),
        (lambda wire: wire.reject(429, {"message": "x"}, Retry_After="9"), "RATE_LIMITED", True, 429),
    ],
)
def test_failures_become_our_codes(
    behave: up.Behaviour, code: str, retryable: bool, status: int | None
) -> None:
    with pytest.raises(ModelError) as caught:
        heard(behave)
    error = caught.value
    assert (error.code, error.retryable, error.status) == (code, retryable, status)
    assert "app-secret" not in str(error)


def test_a_cancel_closes_the_stream_and_stops_the_application() -> None:
    def behave(wire: up.Wire) -> None:
        if wire.path.endswith("/stop"):
            wire.reject(200, {"result": "success"})
            return
        wire.begin()
        wire.event(event("message", answer="Half"))
        wire.hang()

    cancellation, first = Cancellation(), threading.Event()
    asked = request(cancelled=cancellation.is_cancelled, on_cancel=cancellation.calling)
    with up.upstream(behave) as server:

        def listen() -> None:
            for _ in client(server.url).stream(asked):
                first.set()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        assert first.wait(3)
        started = time.monotonic()
        cancellation.cancel()
        thread.join(2)
        assert not thread.is_alive()
        _wait(lambda: len(server.closed_at) == 1)
        assert server.closed_at[0] - started < 0.5
        assert server.paths[-1] == f"/v1/chat-messages/{TASK}/stop"
        assert server.bodies[-1] == {"user": "u1"}


def test_the_talk_goes_along_as_text() -> None:
    messages = [
        {"role": "system", "content": "secret rules"},
        {"role": "user", "content": "sunscreen?"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "c", "content": '{"products": []}'},
        {"role": "assistant", "content": "None today."},
        {"role": "user", "content": "and hand cream?"},
    ]
    text = query_of(messages, "en")
    assert text == (
        'The conversation so far:\nCustomer: sunscreen?\nData: {"products": []}\nAssistant: None today.\n\n'
        "The customer now says:\nand hand cream?"
    )
    # In the middle of a run the data that came last belongs to the question.
    assert query_of(messages[:4], "zh").endswith('资料: {"products": []}\n\n顾客现在说：\nsunscreen?')


def test_a_long_talk_is_bounded_and_the_question_is_whole() -> None:
    messages = [{"role": "user", "content": f"{n} " + "x" * 500} for n in range(100)]
    text = query_of(messages, "en")
    assert len(text) < 9_000 and text.endswith(messages[-1]["content"]) and "98 x" in text


def test_the_connection_is_used_again() -> None:
    with up.upstream(plays(event("message", answer="Hi"), end())) as server:
        model = client(server.url)
        for _ in range(3):
            list(model.stream(request()))
        assert len(set(server.peers)) == 1


def _wait(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_true()
