"""A customer with a token, a scripted model, and a reader of event streams."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.tokens import issue_token
from app.config import Settings
from app.core.actor import Actor
from app.db import db
from app.factory import create_app
from app.llm.gateway import use_model
from app.tools.registry import registry
from tests.agent import scripted
from tests.agent.scripted import ScriptedModel, Turn
from tests.builders import actor_of, make_user

if TYPE_CHECKING:
    from tests.agent.hostile_town import Town

Events = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def try_tools() -> Iterator[None]:
    registry.add_all(scripted.TOOLS)
    yield
    for spec in scripted.TOOLS:
        registry.discard(spec.name)


@dataclass
class Person:
    """A signed-in program: asks, follows, stops."""

    app: Flask
    client: FlaskClient
    actor: Actor
    headers: dict[str, str]

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(path, json=body, headers=self.headers)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers={**self.headers, **headers})

    def say(self, content: str, **more: Any) -> Events:
        return events_in(self.post("/api/chat/stream", content=content, **more))


@pytest.fixture
def make_person(app: Flask) -> Callable[[str], Person]:
    def make(name: str) -> Person:
        with app.app_context():
            user = make_user(name)
            token, _ = issue_token(user.id)
            actor = actor_of(user, locale="en")
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        return Person(app, app.test_client(), actor, headers)

    return make


@pytest.fixture
def alice(make_person: Callable[[str], Person]) -> Person:
    return make_person("alice")


@pytest.fixture
def bob(make_person: Callable[[str], Person]) -> Person:
    return make_person("bob")


@pytest.fixture
def play(app: Flask) -> Callable[..., ScriptedModel]:
    """Let a script answer: `play(turn, turn, ...)`."""

    def start(*turns: Turn) -> ScriptedModel:
        model = ScriptedModel(*turns)
        with app.app_context():
            use_model(model)
        return model

    return start


@pytest.fixture(scope="module")
def town(redis_url: str, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The demo shop in which a model obeys every text; one for all tests of a module."""
    from tests.agent.hostile_town import build_town, read_page

    home = tmp_path_factory.mktemp("town")
    shutil.copy(sqlite_template, home / "mcpshop.db")
    app = create_app(
        Settings(
            app_env="test",
            mcpshop_home=home,
            redis_url=redis_url,
            ratelimit_enabled=False,
            log_level="ERROR",
            agent_max_steps=4,
            secret_key="test-secret-key-of-at-least-32-characters",
            _env_file=None,
        )
    )
    yield build_town(app)
    registry.discard(read_page.name)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def events_in(response: TestResponse) -> Events:
    """All events of a stream, with their ids; checks the wire format on the way."""
    assert response.status_code == 200, response.get_data(as_text=True)
    return [event for event in iter_events(response) if event is not None]


def iter_events(response: TestResponse) -> Iterator[dict[str, Any] | None]:
    """Events as they come; None for a comment."""
    for block in response.iter_encoded():
        lines = block.decode().removesuffix("\n\n").split("\n")
        if lines[0].startswith(":"):
            yield None
            continue
        assert len(lines) == 2 and lines[0].startswith("id: ") and lines[1].startswith("data: "), lines
        yield {"id": lines[0][4:], **json.loads(lines[1][6:])}


def text_of(events: Events) -> str:
    return "".join(event["data"]["content"] for event in events if event["type"] == "chunk")


def of_type(events: Events, type_: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["type"] == type_]


def session_of(events: Events) -> str:
    return str(events[-1]["data"]["message"]["session_id"])


class Quiet:
    """True when no run works any more that began after this was made: each tidies up after its last event.

    Runs that an earlier test has left behind (its tool still sleeps) are nobody's here.
    """

    def __init__(self) -> None:
        self._others = set(threading.enumerate())

    def __call__(self) -> bool:
        return not any(each.name == "run" and each not in self._others for each in threading.enumerate())


def wait_until(is_true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait for a thread; fails when it does not come true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        db.session.rollback()
        if is_true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")
