"""The real web process is killed or stopped in mid-answer."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from app.accounts.tokens import issue_token
from tests.agent.web_process import WebProcess, stream_events, talking_server
from tests.builders import make_user

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(make_app: Any, redis_url: str) -> Iterator[tuple[WebProcess, dict[str, str]]]:
    """A running web process over a fresh database, and the headers of a customer."""
    app = make_app(redis_url=redis_url)
    with app.app_context():
        token, _ = issue_token(make_user("alice").id)
    with talking_server(200, 0.05) as model_url:
        web = WebProcess(
            {
                "MCPSHOP_HOME": str(app.extensions["mcpshop_settings"].home_path),
                "REDIS_URL": redis_url,
                "SECRET_KEY": app.config["SECRET_KEY"],
                "LLM_BASE_URL": model_url,
                "LOG_LEVEL": "WARNING",
            }
        )
        web.start()
        yield web, {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        web.end()


def test_a_killed_process_leaves_an_interrupted_answer(shop: tuple[WebProcess, dict[str, str]]) -> None:
    web, headers = shop
    response = web.request("POST", "/api/chat/stream", headers, {"content": "count"})
    run_id, session_id = response.headers["X-Run-Id"], response.headers["X-Session-Id"]
    seen = list(islice(stream_events(response), 8))
    web.end(signal.SIGKILL)
    seen_more = list(stream_events(response))
    web.start()
    started = time.monotonic()
    last_id = (seen + seen_more)[-1]["id"]
    path = f"/api/chat/runs/{run_id}/events"
    rest = list(stream_events(web.request("GET", path, {**headers, "Last-Event-ID": last_id})))
    assert time.monotonic() - started < 8
    assert (rest[-1]["type"], rest[-1]["data"]["code"]) == ("error", "interrupted")
    assert rest[-1]["data"]["retryable"] is True
    events = seen + seen_more + rest
    assert len({event["id"] for event in events}) == len(events)
    said = "".join(event["data"]["content"] for event in events if event["type"] == "chunk")
    assert said == "".join(f"{n} " for n in range(said.count(" ")))
    listed = web.request("GET", f"/api/chat/sessions/{session_id}/messages", headers)
    kept = json.loads(listed.read())[-1]
    assert (kept["role"], kept["status"], kept["content"]) == ("assistant", "interrupted", said)
    again = web.request("POST", "/api/chat/stream", headers, {"content": "more", "session_id": session_id})
    assert next(stream_events(again))["type"] == "chunk"


def test_a_stopped_process_ends_its_streams_at_once(shop: tuple[WebProcess, dict[str, str]]) -> None:
    web, headers = shop
    response = web.request("POST", "/api/chat/stream", headers, {"content": "count"})
    run_id = response.headers["X-Run-Id"]
    seen = list(islice(stream_events(response), 4))
    started = time.monotonic()
    assert web.process is not None
    web.process.send_signal(signal.SIGTERM)
    seen += list(stream_events(response))
    assert time.monotonic() - started < 1
    web.process.wait(20)
    web.start()
    path = f"/api/chat/runs/{run_id}/events"
    rest = list(stream_events(web.request("GET", path, {**headers, "Last-Event-ID": seen[-1]["id"]})))
    assert [event for event in [*seen, *rest] if event["type"] == "error"] == [[*seen, *rest][-1]]
