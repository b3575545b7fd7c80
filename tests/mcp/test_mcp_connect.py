"""The page with configuration for clients: what it shows is run as it stands."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from app.config import PROJECT_ROOT
from app.core.actor import SYSTEM, Role
from app.db import in_transaction
from app.mcp import service
from app.mcp.service import NewGroup, create_group
from app.mcp.snippets import Place, Snippet, snippets
from tests.browsing import sign_in
from tests.builders import make_user
from tests.mcp.serving import ODD, READER, Program

PAGE = "/admin/mcp/connect"
SHOWN = re.compile(r'<pre [^>]*id="([a-z-]+)-text"[^>]*>(.*?)</pre>', re.DOTALL)


def make_group(app: Flask, code: str, *, enabled: bool = True, has_key: bool = True) -> str:
    def work() -> str:
        group, key = create_group(SYSTEM, NewGroup(code=code, name=code.title()))
        group.enabled = enabled
        if not has_key:
            service.revoke_key(group)
        return key

    with app.app_context():
        return in_transaction(work)


def signed_in(app: Flask, role: Role) -> FlaskClient:
    client = app.test_client()
    with app.app_context():
        user = make_user(roles=(role,))
    sign_in(client, user)
    return client


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    return signed_in(app, Role.ADMIN)


def page_of(client: FlaskClient, query: str = "") -> str:
    answer = client.get(PAGE + query, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.redis
def test_without_a_group_the_page_says_what_to_do(admin: FlaskClient) -> None:
    assert "/admin/mcp/groups/new" in page_of(admin)


@pytest.mark.redis
def test_it_shows_the_chosen_groups_address_and_never_its_key(app: Flask, admin: FlaskClient) -> None:
    keys = [make_group(app, "first"), make_group(app, "second"), make_group(app, "dark", enabled=False)]
    page = page_of(admin, "?group=second")
    shown = {name: unescape(text) for name, text in SHOWN.findall(page)}
    assert len(shown) >= 10
    assert all("second" in text and "first" not in text for text in shown.values())
    assert "http://localhost/mcp/second" in shown["cursor"]
    assert not any(key in page for key in keys) and "mcp_key_" not in page
    # The first one that is switched on, also for a name that nobody has.
    for query in ("", "?group=nobody", "?group=<script>"):
        assert "/mcp/first" in page_of(admin, query)
    assert "switched off" in page_of(admin, "?group=dark")


@pytest.mark.redis
def test_a_group_without_a_key_is_told(app: Flask, admin: FlaskClient) -> None:
    make_group(app, "keyless", has_key=False)
    assert "has no key" in page_of(admin)


@pytest.mark.redis
@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.CONSULTANT, Role.OPERATOR])
def test_it_is_for_admins(app: Flask, role: Role) -> None:
    assert signed_in(app, role).get(PAGE).status_code == 403


def made(url: str = "https://shop.example/mcp/reader", home: str = "/srv/state") -> dict[str, Snippet]:
    place = Place(code=READER, url=url, root=str(PROJECT_ROOT), python=sys.executable, home=home)
    return {one.id: one for one in snippets(place)}


def test_what_is_json_is_json_and_names_the_server() -> None:
    found = made()
    files = {name: one for name, one in found.items() if one.file.endswith(".json")}
    assert len(files) >= 7
    for one in files.values():
        body = json.loads(one.text)
        (servers,) = [body[name] for name in ("mcpServers", "servers") if name in body]
        assert list(servers) == ["mcpshop-reader"]
    assert all("--allow-http" not in one.text for one in found.values())
    assert "--allow-http" in made("http://127.0.0.1:8000/mcp/reader")["claude-desktop"].text


def test_a_place_with_blanks_and_quotes_is_still_one_command() -> None:
    place = Place(
        code="shop", url="https://x/mcp/shop", root="/srv/it's here", python="/opt/a b/python", home=""
    )
    (one,) = [one for one in snippets(place) if one.id == "stdio"]
    _, line = json.loads(one.text)["mcpServers"]["mcpshop-shop"]["args"]
    echo = line.replace("cd ", "printf '%s\\n' ").replace("&& exec ", "&& printf '%s\\n' ")
    done = subprocess.run(["sh", "-c", echo], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:2] == ["/srv/it's here", "/opt/a b/python"]


@pytest.mark.redis
@pytest.mark.slow
def test_the_snippets_for_programs_run_as_they_stand(program: Program, tmp_path: Path) -> None:
    found = made(f"{program.mcp}/{READER}")
    environment = {**os.environ, "MCPSHOP_KEY": program.keys[READER]}
    script = tmp_path / "tools.py"
    script.write_text(found["python"].text)
    python = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert python.stdout.split() == ["list_products", "list_stores"], python.stderr[-2000:]
    if shutil.which("curl"):
        curl = subprocess.run(
            ["sh", "-c", found["curl"].text], env=environment, capture_output=True, text=True, check=True
        )
        assert [tool["name"] for tool in json.loads(curl.stdout)["result"]["tools"]] == python.stdout.split()
    environment["MCPSHOP_KEY"] = program.keys[ODD]
    refused = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0 and not refused.stdout


@pytest.mark.redis
@pytest.mark.slow
def test_the_stdio_snippet_starts_the_server_from_any_folder(program: Program, tmp_path: Path) -> None:
    server = json.loads(made(home=str(program.home))["stdio"].text)["mcpServers"]["mcpshop-reader"]
    # As a .env file would have it; the tests' Redis is not the one of the home.
    redis_url = program.app.extensions["mcpshop_settings"].redis_url
    server["env"] = {**os.environ, **server["env"], "REDIS_URL": redis_url, "DATABASE_URL": ""}
    parameters = StdioServerParameters(**server, cwd=tmp_path)

    async def names() -> list[str]:
        async with Client(parameters) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(asyncio.wait_for(names(), 60)) == ["list_products", "list_stores"]
