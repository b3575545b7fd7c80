"""The OpenAI-compatible client against @copilotkit/aimock and a server with odd habits."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.config import PROJECT_ROOT
from app.llm.addresses import place_of
from app.llm.client import (
    Alive,
    ChatRequest,
    Finish,
    ModelError,
    ModelEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from app.llm.http import open_client
from app.llm.openai_compatible import OpenAICompatible
from app.tools.cancellation import Cancellation
from tests.conftest import unavailable
from tests.running import free_port

AIMOCK = "@copilotkit/aimock@1.43.0"
TOOLS = [{"type": "function", "function": {"name": "list_products", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="session")
def aimock_url() -> Iterator[str]:
    """aimock on a free port, installed once into the project's folder of state."""
    folder = PROJECT_ROOT / "instance" / "test-node"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        unavailable("Node.js")
    script = folder / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--silent")
        done = subprocess.run([npm, "install", *quiet, "--prefix", str(folder), AIMOCK], check=False)
        if done.returncode:
            unavailable("aimock (npm install failed)")
    port = free_port()
    fixtures = Path(__file__).with_name("aimock_fixtures.json")
    process = subprocess.Popen(
        [node, str(script), "-p", str(port), "-f", str(fixtures), "--strict", "--log-level", "silent"]
    )
    _wait_for(port)
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait(10)


def _wait_for(port: int) -> None:
    import socket

    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("aimock did not start")


def client(url: str, read_timeout: float = 5.0) -> OpenAICompatible:
    return OpenAICompatible(
        base_url=url,
        api_key="sk-test",
        model="gpt-test",
        connect_timeout=2.0,
        read_timeout=read_timeout,
        http=open_client(frozenset({place_of(url)})),
    )


def ask(content: str, **more: Any) -> ChatRequest:
    return ChatRequest(messages=[{"role": "user", "content": content}], tools=TOOLS, **more)


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


@pytest.mark.node
def test_text_streams_with_usage_and_one_end(aimock_url: str) -> None:
    events = list(client(aimock_url).stream(ask("plain")))
    assert text_of(events) == "你好，这里是一段稍长的回答，分成几块送达。"
    assert sum(isinstance(event, TextDelta) for event in events) > 2
    assert events[-2:] == [Usage(11, 7), Finish("stop")]


@pytest.mark.node
def test_parallel_tool_calls_are_merged_by_index(aimock_url: str) -> None:
    model = client(aimock_url)
    request = ask("two tools")
    events = list(model.stream(request))
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [(item.id, item.name) for item in calls] == [("call_a", "list_products"), ("call_b", "view_cart")]
    assert json.loads(calls[0].arguments) == {"q": "防晒", "top_k": 3}
    assert events[-1] == Finish("tool_calls")
    messages = [
        *request.messages,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": item.id,
                    "type": "function",
                    "function": {"name": item.name, "arguments": item.arguments},
                }
                for item in calls
            ],
        },
        *[{"role": "tool", "tool_call_id": item.id, "content": "{}"} for item in calls],
    ]
    after = list(model.stream(ChatRequest(messages=messages, tools=TOOLS)))
    assert text_of(after) == "Both are done."


@pytest.mark.node
@pytest.mark.parametrize(
    ("content", "code", "retryable"),
    [
        ("limited", "RATE_LIMITED", True),
        ("refused", "UPSTREAM", False),
        ("no key", "UPSTREAM", False),
        ("broken server", "UPSTREAM", True),
        ("disconnect", "UPSTREAM", True),
        ("malformed", "UPSTREAM", True),
        ("cut off", "UPSTREAM", True),
    ],
)
def test_failures_become_our_codes(aimock_url: str, content: str, code: str, retryable: bool) -> None:
    with pytest.raises(ModelError) as caught:
        list(client(aimock_url).stream(ask(content)))
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


@pytest.mark.node
def test_text_before_a_break_stands(aimock_url: str) -> None:
    heard = []
    with pytest.raises(ModelError):
        for event in client(aimock_url).stream(ask("cut off")):
            heard.append(event)
    assert text_of(heard).startswith("This")


@pytest.mark.node
def test_a_silence_is_a_timeout(aimock_url: str) -> None:
    with pytest.raises(ModelError) as caught:
        list(client(aimock_url, read_timeout=0.5).stream(ask("slow")))
    assert (caught.value.code, caught.value.retryable) == ("TIMEOUT", True)


@pytest.mark.node
def test_a_cancel_ends_the_stream_while_the_server_is_silent(aimock_url: str) -> None:
    cancellation = Cancellation()
    heard: list[ModelEvent] = []
    finished = threading.Event()
    asked = ask("slow", cancelled=cancellation.is_cancelled, on_cancel=cancellation.calling)

    def listen() -> None:
        heard.extend(client(aimock_url).stream(asked))
        finished.set()

    threading.Thread(target=listen, daemon=True).start()
    time.sleep(2.0)
    started = time.monotonic()
    cancellation.cancel()
    assert finished.wait(1.0)
    assert time.monotonic() - started < 0.5
    assert not any(isinstance(event, Finish) for event in heard)


def test_nobody_there_is_an_upstream_error() -> None:
    with pytest.raises(ModelError) as caught:
        list(client(f"http://127.0.0.1:{free_port()}/v1").stream(ask("x")))
    assert (caught.value.code, caught.value.retryable) == ("UPSTREAM", True)


# ---- servers with odd habits


@pytest.fixture
def odd_server() -> Iterator[Callable[..., str]]:
    """A server that answers with exactly these chunks; `odd_server(...)` returns its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(*lines: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for line in lines:
                    self.wfile.write(f"data: {line}\n\n".encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield start
    for server in servers:
        server.shutdown()


def delta(finish: str | None = None, **fields: Any) -> str:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]})


def piece(index: int, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


def test_calls_that_share_an_index_are_told_apart_by_id(odd_server: Callable[..., str]) -> None:
    url = odd_server(
        delta(tool_calls=[piece(0, "a", "one", '{"x"')]),
        delta(tool_calls=[piece(0, None, None, ":1}")]),
        delta(tool_calls=[piece(0, "b", "two", "")]),
        delta("stop"),
        "[DONE]",
    )
    events = [event for event in client(url).stream(ask("x")) if event != Alive()]
    assert events == [ToolCall("a", "one", '{"x":1}'), ToolCall("b", "two", "{}"), Finish("tool_calls")]


def test_an_end_without_a_reason_is_a_broken_answer(odd_server: Callable[..., str]) -> None:
    with pytest.raises(ModelError) as caught:
        list(client(odd_server(delta(content="Half"))).stream(ask("x")))
    assert caught.value.retryable


@pytest.mark.parametrize("line", ["{not json", '"text"', '{"choices": 5}', '{"error": {"message": "boom"}}'])
def test_nonsense_is_an_upstream_error(odd_server: Callable[..., str], line: str) -> None:
    with pytest.raises(ModelError) as caught:
        list(client(odd_server(line)).stream(ask("x")))
    assert caught.value.code == "UPSTREAM"


@pytest.mark.node
def test_a_whole_conversation_over_the_wire(make_app: Any, aimock_url: str) -> None:
    from app.accounts.tokens import issue_token
    from tests.builders import make_user

    app = make_app(llm_base_url=aimock_url, llm_api_key="sk", llm_model="gpt-test")
    with app.app_context():
        token, _ = issue_token(make_user("alice").id)
    headers = {"Authorization": f"Bearer {token}"}
    body = app.test_client().post("/api/chat", json={"text": "two tools"}, headers=headers).json
    assert body["reply"] == "Looking.\n\nBoth are done."
    assert {item["tool_name"] for item in body["actions"]} == {"list_products", "view_cart"}
    # The built-in model takes over from one that has no time.
    other = app.test_client().post("/api/chat", json={"text": "limited"}, headers=headers)
    assert other.status_code == 200 and other.json["reply"]
