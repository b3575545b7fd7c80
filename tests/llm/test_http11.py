"""The connection to a model, against servers that say exactly what a test tells them to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import httpcore2
import httpx2
import pytest

from app.llm.http11 import MAX_HEAD_BYTES, Connection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WORDS = b"3\r\none\r\n5;note=x\r\n two!\r\n0\r\n\r\n"
SOUND = HEAD + b"Content-Length: 2\r\n\r\nok"
# What a server sends after each request; b"" closes.
Script = list[bytes]
Serve = Callable[..., "Served"]


class Served:
    """A server of one connection after the other, and what it was sent."""

    def __init__(self, script: Script, *, by_byte: bool = False, pause: float = 0.0) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        self._script, self._step, self._pause = list(script), 1 if by_byte else 1_000_000, pause
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _run(self) -> None:
        while self._script:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with closing(line):
                while (got := line.recv(65_536)) and self._script:
                    self.received.append(got)
                    said = self._script.pop(0)
                    for place in range(0, len(said), self._step):
                        line.sendall(said[place : place + self._step])
                        time.sleep(self._pause)
                    if self._script and not self._script[0]:
                        self._script.pop(0)
                        break


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Served] = []

    def begin(*script: bytes, **how: object) -> Served:
        made.append(Served(list(script), **how))  # type: ignore[arg-type]
        return made[-1]

    yield begin
    for each in made:
        each.close()


def connect(server: Served) -> Connection:
    return Connection(
        httpcore2.Origin(b"http", b"127.0.0.1", server.port),
        ssl_context=httpx2.create_ssl_context(),
        backend=httpcore2.SyncBackend(),
        idle_seconds=30.0,
    )


def ask(connection: Connection, **more: object) -> httpcore2.Response:
    given: dict[str, object] = {
        "method": "POST",
        "url": "http://127.0.0.1/v1/chat",
        "headers": [("Host", "model"), ("Content-Length", "4")],
        "content": b"ask!",
        "extensions": {"timeout": {"connect": 2.0, "read": 2.0, "write": 2.0}},
        **more,
    }
    return connection.handle_request(httpcore2.Request(**given))  # type: ignore[arg-type]


def told(connection: Connection, **more: object) -> bytes:
    response = ask(connection, **more)
    try:
        return b"".join(response.stream)  # type: ignore[arg-type]
    finally:
        response.close()


def test_a_request_is_what_it_should_be(serve: Serve) -> None:
    server = serve(SOUND)
    connection = connect(server)
    response = ask(connection)
    assert (response.status, dict(response.headers)[b"Content-Length"]) == (200, b"2")
    assert response.extensions["reason_phrase"] == b"OK"
    assert response.read() == b"ok"
    assert server.received == [b"POST /v1/chat HTTP/1.1\r\nHost: model\r\nContent-Length: 4\r\n\r\nask!"]


@pytest.mark.parametrize("by_byte", [False, True])
def test_chunks_are_put_together_and_the_connection_is_used_again(serve: Serve, by_byte: bool) -> None:
    server = serve(CHUNKED + WORDS, CHUNKED + WORDS, by_byte=by_byte)
    connection = connect(server)
    for _ in range(2):
        assert told(connection) == b"one two!"
        assert connection.is_idle() and not connection.has_expired()
    assert server.connections == 1


def test_what_one_read_brings_is_one_piece(serve: Serve) -> None:
    response = ask(connect(serve(CHUNKED + WORDS)))
    assert list(response.stream) == [b"one two!"]  # type: ignore[arg-type]


def test_what_comes_before_the_answer_is_passed_over(serve: Serve) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    connection = connect(serve(early + SOUND))
    response = ask(connection)
    assert response.read() == b"ok" and b"Link" not in dict(response.headers)
    response.close()
    assert connection.is_idle()


def test_a_body_may_end_with_the_connection(serve: Serve) -> None:
    connection = connect(serve(HEAD + b"\r\nto the end", b""))
    assert told(connection) == b"to the end"
    assert connection.is_closed()


def test_a_server_that_wants_to_close_is_believed(serve: Serve) -> None:
    connection = connect(serve(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"))
    assert told(connection) == b"ok" and connection.is_closed()


@pytest.mark.parametrize(
    "broken",
    [
        CHUNKED + b"3\r\none\r\n",
        CHUNKED + b"3\r\non",
        HEAD + b"Content-Length: 10\r\n\r\nhalf",
        CHUNKED + b"x\r\nno chunk\r\n",
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_breaks_off_or_is_no_http_is_a_failure(serve: Serve, broken: bytes) -> None:
    connection = connect(serve(broken or b" ", b""))
    with pytest.raises(httpcore2.RemoteProtocolError):
        told(connection)
    assert connection.is_closed()


def test_nobody_sends_for_ever_without_a_head(serve: Serve) -> None:
    connection = connect(serve(HEAD + b"X: y\r\n" * (MAX_HEAD_BYTES // 5)))
    with pytest.raises(httpcore2.RemoteProtocolError):
        ask(connection)


def test_more_than_was_asked_for_ends_the_connection(serve: Serve) -> None:
    connection = connect(serve(SOUND + SOUND))
    assert told(connection) == b"ok"
    assert connection.is_closed()


def test_an_answer_that_is_left_ends_the_connection(serve: Serve) -> None:
    connection = connect(serve(CHUNKED + b"3\r\none\r\n"))
    ask(connection).close()
    assert connection.is_closed()


def test_silence_is_waited_for_as_long_as_asked(serve: Serve) -> None:
    connection = connect(serve(CHUNKED + b"3\r\none\r\n"))
    timeouts = {"timeout": {"connect": 2.0, "read": 0.1, "write": 2.0}}
    with pytest.raises(httpcore2.ReadTimeout):
        told(connection, extensions=timeouts)
    assert connection.is_closed()


@pytest.mark.parametrize(
    "headers",
    [
        [("Host", "model"), ("X", "a\r\nEvil: b")],
        [("Host", "model"), ("X\nEvil", "b")],
        [("Host", "model"), ("X", "a\x00b")],
        [("Host", "model"), ("Transfer-Encoding", "chunked")],
    ],
)
def test_a_header_cannot_become_another(serve: Serve, headers: list[tuple[str, str]]) -> None:
    server = serve(SOUND)
    with pytest.raises(httpcore2.LocalProtocolError):
        ask(connect(server), headers=headers)
    assert not server.received
