"""Isolation: every path of every group, with every credential that is not for it. Nothing leaks, whatever is asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference
from sqlalchemy import select

from app.core.actor import SYSTEM, Role
from app.db import db, in_transaction
from app.mcp import service
from app.mcp.keys import PREFIX
from app.mcp.queries import get_group
from app.mcp.service import NewGroup, create_group
from app.tools.groups import READ, touch
from app.tools.models import ToolSetting
from app.tools.registry import registry
from app.tools.spec import ToolSpec
from tests.mcp.serving import ODD, OFF, READER, SHOPPER, Program

pytestmark = [pytest.mark.redis, pytest.mark.slow]
NOBODY = "no-such-group"
GONE, MOVED, NARROW = "gone", "moved", "narrow"
CODES = (READER, SHOPPER, ODD, OFF, GONE, MOVED, NARROW, NOBODY)
TRANSPORTS = ("modern", "legacy", "sse")
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Credentials:
    """Keys by what they are. `opens` has the code of the group where a key is good, nothing for those that are not."""

    keys: dict[str, str | None] = field(default_factory=dict)
    opens: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, key: str | None, code: str = "") -> None:
        self.keys[name] = key
        if code:
            self.opens[name] = code


@pytest.fixture(scope="module")
def credentials(program: Program) -> Iterator[Credentials]:
    found = Credentials()
    for code in (READER, SHOPPER, ODD):
        found.add(f"the key of {code}", program.keys[code], code)
    found.add("the key of a disabled group", program.keys[OFF])
    found.add("no key", None)
    found.add("a key of nobody", PREFIX + "x" * 43)
    found.add("a token for another audience", "mcp_at_" + "x" * 43)
    found.add("a customer's token", "eyJhbGciOiJIUzI1NiJ9.e30.x")
    with program.app.app_context():
        made = in_transaction(lambda: _make_groups())
        found.add("a revoked key", made["revoked"])
        found.add("a replaced key", made["replaced"])
        found.add("the key that replaced it", made["fresh"], MOVED)
        found.add("the key of narrow", made["narrow"], NARROW)
    _wait_for_grace(program, made["replaced"])
    yield found


def _make_groups() -> dict[str, str]:
    gone, revoked = create_group(SYSTEM, NewGroup(code=GONE, name="Gone", tools=("list_products",)))
    service.revoke_key(gone)
    moved, replaced = create_group(SYSTEM, NewGroup(code=MOVED, name="Moved", tools=("list_products",)))
    fresh = service.regenerate_key(moved, grace_seconds=1)
    # Many tools, of which one is switched off, some need a right that is missing, some another role.
    everything = tuple(spec.name for spec in own_tools())
    narrow, key = create_group(
        SYSTEM, NewGroup(code=NARROW, name="Narrow", roles=(Role.CUSTOMER,), rights=(READ,), tools=everything)
    )
    off = select(ToolSetting).where(ToolSetting.group_id == narrow.id, ToolSetting.tool_name == "get_product")
    db.session.scalars(off).one().enabled = False
    return {"revoked": revoked, "replaced": replaced, "fresh": fresh, "narrow": key}


def _wait_for_grace(program: Program, key: str) -> None:
    deadline = time.monotonic() + 10
    while program.post(key).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def paths() -> Iterator[tuple[str, str, str]]:
    """Method, path and the group's code in it."""
    for code in ("", *CODES):
        base = f"/mcp/{code}" if code else "/mcp"
        yield "POST", base, code
        yield "GET", base, code
        yield "DELETE", base, code
        yield "GET", f"{base}/sse", code
        yield "POST", f"{base}/messages/?session_id={'0' * 32}", code


def ask(http: httpx2.Client, method: str, path: str, key: str | None) -> tuple[int, str, str]:
    """Status, challenge and body; of an answer without an end, its beginning only."""
    headers = {"Accept": "application/json, text/event-stream", "Accept-Language": "en"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    body: Any = None
    if method == "POST":
        headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    with http.stream(method, path, json=body, headers=headers) as answer:
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        told = answer.read().decode() if is_json else ""
        return answer.status_code, answer.headers.get("WWW-Authenticate", ""), told


def without_names(challenge: str, body: str, code: str) -> tuple[str, str]:
    """What is left of a refusal when the address that was asked for is taken out."""
    error = json.loads(body)["error"]
    error.pop("request_id", None)
    return challenge.replace(f"/mcp/{code}", "/mcp"), json.dumps(error, sort_keys=True)


def test_a_key_opens_its_own_addresses_and_all_others_say_the_same(
    program: Program, credentials: Credentials
) -> None:
    refusals: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    # One for all: making one takes longer than a hundred requests.
    http = httpx2.Client(base_url=program.url, timeout=10)
    for name, key in credentials.keys.items():
        for method, path, code in paths():
            status, challenge, body = ask(http, method, path, key)
            mine = credentials.opens.get(name)
            if mine is not None and code in ("", mine):
                assert status != 401, (name, method, path)
                if method == "POST" and "messages" not in path:
                    assert status == 200 and '"tools"' in body, (name, path, status)
                continue
            assert status == 401, (name, method, path, status)
            assert challenge.startswith('Bearer realm="mcpshop"'), challenge
            assert ('error="invalid_token"' in challenge) == (key is not None)
            refusals[key is not None].add(without_names(challenge, body, code))
    http.close()
    # With a group that is there, one that is not, a dead key and a foreign one: word for word the same.
    assert {has_key: len(found) for has_key, found in refusals.items()} == {True: 1, False: 1}


def test_a_cookie_is_no_credential(program: Program) -> None:
    with httpx2.Client(base_url=program.url, headers={"Accept-Language": "en"}) as browser:
        page = browser.get("/login")
        assert page.status_code == 200 and browser.cookies
        for path in ("/mcp", f"/mcp/{READER}", "/mcp/sse"):
            assert browser.get(path).status_code == 401


def own_tools() -> list[ToolSpec]:
    """The shop's tools: the program is another process, which has none of those that tests have added to this one's registry."""
    return [spec for spec in registry if spec.run.__module__.startswith("app.")]


def visible(credentials: Credentials) -> dict[str, set[str]]:
    """What each of the good keys has."""
    shopping = {spec.name for spec in own_tools() if spec.category in ("shop", "cart", "coupon", "order")}
    odd = {"hang", "deaf", "explode", "flood", "narrate", "launch"}
    reading = {
        spec.name
        for spec in own_tools()
        if not (spec.writes or spec.confirm) and (not spec.roles or Role.CUSTOMER in spec.roles)
    }
    return {
        f"the key of {READER}": {"list_products", "list_stores"},
        f"the key of {SHOPPER}": shopping,
        f"the key of {ODD}": odd,
        "the key that replaced it": {"list_products"},
        f"the key of {NARROW}": reading - {"get_product"},
    }


async def connected(
    program: Program, transport: str, key: str, work: Callable[[Client], Awaitable[None]]
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
    if transport == "sse":
        async with Client(sse_client(f"{program.url}/mcp/sse", headers=headers), mode="legacy") as client:
            await work(client)
        return
    mode = "auto" if transport == "modern" else "legacy"
    async with (
        httpx2.AsyncClient(headers=headers, timeout=20) as http,
        Client(streamable_http_client(program.mcp, http_client=http), mode=mode) as client,
    ):
        await work(client)


async def refused(call: Awaitable[Any], name: str) -> tuple[int, str]:
    """How a call is refused, with the name that was asked for taken out."""
    with pytest.raises(MCPError) as error:
        await call
    return error.value.code, error.value.message.replace(name, "*")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_not_for_a_key_does_not_exist_for_it(
    program: Program, credentials: Credentials, transport: str
) -> None:
    everything = {spec.name for spec in own_tools()} | {"hang", "explode", "launch"}

    async def walk(client: Client, name: str, mine: set[str]) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == mine
        unknown = await refused(client.call_tool("no_such_tool", {}), "no_such_tool")
        foreign = sorted(everything - mine)
        assert foreign, name
        for tool in foreign:
            assert await refused(client.call_tool(tool, {"user_id": 1}), tool) == unknown, (name, tool)
        await _look_at_resources(client, mine)
        await _look_at_prompts(client, mine)

    async def run() -> None:
        for name, mine in visible(credentials).items():
            work = partial(walk, name=name, mine=mine)
            await connected(program, transport, str(credentials.keys[name]), work)

    asyncio.run(asyncio.wait_for(run(), 40))


async def _look_at_resources(client: Client, mine: set[str]) -> None:
    uris = {one.uri for one in (await client.list_resources()).resources}
    assert uris == ({"products://all"} if "list_products" in mine else set())
    templates = {one.uri_template for one in (await client.list_resource_templates()).resource_templates}
    assert ("products://{sku}" in templates) == ("get_product" in mine)
    one = ResourceTemplateReference(type="ref/resource", uri="products://{sku}")
    typed = (await client.complete(one, {"name": "sku", "value": "SUN"})).completion.values
    assert bool(typed) == ("get_product" in mine)
    missing = await refused(client.read_resource("products://NO-SUCH"), "products://NO-SUCH")
    if "get_product" not in mine:
        assert await refused(client.read_resource("products://SUN-001"), "products://SUN-001") == missing
    if "list_products" not in mine:
        assert await refused(client.read_resource("products://all"), "products://all") == missing


async def _look_at_prompts(client: Client, mine: set[str]) -> None:
    listed = {one.name for one in (await client.list_prompts()).prompts}
    nothing = await refused(client.get_prompt("no_such_prompt", {}), "no_such_prompt")
    for name, given in (("weekly_report", {}), ("care_plan", {"goals": "x"}), ("win_back_campaign", {})):
        if name in listed:
            continue
        assert await refused(client.get_prompt(name, given), name) == nothing
        plan = PromptReference(type="ref/prompt", name=name)
        assert (await client.complete(plan, {"name": "sku", "value": "SUN"})).completion.values == []
        assert (await client.complete(plan, {"name": "store", "value": ""})).completion.values == []


def test_a_tool_that_is_switched_off_is_gone_at_once_and_on_every_transport(
    program: Program, credentials: Credentials
) -> None:
    key = str(credentials.keys["the key that replaced it"])

    def switch(is_on: bool) -> None:
        def work() -> None:
            group = get_group(MOVED)
            one = select(ToolSetting).where(
                ToolSetting.group_id == group.id, ToolSetting.tool_name == "list_products"
            )
            db.session.scalars(one).one().enabled = is_on

        with program.app.app_context():
            in_transaction(work)
            touch()

    async def names(client: Client) -> None:
        seen.append(sorted(tool.name for tool in (await client.list_tools()).tools))
        if not seen[-1]:
            await refused(client.call_tool("list_products", {}), "list_products")

    async def open_before(client: Client) -> None:
        await names(client)
        await asyncio.to_thread(switch, False)
        await names(client)
        await asyncio.to_thread(switch, True)

    for transport in TRANSPORTS:
        seen: list[list[str]] = []
        asyncio.run(asyncio.wait_for(connected(program, transport, key, open_before), 15))
        assert seen == [["list_products"], []], transport
