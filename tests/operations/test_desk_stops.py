"""A stop ends an answer at once, whatever the database is doing; a failing query is told and kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Role
from app.core.clock import frozen
from app.core.errors import Unavailable
from app.db import db
from app.insights import runner
from tests.insights.shop_data import NOON, demo_file, open_app  # noqa: F401
from tests.operations.desk_shop import ask, client_of
from tests.operations.test_desk_api import events

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def shop(demo_file: Path, redis_url: str) -> Iterator[Flask]:  # noqa: F811
    app = open_app(demo_file.parent, redis_url)
    with frozen(NOON):
        yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def desk(shop: Flask) -> FlaskClient:
    return client_of(shop, "olga", Role.OPERATOR)


class SlowDatabase:
    """A reader that answers only when it is let go."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.is_asked, self.may_go = threading.Event(), threading.Event()

    def fetch(self, _sql: str, **_limits: Any) -> Any:
        self.is_asked.set()
        self.may_go.wait(20)
        return ["gmv"], [(1.0,)]


def test_a_stop_ends_the_answer_while_the_database_still_works(
    shop: Flask, desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowDatabase()
    monkeypatch.setattr(runner, "reader_for", lambda _uri: slow)
    session_id = ask(desk, "怎么样")["session_id"]
    told: list[str] = []
    body = {"query": "最近7天的成交额", "session_id": session_id}
    reading = threading.Thread(
        target=lambda: told.append(desk.post("/api/insights/stream", json=body).text), daemon=True
    )
    reading.start()
    assert slow.is_asked.wait(10)
    assert desk.post("/api/chat", json={"query": "按天", "session_id": session_id}).status_code == 409
    stopper = shop.test_client()
    stopper.environ_base.update(desk.environ_base)
    assert stopper.post("/api/chat/abort", json={"session_id": session_id}).get_json() == {"aborted": True}
    reading.join(10)
    assert told, "the stream has ended while the query still runs"
    kinds = [event["type"] for _id, event in events(told[0])]
    assert kinds == ["tool_call", "tool_result"] * 3 + ["complete"]
    last = [event["data"] for _id, event in events(told[0])]
    assert (last[-2]["status"], last[-1]["message"]["status"], last[-1]["answer"]) == (
        "cancelled",
        "aborted",
        None,
    )
    slow.may_go.set()
    time.sleep(0.1)
    rows = desk.get(f"/api/chat/sessions/{session_id}/messages").get_json()
    assert [row["status"] for row in rows if row["role"] == "tool"][-3:] == ["ok", "ok", "cancelled"]
    monkeypatch.undo()
    assert ask(desk, "最近7天的成交额", session_id)["intent"] == "report"


def test_a_failing_database_is_an_error_that_says_so_and_stays_on_the_page(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_checked: object) -> None:
        raise Unavailable()

    monkeypatch.setattr(runner, "run", fail)
    refused = ask(desk, "最近7天的成交额", status=503)
    assert refused["error"]["code"] == "UNAVAILABLE" and "SELECT" not in str(refused)
    told = events(desk.post("/api/insights/stream", json={"query": "最近7天的成交额"}).text)
    assert [event["type"] for _id, event in told][-2:] == ["tool_result", "error"]
    assert told[-2][1]["data"]["status"] == "error"
