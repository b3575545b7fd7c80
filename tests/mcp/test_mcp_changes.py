"""A listening client hears of a change that another process made; it loses its ear with its key."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from flask import Flask

from app.core.actor import SYSTEM
from app.db import in_transaction
from app.mcp import service
from app.mcp.changes import ChangeBus
from app.mcp.queries import get_group
from app.mcp.service import NewGroup, create_group
from app.tools.groups import find_group_by_code, touch
from app.web.aio import Loop, ThreadsHome
from tests.mcp.serving import Program

pytestmark = [pytest.mark.redis, pytest.mark.slow]
LISTEN = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "subscriptions/listen",
    "params": {
        "notifications": {"toolsListChanged": True},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}


def test_a_change_right_after_the_beginning_is_heard(app: Flask) -> None:
    async def work() -> None:
        bus = ChangeBus(Loop(asyncio.get_running_loop(), ThreadsHome()), app)
        heard = asyncio.Event()
        with app.app_context():
            # As for every request that comes with a key.
            find_group_by_code("ears")
            unsubscribe = bus.subscribe(lambda _: heard.set())
            # Before the loop has had a turn.
            touch()
        await asyncio.wait_for(heard.wait(), 10)
        unsubscribe()

    asyncio.run(work())


def test_a_listener_hears_of_changes_until_its_key_is_revoked(program: Program) -> None:
    with program.app.app_context():
        key = in_transaction(lambda: create_group(SYSTEM, NewGroup(code="ears", name="Ears"))[1])

    async def listen() -> None:
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "subscriptions/listen",
        }
        async with (
            httpx2.AsyncClient(timeout=40) as http,
            http.stream("POST", program.mcp, json=LISTEN, headers=headers) as answer,
        ):
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            heard = ""
            while "acknowledged" not in heard:
                heard = await anext(lines)
            await asyncio.to_thread(change)
            while "notifications/tools/list_changed" not in heard:
                heard = await anext(lines)
            await asyncio.to_thread(revoke)
            async for _ in lines:
                pass

    def change() -> None:
        with program.app.app_context():
            in_transaction(lambda: service.add_tools(get_group("ears"), ["list_products"]))

    def revoke() -> None:
        with program.app.app_context():
            in_transaction(lambda: service.revoke_key(get_group("ears")))

    # It takes about five seconds; each wait ends with what it waits for, and a busy machine may take its time.
    asyncio.run(asyncio.wait_for(listen(), 45))
