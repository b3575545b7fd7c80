"""A CRM of the tests' own: a real HTTP server that counts, and that can be slow, broken or dead when it is told to be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

Answer = tuple[int, Any]
TOKEN = "the-crm-token-of-the-tests"


@dataclass
class FakeCrm:
    """`coupons` by key, as a CRM that keeps idempotency keys has them; `planned` answers come first, then honest ones.

    A planned answer is called with the request's path; None from it means: do it, but close the line without a word.
    """

    coupons: dict[str, str] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    planned: list[Callable[[str], Answer | None]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    reached: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)
    url: str = ""

    def respond(self, path: str, key: str, token: str, body: dict[str, Any]) -> Answer | None:
        with self.lock:
            self.calls.append((path, key))
            planned = self.planned.pop(0) if self.planned else None
        if token != f"Bearer {TOKEN}":
            return 401, {}
        if planned is None:
            return self.do(path, key)
        answer = planned(path)
        if answer is None:
            self.do(path, key)
        return answer

    def do(self, path: str, key: str) -> Answer:
        with self.lock:
            if path == "/coupons":
                coupon_id = self.coupons.setdefault(key, f"X-{len(self.coupons) + 1}")
                return 201, {"coupon_id": coupon_id}
            coupon_id = path.split("/")[2]
            if coupon_id not in self.published:
                self.published.append(coupon_id)
            return 200, {"status": "published"}

    def hang(self, _path: str) -> Answer | None:
        """Hold the request until the test lets it go; the work is done, the answer lost."""
        self.reached.set()
        self.let_go.wait(30)
        return None


def status(code: int) -> Callable[[str], Answer]:
    return lambda _path: (code, {"error": "broken"})


def says(value: Any) -> Callable[[str], Answer]:
    return lambda _path: (200, value)


def loses_the_answer(_path: str) -> None:
    """It does what it is asked, then the line breaks."""


@contextmanager
def crm_server() -> Iterator[FakeCrm]:
    """A running CRM."""
    crm = FakeCrm()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            key, token = self.headers.get("Idempotency-Key", ""), self.headers.get("Authorization", "")
            answer = crm.respond(self.path, key, token, body)
            if answer is None:
                self.close_connection = True
                return
            content = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    crm.url = f"http://127.0.0.1:{server.server_port}"
    yield crm
    crm.let_go.set()
    server.shutdown()
    server.server_close()
