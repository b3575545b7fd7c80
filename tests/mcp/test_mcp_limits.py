"""Limits of a key against the real program: how often, how long a message, how long an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from mcp import Client
from redis import Redis
from sqlalchemy import update

from app.catalogue.models import Product
from app.core.actor import SYSTEM
from app.db import db, in_transaction
from app.mcp.service import NewGroup, create_group
from app.tools.models import ToolGroup, ToolSetting
from tests.mcp.serving import READER, SHOPPER, Program, serving

pytestmark = pytest.mark.redis
LIMIT = 8


@pytest.fixture(scope="module")
def strict(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Any
) -> Iterator[Program]:
    """One web process with narrow limits, in a Redis database that no other test empties."""
    home = tmp_path_factory.mktemp("mcp-limits") / "home"
    values = {
        "RATELIMIT_ENABLED": "1",
        "MCP_CALLS_PER_MINUTE": str(LIMIT),
        "MCP_REQUEST_MAX_BYTES": "10000",
        "MCP_RESULT_MAX_CHARS": "1000",
    }
    with serving(home, redis_url.removesuffix("/0") + "/1", sqlite_template, **values) as program:
        yield program


@pytest.fixture(autouse=True)
def counted_from_zero(strict: Program) -> None:
    redis: Redis = strict.app.extensions["mcpshop_redis"]
    for key in redis.scan_iter("rate:*"):
        redis.delete(key)


def set_up(
    program: Program, code: str, change: Callable[[ToolGroup], None] | None = None, **tools: Any
) -> str:
    """A group of its own; the key. `tools` are limits by tool name."""

    def work() -> str:
        group, key = create_group(SYSTEM, NewGroup(code=code, name=code, tools=tuple(tools)))
        for setting in ToolSetting.query.filter_by(group_id=group.id):  # type: ignore[attr-defined]
            setting.calls_per_minute = tools[setting.tool_name]
        if change is not None:
            change(group)
        return key

    with program.app.app_context():
        return in_transaction(work)


def test_a_key_gets_429_with_the_time_to_wait_and_others_go_on(strict: Program) -> None:
    answers = [strict.post(strict.keys[READER]) for _ in range(LIMIT + 2)]
    assert [answer.status_code for answer in answers] == [200] * LIMIT + [429] * 2
    refused = answers[-1]
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 65
    error = refused.json()["error"]
    assert error["code"] == "RATE_LIMITED" and error["request_id"]
    assert f"{LIMIT}" in error["message"] and f"{wait}" in error["message"]
    assert strict.post(strict.keys[SHOPPER]).status_code == 200
    # The same key by another address is the same key; a wrong key is told nothing of limits.
    assert strict.post(strict.keys[READER], path="/mcp/reader").status_code == 429
    assert strict.post("mcp_key_wrong").status_code == 401


def test_forty_requests_at_once_get_exactly_the_limit(strict: Program) -> None:
    with ThreadPoolExecutor(40) as pool:
        codes = list(pool.map(lambda _: strict.post(strict.keys[READER]).status_code, range(40)))
    assert sorted(codes) == [200] * LIMIT + [429] * (40 - LIMIT)


def test_a_group_may_have_a_limit_of_its_own_or_none(strict: Program) -> None:
    narrow = set_up(strict, "narrow", lambda group: setattr(group, "calls_per_minute", 2), list_stores=None)
    wide = set_up(strict, "wide", lambda group: setattr(group, "calls_per_minute", 0), list_stores=None)
    # Made past the program: it finds out by itself.
    deadline = time.monotonic() + 10
    while strict.post(wide).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [strict.post(narrow).status_code for _ in range(3)] == [200, 200, 429]
    assert {strict.post(wide).status_code for _ in range(LIMIT + 4)} == {200}


def test_a_tool_over_its_limit_is_a_result_with_one_row(strict: Program) -> None:
    key = set_up(strict, "tooled", list_stores=1, list_products=None)
    deadline = time.monotonic() + 10
    while strict.post(key).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)

    async def work(client: Client) -> list[Any]:
        calls = ("list_stores", "list_stores", "list_products")
        return [await client.call_tool(name, {"q": "Sunscreen"} if "p" in name else {}) for name in calls]

    first, second, other = strict.ask(key, work)
    assert (first.is_error, second.is_error, other.is_error) == (False, True, False)
    error = second.structured_content["error"]
    assert error["code"] == "RATE_LIMITED" and 0 < error["retry_after"] <= 65
    rows = [row for row in strict.rows("list_stores") if row.caller_app_id == "mcp:tooled"]
    assert [(row.success, row.error_code) for row in rows] == [(True, ""), (False, "RATE_LIMITED")]


def test_a_message_that_is_too_long_is_refused(strict: Program) -> None:
    def sent(body: Any) -> httpx2.Response:
        headers = {
            "Authorization": f"Bearer {strict.keys[READER]}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
        }
        return httpx2.post(strict.mcp, content=body, headers=headers, timeout=20)

    long = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y" * 11_000}}).encode()
    for answer in (sent(long), sent(iter([long[:5_000], long[5_000:]]))):
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "INVALID_PARAM"
    assert sent(long.replace(b"y" * 11_000, b"y" * 100)).status_code != 413


def test_resources_come_in_pieces_of_the_size_that_is_set(strict: Program) -> None:
    async def work(client: Client) -> tuple[list[str], list[int]]:
        uri, skus, sizes = "products://all", [], []
        while uri:
            text = (await client.read_resource(uri)).contents[0].text  # type: ignore[union-attr]
            page = json.loads(text)
            sizes.append(len(text))
            skus += [product["sku"] for product in page["products"]]
            uri = page.get("next", "")
        return skus, sizes

    with strict.app.app_context():
        for sku in ("SUN-000", "SUN-001", "SUN-002"):
            change = update(Product).where(Product.sku == sku).values(description_en="Light and mild. " * 25)
            in_transaction(lambda change=change: db.session.execute(change))  # type: ignore[misc]
    skus, sizes = strict.ask(strict.keys[READER], work)
    assert sorted(skus) == ["SUN-000", "SUN-001", "SUN-002"]
    assert max(sizes) <= 1_000 and len(sizes) > 1
