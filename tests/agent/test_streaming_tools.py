"""Tools that talk while they work, long results that are summarised while one watches, calls side by side."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.agent.desk import USABLE_ID
from app.catalogue.models import Product
from app.conversations.models import Message, Run
from app.core.actor import Actor
from app.db import db
from app.llm.client import ChatRequest, Finish, ModelError, ModelEvent, TextDelta, ToolCall, Usage
from app.llm.gateway import use_model
from app.tools import streaming
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult, execute
from app.tools.registry import registry
from app.tools.spec import Arguments, tool
from tests.agent import talking_tools
from tests.agent.conftest import Person, events_in, of_type, session_of
from tests.agent.scripted import ScriptedModel, call, say
from tests.browsing import PARTIAL, post_form, sign_in
from tests.builders import make_product, make_user

Play = Callable[..., ScriptedModel]
GUEST = Actor(guest_id="g1", locale="en")


@pytest.fixture(autouse=True)
def talking() -> Iterator[None]:
    registry.add_all(talking_tools.TOOLS)
    talking_tools.STARTED.clear()
    talking_tools.ENDED.clear()
    yield
    for spec in talking_tools.TOOLS:
        registry.discard(spec.name)


def run(name: str, arguments: Any, **more: Any) -> tuple[ToolResult, list[tuple[float, str]]]:
    """The result, and each piece with the second at which it came."""
    began = time.monotonic()
    pieces: list[tuple[float, str]] = []
    result = execute(
        GUEST, name, arguments, caller="test",
        on_text=lambda text: pieces.append((time.monotonic() - began, text)), **more,
    )  # fmt: skip
    return result, pieces


def said_of(pieces: list[tuple[float, str]]) -> str:
    return "".join(text for _, text in pieces)


# ---- the executor


@pytest.mark.usefixtures("ctx")
def test_what_a_tool_says_comes_while_it_works() -> None:
    result, pieces = run("talk_count", {"to": 5, "seconds": 0.1})
    assert (result.status, result.result) == ("ok", {"counted": 5})
    assert said_of(pieces) == "".join(f"step {n}\n" for n in range(1, 6))
    assert len(pieces) >= 3 and pieces[0][0] < 0.3, "it lasts half a second"


@pytest.mark.usefixtures("ctx")
def test_a_quick_talker_is_merged_and_a_long_one_cut() -> None:
    result, pieces = run("talk_count", {"to": 300, "seconds": 0.002})
    assert result.status == "ok"
    assert said_of(pieces) == "".join(f"step {n}\n" for n in range(1, 301))
    seconds = pieces[-1][0]
    assert len(pieces) <= seconds * 20 + 3

    _, pieces = run("talk_count", {"to": 5_000, "word": "word" * 5})
    said = said_of(pieces)
    assert len(said) == streaming.MAX_CHARS + 1 and said.endswith("…")
    assert max(len(text) for _, text in pieces) <= streaming.MAX_PIECE


@pytest.mark.usefixtures("ctx")
def test_a_reader_that_fails_does_not_harm_the_tool() -> None:
    def fails(_text: str) -> None:
        raise OSError("gone")

    result = execute(GUEST, "talk_count", {"to": 3}, caller="test", on_text=fails)
    assert result.result == {"counted": 3}
    assert execute(GUEST, "talk_count", {"to": 3}, caller="test").status == "ok", "nobody listens"


@pytest.mark.usefixtures("ctx")
def test_a_talking_tool_is_stopped_at_its_next_word_and_cleans_up() -> None:
    cancellation = Cancellation()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (time.sleep(0.25), cancellation.cancel()))
        result, pieces = run("talk_count", {"to": 50, "seconds": 0.05}, cancellation=cancellation)
    assert (result.status, result.duration_ms < 450) == ("cancelled", True)
    assert said_of(pieces).startswith("step 1\n")
    heard = len(pieces)
    time.sleep(0.2)
    assert talking_tools.ENDED == ["count"] and len(pieces) == heard


def test_a_talking_tool_that_writes_commits_once_or_not_at_all(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=5)
        result, pieces = run("talk_bump", {"sku": "A"})
        assert (result.status, said_of(pieces)) == ("ok", "changing changed")
        cancellation = Cancellation()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: (time.sleep(0.1), cancellation.cancel()))
            result, pieces = run("talk_bump", {"sku": "A", "seconds": 0.4}, cancellation=cancellation)
        assert (result.status, said_of(pieces)) == ("cancelled", "changing")
        time.sleep(0.5)
        db.session.rollback()
        assert db.session.get_one(Product, "A").stock == 6


def test_a_transaction_that_is_run_again_says_nothing_twice() -> None:
    heard: list[str] = []
    pieces = streaming.Pieces(heard.append, threading.Event())

    def talk() -> Any:
        yield "one "
        yield "two "
        return {}

    pieces.drain(iter_of("one ", "tw"), lambda: None)
    pieces.drain(talk(), lambda: None)
    pieces.hand_on()
    assert "".join(heard) == "one two "


def iter_of(*said: str) -> Any:
    yield from said
    return {}


def test_a_tool_that_yields_must_say_so() -> None:
    def yields(_actor: Actor, _arguments: Arguments) -> Any:
        yield "a"
        return {}

    with pytest.raises(TypeError, match="streaming=True"):
        tool(category="test", zh="", en="")(yields)


@pytest.mark.usefixtures("ctx")
def test_what_is_no_text_is_a_bug_of_the_tool() -> None:
    @tool(category="test", zh="", en="", streaming=True)
    def talk_numbers(_actor: Actor, _arguments: Arguments) -> Any:
        yield 5
        return {}

    registry.add_all([talk_numbers])
    try:
        result, pieces = run("talk_numbers", {})
    finally:
        registry.discard("talk_numbers")
    assert (result.result["error"]["code"], pieces) == ("INTERNAL", [])


# ---- the run


def test_the_pieces_are_events_between_the_call_and_its_result(alice: Person, play: Play) -> None:
    model = play(call(("talk_count", {"to": 3, "seconds": 0.07})), say("Done."))
    events = alice.say("count")
    kinds = [event["type"] for event in events]
    chunks = kinds.count("tool_stream_chunk")
    assert chunks and kinds == [
        "tool_call",
        *["tool_stream_chunk"] * chunks,
        "tool_result",
        "chunk",
        "complete",
    ]
    assert (
        "".join(item["content"] for item in of_type(events, "tool_stream_chunk"))
        == "step 1\nstep 2\nstep 3\n"
    )
    assert "step" not in model.requests[1].messages[-1]["content"], "the model gets the result"
    with alice.app.app_context():
        row = db.session.query(Message).filter_by(role="tool").one()
        assert (row.streamed, json.loads(row.content)) == ("step 1\nstep 2\nstep 3\n", {"counted": 3})


def test_programs_are_told_which_tools_stream(alice: Person) -> None:
    listed = {item["name"]: item["supports_streaming"] for item in alice.get("/api/tools").json}
    assert listed["talk_count"] is True and listed["list_products"] is False


def test_four_calls_take_as_long_as_one(alice: Person, play: Play) -> None:
    took = []
    # The quickest counts: the machine may do other things meanwhile.
    for _ in range(3):
        play(call(*[("talk_sleep", {"seconds": 0.3})] * 4), say("ok"))
        began = time.perf_counter()
        assert len(of_type(alice.say("go"), "tool_result")) == 4
        took.append(time.perf_counter() - began)
    assert min(took) < 0.7, took


class Writer(ScriptedModel):
    """Plays its script, and summarises what it is given without tools."""

    def __init__(self, *turns: Any, summary: Callable[[ChatRequest], Iterator[ModelEvent]]) -> None:
        super().__init__(*turns)
        self._summary = summary
        self.asked: list[ChatRequest] = []

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        if request.tools:
            yield from super().stream(request)
            return
        self.asked.append(request)
        yield from self._summary(request)


@pytest.fixture
def write(app: Flask) -> Callable[..., Writer]:
    def start(*turns: Any, summary: Callable[[ChatRequest], Iterator[ModelEvent]]) -> Writer:
        model = Writer(*turns, summary=summary)
        with app.app_context():
            use_model(model)
        return model

    return start


LONG = ("talk_long", {"to": 1_000, "word": "long report"})


def in_two(_request: ChatRequest) -> Iterator[ModelEvent]:
    yield TextDelta("A report of ")
    time.sleep(0.15)
    yield TextDelta("1,000 sentences.")
    yield Usage(300, 30)
    yield Finish("stop")


def test_a_long_text_is_summarised_by_the_model_while_one_watches(alice: Person, write: Any) -> None:
    model = write(call(LONG), say("I see."), say("Yes."), summary=in_two)
    events = alice.say("read it")
    chunks, (result,) = of_type(events, "tool_stream_chunk"), of_type(events, "tool_result")
    assert [item["content"] for item in chunks] == ["A report of ", "1,000 sentences."]
    assert result["summarised"] is True and result["result"]["summary"] == "A report of 1,000 sentences."
    assert result["result"]["title"] == "Report"
    assert "Sentence 3 of the long report" in model.asked[0].messages[1]["content"]
    assert "<<DATA" in model.asked[0].messages[1]["content"] and not model.asked[0].tools
    message = events[-1]["data"]["message"]
    assert message["usage"]["prompt_tokens"] == 320 and message["usage"]["completion_tokens"] == 40

    session_id = session_of(events)
    stored = next(
        row for row in alice.get(f"/api/chat/sessions/{session_id}/messages").json if row["role"] == "tool"
    )
    assert len(json.loads(stored["content"])["text"]) > 30_000, "the API has all of it"
    alice.say("really?", session_id=session_id)
    later = next(item for item in model.requests[-1].messages if item["role"] == "tool")
    assert "A report of 1,000 sentences." in later["content"] and len(later["content"]) < 8_200
    with alice.app.app_context():
        assert db.session.query(Run).filter(Run.prompt_tokens == 320).count() == 1


@pytest.mark.parametrize("how", ["fails", "says nothing", "breaks off"])
def test_without_a_model_that_helps_a_long_text_is_its_beginning_and_its_end(
    alice: Person, write: Any, how: str
) -> None:
    def summary(_request: ChatRequest) -> Iterator[ModelEvent]:
        if how == "breaks off":
            yield TextDelta("A rep")
        if how != "says nothing":
            raise ModelError("UPSTREAM", status=400)
        yield Finish("stop")

    write(call(LONG), say("I see."), summary=summary)
    events = alice.say("read it")
    (result,) = of_type(events, "tool_result")
    said = "".join(item["content"] for item in of_type(events, "tool_stream_chunk"))
    assert "Sentence 0 of" in said and said.endswith("Sentence 999 of the long report.")
    assert result["summarised"] is True and len(json.dumps(result["result"])) < 8_500
    assert events[-1]["type"] == "complete"


def test_a_stop_during_a_summary_keeps_the_result(alice: Person, write: Any) -> None:
    def summary(request: ChatRequest) -> Iterator[ModelEvent]:
        yield TextDelta("A rep")
        while not request.cancelled():
            time.sleep(0.01)

    write(call(LONG), say("never"), summary=summary)
    response = alice.post("/api/chat/stream", content="read it")
    time.sleep(0.4)
    began = time.perf_counter()
    alice.post("/api/chat/abort", run_id=response.headers["X-Run-Id"])
    events = events_in(response)
    assert time.perf_counter() - began < 0.5
    (result,) = of_type(events, "tool_result")
    assert (result["status"], events[-1]["data"]["message"]["status"]) == ("ok", "aborted")


def test_long_lists_lose_their_ends_and_no_model_is_asked(alice: Person, write: Any) -> None:
    model = write(call(("talk_many", {"to": 900})), say("Many."), summary=in_two)
    (result,) = of_type(alice.say("all"), "tool_result")
    assert result["summarised"] is True and result["result"]["cut"]["products"].endswith(" of 900")
    assert model.asked == []


def test_ids_that_a_provider_would_not_take_back_are_replaced(alice: Person, play: Play) -> None:
    wanted = ["ok_1", "x" * 41, "日", "a b", ""]
    play([*[ToolCall(id_, "try_echo", '{"text": "a"}') for id_ in wanted], Finish("tool_calls")], say("ok"))
    ids = [item["tool_call_id"] for item in of_type(alice.say("go"), "tool_call")]
    assert ids[0] == "ok_1" and all(USABLE_ID.fullmatch(id_) for id_ in ids) and len(set(ids)) == 5


# ---- the page


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    client = app.test_client()
    with app.app_context():
        user = make_user("bea")
    sign_in(client, user)
    client.set_cookie("locale", "en")
    return client


def test_the_card_shows_what_was_said_and_opens_the_whole_result(
    app: Flask, browser: FlaskClient, client: FlaskClient, alice: Person, write: Any
) -> None:
    write(call(LONG, ("talk_count", {"to": 2})), say("I see."), summary=in_two)
    answer = post_form(browser, "/chat/messages", content="read it")
    shown = browser.get(answer.location).text
    assert "A report of 1,000 sentences." in shown and "step 1\nstep 2\n" in shown
    assert shown.count("Open the whole result") == 1
    with app.app_context():
        run_id = db.session.query(Run.id).scalar()
    address = f"/chat/runs/{run_id}/tools/call_talk_long_0"
    assert f'href="{address}"' in shown
    whole = browser.get(address)
    assert (
        whole.status_code == 200 and "Sentence 500 of the long report." in whole.text and "<h1" in whole.text
    )
    part = browser.get(address, headers=PARTIAL).text
    assert part.startswith("<pre") and "Sentence 500 of the long report." in part and "<html" not in part
    assert browser.get(f"/chat/runs/{run_id}/tools/other").status_code == 404
    assert client.get(address).status_code in (302, 303, 401, 404), "a stranger"
    other = app.test_client()
    with app.app_context():
        sign_in(other, make_user("charlie"))
    assert other.get(address).status_code == 404

    live = browser.get(f"/chat/runs/{run_id}/events").text
    assert "A report of " in live and '-said" hx-swap="beforeend"' in live
