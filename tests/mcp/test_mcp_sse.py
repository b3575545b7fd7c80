"""The transport of 2024-11-05 with the SDK's client: tools, questions in mid-call, changes, and how it ends."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp_types import ElicitResult

from app.core.actor import SYSTEM
from app.db import in_transaction
from app.mcp import service
from app.mcp.postbox import ALIVE_KEY, BOX_KEY, OWNER_KEY
from app.mcp.queries import get_group
from app.mcp.service import NewGroup, create_group
from tests.mcp.serving import ODD, READER, SHOPPER, Program, serving

pytestmark = [pytest.mark.redis, pytest.mark.slow]
T = TypeVar("T")
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture(scope="module")
def several(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path
) -> Iterator[Program]:
    """Two web processes: half of the messages reach another one than the stream's."""
    home = tmp_path_factory.mktemp("mcp-sse") / "home"
    with serving(home, redis_url, sqlite_template, WEB_WORKERS="2") as running:
        yield running


@pytest.fixture(params=["program", "several"])
def each(request: pytest.FixtureRequest) -> Program:
    """On one process and on several."""
    found: Program = request.getfixturevalue(request.param)
    return found


def ask(
    program: Program,
    key: str,
    work: Callable[[Client], Awaitable[T]],
    *,
    path: str = "/mcp/sse",
    **options: Any,
) -> T:
    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
        async with Client(
            sse_client(program.url + path, headers=headers), mode="legacy", **options
        ) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(run(), 15))


@asynccontextmanager
async def stream(program: Program, key: str, path: str = "/mcp/sse") -> AsyncIterator[tuple[str, Any]]:
    """A raw session: where to post, and the lines that follow."""
    async with (
        httpx2.AsyncClient(timeout=15) as http,
        http.stream("GET", program.url + path, headers={"Authorization": f"Bearer {key}"}) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == "event: endpoint"
        yield (await anext(lines)).removeprefix("data: "), lines


def post(program: Program, path: str, key: str | None, body: Any = PING) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.post(program.url + path, json=body, headers=headers, timeout=10)


@pytest.mark.parametrize("path", ["/mcp/sse", f"/mcp/{READER}/sse"])
def test_an_older_client_lists_and_calls_tools(each: Program, path: str) -> None:
    before = len(each.rows("list_products"))

    async def work(client: Client) -> None:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["list_products", "list_stores"]
        results = await asyncio.gather(*(client.call_tool("list_products", {"top_k": 1}) for _ in range(12)))
        for result in results:
            assert result.structured_content is not None and result.structured_content["total"] == 3
            assert result.structured_content["products"][0]["name"].startswith("Sunscreen")

    ask(each, each.keys[READER], work, path=path)
    assert len(each.rows("list_products")) - before == 12


def test_a_person_is_asked_in_mid_call(each: Program) -> None:
    asked: list[str] = []

    async def agree(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    name = f"sse-{id(each)}"
    result = ask(
        each,
        each.keys[ODD],
        lambda client: client.call_tool("launch", {"name": name}),
        elicitation_callback=agree,
    )
    assert not result.is_error and result.structured_content == {"launched": name, "times": 1}
    assert [words.splitlines()[0] for words in asked] == [f"Launch {name}?"]


def test_cancelling_reaches_the_tool(each: Program) -> None:
    name = f"sse-cancel-{id(each)}"

    async def work(client: Client) -> None:
        call = asyncio.create_task(client.call_tool("hang", {"name": name}))
        while each.word(name, "started") is None:
            await asyncio.sleep(0.02)
        call.cancel()
        while each.word(name, "cancelled") is None:
            await asyncio.sleep(0.02)

    ask(each, each.keys[ODD], work)
    (row,) = [row for row in each.rows("hang") if name in row.request_data]
    assert not row.success and row.duration_ms < 5000


def test_a_session_hears_of_changes_and_ends_with_its_key(each: Program) -> None:
    code = f"old-ears-{len(each.keys)}"
    with each.app.app_context():
        key = in_transaction(lambda: create_group(SYSTEM, NewGroup(code=code, name=code))[1])

    def change() -> None:
        with each.app.app_context():
            in_transaction(lambda: service.add_tools(get_group(code), ["list_products"]))

    def revoke() -> None:
        with each.app.app_context():
            in_transaction(lambda: service.revoke_key(get_group(code)))

    async def listen() -> str:
        async with stream(each, key) as (where, lines):
            said: list[str] = []

            async def until(word: str) -> None:
                async for line in lines:
                    said.append(line)
                    if word in line:
                        return
                raise AssertionError(f"ended before {word}: {said}")

            params = {
                "protocolVersion": "2024-11-05",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            }
            begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
            assert (await asyncio.to_thread(post, each, where, key, begin)).status_code == 202
            await until('"listChanged":true')
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            assert (await asyncio.to_thread(post, each, where, key, ready)).status_code == 202
            # Answered behind the notification, so that it has been heard.
            await asyncio.to_thread(post, each, where, key, {**PING, "id": 2})
            await until('"id":2')
            await asyncio.to_thread(change)
            await until("notifications/tools/list_changed")
            await asyncio.to_thread(revoke)
            async for _ in lines:
                pass
            return where

    where = asyncio.run(asyncio.wait_for(listen(), 20))
    assert post(each, where, key).status_code == 401


def test_a_session_is_for_whoever_opened_it(each: Program) -> None:
    async def work() -> None:
        async with stream(each, each.keys[READER]) as (where, _):
            assert re.fullmatch(r"/mcp/messages/\?session_id=[0-9a-f]{32}", where)
            missing = where[:-32] + "0" * 32

            def answers(path: str, key: str | None) -> set[tuple[int, str]]:
                # Several times, so that several processes are asked.
                found = [post(each, path, key) for _ in range(6)]
                return {(one.status_code, one.text if one.status_code != 401 else "") for one in found}

            mine = each.keys[READER]
            assert await asyncio.to_thread(answers, where, mine) == {(202, "Accepted")}
            nothing = {(404, "Could not find session")}
            assert await asyncio.to_thread(answers, where, each.keys[SHOPPER]) == nothing
            assert await asyncio.to_thread(answers, missing, mine) == nothing
            assert await asyncio.to_thread(answers, where, None) == {(401, "")}
            narrow = where.replace("/mcp/", f"/mcp/{SHOPPER}/")
            assert await asyncio.to_thread(answers, narrow, mine) == {(401, "")}
            assert await asyncio.to_thread(answers, "/mcp/messages", mine) == {
                (400, "session_id is required")
            }
            broken = await asyncio.to_thread(post, each, where, mine, {"nonsense": 1})
            assert (broken.status_code, broken.text) == (400, "Could not parse message")

    asyncio.run(asyncio.wait_for(work(), 15))


def test_only_a_get_opens_a_stream(program: Program) -> None:
    key = program.keys[READER]
    tried = post(program, "/mcp/sse", key)
    assert (tried.status_code, tried.headers["Allow"]) == (405, "GET")
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx2.head(f"{program.url}/mcp/sse", headers=headers, timeout=5).status_code == 405
    assert httpx2.get(f"{program.url}/mcp/messages", headers=headers, timeout=5).status_code == 405
    refused = httpx2.get(f"{program.url}/mcp/sse", timeout=5)
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer ")
    foreign = httpx2.get(
        f"{program.url}/mcp/sse", headers={**headers, "Origin": "http://evil.example"}, timeout=5
    )
    assert foreign.status_code == 403


def test_nothing_is_left_when_clients_have_gone(
    tmp_path: Path, redis_url: str, sqlite_template: Path
) -> None:
    with serving(tmp_path / "home", redis_url, sqlite_template) as running:
        redis = running.app.extensions["mcpshop_redis"]
        before = set(redis.keys(OWNER_KEY + "*"))

        async def work() -> None:
            async with stream(running, running.keys[READER]), stream(running, running.keys[READER]):
                assert len(set(redis.keys(OWNER_KEY + "*")) - before) == 2

        asyncio.run(work())
        deadline = time.monotonic() + 8
        while set(redis.keys(OWNER_KEY + "*")) - before:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for name in (ALIVE_KEY, BOX_KEY):
            assert all(redis.ttl(key) != -1 for key in redis.keys(name + "*"))

        async def hold() -> float:
            async with stream(running, running.keys[READER]) as (_, lines):
                running.process.terminate()
                began = time.monotonic()
                async for _ in lines:
                    pass
                return time.monotonic() - began

        assert asyncio.run(asyncio.wait_for(hold(), 10)) < 5
