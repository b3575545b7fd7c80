"""The protocol's own inspector, a client in another language: our real tools with a group's key, over each transport."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.config import PROJECT_ROOT
from app.mcp.snippets import Place, snippets
from tests.mcp.node_packages import find_node, installed
from tests.mcp.serving import ODD, READER, SHOPPER, Program

pytestmark = [pytest.mark.node, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
PACKAGE, VERSION = "@modelcontextprotocol/inspector", "2.12.0"
SECONDS = 90


@pytest.fixture(params=["http", "http of the group", "sse", "stdio"])
def target(request: pytest.FixtureRequest, program: Program) -> Sequence[str]:
    """Where the inspector finds the server, and how it shows who it is."""
    if request.param == "stdio":
        return (sys.executable, "-m", "flask", "--app", "wsgi", "mcp", "stdio", "--group", SHOPPER)
    path = {"http": "/mcp", "http of the group": f"/mcp/{SHOPPER}", "sse": "/mcp/sse"}[request.param]
    # It knows a transport by the end of the address, where that is not a group's code.
    named = ("--transport", "http") if path.endswith(SHOPPER) else ()
    return (program.url + path, *named, "--header", f"Authorization: Bearer {program.keys[SHOPPER]}")


def inspector(
    program: Program, folder: Path, target: Sequence[str], *options: str
) -> subprocess.CompletedProcess[str]:
    script = installed(PACKAGE, VERSION, "clients/launcher/build/index.js")
    redis_url = program.app.extensions["mcpshop_settings"].redis_url
    environment = {
        **os.environ,
        # It keeps a file of the servers it has seen.
        "HOME": str(folder),
        "MCPSHOP_HOME": str(program.home),
        "REDIS_URL": redis_url,
        "DATABASE_URL": "",
    }
    # Starting one takes a while on a busy machine.
    common = ("--connect-timeout", "60000", *options)
    if target[0].startswith("http"):
        # An option with many values would take the address for one of them.
        given = (*target, *common)
    else:
        given = ("--cwd", str(PROJECT_ROOT), *common)
        for name in ("MCPSHOP_HOME", "REDIS_URL"):
            given += ("-e", f"{name}={environment[name]}")
        given += ("--", *target)
    command = [find_node(), str(script), "--cli", *given]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return json.loads(done.stdout)


def test_the_inspector_lists_and_calls_our_tools(
    program: Program, tmp_path: Path, target: Sequence[str]
) -> None:
    listed = told(inspector(program, tmp_path, target, "--method", "tools/list"))
    names = {tool["name"] for tool in listed["tools"]}
    assert {"list_products", "get_product", "view_cart", "place_order"} <= names and "hang" not in names
    before = len(program.rows("get_product"))
    call = ("--method", "tools/call", "--tool-name", "get_product", "--tool-arg", "sku=SUN-001")
    called = told(inspector(program, tmp_path, target, *call))
    assert json.loads(called["content"][0]["text"]) == called["structuredContent"]
    assert '"sku":"SUN-001"' in called["content"][0]["text"]
    read = told(
        inspector(program, tmp_path, target, "--method", "resources/read", "--uri", "products://SUN-002")
    )
    assert json.loads(read["contents"][0]["text"])["sku"] == "SUN-002"
    assert len(program.rows("get_product")) - before == 1


def test_the_inspector_finds_no_fault_with_our_schemas(program: Program, tmp_path: Path) -> None:
    for group in (READER, SHOPPER, ODD):
        where = (f"{program.mcp}", "--header", f"Authorization: Bearer {program.keys[group]}")
        done = inspector(program, tmp_path, where, "--method", "tools/list", "--strict")
        assert done.returncode == 0, done.stderr[-2000:]


def test_the_inspector_is_refused_without_a_key(program: Program, tmp_path: Path) -> None:
    for path in ("/mcp", "/mcp/sse"):
        where = (program.url + path, "--header", "Authorization: Bearer mcp_key_wrong")
        done = inspector(program, tmp_path, where, "--method", "tools/list")
        assert done.returncode != 0 and "list_products" not in done.stdout


def test_calls_at_once_from_another_client_all_succeed(program: Program, tmp_path: Path) -> None:
    where = (program.mcp, "--header", f"Authorization: Bearer {program.keys[READER]}")
    before = len(program.rows("list_stores"))
    load = ("--load", "--load-requests", "80", "--load-concurrency", "16")
    call = ("--method", "tools/call", "--tool-name", "list_stores")
    done = inspector(program, tmp_path, where, *call, *load)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    assert len(program.rows("list_stores")) - before >= 80


def test_the_consoles_snippet_for_it_works(program: Program, tmp_path: Path) -> None:
    place = Place(code=READER, url=f"{program.mcp}/{READER}", root="", python="", home="")
    (told_to,) = [one.text for one in snippets(place) if one.id == "inspector"]
    script = installed(PACKAGE, VERSION, "clients/launcher/build/index.js")
    line = told_to.replace(f"npx {PACKAGE}", f"{shlex.quote(find_node())} {shlex.quote(str(script))}")
    environment = {**os.environ, "HOME": str(tmp_path), "MCPSHOP_KEY": program.keys[READER]}
    done = subprocess.run(
        ["sh", "-c", line], env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert [tool["name"] for tool in told(done)["tools"]] == ["list_products", "list_stores"]
