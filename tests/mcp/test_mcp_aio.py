"""The loop's thread and the way back; an exchange whose application misbehaves; log rows in batches."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core.actor import SYSTEM
from app.core.clock import now
from app.db import db, in_transaction
from app.mcp.exchange import AHEAD, Exchange
from app.mcp.service import NewGroup, create_group
from app.tools.call_batch import CallBatch
from app.tools.models import ToolCallLog
from app.web.aio import is_gone, process_loop
from tests.builders import make_product

SCOPE = {"type": "http", "path": "/x"}


def on_loop(coroutine: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(coroutine, process_loop().asyncio).result(5)


def test_work_runs_at_home_and_comes_back() -> None:
    loop = process_loop()
    assert loop is process_loop()
    here = on_loop(loop.run_at_home(threading.get_ident))
    assert here not in (threading.get_ident(), on_loop(_ident()))
    with pytest.raises(KeyError):
        on_loop(loop.run_at_home(lambda: {}["missing"]))


async def _ident() -> int:
    return threading.get_ident()


def test_a_cancelled_wait_tells_the_work() -> None:
    loop, told, release = process_loop(), threading.Event(), threading.Event()

    async def give_up() -> None:
        task = asyncio.create_task(loop.run_at_home(lambda: release.wait(5), told.set))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    on_loop(give_up())
    assert told.wait(2)
    release.set()


def test_calls_come_in_order() -> None:
    loop, seen, done = process_loop(), [], threading.Event()
    for number in range(500):
        loop.call(seen.append, number)
    loop.call(done.set)
    assert done.wait(2) and seen == list(range(500))


def test_a_closed_connection_is_noticed_without_reading() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        assert not is_gone(ours) and not is_gone(None)
        theirs.send(b"next request")
        assert not is_gone(ours) and ours.recv(4) == b"next"
        ours.recv(100)
        theirs.close()
        assert is_gone(ours)


def answered(application: Any, is_over: Callable[[], bool] = lambda: False) -> Any:
    exchange = Exchange(process_loop(), SCOPE, b"body", is_over)
    exchange.begin(application)
    return exchange.response()


def test_an_application_that_fails_is_a_500() -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no")

    assert answered(fails).status_code == 500


def test_a_slow_reader_holds_the_application_back() -> None:
    sent = 0

    async def pours(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        assert (await receive())["body"] == b"body"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(AHEAD * 3):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    response = answered(pours)
    time.sleep(0.2)
    assert sent <= AHEAD
    assert b"".join(response.response) == b"x" * AHEAD * 3


def test_leaving_reaches_the_application() -> None:
    left = threading.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"
        left.set()

    response = answered(waits, lambda: True)
    assert b"".join(response.response) == b""
    assert left.wait(2)


@pytest.mark.redis
def test_the_view_works_without_gevent_too(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A")
        new = NewGroup(code="one", name="One", tools=("list_products",))
        key = in_transaction(lambda: create_group(SYSTEM, new)[1])
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "list_products", "arguments": {}, "_meta": meta}
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "list_products",
    }
    answer = each_app.test_client().post(
        "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers=headers
    )
    assert answer.get_json()["result"]["structuredContent"]["total"] == 1
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.redis
def test_log_rows_are_written_in_batches_and_at_the_end(each_app: Flask) -> None:
    row = {
        "tool_name": "t",
        "group_id": None,
        "caller_app_id": "c",
        "success": True,
        "error_code": "",
        "duration_ms": 1,
        "created_at": now(),
    }
    batch = CallBatch(each_app)

    def count() -> int:
        with each_app.app_context():
            return db.session.scalar(select(func.count()).select_from(ToolCallLog)) or 0

    for _ in range(1_200):
        batch.put(row)
    deadline = time.monotonic() + 5
    while count() < 1_200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count() == 1_200
    batch.put(row)
    batch.flush()
    assert count() == 1_201
