"""Stop reaches whatever a tool does, and whatever ends a run: every call has one result, and the talk can go on."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from app.accounts.tokens import issue_token
from app.agent import memory, recovery
from app.agent.stream import LogLost, RunLog, alive_key, read_all
from app.catalogue.models import Product
from app.conversations.models import Message, Run
from app.db import db, transaction
from app.llm.client import ChatRequest, Finish, ModelEvent, TextDelta, ToolCall
from app.llm.fencing import Fence
from app.llm.gateway import use_model
from app.tools.cancellation import Cancellation
from app.tools.executor import execute
from app.tools.registry import registry
from tests.agent import talking_tools
from tests.agent.conftest import Person, events_in, iter_events, of_type, wait_until
from tests.agent.scripted import ScriptedModel, call, say
from tests.agent.strict import problems
from tests.builders import actor_of, make_product, make_user

# Half a second is promised; the rest is for a machine that runs other things, and still far below what the tools take.
AT_ONCE = 1.0


@pytest.fixture(autouse=True)
def talking() -> Iterator[None]:
    registry.add_all(talking_tools.TOOLS)
    talking_tools.STARTED.clear()
    talking_tools.ENDED.clear()
    yield
    for spec in talking_tools.TOOLS:
        registry.discard(spec.name)


def person(app: Flask, name: str = "alice") -> Person:
    with app.app_context():
        user = make_user(name)
        token, _ = issue_token(user.id)
        actor = actor_of(user, locale="en")
    return Person(
        app, app.test_client(), actor, {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("talk_sleep", {"seconds": 4}),
        ("talk_hold", {"sku": "A", "seconds": 2}),
        ("talk_busy", {"sku": "A"}),
        ("talk_count", {"to": 100, "seconds": 0.05}),
        ("talk_bump", {"sku": "A", "seconds": 2}),
    ],
)
def test_a_stop_takes_half_a_second_whatever_the_tool_does(
    each_app: Flask, name: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = person(each_app)
    with each_app.app_context():
        # The customer's own words ask for nothing: let the built-in rules of consent pass the tools of this test.
        make_product("A", stock=5)
        use_model(ScriptedModel(call((name, arguments)), say("On we go.")))
    monkeypatch.setattr("app.agent.consent.Consent.allows", lambda *_: True)
    response = alice.post("/api/chat/stream", content="go")
    time.sleep(0.3)
    began = time.perf_counter()
    assert alice.post("/api/chat/abort", run_id=response.headers["X-Run-Id"]).json == {"aborted": True}
    events = events_in(response)
    assert time.perf_counter() - began < AT_ONCE
    (result,) = of_type(events, "tool_result")
    assert (result["status"], events[-1]["data"]["message"]["status"]) == ("cancelled", "aborted")
    # The next answer begins at once, and what was left behind changes nothing.
    session_id = response.headers["X-Session-Id"]
    began = time.perf_counter()
    assert alice.say("go on", session_id=session_id)[-1]["data"]["message"]["content"] == "On we go."
    assert time.perf_counter() - began < 2 * AT_ONCE
    if name in ("talk_hold", "talk_busy"):
        wait_until_ended(each_app)
    with each_app.app_context():
        assert db.session.get_one(Product, "A").stock == 5
        assert db.session.query(Message).filter_by(role="tool", status="cancelled").count() == 1
        # The connection that was broken off is used by nobody.
        for _ in range(12):
            assert db.session.query(Product).count() == 1
            db.session.remove()


def wait_until_ended(app: Flask) -> None:
    with app.app_context():
        wait_until(lambda: talking_tools.ENDED, 4)
    time.sleep(0.1)


def test_a_write_that_is_left_behind_frees_the_rows_for_others(each_app: Flask) -> None:
    """Its locks go when it is given up, not when it wakes."""
    alice = person(each_app)
    with each_app.app_context():
        make_product("A", stock=5)
        cancellation = Cancellation()
        threading.Timer(0.2, cancellation.cancel).start()
        began = time.perf_counter()
        result = execute(
            alice.actor, "talk_hold", {"sku": "A", "seconds": 2.5}, caller="test", cancellation=cancellation
        )
        assert result.status == "cancelled"
        with transaction() as session:
            session.query(Product).update({"stock": 7})
        assert time.perf_counter() - began < 0.2 + AT_ONCE
        wait_until_ended(each_app)
        db.session.rollback()
        assert db.session.get_one(Product, "A").stock == 7


# ---- ending at any point


class Died(BaseException):
    """The process is gone: nothing that follows is run."""


CALLS = st.sampled_from(
    [
        ("try_echo", {"text": "a"}),
        ("try_echo", {"text": ""}),
        ("try_crash", {}),
        ("no such tool", {}),
        ("talk_count", {"to": 3, "seconds": 0.01}),
        ("talk_sleep", {"seconds": 0.05}),
        ("talk_long", {"to": 500}),
        ("talk_many", {"to": 500}),
        ("talk_bump", {"sku": "A"}),
        ("try_buy", {"sku": "A"}),
    ]
)
IDS = st.sampled_from(["", "call_0", "x", "y" * 70, "日"])
TURN = st.tuples(st.sampled_from(["", "Well."]), st.lists(st.tuples(IDS, CALLS), min_size=1, max_size=5))
END = st.sampled_from(["abort", "die before", "die after", "log lost", "redis away"])


class Program(ScriptedModel):
    """Plays the turns, then talks; notes every request, and what is wrong with its messages."""

    def __init__(self, turns: list[Any]) -> None:
        super().__init__(*[self._turn(text, calls) for text, calls in turns], say("All done."))
        self.wrong: list[str] = []

    @staticmethod
    def _turn(text: str, calls: list[Any]) -> list[ModelEvent]:
        made = [ToolCall(id_, name, json.dumps(given)) for id_, (name, given) in calls]
        return [*([TextDelta(text)] if text else []), *made, Finish("tool_calls")]

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        self.wrong += problems(list(request.messages))
        yield from super().stream(request)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def spoil(at: int, how: str, original: Callable[..., None]) -> Callable[..., None]:
    """An `append` that ends the run at its n-th event in the given way."""
    count = Counter[str]()

    def append(self: RunLog, type_: str, data: dict[str, Any]) -> None:
        count["n"] += 1
        if count["n"] >= at and how.startswith("die"):
            if how == "die after" and count["n"] == at:
                original(self, type_, data)
            raise Died()
        if count["n"] == at:
            if how == "log lost":
                raise LogLost(self._run_id)
            if how == "redis away":
                raise RedisError("away")
        original(self, type_, data)

    return append


def test_however_a_run_ends_every_call_has_one_result_and_the_talk_goes_on(
    stage: str, make_app: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(request.getfixturevalue("mariadb_url") if stage == "mariadb" else "")
    alice = person(app)
    monkeypatch.setattr("app.agent.consent.Consent.allows", lambda *_: True)
    monkeypatch.setattr(recovery, "GRACE", recovery.timedelta(0))
    monkeypatch.setattr("threading.excepthook", lambda _args: None)
    original = RunLog.append
    with app.app_context():
        make_product("A", stock=10_000)

    @settings(
        max_examples=16 if stage == "sqlite" else 8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(st.lists(TURN, min_size=1, max_size=3), st.integers(1, 14), END, st.integers(0, 10_000))
    def play(turns: list[Any], at: int, how: str, seed: int) -> None:
        model = Program(turns)
        with app.app_context():
            use_model(model)
        append = spoil(at, how, original)
        monkeypatch.setattr(RunLog, "append", append)
        response = alice.post("/api/chat/stream", content="go")
        run_id, session_id = response.headers["X-Run-Id"], response.headers["X-Session-Id"]
        if how == "abort":
            time.sleep(random.Random(seed).uniform(0, 0.15))
            alice.post("/api/chat/abort", run_id=run_id)
        if how.startswith("die"):
            finish_dead(app, run_id)
        response.close()
        with app.app_context():
            wait_until(lambda: db.session.get_one(Run, run_id).active_in is None)
        monkeypatch.setattr(RunLog, "append", original)
        check(app, run_id, session_id)
        again = alice.say("and now?", session_id=session_id)
        assert again[-1]["type"] == "complete", again[-1]
        assert model.wrong == []

    play()


def finish_dead(app: Flask, run_id: str) -> None:
    """Wait until the thread has come to its death (or to its end), then find it dead as another process does."""
    controls = app.extensions["mcpshop_runs"]
    with app.app_context():
        wait_until(lambda: run_id not in controls._runs)
        app.extensions["mcpshop_redis"].delete(alive_key(run_id))
        recovery.close_if_dead(run_id)


def check(app: Flask, run_id: str, session_id: str) -> None:
    with app.app_context():
        rows = db.session.query(Message).filter_by(run_id=run_id).order_by(Message.id).all()
        called = [item["id"] for row in rows for item in row.tool_calls]
        answered = [row.tool_call_id for row in rows if row.role == "tool"]
        assert sorted(called) == sorted(answered) and len(set(called)) == len(called)
        told = read_all(app.extensions["mcpshop_redis"], run_id)
        results = Counter(event.data["tool_call_id"] for event in told if event.type == "tool_result")
        started = {event.data["tool_call_id"] for event in told if event.type == "tool_call"}
        assert set(results.values()) <= {1}
        if told and told[-1].is_last:
            assert started <= set(results), "each call that was shown has its result before the end"
        plain = memory.recall(session_id)
        asked = ChatRequest(messages=[{"role": "system", "content": "x"}, *plain], tools=(), locale="en")
        assert problems(list(Fence().guard(asked).messages)) == []
        db.session.remove()


def test_the_events_end_although_the_reader_came_first(app: Flask) -> None:
    """A stop while a talking tool is in full flow: no piece follows its result."""
    alice = person(app)
    with app.app_context():
        use_model(ScriptedModel(call(("talk_count", {"to": 1_000, "seconds": 0.001})), say("never")))
    response = alice.post("/api/chat/stream", content="go")
    stream = iter_events(response)
    seen = [next(stream) for _ in range(4)]
    alice.post("/api/chat/abort", run_id=response.headers["X-Run-Id"])
    kinds = [event["type"] for event in [*seen, *stream] if event]
    assert kinds[-2:] == ["tool_result", "complete"] and kinds.count("tool_result") == 1
