"""What an admin changes in one web process counts in another at the next request; the documentation's example works."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.accounts.tokens import issue_token
from app.config import PROJECT_ROOT
from app.core.actor import Role
from app.mcp.documentation import documentation_of
from app.mcp.queries import ToolFilter, get_group, list_tool_rows
from tests.builders import actor_of, make_user
from tests.mcp.serving import READER, Program, _wait, serving
from tests.running import free_port

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@contextmanager
def beside(first: Program, redis_url: str) -> Iterator[Program]:
    """A second web process over the same database and Redis."""
    port = free_port()
    values = {
        **os.environ, "MCPSHOP_HOME": str(first.home), "REDIS_URL": redis_url, "DATABASE_URL": "", "PORT": str(port),
        "RATELIMIT_ENABLED": "0", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "tests.mcp.program:app"]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=values, stderr=subprocess.DEVNULL)
    second = Program(f"http://127.0.0.1:{port}", first.app, first.home, process, first.keys)
    try:
        _wait(second)
        yield second
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path
) -> Iterator[tuple[Program, Program]]:
    home = tmp_path_factory.mktemp("mcp-pair") / "home"
    with serving(home, redis_url, sqlite_template) as first, beside(first, redis_url) as second:
        yield first, second


def listed(program: Program, key: str) -> dict[str, Any]:
    """Tools by name, as a client of this process is told."""
    answer = program.post(key)
    return (
        {tool["name"]: tool for tool in answer.json()["result"]["tools"]} if answer.status_code == 200 else {}
    )


def test_a_change_in_one_process_counts_at_once_in_the_other(pair: tuple[Program, Program]) -> None:
    first, second = pair
    with first.app.app_context():
        token = issue_token(actor_of(make_user("root", roles=(Role.ADMIN,))).require_user())[0]

    def tell(method: str, path: str, body: Any = None, where: Program = first) -> Any:
        answer = httpx2.request(
            method,
            f"{where.url}/api/v1/mcp{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        )
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    wanted = {"name": "Pair", "server_code": "pair", "tools": ["list_products", "list_stores"]}
    made = tell("POST", "/groups", wanted)
    key, one = made["api_key"], f"/groups/{made['id']}"
    assert set(listed(second, key)) == {"list_products", "list_stores"}
    ids = {
        tool["tool_name"]: tool["id"] for tool in tell("GET", f"/tools?group_id={made['id']}", where=second)
    }

    tell("PATCH", "/tools", {"ids": [ids["list_stores"]], "enabled": False})
    assert set(listed(second, key)) == {"list_products"}
    tell(
        "PUT",
        f"/tools/{ids['list_products']}",
        {"fixed_arguments": {"top_k": 1}, "description": "Just one."},
        second,
    )
    told = listed(first, key)["list_products"]
    assert told["description"] == "Just one." and "top_k" not in told["inputSchema"]["properties"]
    found = first.ask(key, lambda client: client.call_tool("list_products", {}))
    assert found.structured_content is not None and len(found.structured_content["products"]) == 1
    refused = first.ask(key, lambda client: client.call_tool("list_products", {"top_k": 3}))
    assert refused.is_error and "INVALID_PARAM" in str(refused.structured_content)

    tell("PATCH", one, {"enabled": False})
    assert second.post(key).status_code == 401
    tell("PATCH", one, {"enabled": True}, second)
    assert first.post(key).status_code == 200
    fresh = tell("POST", f"{one}/regenerate-key", {"grace_seconds": 0}, second)["api_key"]
    assert [first.post(each).status_code for each in (key, fresh)] == [401, 200]
    assert [second.post(each).status_code for each in (key, fresh)] == [401, 200]
    tell("DELETE", one)
    assert second.post(fresh).status_code == 401


def test_the_example_of_the_documentation_works(pair: tuple[Program, Program]) -> None:
    program, _second = pair
    with program.app.test_request_context():
        group = get_group(READER)
        row = next(
            row for row in list_tool_rows(ToolFilter(group_id=group.id)) if row.name == "list_products"
        )
        documentation = documentation_of(row, f"{program.mcp}/{READER}")
    assert documentation is not None
    curl, *arguments = shlex.split(documentation.shell.replace("$MCP_KEY", program.keys[READER]))
    assert curl == "curl"
    address = next(one for one in arguments if one.startswith("http"))
    headers = dict(after.split(": ", 1) for flag, after in pairwise(arguments) if flag == "-H")
    body = arguments[arguments.index("-d") + 1]
    assert json.loads(body) == json.loads(documentation.request)
    answer = httpx2.post(address, content=body.encode(), headers=headers, timeout=20)
    assert answer.status_code == 200 and '"products"' in answer.text
