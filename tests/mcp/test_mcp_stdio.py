"""`flask mcp stdio` with the SDK's client, and the commands for groups and keys, as a user types them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import ElicitResult

from app.config import PROJECT_ROOT
from tests.mcp.serving import ERAS, READER, SHOPPER, Program

pytestmark = [pytest.mark.redis, pytest.mark.slow]


def environment(program: Program) -> dict[str, str]:
    redis_url = program.app.extensions["mcpshop_settings"].redis_url
    return {**os.environ, "MCPSHOP_HOME": str(program.home), "REDIS_URL": redis_url, "DATABASE_URL": ""}


def flask(program: Program, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "mcp", *arguments]
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment(program), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("era", ERAS)
def test_a_client_starts_the_server_itself(program: Program, era: str) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "flask", "--app", "wsgi", "mcp", "stdio", "--group", SHOPPER, "--locale", "en"],
        env=environment(program),
        cwd=PROJECT_ROOT,
    )
    asked: list[str] = []

    async def agree(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    async def work() -> None:
        async with Client(server, mode=era, elicitation_callback=agree) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert "list_products" in names and "hang" not in names
            found = await client.call_tool("list_products", {"top_k": 1})
            assert found.structured_content is not None
            assert found.structured_content["products"][0]["name"].startswith("Sunscreen")
            resource = await client.read_resource("products://SUN-001")
            assert "SUN-001" in resource.contents[0].text  # type: ignore[union-attr]
            # Without a customer there is nothing to order, which is said before anybody is asked.
            refused = await client.call_tool("place_order", {})
            assert refused.is_error and asked == []

    asyncio.run(asyncio.wait_for(work(), 60))


def test_the_servers_shell_shows_groups_and_keys(program: Program) -> None:
    shown = flask(program, "key", READER)
    assert shown.stdout.strip() == program.keys[READER]
    assert flask(program, "key", "nobody").returncode == 1
    listed = flask(program, "groups", "--demo").stdout
    assert {line.split("\t")[0] for line in listed.splitlines()} >= {
        READER,
        "system",
        "shop",
        "consultation",
        "insights",
    }
    refused = flask(program, "stdio", "--group", "off")
    assert refused.returncode == 1 and "switched on" in refused.stderr
