"""1,000 idle event streams on one web process, pages beside them, and how soon an answer begins.

Each stream is a conversation of its own whose model (a server of ours) has begun to answer and then says
nothing: the dearest kind of idle stream, with a run, a heartbeat and a model connection behind it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select

from app.accounts.models import User
from app.accounts.tokens import issue_token
from app.db import db
from app.demo.loader import load_demo
from benchmarks.load import Call, drive
from benchmarks.program import build_app, redis_server, web_process
from benchmarks.table import print_table

STREAMS = 1_000
OPENING_AT_ONCE = 20
PAGES = ("/", "/products", "/api/products?q=%E9%98%B2%E6%99%92", "/cart")
PAGE_CALLS = 400
ANSWERS = 100
UNLIMITED = {"SSE_STREAMS_PER_USER": "100000", "RUN_SECONDS": "900"}


def main() -> None:
    """Print one table for the streams and one for the first event."""
    _allow_many_files()
    with redis_server() as redis_url, tempfile.TemporaryDirectory() as folder:
        app = build_app(Path(folder), "", redis_url)
        with app.app_context():
            load_demo(app.extensions["mcpshop_settings"], echo=lambda _text: None)
        token = _token(app)
        with web_process(Path(folder), "", redis_url) as url:
            _measure_first_event(url, token)
        with (
            _silent_model() as model_url,
            web_process(Path(folder), "", redis_url, LLM_BASE_URL=model_url, **UNLIMITED) as url,
        ):
            _measure_streams(url, token)


def _allow_many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def _token(app: Flask) -> str:
    with app.app_context():
        user_id = db.session.scalars(select(User.id).where(User.username == "demo")).one()
        return issue_token(user_id)[0]


# ---- the first event of a built-in answer


def _measure_first_event(url: str, token: str) -> None:
    asyncio.run(_time_to_first(url, token, 5))
    found = sorted(asyncio.run(_time_to_first(url, token, ANSWERS)))
    print_table(
        "From the request to the first event of a built-in answer (ms)",
        ("requests", "p50", "p95", "slowest"),
        [(ANSWERS, *(f"{found[int(share * (len(found) - 1))] * 1000:.1f}" for share in (0.5, 0.95, 1)))],
    )


async def _time_to_first(url: str, token: str, number: int) -> list[float]:
    seconds = []
    for _ in range(number):
        started = time.perf_counter()
        reader, writer = await _open(url, token, "有没有适合敏感肌的防晒")
        await _until(reader, b"data: ")
        seconds.append(time.perf_counter() - started)
        while await reader.readline() not in (b"0\r\n", b""):
            pass
        writer.close()
    return seconds


# ---- idle streams


def _measure_streams(url: str, token: str) -> None:
    calls = [Call(PAGES[number % len(PAGES)]) for number in range(PAGE_CALLS)]
    rows = []
    drive(url, calls[:40], in_flight=1)
    for streams in (0, STREAMS):
        with _idle_streams(url, token, streams) as seconds:
            time.sleep(3 if streams else 0)
            for in_flight in (1, 4):
                outcome = drive(url, calls, in_flight=in_flight)
                rows.append(
                    (
                        streams,
                        f"{seconds:.1f}" if streams else "",
                        in_flight,
                        f"{outcome.rate:.0f}",
                        f"{outcome.percentile(0.5):.1f}",
                        f"{outcome.percentile(0.95):.1f}",
                        f"{outcome.percentile(0.99):.1f}",
                        str(outcome.statuses),
                    )
                )
    head = ("idle streams", "opened in s", "in flight", "pages/s", "p50 ms", "p95 ms", "p99 ms", "statuses")
    print_table(f"Pages ({', '.join(PAGES)}) beside idle streams, one web process", head, rows)


@contextmanager
def _idle_streams(url: str, token: str, number: int) -> Iterator[float]:
    """Hold `number` streams open; yields the seconds that opening them took."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started = time.perf_counter()
    writers = asyncio.run_coroutine_threadsafe(_open_many(url, token, number), loop).result(300)
    try:
        yield time.perf_counter() - started
    finally:
        for writer in writers:
            loop.call_soon_threadsafe(writer.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _open_many(url: str, token: str, number: int) -> list[asyncio.StreamWriter]:
    places = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one() -> asyncio.StreamWriter:
        async with places:
            reader, writer = await _open(url, token, "hello")
            await _until(reader, b"data: ")
            return writer

    return await asyncio.gather(*(one() for _ in range(number)))


async def _open(url: str, token: str, content: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    headers = (("Authorization", f"Bearer {token}"),)
    call = Call("/api/chat/stream", "POST", headers, json.dumps({"content": content}))
    writer.write(call.to_bytes(parts.netloc))
    return reader, writer


async def _until(reader: asyncio.StreamReader, start: bytes) -> None:
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"{status!r} {(await reader.read(2000))!r}")
    while line := await reader.readline():
        if line.startswith(start):
            return
    raise RuntimeError("the stream ended")


@contextmanager
def _silent_model() -> Iterator[str]:
    """An OpenAI-compatible server that says one word and then holds the line."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        choice = {"index": 0, "delta": {"content": "Well"}, "finish_reason": None}
        chunk = json.dumps({"id": "x", "choices": [choice]})
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        writer.write(f"data: {chunk}\n\n".encode())
        await writer.drain()
        await reader.read()

    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(answer, "127.0.0.1", 0, backlog=2_000), loop
    ).result(10)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


if __name__ == "__main__":
    main()
