"""Ready configuration for the usual MCP clients. Pure: made from a group's code and two addresses, never with a key."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import N_

# What the reader puts the key in the place of; most clients take it from the environment instead.
KEY = "YOUR_KEY"
VARIABLE = "MCPSHOP_KEY"
PROTOCOL = "2026-07-28"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is connected to: `url` of the group's endpoint; for its own machine, where the program is (`root`), what
    runs it (`python`) and where its state is (`home`).
    """

    code: str
    url: str
    root: str
    python: str
    home: str

    @property
    def name(self) -> str:
        """What the server is called in a client."""
        return f"mcpshop-{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One client's configuration. `title` and `told` are msgids; `file` is where `text` goes, "" for a command line."""

    id: str
    title: str
    told: str
    text: str
    file: str = ""


def snippets(place: Place) -> Sequence[Snippet]:
    """All of them, in the order of the page."""
    return (*_editors(place), *_desktop(place), _older(place), *_programs(place))


def _editors(place: Place) -> Sequence[Snippet]:
    add = f"claude mcp add --transport http {place.name} {place.url}"
    return (
        Snippet(
            id="claude-code",
            title=N_("Claude Code"),
            told=N_("Once, in a terminal. The key is kept in your own settings."),
            text=f'{add} \\\n  --header "Authorization: Bearer ${VARIABLE}"',
        ),
        Snippet(
            id="cursor",
            title=N_("Cursor"),
            told=N_("Cursor takes the key from the environment it is started in."),
            file="~/.cursor/mcp.json",
            text=_servers(place, {"url": place.url, "headers": _bearer(f"${{env:{VARIABLE}}}")}),
        ),
        Snippet(
            id="vs-code",
            title=N_("VS Code"),
            told=N_("VS Code asks for the key when the server is first started, and keeps it."),
            file=".vscode/mcp.json",
            text=_vs_code(place),
        ),
        Snippet(
            id="windsurf",
            title=N_("Windsurf"),
            told=N_("Windsurf takes the key from the environment it is started in."),
            file="~/.codeium/windsurf/mcp_config.json",
            text=_servers(place, {"serverUrl": place.url, "headers": _bearer(f"${{env:{VARIABLE}}}")}),
        ),
        Snippet(
            id="cline",
            title=N_("Cline"),
            told=N_("Put the key in the place of YOUR_KEY."),
            file="cline_mcp_settings.json",
            text=_servers(place, {"type": "streamableHttp", "url": place.url, "headers": _bearer(KEY)}),
        ),
    )


def _desktop(place: Place) -> Sequence[Snippet]:
    remote = {
        "command": "npx",
        "args": ["-y", "mcp-remote", place.url, "--header", "Authorization:${AUTHORIZATION}"],
        "env": {"AUTHORIZATION": f"Bearer {KEY}"},
    }
    if place.url.startswith("http://"):
        remote["args"] = [*remote["args"], "--allow-http"]
    return (
        Snippet(
            id="claude-desktop",
            title=N_("Claude Desktop, on another computer"),
            told=N_("Put the key in the place of YOUR_KEY. It needs Node.js there."),
            file="claude_desktop_config.json",
            text=_servers(place, remote),
        ),
        Snippet(
            id="stdio",
            title=N_("Claude Desktop, on the shop's own machine (stdio)"),
            told=N_(
                "The client starts the program itself. Whoever may start it needs no key. "
                "Settings come from the .env file in the program's folder."
            ),
            file="claude_desktop_config.json",
            text=_servers(place, stdio_server(place)),
        ),
    )


def stdio_server(place: Place) -> dict[str, Any]:
    """How a client starts `flask mcp stdio` itself, whatever folder it is in."""
    start = f"exec {shlex.quote(place.python)} -m flask --app wsgi mcp stdio --group {place.code}"
    return {
        "command": "sh",
        "args": ["-c", f"cd {shlex.quote(place.root)} && {start}"],
        "env": {"MCPSHOP_HOME": place.home},
    }


def _older(place: Place) -> Snippet:
    return Snippet(
        id="sse",
        title=N_("Older clients (HTTP with SSE)"),
        told=N_(
            "For clients that know only the transport of 2024. "
            "Put the key in the place of YOUR_KEY. Newer ones do without."
        ),
        file="mcp.json",
        text=_servers(place, {"type": "sse", "url": f"{place.url}/sse", "headers": _bearer(KEY)}),
    )


def _programs(place: Place) -> Sequence[Snippet]:
    return (
        Snippet(
            id="python",
            title=N_("Python (mcp 2)"),
            told=N_("Lists the tools. The key is taken from the environment."),
            file="tools.py",
            text=PYTHON.format(variable=VARIABLE, url=place.url),
        ),
        Snippet(
            id="inspector",
            title=N_("MCP Inspector"),
            told=N_("Lists the tools. Without --cli and what follows it opens in a browser."),
            text=(
                f"npx @modelcontextprotocol/inspector --cli {place.url} --transport http \\\n"
                f'  --method tools/list --header "Authorization: Bearer ${VARIABLE}"'
            ),
        ),
        Snippet(
            id="curl",
            title=N_("curl"),
            told=N_("Lists the tools in one request, without a session."),
            text=_curl(place),
        ),
    )


PYTHON = """\
import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    headers = {{"Authorization": f"Bearer {{os.environ['{variable}']}}"}}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client("{url}", http_client=http)) as client,
    ):
        for tool in (await client.list_tools()).tools:
            print(tool.name)


asyncio.run(main())"""


def _curl(place: Place) -> str:
    meta = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    lines = (
        f"curl -sS {place.url}",
        f'-H "Authorization: Bearer ${VARIABLE}"',
        '-H "Content-Type: application/json"',
        '-H "Accept: application/json, text/event-stream"',
        f'-H "MCP-Protocol-Version: {PROTOCOL}"',
        '-H "Mcp-Method: tools/list"',
        f"-d {shlex.quote(json.dumps(body))}",
    )
    return " \\\n  ".join(lines)


def _vs_code(place: Place) -> str:
    asked = {"type": "promptString", "id": "mcpshop-key", "description": "MCPShop", "password": True}
    server = {"type": "http", "url": place.url, "headers": _bearer("${input:mcpshop-key}")}
    return _pretty({"inputs": [asked], "servers": {place.name: server}})


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _servers(place: Place, server: Mapping[str, Any]) -> str:
    return _pretty({"mcpServers": {place.name: server}})


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
