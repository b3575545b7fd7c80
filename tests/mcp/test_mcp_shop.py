"""The shop as a user starts it: the demo groups' keys, and a whole purchase by an agent for a customer."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from mcp import Client
from mcp_types import ElicitResult

from app.config import PROJECT_ROOT
from tests.mcp.serving import ERAS, with_client
from tests.running import RunningShop

pytestmark = [pytest.mark.redis, pytest.mark.slow]


def flask(shop: RunningShop, *arguments: str) -> str:
    environment = {**os.environ, "MCPSHOP_HOME": str(shop.home), "DATABASE_URL": "", "REDIS_URL": ""}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "mcp", *arguments]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def key(shop: RunningShop) -> str:
    flask(shop, "groups", "--demo")
    return flask(shop, "key", "shop")


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_finds_products(shop: RunningShop, key: str, era: str) -> None:
    async def work(client: Client) -> None:
        found = await client.call_tool("list_products", {"q": "sunscreen"})
        assert found.structured_content is not None and found.structured_content["products"]

    asyncio.run(with_client(f"{shop.url}/mcp/shop", key, work, mode=era))


def test_an_agent_orders_for_a_customer_who_agrees(shop: RunningShop, key: str) -> None:
    asked: list[str] = []

    async def agree(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    async def work(client: Client) -> None:
        for_alice = {"user_id": 1}
        await client.call_tool("add_to_cart", {"sku": "SKN-002", "qty": 1, **for_alice})
        ordered = await client.call_tool("place_order", for_alice)
        assert not ordered.is_error, ordered
        assert len(asked) == 1 and "Place this order?" in asked[0] and "SKN-002" in asked[0]
        empty = await client.call_tool("view_cart", for_alice)
        assert empty.structured_content is not None and empty.structured_content["cart"]["items"] == []

    asyncio.run(with_client(f"{shop.url}/mcp", key, work, elicitation_callback=agree))
