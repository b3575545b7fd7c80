"""The SDK's client, in both eras of the protocol, against the running program."""

from __future__ import annotations

import json

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from tests.mcp.serving import ERAS, READER, SHOPPER, Program

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.mark.parametrize("era", ERAS)
def test_a_client_lists_and_calls_tools(program: Program, era: str) -> None:
    async def work(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["list_products", "list_stores"]
        assert tools[0].description and tools[0].description.startswith("Find products")
        assert tools[0].input_schema["properties"]["top_k"]["maximum"] == 20
        assert tools[0].annotations is not None and tools[0].annotations.read_only_hint
        result = await client.call_tool("list_products", {"top_k": 2})
        assert not result.is_error
        assert result.structured_content is not None and result.structured_content["total"] == 3
        assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]

    program.ask(program.keys[READER], work, mode=era)


def test_tools_speak_the_clients_language(program: Program) -> None:
    async def described(client: Client) -> str:
        return str((await client.list_tools()).tools[0].description)

    assert program.ask(program.keys[READER], described, language="zh-CN").startswith("查找商品")


@pytest.mark.parametrize("era", ERAS)
def test_wrong_arguments_are_a_result_that_names_the_field(program: Program, era: str) -> None:
    result = program.call(READER, "list_products", {"top_k": 99, "nonsense": 1}, mode=era)
    assert result.is_error
    error = result.structured_content["error"]
    assert error["code"] == "INVALID_PARAM" and set(error["fields"]) == {"top_k", "nonsense"}


@pytest.mark.parametrize("era", ERAS)
def test_products_are_resources_page_by_page(program: Program, era: str) -> None:
    async def work(client: Client) -> None:
        assert [one.uri for one in (await client.list_resources()).resources] == ["products://all"]
        templates = (await client.list_resource_templates()).resource_templates
        assert [one.uri_template for one in templates] == [
            "products://all{?offset,limit}",
            "products://{sku}",
        ]
        seen, uri = [], "products://all?limit=2"
        while uri:
            page = json.loads((await client.read_resource(uri)).contents[0].text)  # type: ignore[union-attr]
            seen += [product["uri"] for product in page["products"]]
            uri = page.get("next", "")
        assert sorted(seen) == [f"products://SUN-00{number}" for number in range(3)]
        one = json.loads((await client.read_resource("products://SUN-001")).contents[0].text)  # type: ignore[union-attr]
        assert one["name"] == "Sunscreen 1"
        for missing in ("products://NOPE", "products://all?offset=x", "file:///etc/passwd", "products://"):
            with pytest.raises(MCPError) as error:
                await client.read_resource(missing)
            assert error.value.code == (-32602 if era == "auto" else -32002)

    program.ask(program.keys[SHOPPER], work, mode=era)


@pytest.mark.parametrize("era", ERAS)
def test_prompts_are_filled_in(program: Program, era: str) -> None:
    async def work(client: Client) -> None:
        assert [one.name for one in (await client.list_prompts()).prompts] == ["care_plan"]
        told = await client.get_prompt("care_plan", {"goals": "hydration {sku}", "sku": "SUN-001"})
        words = told.messages[0].content.text  # type: ignore[union-attr]
        assert "Goals: hydration {sku}." in words and "SUN-001" in words
        for name, arguments in (
            ("care_plan", {}),
            ("weekly_report", {}),
            ("care_plan", {"goals": "x" * 999}),
        ):
            with pytest.raises(MCPError):
                await client.get_prompt(name, arguments)

    program.ask(program.keys[SHOPPER], work, mode=era)


@pytest.mark.parametrize("era", ERAS)
def test_skus_are_completed(program: Program, era: str) -> None:
    async def work(client: Client) -> None:
        one = ResourceTemplateReference(type="ref/resource", uri="products://{sku}")
        found = await client.complete(one, {"name": "sku", "value": "sun-"})
        assert found.completion.values == ["SUN-000", "SUN-001", "SUN-002"]
        plan = PromptReference(type="ref/prompt", name="care_plan")
        assert (await client.complete(plan, {"name": "sku", "value": "SUN-002"})).completion.values == [
            "SUN-002"
        ]
        assert (await client.complete(plan, {"name": "sku", "value": "%"})).completion.values == []
        assert (await client.complete(plan, {"name": "goals", "value": "h"})).completion.values == []

    program.ask(program.keys[SHOPPER], work, mode=era)


def test_many_calls_at_once_are_each_answered_and_logged(program: Program) -> None:
    import asyncio

    before = len(program.rows("list_stores"))

    async def work(client: Client) -> None:
        results = await asyncio.gather(*(client.call_tool("list_stores", {}) for _ in range(60)))
        assert all(not result.is_error for result in results)

    program.ask(program.keys[READER], work)
    rows = program.rows("list_stores")[before:]
    assert len(rows) == 60
    assert {row.caller_app_id for row in rows} == {"mcp:reader"} and all(row.success for row in rows)
