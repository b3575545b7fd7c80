"""Keys: what is not for a key does not exist for it, on every path, and 401 says what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from flask import Flask
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceTemplateReference
from sqlalchemy import select

from app.core.actor import SYSTEM
from app.core.crypto import Vault
from app.db import db, in_transaction
from app.mcp import service
from app.mcp.keys import PREFIX, hash_of, key_in
from app.mcp.service import NewGroup, create_group
from app.tools.groups import find_group_by_key, touch
from app.tools.models import ToolGroup, ToolSetting
from tests.mcp.serving import ODD, OFF, READER, SHOPPER, Program


def change(program: Program, work: Callable[[], Any]) -> Any:
    with program.app.app_context():
        result = in_transaction(work)
        touch()
        return result


def group(code: str) -> ToolGroup:
    return db.session.scalars(select(ToolGroup).where(ToolGroup.server_code == code)).one()


@pytest.mark.redis
@pytest.mark.slow
def test_without_a_right_key_there_is_a_challenge_and_nothing_else(program: Program) -> None:
    right = program.keys[READER]
    wrong = {
        "unknown": PREFIX + "x" * 43,
        "changed": right[:-1] + ("a" if right[-1] != "a" else "b"),
        "a user's token": "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "empty": "",
        "too long": right + "x" * 999,
        "disabled group": program.keys[OFF],
    }
    answers = {name: program.post(key) for name, key in wrong.items() if key}
    assert {name: one.status_code for name, one in answers.items()} == dict.fromkeys(answers, 401)
    way_in = f'resource_metadata="{program.url}/.well-known/oauth-protected-resource/mcp"'
    told = f'scope="mcp:read mcp:write", {way_in}'
    assert {one.headers["WWW-Authenticate"] for one in answers.values()} == {
        f'Bearer realm="mcpshop", error="invalid_token", {told}'
    }
    assert len({one.json()["error"]["message"] for one in answers.values()}) == 1
    missing = program.post()
    assert missing.status_code == 401
    assert missing.headers["WWW-Authenticate"] == f'Bearer realm="mcpshop", {told}'
    for method in ("GET", "DELETE"):
        assert httpx2.request(method, program.mcp, timeout=10).status_code == 401


@pytest.mark.redis
@pytest.mark.slow
def test_a_key_opens_its_own_address_only_and_learns_nothing_of_others(program: Program) -> None:
    key = program.keys[READER]
    assert program.post(key).status_code == 200
    assert program.post(key, path=f"/mcp/{READER}").status_code == 200
    answers = [program.post(key, path=f"/mcp/{code}") for code in (SHOPPER, ODD, OFF, "nobody")]
    assert {one.status_code for one in answers} == {401}
    bodies = [{**one.json()["error"], "request_id": ""} for one in answers]
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.parametrize("code", [READER, SHOPPER, ODD])
def test_a_foreign_tool_is_as_unknown_as_one_that_is_not(program: Program, code: str) -> None:
    everything = {
        "hang",
        "explode",
        "view_cart",
        "place_order",
        "get_product",
        "list_products",
        "list_stores",
    }

    async def work(client: Client) -> None:
        mine = {tool.name for tool in (await client.list_tools()).tools}
        foreign = everything - mine
        assert foreign
        for name in foreign | {"no_such_tool"}:
            with pytest.raises(MCPError) as error:
                await client.call_tool(name, {})
            assert (error.value.code, error.value.message.replace(name, "*")) == (-32602, "Unknown tool: *")
        has_products = "get_product" in mine
        one = ResourceTemplateReference(type="ref/resource", uri="products://{sku}")
        found = await client.complete(one, {"name": "sku", "value": "SUN"})
        assert bool(found.completion.values) == has_products
        if not has_products:
            with pytest.raises(MCPError):
                await client.read_resource("products://SUN-001")

    program.ask(program.keys[code], work)


@pytest.mark.redis
@pytest.mark.slow
def test_changes_act_at_once(program: Program) -> None:
    key = change(
        program, lambda: create_group(SYSTEM, NewGroup(code="temp", name="Temp", tools=("list_products",)))[1]
    )

    def names() -> list[str]:
        return [tool["name"] for tool in program.post(key).json()["result"]["tools"]]

    assert names() == ["list_products"]
    change(program, lambda: service.add_tools(group("temp"), ["list_stores"]))
    assert names() == ["list_products", "list_stores"]

    def switch_off() -> None:
        settings = select(ToolSetting).where(
            ToolSetting.group_id == group("temp").id, ToolSetting.tool_name == "list_stores"
        )
        db.session.scalars(settings).one().enabled = False

    change(program, switch_off)
    assert names() == ["list_products"]
    fresh = change(program, lambda: service.regenerate_key(group("temp"), grace_seconds=60))
    assert program.post(key).status_code == program.post(fresh).status_code == 200
    newest = change(program, lambda: service.regenerate_key(group("temp")))
    assert [program.post(one).status_code for one in (key, fresh, newest)] == [401, 401, 200]
    change(program, lambda: service.revoke_key(group("temp")))
    assert program.post(newest).status_code == 401


@pytest.mark.redis
def test_a_key_is_kept_hashed_and_sealed(each_app: Flask) -> None:
    with each_app.app_context():
        made, key = in_transaction(lambda: create_group(SYSTEM, NewGroup(code="one", name="One")))
        assert key.startswith(PREFIX) and len(key) > 40
        assert made.hashed_api_key == hash_of(key)
        assert key not in str(made.api_key) and key not in str(made.hashed_api_key)
        assert service.reveal_key(made) == key
        assert Vault("test-secret-key-of-at-least-32-characters").unseal(str(made.api_key)) == key
        found = find_group_by_key(hash_of(key))
        assert found is not None and found.code == "one" and found.rights == {"read"}


def test_a_key_is_read_from_a_bearer_header_only() -> None:
    assert key_in("Bearer mcp_key_abc") == "mcp_key_abc"
    assert key_in("bearer   mcp_key_abc ") == "mcp_key_abc"
    for header in (
        None,
        "",
        "Bearer",
        "Basic mcp_key_abc",
        "mcp_key_abc",
        "Bearer abc",
        "Bearer mcp_key_钥匙",
    ):
        assert key_in(header) is None
