"""Replaying, following, dropping and returning: every reader gets every event once, from any process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from app.agent import recovery
from app.agent.reader import Reader
from app.agent.stream import LogLost, RunLog, alive_key, append_late, read_all, stream_key
from app.config import Settings
from app.conversations.models import Message, Run
from app.db import db
from app.llm.client import ChatRequest, Finish, TextDelta
from tests.agent.conftest import Person, events_in, iter_events, of_type, text_of, wait_until
from tests.agent.scripted import ScriptedModel, call, hang, say

Play = Callable[..., ScriptedModel]


def ticking(number: int, seconds: float = 0.01) -> Callable[[ChatRequest], Iterator[Any]]:
    def turn(_request: ChatRequest) -> Iterator[Any]:
        for n in range(number):
            yield TextDelta(f"{n} ")
            time.sleep(seconds)
        yield Finish("stop")

    return turn


def redis_of(app: Flask) -> Redis:
    return app.extensions["mcpshop_redis"]


def test_a_finished_run_is_replayed_from_any_point(alice: Person, play: Play) -> None:
    play(ticking(30))
    response = alice.post("/api/chat/stream", content="count")
    events = events_in(response)
    path = f"/api/chat/runs/{response.headers['X-Run-Id']}/events"
    assert events_in(alice.get(path)) == events
    middle = events[len(events) // 2]["id"]
    rest = events[len(events) // 2 + 1 :]
    assert events_in(alice.get(path, **{"Last-Event-ID": middle})) == rest
    assert events_in(alice.get(f"{path}?after={middle}")) == rest
    assert alice.get(f"{path}?after=x").status_code == 422
    assert alice.get(path, **{"Last-Event-ID": "x; DROP"}).status_code == 422


def test_a_reader_that_drops_and_returns_gets_every_event_once(alice: Person, play: Play) -> None:
    play(ticking(60))
    response = alice.post("/api/chat/stream", content="count")
    path = f"/api/chat/runs/{response.headers['X-Run-Id']}/events"
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["type"] != "complete":
        headers = {"Last-Event-ID": seen[-1]["id"]} if seen else {}
        stream = iter_events(alice.get(path, **headers))
        for _ in range(4):
            event = next(stream, None)
            if event is not None:
                seen.append(event)
        stream.close()  # type: ignore[attr-defined]
    assert text_of(seen) == "".join(f"{n} " for n in range(60))
    assert len({event["id"] for event in seen}) == len(seen)


def test_many_readers_in_other_processes_follow_live(
    app: Flask, make_app: Any, alice: Person, play: Play
) -> None:
    play(ticking(40))
    other = make_app(database_url=app.config["SQLALCHEMY_DATABASE_URI"])
    response = alice.post("/api/chat/stream", content="count")
    run_id = response.headers["X-Run-Id"]

    def follow(_number: int) -> str:
        with other.app_context():
            reader = Reader.of(run_id, "en")
        return "".join(event.data["content"] for event in reader.events() if event and event.type == "chunk")

    with ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(follow, range(12)))
    assert set(texts) == {"".join(f"{n} " for n in range(40))}
    events_in(response)


def test_a_quiet_stream_is_kept_open_by_pings(make_app: Any) -> None:
    app = make_app(sse_ping_seconds=0.1)
    with app.app_context():
        RunLog(
            redis_of(app), app.extensions["mcpshop_redis_line"], app.extensions["mcpshop_settings"], "r1"
        ).open()
        frames = Reader.of("r1", "en").frames()
    assert [next(frames) for _ in range(3)] == [": open\n\n", ": ping\n", ": ping\n"]
    frames.close()


def test_a_client_that_goes_away_does_not_stop_the_run(app: Flask, alice: Person, play: Play) -> None:
    play(ticking(20))
    response = alice.post("/api/chat/stream", content="count")
    next(response.iter_encoded())
    response.close()
    with app.app_context():
        wait_until(lambda: db.session.query(Run.status).scalar() == "done")
        assert db.session.query(Message.content).filter_by(role="assistant").scalar().endswith("19 ")


def test_a_conversation_has_one_active_run(alice: Person, play: Play) -> None:
    play(ticking(40), say("next"))
    response = alice.post("/api/chat/stream", content="one")
    session_id = response.headers["X-Session-Id"]
    refused = alice.post("/api/chat/stream", content="two", session_id=session_id)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "RUN_ACTIVE")
    events_in(response)
    assert text_of(alice.say("two", session_id=session_id)) == "next"


def test_twenty_at_once_start_one_run(app: Flask, alice: Person, play: Play) -> None:
    play(say("first"), ticking(30))
    session_id = alice.post("/api/chat", text="hi").json["session_id"]

    def post(_number: int) -> int:
        client = app.test_client()
        return client.post(
            "/api/chat/stream", json={"content": "go", "session_id": session_id}, headers=alice.headers
        ).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(post, range(20)))
    assert statuses == [200] + [409] * 19


def test_the_same_first_message_at_once_starts_one_run(app: Flask, alice: Person, play: Play) -> None:
    play(say("one"), say("two"))

    def post(_number: int) -> str:
        client = app.test_client()
        answer = client.post(
            "/api/chat/stream", json={"content": "go", "client_message_id": "m"}, headers=alice.headers
        )
        return answer.headers["X-Run-Id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(8)))) == 1


@pytest.mark.parametrize("by", ["session_id", "run_id"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_abort_reaches_a_hanging_model(
    app: Flask, make_app: Any, alice: Person, play: Play, by: str, elsewhere: bool
) -> None:
    play(hang("Half"), say("Again"))
    response = alice.post("/api/chat/stream", content="hi")
    stream = iter_events(response)
    assert next(stream) is None and next(stream)["type"] == "chunk"
    ids = {"session_id": response.headers["X-Session-Id"], "run_id": response.headers["X-Run-Id"]}
    place = make_app(database_url=app.config["SQLALCHEMY_DATABASE_URI"]) if elsewhere else app
    started = time.perf_counter()
    answer = place.test_client().post("/api/chat/abort", json={by: ids[by]}, headers=alice.headers)
    assert answer.json == {"aborted": True}
    last = [event for event in stream if event][-1]
    assert time.perf_counter() - started < 0.5
    assert last["type"] == "complete"
    assert (last["data"]["message"]["status"], last["data"]["message"]["content"]) == ("aborted", "Half")
    assert alice.post("/api/chat/abort", **{by: ids[by]}).json == {"aborted": False}
    assert text_of(alice.say("go on", session_id=ids["session_id"])) == "Again"


def test_an_abort_reaches_running_tools(app: Flask, alice: Person, play: Play) -> None:
    play(call(("try_slow", {"seconds": 4}), ("try_slow", {"seconds": 4})), say("never"))
    response = alice.post("/api/chat/stream", content="hi")
    stream = iter_events(response)
    events = [next(stream), next(stream), next(stream)]
    time.sleep(0.1)
    started = time.perf_counter()
    alice.post("/api/chat/abort", run_id=response.headers["X-Run-Id"])
    events += list(stream)
    assert time.perf_counter() - started < 0.5
    events = [event for event in events if event]
    assert [item["status"] for item in of_type(events, "tool_result")] == ["cancelled"] * 2
    assert events[-1]["data"]["message"]["status"] == "aborted"
    with app.app_context():
        assert {row.status for row in db.session.query(Message).filter_by(role="tool")} == {"cancelled"}


def test_a_run_has_a_deadline(
    make_app: Any, monkeypatch: pytest.MonkeyPatch, alice: Person, play: Play
) -> None:
    monkeypatch.setattr(alice.app.extensions["mcpshop_settings"], "run_seconds", 1)
    play(hang("Half"))
    events = alice.say("hi")
    assert (events[-1]["type"], events[-1]["data"]["code"]) == ("error", "TIMEOUT")


# ---- death


def dead_run(app: Flask, alice: Person, play: Play) -> str:
    """A run whose process is gone: its heartbeat has expired, its thread will never write again."""
    play(call(("try_echo", {"text": "a"}), text="Look"), hang(" and"), say("Going on."))
    response = alice.post("/api/chat/stream", content="hi")
    run_id = str(response.headers["X-Run-Id"])
    stream = iter_events(response)
    while (event := next(stream)) is None or event["data"].get("content") != "\n\n and":
        pass
    stream.close()  # type: ignore[attr-defined]
    app.extensions["mcpshop_runs"].remove(run_id)
    redis_of(app).delete(alive_key(run_id))
    return run_id


def test_a_reader_closes_the_run_of_a_dead_process(app: Flask, alice: Person, play: Play) -> None:
    run_id = dead_run(app, alice, play)
    events = events_in(alice.get(f"/api/chat/runs/{run_id}/events"))
    assert events[-1]["type"] == "error"
    assert (events[-1]["data"]["code"], events[-1]["data"]["retryable"]) == ("interrupted", True)
    with app.app_context():
        run = db.session.get_one(Run, run_id)
        assert (run.status, run.active_in) == ("interrupted", None)
        kept = (
            db.session.query(Message).filter_by(run_id=run_id, role="assistant", status="interrupted").one()
        )
        assert kept.content == "Look\n\n and"
        session_id = run.conversation_id
    assert text_of(alice.say("go on", session_id=session_id)) == "Going on."
    assert events_in(alice.get(f"/api/chat/runs/{run_id}/events")) == events


def test_the_scheduler_closes_dead_runs_once(app: Flask, alice: Person, play: Play, monkeypatch: Any) -> None:
    run_id = dead_run(app, alice, play)
    monkeypatch.setattr(recovery, "GRACE", recovery.timedelta(0))
    counts: list[int] = []

    def close() -> None:
        with app.app_context():
            counts.append(recovery.close_dead_runs())

    threads = [threading.Thread(target=close) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 1
    events = read_all(redis_of(app), run_id)
    assert [event.type for event in events].count("error") == 1


def test_a_new_message_frees_a_conversation_from_a_dead_run(
    app: Flask, alice: Person, play: Play, monkeypatch: Any
) -> None:
    monkeypatch.setattr(recovery, "GRACE", recovery.timedelta(0))
    run_id = dead_run(app, alice, play)
    with app.app_context():
        session_id = db.session.get_one(Run, run_id).conversation_id
    assert text_of(alice.say("hello?", session_id=session_id)) == "Going on."


def test_open_calls_of_a_dead_run_get_a_result(app: Flask, alice: Person, play: Play) -> None:
    model = play(call(("try_slow", {"seconds": 3})), say("Fine."))
    response = alice.post("/api/chat/stream", content="hi")
    run_id = response.headers["X-Run-Id"]
    stream = iter_events(response)
    assert next(stream) is None and next(stream)["type"] == "tool_call"
    stream.close()  # type: ignore[attr-defined]
    controls = app.extensions["mcpshop_runs"]
    zombie = controls._runs[run_id]
    controls.remove(run_id)
    redis_of(app).delete(alive_key(run_id))
    events = events_in(alice.get(f"/api/chat/runs/{run_id}/events"))
    assert [event["type"] for event in events] == ["tool_call", "tool_result", "error"]
    assert events[1]["data"]["status"] == "cancelled"
    session_id = response.headers["X-Session-Id"]
    alice.say("and now?", session_id=session_id)
    roles = [item["role"] for item in model.requests[-1].messages]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    # The thread that was taken for dead comes back: what it writes must not appear anywhere.
    zombie.cancel()
    time.sleep(0.5)
    assert events_in(alice.get(f"/api/chat/runs/{run_id}/events")) == events
    assert len(alice.get(f"/api/chat/sessions/{session_id}/messages").json) == 5


def test_an_expired_log_ends_in_the_stored_message(app: Flask, alice: Person, play: Play) -> None:
    play(say("Kept."))
    response = alice.post("/api/chat/stream", content="hi")
    events = events_in(response)
    run_id = response.headers["X-Run-Id"]
    redis_of(app).delete(stream_key(run_id))
    again = events_in(alice.get(f"/api/chat/runs/{run_id}/events"))
    assert [event["type"] for event in again] == ["complete"]
    assert again[0]["data"] == events[-1]["data"]


def test_lost_redis_data_ends_in_an_error_never_in_silence(app: Flask, alice: Person, play: Play) -> None:
    def slowly(_request: ChatRequest) -> Iterator[Any]:
        yield TextDelta("Half")
        time.sleep(1.0)
        yield from say(" more")

    play(slowly, say("Again."))
    response = alice.post("/api/chat/stream", content="hi")
    stream = iter_events(response)
    assert next(stream) is None and next(stream)["type"] == "chunk"
    redis_of(app).flushall()
    last = [event for event in stream if event][-1]
    assert (last["type"], last["data"]["code"]) == ("error", "interrupted")
    session_id = response.headers["X-Session-Id"]
    listed = alice.get(f"/api/chat/sessions/{session_id}/messages").json
    assert listed[-1]["content"].startswith("Half") and listed[-1]["status"] == "interrupted"
    assert text_of(alice.say("again", session_id=session_id)) == "Again."


def test_without_redis_nothing_is_started(make_app: Any, alice: Person) -> None:
    app = make_app(
        database_url=alice.app.config["SQLALCHEMY_DATABASE_URI"], redis_url="redis://127.0.0.1:1/0"
    )
    answer = app.test_client().post("/api/chat/stream", json={"content": "hi"}, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "UNAVAILABLE")
    with app.app_context():
        assert db.session.query(Run).count() == 0


def test_an_append_that_is_repeated_after_a_lost_answer_is_there_once(app: Flask) -> None:
    settings: Settings = app.extensions["mcpshop_settings"]
    log = RunLog(redis_of(app), app.extensions["mcpshop_redis_line"], settings, "r2")
    log.open()
    log.append("chunk", {"content": "a"})
    log._number -= 1
    log.append("chunk", {"content": "a"})
    assert [event.id for event in read_all(redis_of(app), "r2")] == ["2-0"]
    append_late(redis_of(app), settings, "r2", [("error", {})])
    with pytest.raises(LogLost):
        log.append("chunk", {"content": "b"})
    redis_of(app).delete(stream_key("r2"))
    with pytest.raises(LogLost):
        log.append("chunk", {"content": "c"})


def test_streams_of_one_person_are_capped(make_app: Any, alice: Person, play: Play, monkeypatch: Any) -> None:
    monkeypatch.setattr(alice.app.extensions["mcpshop_settings"], "sse_streams_per_user", 2)
    play(hang("Half"))
    response = alice.post("/api/chat/stream", content="hi")
    path = f"/api/chat/runs/{response.headers['X-Run-Id']}/events"
    second = alice.get(path)
    third = alice.get(path)
    assert (third.status_code, third.json["error"]["code"]) == (429, "RATE_LIMITED")
    assert third.headers["Retry-After"]
    second.close()
    fourth = alice.get(path)
    assert fourth.status_code == 200
    fourth.close()
    alice.post("/api/chat/abort", run_id=response.headers["X-Run-Id"])
    events_in(response)
