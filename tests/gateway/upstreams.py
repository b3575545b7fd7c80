"""Model servers with every kind of trouble: real sockets on this machine, one thread for each connection."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Wire"], None]


class Wire(BaseHTTPRequestHandler):
    """One request and what can be done with its answer."""

    protocol_version = "HTTP/1.1"
    server: Upstream  # type: ignore[assignment]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.body: dict[str, Any] = json.loads(body or b"{}")
        self.server.note(self)
        self.server.behave(self)

    def log_message(self, *_: Any) -> None:
        pass

    def begin(self, status: int = 200, content_type: str = "text/event-stream", **headers: str) -> None:
        """The head of a chunked answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, data: str) -> None:
        """A chunk of the body."""
        raw = data.encode()
        with suppress(OSError):
            self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
            self.wfile.flush()

    def event(self, data: Any) -> None:
        self.send(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n")

    def words(self, *words: str, gap: float = 0.0) -> None:
        for word in words:
            self.event(delta(content=word))
            time.sleep(gap)

    def finish(self, reason: str = "stop") -> None:
        """The proper end of an answer."""
        self.event(delta(reason))
        self.event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}})
        self.event("[DONE]")
        self.end_body()

    def end_body(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def reject(self, status: int, body: Any = None, **headers: str) -> None:
        """An error answer."""
        raw = json.dumps(body or {"error": {"message": f"status {status}"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def drop(self) -> None:
        """End the connection without a word: a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.wfile = self.rfile = _Nothing()  # type: ignore[assignment]

    def hang(self, seconds: float = 20.0) -> None:
        """Say nothing until the client closes, and note when it did."""
        self.close_connection = True
        self.connection.settimeout(seconds)
        with suppress(OSError):
            if self.connection.recv(1) == b"":
                self.server.closed_at.append(time.monotonic())
                return
        if self.connection.fileno() >= 0:
            self.server.closed_at.append(time.monotonic())


class _Nothing:
    closed = True

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


class Upstream(ThreadingHTTPServer):
    """A server that behaves in one way. `bodies` are the requests that it got."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, behave: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Wire)
        self.behave = behave
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.peers: list[Any] = []
        self.closed_at: list[float] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def note(self, wire: Wire) -> None:
        self.bodies.append(wire.body)
        self.paths.append(wire.path)
        self.headers.append(dict(wire.headers))
        self.peers.append(wire.client_address)

    def handle_error(self, *_: Any) -> None:
        pass

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def upstream(behave: Behaviour) -> Iterator[Upstream]:
    server = Upstream(behave)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk of an OpenAI-compatible answer."""
    return {"id": "x", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


# ---- ways to behave


def well(*words: str) -> Behaviour:
    def behave(wire: Wire) -> None:
        wire.begin()
        wire.words(*(words or ("All ", "is ", "well.")))
        wire.finish()

    return behave


def status(code: int, **headers: str) -> Behaviour:
    return lambda wire: wire.reject(code, **headers)


def silent(wire: Wire) -> None:
    """Take the request and never answer, not even with a head."""
    wire.hang()


def silent_after_head(wire: Wire) -> None:
    wire.begin()
    wire.hang()


def silent_after_words(wire: Wire) -> None:
    wire.begin()
    wire.words("Half ", "an ")
    wire.hang()


def comments_only(wire: Wire) -> None:
    """Keep the line warm and say nothing."""
    wire.begin()
    for _ in range(200):
        wire.send(": still here\n\n")
        time.sleep(0.05)
        if wire.close_connection:
            return


def reset_at_once(wire: Wire) -> None:
    wire.drop()


def reset_after_head(wire: Wire) -> None:
    wire.begin()
    wire.drop()


def end_before_words(wire: Wire) -> None:
    wire.begin()
    wire.event(delta(role="assistant"))
    wire.end_body()


def reset_after_words(wire: Wire) -> None:
    wire.begin()
    wire.words("Half ", "an ")
    time.sleep(0.1)
    wire.drop()


def empty(wire: Wire) -> None:
    wire.begin()
    wire.finish()


def garbage(wire: Wire) -> None:
    wire.begin()
    wire.send("\x00\x01<html>data: {{{\n\ndata: {not json\n\n")
    wire.end_body()


def html(wire: Wire) -> None:
    wire.begin(content_type="text/html")
    wire.send("<html><body>Welcome to nginx</body></html>")
    wire.end_body()


def error_event(wire: Wire) -> None:
    wire.begin()
    wire.event({"error": {"message": "overloaded", "code": "server_error"}})
    wire.end_body()


def deep_json(wire: Wire) -> None:
    wire.begin()
    wire.event("[" * 100_000)
    wire.end_body()


def drip(wire: Wire) -> None:
    """A word now and then, without an end."""
    wire.begin()
    for _ in range(200):
        wire.words("drip ", gap=0.05)
