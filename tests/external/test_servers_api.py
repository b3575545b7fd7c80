"""The JSON API of attached servers: its form, its bounds, who may use it, and that no secret ever comes out."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from flask import Flask

from app.accounts.tokens import issue_token
from app.core.actor import Role
from app.external.models import McpServer
from app.external.queries import get_server
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.external.attaching import REMOTE, settings_for
from tests.external.conftest import Standing

pytestmark = pytest.mark.redis
KEY, SECRET = "very-secret-key-0123456789", "another-secret-value"
ALL = "/api/v1/mcp/servers"
HTTP: dict[str, Any] = {"code": "crm", "name": "CRM", "transport": "http", "url": "http://127.0.0.1:9/mcp"}
PROGRAM: dict[str, Any] = {
    "code": "prog", "name": "Program", "transport": "stdio", "command": sys.executable, "arguments": [str(REMOTE), "stdio"],
}  # fmt: skip


class Ada:
    """A program with an admin's token; checks the form of every answer, and that no secret is in any."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            token = issue_token(make_user("ada", roles=(Role.ADMIN,)).id)[0]
        self.headers = {"Accept-Language": "en", "Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
        answer = self.app.test_client().open(f"{ALL}{path}", method=method, json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        assert KEY not in answer.text and SECRET not in answer.text
        told = answer.get_json()
        if status >= 400:
            return told["error"]
        assert set(told) == {"success", "data", "message"}
        return told

    def make(self, **values: Any) -> dict[str, Any]:
        data: dict[str, Any] = self.call("POST", "", {**HTTP, **values}, 201)["data"]
        return data

    def row(self, server_id: int) -> McpServer:
        with self.app.app_context():
            return get_server(server_id)


@pytest.fixture
def ada(make_app: MakeApp) -> Ada:
    return Ada(
        make_app(mcp_private_urls="http://127.0.0.1:9 http://127.0.0.1:10", mcp_stdio_commands=sys.executable)
    )


def test_a_server_lives_through_the_api(make_app: MakeApp, standing: Standing) -> None:
    remote = standing("http")
    ada = Ada(make_app(**settings_for(remote)))
    made = ada.call("POST", "", {**HTTP, "url": remote.url}, 201)
    assert made["message"] == "The server is attached."
    server = made["data"]
    one = f"/{server['id']}"
    assert (server["status"], server["tools"], server["prefix"], server["enabled"]) == (
        "new",
        [],
        "crm",
        True,
    )
    checked = ada.call("POST", f"{one}/check")
    assert checked["success"] and checked["message"] == "The server answers."
    assert checked["data"]["server_name"] == "remote 1.2" and "add" in checked["data"]["tools"]
    server = ada.call("GET", one)["data"]
    assert server["status"] == "ok" and server["last_seen_at"]
    (add,) = [tool for tool in server["tools"] if tool["name"] == "add"]
    assert (add["tool_name"], add["hints"]) == ("crm_add", {"readOnlyHint": True})
    assert ada.call("PATCH", one, {"name": "Renamed", "allowed_roles": ["admin", "guest"]})["data"]["allowed_roles"] == [
        "guest", "admin",
    ]  # fmt: skip
    assert [each["name"] for each in ada.call("GET")["data"]] == ["Renamed"]
    assert ada.call("DELETE", one)["message"] == "The server is detached."
    for method, path in (("GET", one), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/check")):
        assert ada.call(method, path, {}, 404)["code"] == "NOT_FOUND"


def test_a_server_that_is_not_there_says_so(ada: Ada) -> None:
    one = f"/{ada.make()['id']}"
    told = ada.call("POST", f"{one}/check")
    assert told["success"] is False and told["message"] == "The server cannot be reached."
    assert "Connect call failed" in told["data"]["reason"]
    server = ada.call("GET", one)["data"]
    assert server["status"] == "down" and server["last_error"] == told["data"]["reason"]


def test_secrets_go_in_sealed_and_never_out(ada: Ada) -> None:
    made = ada.make(key=KEY, headers={"X-Team": SECRET})
    assert (made["has_key"], made["key_masked"], made["header_names"]) == (True, "••••6789", ["X-Team"])
    row = ada.row(made["id"])
    assert KEY not in row.sealed_key and SECRET not in row.sealed_values and row.sealed_values
    one = f"/{made['id']}"
    assert ada.call("PATCH", one, {"url": "http://127.0.0.1:9/else"})["data"]["has_key"]
    refused = ada.call("PATCH", one, {"url": "http://127.0.0.1:10/mcp"}, 422)
    assert "key" in refused["fields"], "a stored key never goes to another server"
    moved = ada.call("PATCH", one, {"url": "http://127.0.0.1:10/mcp", "clear_key": True, "headers": {}})[
        "data"
    ]
    assert (moved["has_key"], moved["header_names"]) == (False, [])
    program = ada.call("POST", "", {**PROGRAM, "environment": {"CRM_TOKEN": SECRET}}, 201)["data"]
    assert program["environment_names"] == ["CRM_TOKEN"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "Shop!"}, "code"),
        ({"code": "shop"}, "code"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"transport": "carrier pigeon"}, "transport"),
        ({"url": ""}, "url"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "http://user:pass@127.0.0.1:9/"}, "url"),
        ({"url": "http://127.0.0.1:11/mcp"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "http://[::1]:9/mcp"}, "url"),
        ({"url": "http://2130706433:11/mcp"}, "url"),
        ({"url": "http://no-such-host.invalid/mcp"}, "url"),
        ({"prefix": "No Good"}, "prefix"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 601}, "timeout_seconds"),
        ({"allowed_roles": ["everybody"]}, "allowed_roles.0"),
        ({"key": "two words"}, "key"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "headers"),
        ({"headers": {"Authorization": "x"}}, "headers"),
        ({**PROGRAM, "command": "/bin/sh"}, "command"),
        ({**PROGRAM, "command": ""}, "command"),
        ({**PROGRAM, "arguments": ["x" * 501]}, "arguments.0"),
        ({**PROGRAM, "environment": {"LD_PRELOAD": "x"}}, "environment"),
        ({**PROGRAM, "environment": {"PYTHONPATH": "x"}}, "environment"),
        ({**PROGRAM, "environment": {"PATH": "x"}}, "environment"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(ada: Ada, values: dict[str, Any], field: str) -> None:
    told = ada.call("POST", "", {**HTTP, **values}, 422)
    assert told["code"] == "INVALID_PARAM" and field in told["fields"], told
    assert ada.call("GET")["data"] == []


def test_code_and_prefix_are_one_servers_only(ada: Ada) -> None:
    ada.make()
    assert ada.call("POST", "", HTTP, 409)["code"] == "CODE_TAKEN"
    assert ada.call("POST", "", {**HTTP, "code": "other", "prefix": "crm"}, 409)["code"] == "PREFIX_TAKEN"


def test_a_program_that_the_settings_no_longer_name_is_not_started(make_app: MakeApp) -> None:
    before = Ada(make_app(mcp_stdio_commands=sys.executable))
    one = f"/{before.call('POST', '', PROGRAM, 201)['data']['id']}"
    after = before.app.extensions["mcpshop_settings"].model_copy(update={"mcp_stdio_commands": ""})
    before.app.extensions["mcpshop_settings"] = after
    told = before.call("POST", f"{one}/check")
    assert told["data"]["reason"] == "MCP_STDIO_COMMANDS does not name this command"


def test_it_is_for_admins_only(app: Flask) -> None:
    with app.app_context():
        token = issue_token(make_user("bob", roles=(Role.OPERATOR,)).id)[0]
    for method, path in (
        ("GET", ALL), ("POST", ALL), ("GET", f"{ALL}/1"), ("PATCH", f"{ALL}/1"), ("DELETE", f"{ALL}/1"),
        ("POST", f"{ALL}/1/check"),
    ):  # fmt: skip
        client = app.test_client()
        assert client.open(path, method=method, json={}).status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert client.open(path, method=method, json={}, headers=headers).status_code == 403
