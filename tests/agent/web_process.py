"""A real web process (gunicorn with gevent) for tests that kill it, and a model server that talks slowly."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.config import PROJECT_ROOT
from tests.running import free_port


@dataclass
class WebProcess:
    """gunicorn as the supervisor starts it, in a process group of its own."""

    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    application: str = "wsgi:app"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", self.application],
            cwd=PROJECT_ROOT,
            env={**os.environ, **self.environment, "PORT": str(self.port), "RATELIMIT_ENABLED": "0"},
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError):
                if self.request("GET", "/api/tools", {}).status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError("gunicorn did not start")

    def end(self, number: int = signal.SIGKILL) -> None:
        """Signal the group (for a kill) or the master (for a stop) and wait."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            (os.killpg if number == signal.SIGKILL else os.kill)(self.process.pid, number)
        self.process.wait(20)

    def request(
        self, method: str, path: str, headers: dict[str, str], body: Any = None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, data, {**headers, "Content-Type": "application/json"})
        return connection.getresponse()


def stream_events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Events as they come, until the stream ends, however it ends."""
    event_id = ""
    with suppress(OSError, http.client.HTTPException):
        while line := response.readline():
            if line.startswith(b"id: "):
                event_id = line[4:].decode().strip()
            elif line.startswith(b"data: "):
                yield {"id": event_id, **json.loads(line[6:])}


@contextmanager
def talking_server(pieces: int, seconds: float) -> Iterator[str]:
    """An OpenAI-compatible server that says `pieces` words, one every `seconds`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with suppress(OSError):
                for number in range(pieces):
                    self._send({"delta": {"content": f"{number} "}, "finish_reason": None})
                    time.sleep(seconds)
                self._send({"delta": {}, "finish_reason": "stop"})

        def _send(self, choice: dict[str, Any]) -> None:
            chunk = {"id": "x", "choices": [{"index": 0, **choice}]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
