"""Redis is stopped and started again in mid-answer: nothing is lost, nothing is doubled."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.llm.client import ChatRequest, Finish, TextDelta
from app.llm.gateway import use_model
from tests.agent.conftest import events_in, of_type, text_of
from tests.agent.scripted import ScriptedModel, say
from tests.builders import make_user
from tests.conftest import _redis_binary, _wait_for_redis, unavailable
from tests.running import free_port

pytestmark = pytest.mark.slow


class OwnRedis:
    """A Redis that keeps its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = _redis_binary() or unavailable("redis-server")
        keep = ("--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder))
        self._process = subprocess.Popen(
            [str(binary), "--port", str(self.port), *keep], stdout=subprocess.DEVNULL
        )
        _wait_for_redis(self.url)

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.stop()


def ticking(_request: ChatRequest) -> Iterator[Any]:
    for number in range(60):
        yield TextDelta(f"{number} ")
        time.sleep(0.05)
    yield Finish("stop")


def customer(app: Flask) -> dict[str, str]:
    from app.accounts.tokens import issue_token

    with app.app_context():
        return {"Authorization": f"Bearer {issue_token(make_user('alice').id)[0]}", "Accept-Language": "en"}


def test_a_short_absence_is_waited_for(make_app: Callable[..., Flask], own_redis: OwnRedis) -> None:
    app = make_app(redis_url=own_redis.url)
    headers = customer(app)
    with app.app_context():
        use_model(ScriptedModel(ticking))
    response = app.test_client().post("/api/chat/stream", json={"content": "hi"}, headers=headers)
    time.sleep(0.5)
    own_redis.stop()
    time.sleep(1)
    own_redis.start()
    events = events_in(response)
    assert events[-1]["type"] == "complete"
    assert text_of(events) == "".join(f"{number} " for number in range(60))
    assert len({event["id"] for event in events}) == len(events)


def test_a_long_absence_ends_in_an_error_and_keeps_the_text(
    make_app: Callable[..., Flask], own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.agent.stream.RECONNECT_SECONDS", 0.5)
    monkeypatch.setattr("app.agent.reader.PATIENCE_SECONDS", 2.0)
    app = make_app(redis_url=own_redis.url)
    headers = customer(app)
    with app.app_context():
        use_model(ScriptedModel(ticking, say("Back again.")))
    response = app.test_client().post("/api/chat/stream", json={"content": "hi"}, headers=headers)
    time.sleep(0.5)
    own_redis.stop()
    events = events_in(response)
    assert of_type(events, "error")[0]["retryable"] is True
    own_redis.start()
    client, session_id = app.test_client(), response.headers["X-Session-Id"]
    kept = client.get(f"/api/chat/sessions/{session_id}/messages", headers=headers).json[-1]
    assert (kept["role"], kept["status"]) == ("assistant", "interrupted")
    assert kept["content"].startswith("0 1 2")
    again = client.post("/api/chat", json={"text": "hi", "session_id": session_id}, headers=headers)
    assert again.json["reply"] == "Back again."
