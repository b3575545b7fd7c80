"""An OpenAI-compatible server that says a known answer in pieces, in a process of its own.

Its own because the usual mock servers spend more time on a piece than the shop does. The answer to a message
with `#17#` in it is `answer_to(17)`, so that a mixed-up stream shows; with `@2.5@` it is thought about for so
many seconds first, with `~1~` it has so many pieces.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.config import PROJECT_ROOT
from tests.running import free_port

NUMBER = re.compile(rb"#(\d+)#")
THOUGHT = re.compile(rb"@([\d.]+)@")
PIECES = re.compile(rb"~(\d+)~")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}


def pieces_of(number: int, pieces: int) -> list[str]:
    """The pieces of the answer to message `number`."""
    return [f"{number}·{piece}号😀 " for piece in range(pieces)]


def answer_to(number: int, pieces: int) -> str:
    """The whole answer to message `number`."""
    return "".join(pieces_of(number, pieces))


class Talker(asyncio.Protocol):
    """One connection; any number of requests, one after the other."""

    def __init__(self, pieces: int, gap: float) -> None:
        self._pieces = pieces
        self._gap = gap
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = re.search(rb"content-length: *(\d+)", head.lower())
        if length is None or len(body) < int(length.group(1)):
            if length is None:
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                self._buffer = b""
            return
        self._buffer = b""
        said, thought, pieces = NUMBER.findall(body), THOUGHT.findall(body), PIECES.findall(body)
        self._begin(
            int(said[-1]) if said else 0,
            float(thought[-1]) if thought else 0.0,
            int(pieces[-1]) if pieces else self._pieces,
        )

    def _begin(self, number: int, thought: float, pieces: int) -> None:
        self._frames = [_frame({"delta": {"content": piece}}) for piece in pieces_of(number, pieces)]
        last = _frame({"delta": {}, "finish_reason": "stop"}) + _chunk({"choices": [], "usage": USAGE})
        self._frames[-1] += last + _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
        self._started, self._next = self._loop.time() + thought, 0
        self._transport.write(HEAD)
        self._plan()

    def _plan(self) -> None:
        self._loop.call_at(self._started + (self._next + 1) * self._gap, self._say)

    def _say(self) -> None:
        """What is due by now, in one write when the clock has run ahead of us."""
        due = min(len(self._frames), int((self._loop.time() - self._started) / self._gap + 0.01))
        due = max(due, self._next + 1)
        if self._transport.is_closing():
            return
        self._transport.write(b"".join(self._frames[self._next : due]))
        self._next = due
        if due < len(self._frames):
            self._plan()


def _frame(choice: dict[str, object]) -> bytes:
    return _chunk({"choices": [{"index": 0, "finish_reason": None, **choice}]})


def _chunk(values: dict[str, object]) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    return _http_chunk(f"data: {json.dumps({**head, **values})}\n\n".encode())


def _http_chunk(payload: bytes) -> bytes:
    return f"{len(payload):x}\r\n".encode() + payload + b"\r\n"


@contextmanager
def model_server(pieces: int, gap: float) -> Iterator[str]:
    """A running one; yields its base URL."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.model_server", str(port), str(pieces), str(gap)]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str) -> None:
    for _ in range(100):
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.05)
    raise RuntimeError("the model server did not start")


async def _serve(port: int, pieces: int, gap: float) -> None:
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, over.set_result, None)
    await loop.create_server(lambda: Talker(pieces, gap), "127.0.0.1", port, backlog=2_000)
    await over


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
