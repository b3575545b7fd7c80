"""The pool of connections to models, against a real server that counts who connects."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpcore2
import httpx2
import pytest

from app.llm.pool import ConnectionPool


class Counting(BaseHTTPRequestHandler):
    """Answers with the number of the connection; `/last` ends it, `/half` says only a part of what it promises."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.number += 1  # type: ignore[attr-defined]
        self.number = self.server.number  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        body = str(self.number).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 9 * self.path.startswith("/half")))
        self.end_headers()
        self.wfile.write(body)
        # Without saying so: as a server does whose patience with idle connections is over.
        self.close_connection = self.path.startswith("/last")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    server.daemon_threads = True
    server.number = 0  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def pool(**limits: Any) -> ConnectionPool:
    return ConnectionPool(
        ssl_context=httpx2.create_ssl_context(),
        backend=httpcore2.SyncBackend(),
        **{"most": 50, "most_idle": 8, "idle_seconds": 30.0, **limits},
    )


def begin(from_: ConnectionPool, url: str, patience: float = 5.0) -> httpcore2.Response:
    timeouts = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": patience}
    request = httpcore2.Request(
        "GET", url, headers=[("Host", "model.test")], extensions={"timeout": timeouts}
    )
    return from_.handle_request(request)


def end(response: httpcore2.Response) -> int:
    """Read and close; which connection it was."""
    number = int(response.read())
    response.close()
    return number


def test_the_connection_that_was_used_last_is_used_again(origin: str) -> None:
    connections = pool()
    first, second = begin(connections, origin), begin(connections, origin)
    assert (end(second), end(first)) == (2, 1)
    assert [end(begin(connections, origin)) for _ in range(3)] == [1, 1, 1]


def test_one_that_the_server_has_closed_is_replaced(origin: str) -> None:
    connections = pool()
    assert end(begin(connections, f"{origin}/last")) == 1
    # The end of the line may come before the connection is back in the pool, or after.
    while any(not kept.has_expired() for kept in connections._idle):
        time.sleep(0.005)
    assert end(begin(connections, origin)) == 2


def test_one_that_is_too_old_is_replaced(origin: str) -> None:
    connections = pool(idle_seconds=0.0)
    assert [end(begin(connections, origin)) for _ in range(2)] == [1, 2]


def test_an_answer_that_was_not_read_to_its_end_takes_its_connection_with_it(origin: str) -> None:
    connections = pool()
    begin(connections, f"{origin}/half").close()
    assert end(begin(connections, origin)) == 2


def test_no_more_are_kept_than_allowed_whatever_the_address(origin: str) -> None:
    connections = pool(most_idle=3)
    other = origin.replace("127.0.0.1", "localhost")
    begun = [begin(connections, url) for url in (origin, other) * 3]
    numbers = [end(response) for response in begun]
    assert len(connections._idle) == sum(map(len, connections._by_key.values())) == 3
    assert {end(begin(connections, origin)), end(begin(connections, other))} <= set(numbers[3:])
    connections.close()
    assert not connections._idle and not connections._by_key


def test_who_finds_every_connection_in_use_waits_no_longer_than_asked(origin: str) -> None:
    connections = pool(most=2)
    held = [begin(connections, origin), begin(connections, origin)]
    with pytest.raises(httpcore2.PoolTimeout):
        begin(connections, origin, patience=0.05)
    with ThreadPoolExecutor() as others:
        waiting = others.submit(begin, connections, origin)
        end(held[0])
        assert end(waiting.result(10)) == 1
    end(held[1])


def test_a_failure_gives_its_place_back(origin: str) -> None:
    connections = pool(most=1)
    nobody = f"http://127.0.0.1:{_closed_port()}"
    for _ in range(3):
        with pytest.raises(httpcore2.ConnectError):
            begin(connections, nobody, patience=0.05)
    assert not connections._idle
    assert end(begin(connections, origin)) == 1


def test_closing_twice_gives_back_once(origin: str) -> None:
    connections = pool(most=1)
    response = begin(connections, origin)
    end(response)
    response.close()
    assert len(connections._idle) == 1
    held = begin(connections, origin)
    with pytest.raises(httpcore2.PoolTimeout):
        begin(connections, origin, patience=0.05)
    end(held)


def test_many_threads_share_it(origin: str) -> None:
    connections = pool(most=10)
    with ThreadPoolExecutor(20) as people:
        numbers = list(people.map(lambda _: end(begin(connections, origin, patience=20.0)), range(200)))
    assert len(numbers) == 200
    assert len(set(numbers)) < 200 and len(connections._idle) <= 8


def _closed_port() -> int:
    """A port at which nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    server.server_close()
    return server.server_port
