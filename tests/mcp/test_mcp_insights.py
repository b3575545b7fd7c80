"""An outside agent with the insights key: the operators' tools over MCP, and none that changes anything."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp import Client

from tests.mcp.serving import ERAS, with_client
from tests.mcp.test_mcp_shop import flask
from tests.running import RunningShop

pytestmark = [pytest.mark.redis, pytest.mark.slow]
INSIGHTS = {"query_metrics", "ask_report", "search_knowledge", "draft_campaign_plan"}


@pytest.fixture(scope="module")
def keys(shop: RunningShop) -> dict[str, str]:
    flask(shop, "groups", "--demo")
    return {code: flask(shop, "key", code) for code in ("insights", "shop")}


def visit(shop: RunningShop, key: str, calls: list[tuple[str, dict[str, Any]]], era: str = "auto") -> Any:
    """The names of the tools, and what each call gave."""

    async def work(client: Client) -> tuple[set[str], list[Any]]:
        names = {tool.name for tool in (await client.list_tools()).tools}
        return names, [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(with_client(f"{shop.url}/mcp", key, work, mode=era))


@pytest.mark.parametrize("era", ERAS)
def test_the_insights_key_asks_reports(shop: RunningShop, keys: dict[str, str], era: str) -> None:
    names, answers = visit(
        shop,
        keys["insights"],
        [
            ("ask_report", {"question": "GMV by store for the last 7 days"}),
            ("query_metrics", {"metrics": ["orders"], "dimensions": ["store"], "period": "last 7 days"}),
            ("search_knowledge", {"q": "repeat rate"}),
            ("draft_campaign_plan", {"brief": "15% off for returning customers, budget 20k, 14 days"}),
        ],
        era,
    )
    assert names >= INSIGHTS
    assert not names & {"place_order", "add_to_cart", "claim_coupon"}
    report, orders, knowledge, plan = [answer.structured_content for answer in answers]
    assert not any(answer.is_error for answer in answers)
    assert len(report["rows"]) == len(orders["rows"]) == 10
    assert knowledge["documents"] and plan["plan"]["budget"] == 20_000


def test_what_is_wrong_is_told_as_a_result(shop: RunningShop, keys: dict[str, str]) -> None:
    _, (wrong, unclear) = visit(
        shop,
        keys["insights"],
        [
            ("query_metrics", {"metrics": ["profit"], "period": "last 7 days"}),
            ("ask_report", {"question": "how is business going"}),
        ],
    )
    assert wrong.is_error and "gmv" in wrong.structured_content["error"]["message"]
    assert not unclear.is_error and len(unclear.structured_content["choices"]) >= 2


def test_another_groups_key_has_none_of_them(shop: RunningShop, keys: dict[str, str]) -> None:
    names, _ = visit(shop, keys["shop"], [])
    assert names and not names & INSIGHTS
