"""The event stream of an answer, read by readers that know nothing of us: EventSource, fetch, httpx-sse.

Real gunicorn, real Chromium; the model is slower than the pings, so that comments come in between.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse
from playwright.sync_api import Browser, Page

from app.accounts.passwords import hash_password
from app.accounts.tokens import issue_token
from tests.agent.web_process import WebProcess, talking_server
from tests.builders import make_user
from tests.gateway.talking import Event, Talker, check

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "a long password"
PIECES, SECONDS_A_PIECE, PING_SECONDS = 16, 0.2, 0.06
TOLD = "".join(f"{number} " for number in range(PIECES))

EVENT_SOURCE = """([path]) => new Promise((resolve, reject) => {
    const events = [], opened = [];
    const source = new EventSource(path);
    source.onopen = () => opened.push(source.readyState);
    source.onmessage = (message) => {
        events.push({id: message.lastEventId, ...JSON.parse(message.data)});
        if (["complete", "error"].includes(events.at(-1).type)) {
            source.close();
            resolve({events, opened: opened.length});
        }
    };
    source.onerror = () => source.readyState === 2 && reject(new Error("refused"));
})"""

LINE_BY_LINE = """async ([path, after]) => {
    const headers = after ? {"Last-Event-ID": after} : {};
    const response = await fetch(path, {headers});
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = [], comments = [];
    let rest = "", id = "";
    for (;;) {
        const {value, done} = await reader.read();
        if (done) return {events, comments: comments.length, rest};
        const lines = (rest + value).split("\\n");
        rest = lines.pop();
        for (const line of lines) {
            if (line.startsWith("id: ")) id = line.slice(4);
            else if (line.startsWith("data: ")) events.push({id, ...JSON.parse(line.slice(6))});
            else if (line.startsWith(":")) comments.push(line);
            else if (line !== "") throw new Error("an unknown line: " + line);
        }
    }
}"""


@dataclass
class Shop:
    """A web process, and its customer as a program."""

    web: WebProcess
    alice: Talker
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    def ask(self) -> str:
        """Start an answer; returns the path of its events."""
        stream = self.alice.begin("count")
        stream.close()
        return f"/api/chat/runs/{stream.answer.run_id}/events"

    def truth(self, path: str) -> list[Event]:
        return self.alice.replay(path.split("/")[-2])


@pytest.fixture
def shop(make_app: Any, redis_url: str) -> Iterator[Shop]:
    app = make_app(redis_url=redis_url)
    with app.app_context():
        token, _ = issue_token(make_user("alice", password_hash=hash_password(PASSWORD)).id)
    with ExitStack() as stack:
        model_url = stack.enter_context(talking_server(PIECES, SECONDS_A_PIECE))
        web = WebProcess(
            {
                "MCPSHOP_HOME": str(app.extensions["mcpshop_settings"].home_path),
                "REDIS_URL": redis_url,
                "SECRET_KEY": app.config["SECRET_KEY"],
                "LLM_BASE_URL": model_url,
                "SSE_PING_SECONDS": str(PING_SECONDS),
                "LOG_LEVEL": "WARNING",
            }
        )
        web.start()
        stack.callback(web.end)
        yield Shop(web, Talker(f"http://127.0.0.1:{web.port}", token), token)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Any]:
    """`open_page(url)`: a tab in which alice is signed in."""
    with ExitStack() as stack:

        def open_(url: str) -> Page:
            context = browser.new_context(base_url=url, locale="en-US")
            stack.callback(context.close)
            page = context.new_page()
            page.goto("/login")
            page.fill("[name=username]", "alice")
            page.fill("[name=password]", PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_url(lambda found: "/login" not in found)
            return page

        yield open_


def _is_whole(events: list[Event], truth: list[Event]) -> bool:
    check(events)
    said = "".join(event["data"]["content"] for event in events if event["type"] == "chunk")
    return events == truth and said == TOLD


def test_an_event_source_reads_an_answer(shop: Shop, open_page: Any) -> None:
    page = open_page(shop.url)
    path = shop.ask()
    found = page.evaluate(EVENT_SOURCE, [path])
    assert _is_whole(found["events"], shop.truth(path)) and found["opened"] == 1


def test_an_event_source_comes_back_where_its_line_broke(shop: Shop, open_page: Any) -> None:
    with breaking_line(shop.web.port, break_at=b'"type":"chunk"', after=4) as line:
        page = open_page(line.url)
        path = shop.ask()
        found = page.evaluate(EVENT_SOURCE, [path])
    assert found["opened"] == 2 and line.broken == 1
    # What it has asked for the second time is its own doing: nobody told it to.
    assert line.resumed_after in {event["id"] for event in found["events"]}
    assert _is_whole(found["events"], shop.truth(path))


def test_a_reader_of_lines_reads_an_answer_and_can_ignore_the_comments(shop: Shop, open_page: Any) -> None:
    page = open_page(shop.url)
    path = shop.ask()
    found = page.evaluate(LINE_BY_LINE, [path, ""])
    truth = shop.truth(path)
    assert _is_whole(found["events"], truth) and found["rest"] == ""
    assert found["comments"] > 3
    middle = truth[len(truth) // 2]
    later = page.evaluate(LINE_BY_LINE, [path, middle["id"]])
    assert later["events"] == truth[truth.index(middle) + 1 :]


def test_httpx_sse_reads_an_answer_and_can_go_on_in_its_middle(shop: Shop) -> None:
    path = shop.ask()
    events = _read_with_httpx(shop, "GET", path)
    truth = shop.truth(path)
    assert _is_whole(events, truth)
    middle = truth[len(truth) // 2]
    assert _read_with_httpx(shop, "GET", path, after=middle["id"]) == truth[truth.index(middle) + 1 :]
    asked = _read_with_httpx(shop, "POST", "/api/chat/stream", body={"content": "count"})
    check(asked)
    assert asked[-1]["data"]["message"]["content"] == TOLD


def test_all_readers_of_one_answer_see_the_same(shop: Shop, open_page: Any) -> None:
    page = open_page(shop.url)
    path = shop.ask()
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(_read_with_httpx, shop, "GET", path) for _ in range(3)]
        both = page.evaluate(
            f"async (given) => Promise.all([({EVENT_SOURCE})(given), ({LINE_BY_LINE})([given[0], ''])])",
            [path],
        )
        truth = shop.truth(path)
        assert [other.result() for other in others] == [truth] * 3
    assert [each["events"] for each in both] == [truth] * 2


def _read_with_httpx(
    shop: Shop, method: str, path: str, *, body: dict[str, Any] | None = None, after: str = ""
) -> list[Event]:
    headers = {"Authorization": f"Bearer {shop.token}", **({"Last-Event-ID": after} if after else {})}
    with (
        httpx.Client(base_url=shop.url, timeout=30) as client,
        connect_sse(client, method, path, headers=headers, json=body) as source,
    ):
        return [{"id": event.id, **event.json()} for event in source.iter_sse()]


# ---- a line that breaks


class Line:
    """A relay in front of the shop that hangs up once, in the middle of an event stream."""

    def __init__(self, port: int, break_at: bytes, after: int) -> None:
        self._port, self._break_at, self._after = port, break_at, after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.broken = 0
        self.resumed_after = ""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._ask, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65_536):
                for header in data.decode("latin-1").split("\r\n"):
                    name, _, value = header.partition(": ")
                    self.resumed_after = value if name.lower() == "last-event-id" else self.resumed_after
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        seen = b""
        with suppress(OSError):
            while data := far.recv(65_536):
                near.sendall(data)
                seen += data
                if not self.broken and seen.count(self._break_at) >= self._after:
                    self.broken += 1
                    break
            near.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            far.shutdown(socket.SHUT_RDWR)


def breaking_line(port: int, *, break_at: bytes, after: int) -> Line:
    return Line(port, break_at, after)
