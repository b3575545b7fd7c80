"""A stop reaches the request at the model's server within half a second, whatever it waits for."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.gateway.providers import callers_model
from app.gateway.pump import Patience, events_of
from app.llm.client import ModelError, TextDelta, Usage
from app.llm.gateway import ModelOptions
from app.tools.cancellation import Cancellation, Cancelled
from tests.agent.conftest import wait_until
from tests.gateway import upstreams as up
from tests.gateway.failing import MakeShop, make_shop, request_of, threads_named

__all__ = ["make_shop"]
SILENCES = {
    "before its head": up.silent,
    "after its head": up.silent_after_head,
    "after some words": up.silent_after_words,
    "while it drips": up.drip,
}


def slow_second(wire: up.Wire) -> None:
    """Answers the first request of a connection and hangs in the second, before its head."""
    if len(wire.server.bodies) == 1:
        up.well("One.")(wire)
    else:
        wire.hang()


def _slowly(wire: up.Wire) -> None:
    wire.begin()
    wire.words("More ", "words.", gap=0.1)
    wire.finish()


@pytest.mark.parametrize("name", ["before its head", "after its head", "after some words"])
def test_a_stop_closes_the_request(make_shop: MakeShop, name: str) -> None:
    shop = make_shop(SILENCES[name], llm_first_token_timeout=10, llm_gap_timeout=10)
    alice = shop.person()
    run_id = alice.post("/api/chat/stream", content="hi").headers["X-Run-Id"]
    server = shop.upstreams[0]
    with shop.app.app_context():
        wait_until(lambda: server.bodies)
        time.sleep(0.2)
        stopped = time.monotonic()
        assert alice.post("/api/chat/abort", run_id=run_id).json == {"aborted": True}
        wait_until(lambda: server.closed_at, 2.0)
        assert server.closed_at[0] - stopped < 0.5
        wait_until(lambda: not threads_named("model", "run"), 1.0)
    assert len(server.bodies) == 1 and shop.last_run().status == "aborted"


def test_a_stop_closes_a_request_on_a_connection_that_was_used_before(make_shop: MakeShop) -> None:
    shop = make_shop(slow_second, llm_first_token_timeout=10)
    alice = shop.person()
    alice.say("hi")
    run_id = alice.post("/api/chat/stream", content="again").headers["X-Run-Id"]
    server = shop.upstreams[0]
    with shop.app.app_context():
        wait_until(lambda: len(server.bodies) == 2)
        assert server.peers[0] == server.peers[1]
        time.sleep(0.1)
        stopped = time.monotonic()
        alice.post("/api/chat/abort", run_id=run_id)
        wait_until(lambda: server.closed_at, 2.0)
        assert server.closed_at[0] - stopped < 0.5


def test_a_late_stop_spares_the_next_request_on_the_same_connection(make_app: Any) -> None:
    answers = iter([up.well("Words."), _slowly])
    with up.upstream(lambda wire: next(answers)(wire)) as server:
        app = make_app(llm_private_base_urls=server.url)
        with app.app_context():
            model = callers_model(ModelOptions(base_url=server.url))
            old = Cancellation()
            first = model.stream(request_of(cancelled=old.is_cancelled, on_cancel=old.calling))
            # It has its answer, and has not been left yet.
            assert next(first) == TextDelta("Words.") and next(first) == Usage(11, 7)
            second = model.stream(request_of())
            heard = [next(second)]
            old.cancel()
            heard += second
            assert [event for event in heard if isinstance(event, TextDelta)] == [
                TextDelta("More "),
                TextDelta("words."),
            ]
            assert len(set(server.peers)) == 1


@pytest.mark.parametrize("name", SILENCES)
def test_the_reader_never_waits_for_the_model(make_app: Any, name: str) -> None:
    with up.upstream(SILENCES[name]) as server:
        app = make_app(llm_private_base_urls=server.url)
        with app.app_context():
            model = callers_model(ModelOptions(base_url=server.url))
            cancellation, heard = Cancellation(), threading.Event()

            def stop() -> None:
                heard.wait(0.3)
                cancellation.cancel()

            threading.Thread(target=stop, daemon=True).start()
            started = time.monotonic()
            with pytest.raises(Cancelled):
                for _ in events_of(model, request_of(), cancellation, Patience(5, 5, started + 9)):
                    pass
            assert time.monotonic() - started < 0.5
            wait_until(lambda: not threads_named("model"), 1.0)


@pytest.mark.parametrize(
    ("name", "patience", "seconds"),
    [
        ("before its head", (0.3, 9, 9), 0.3),
        ("after its head", (0.3, 9, 9), 0.3),
        ("after some words", (9, 0.3, 9), 0.3),
        ("while it drips", (9, 9, 0.5), 0.5),
    ],
)
def test_each_silence_has_its_time(
    make_app: Any, name: str, patience: tuple[float, float, float], seconds: float
) -> None:
    with up.upstream(SILENCES[name]) as server:
        app = make_app(llm_private_base_urls=server.url)
        with app.app_context():
            model = callers_model(ModelOptions(base_url=server.url))
            started = time.monotonic()
            first, gap, whole = patience
            with pytest.raises(ModelError) as caught:
                list(events_of(model, request_of(), Cancellation(), Patience(first, gap, started + whole)))
            assert caught.value.code == "TIMEOUT" and caught.value.retryable
            assert seconds <= time.monotonic() - started < seconds + 0.4
            wait_until(lambda: not threads_named("model"), 1.0)


@pytest.mark.slow
def test_a_stop_works_in_the_real_web_process(tmp_path: Path) -> None:
    """Under gevent, where a socket that is shut from another greenlet behaves in its own way."""
    from tests.running import start_shop

    with up.upstream(up.silent) as server:
        extra = {"LLM_BASE_URL": server.url, "LLM_API_KEY": "sk", "MCPSHOP_DEMO": "0"}
        shop = start_shop(tmp_path, **extra)
        try:
            times = [_stop_once(shop.url, server, number) for number in range(3)]
        finally:
            shop.stop()
    assert max(times) < 0.5, times


def _stop_once(url: str, server: up.Upstream, number: int) -> float:
    import http.cookiejar

    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    token = _register(browser, url, number)
    stream = _post(browser, f"{url}/api/chat/stream", {"content": "hi"}, token)
    _until(lambda: len(server.bodies) == number + 1)
    time.sleep(0.2)
    stopped = time.monotonic()
    _post(browser, f"{url}/api/chat/abort", {"run_id": stream.headers["X-Run-Id"]}, token).read()
    _until(lambda: len(server.closed_at) == number + 1)
    stream.read()
    return server.closed_at[number] - stopped


def _register(browser: Any, url: str, number: int) -> str:
    name = {
        "username": f"somebody{number}",
        "email": f"somebody{number}@example.com",
        "password": "a-long-password",
    }
    _post(browser, f"{url}/api/auth/register", name).read()
    given = {"username": name["username"], "password": name["password"]}
    return str(json.load(_post(browser, f"{url}/api/auth/token", given))["access_token"])


def _post(browser: Any, url: str, body: dict[str, Any], token: str = "") -> Any:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return browser.open(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=20)


def _until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert is_true()
