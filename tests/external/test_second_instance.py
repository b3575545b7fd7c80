"""Another instance of this program as an attached server: its tools through our executor and through a group's key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.accounts.tokens import issue_token
from app.core.actor import Role
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.external.attaching import Attachment, Remote, admin_of
from tests.mcp.serving import READER, SHOPPER, Program, serving

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.fixture(scope="module")
def second(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path
) -> Iterator[Program]:
    """The instance that is attached; it has a Redis of its own, as on another machine."""
    home = tmp_path_factory.mktemp("second") / "home"
    with serving(home, redis_url.removesuffix("0") + "1", sqlite_template) as running:
        yield running


def test_its_tools_are_called_through_our_executor(make_app: MakeApp, second: Program) -> None:
    app = make_app(mcp_private_urls=second.url)
    far = Attachment(app, Remote("http"), admin_of(app))
    values = {"url": second.mcp, "key": second.keys[SHOPPER], "name": "Second"}
    try:
        far.attach(**values)
        found = far.call("list_products", {"q": "防晒"})
        assert found.status == "ok" and {each["sku"] for each in found.result["products"]} == {
            "SUN-000", "SUN-001", "SUN-002",
        }  # fmt: skip
        assert far.call("place_order").status == "confirmation_required"
        wrong = far.call("get_product", {"sku": "NO-SUCH"})
        assert wrong.result["error"]["code"] == "UPSTREAM" and "Second" in wrong.result["error"]["message"]
        far.save(key="mcp_key_wrong")
        assert far.call("list_stores").result["error"]["code"] == "UNAVAILABLE"
    finally:
        far.close()


def test_its_tools_are_called_with_the_key_of_another_group(
    second: Program, tmp_path: Path, redis_url: str, sqlite_template: Path
) -> None:
    with serving(tmp_path / "home", redis_url, sqlite_template, MCP_PRIVATE_URLS=second.url) as first:
        admin = _admin(first)
        body = {
            "code": "second", "name": "Second", "transport": "http", "url": second.mcp, "key": second.keys[READER],
            "trusts_hints": True,
        }  # fmt: skip
        made = admin.post("/api/v1/mcp/servers", json=body)
        assert made.status_code == 201 and second.keys[READER] not in made.text
        checked = admin.post(f"{made.headers['Location']}/check").json()
        assert checked["success"] and checked["data"]["tools"] == ["list_products", "list_stores"]
        group = {
            "name": "Friends",
            "server_code": "friends",
            "tools": ["second_list_products", "list_stores"],
        }
        group_id = admin.post("/api/v1/mcp/groups", json=group).json()["data"]["id"]
        key = admin.get(f"/api/v1/mcp/groups/{group_id}/api-key").json()["data"]["api_key"]

        async def work(client: Any) -> Any:
            names = {tool.name for tool in (await client.list_tools()).tools}
            return names, await client.call_tool("second_list_products", {"q": "防晒"})

        names, result = first.ask(key, work)
        assert names == {"second_list_products", "list_stores"}
        assert not result.is_error and len(result.structured_content["products"]) == 3
        (row,) = first.rows("second_list_products")
        assert row.success and row.group_id == group_id
        second.process.kill()
        second.process.wait(10)

        async def after(client: Any) -> Any:
            return [await client.call_tool(name, {}) for name in ("second_list_products", "list_stores")]

        theirs, ours = first.ask(key, after)
        assert theirs.is_error and theirs.structured_content["error"]["code"] in (
            "UNAVAILABLE",
            "INVALID_PARAM",
        )
        assert not ours.is_error


def _admin(program: Program) -> httpx2.Client:
    with program.app.app_context():
        user = make_user("ada", roles=(Role.ADMIN,))
        token = issue_token(user.id)[0]
    return httpx2.Client(base_url=program.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
