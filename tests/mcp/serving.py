"""The program of `tests.mcp.program` in processes of its own, with groups and keys, and clients to it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from flask import Flask
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from redis import Redis
from sqlalchemy import select

from app.config import PROJECT_ROOT, Settings
from app.core.actor import SYSTEM, Role
from app.db import db, in_transaction
from app.factory import create_app
from app.mcp.service import NewGroup, create_group
from app.tools.groups import ON_BEHALF_OF, READ, WRITE
from app.tools.models import ToolCallLog
from app.tools.registry import registry
from tests.builders import make_product, make_store
from tests.mcp import odd_tools
from tests.running import free_port

T = TypeVar("T")
ERAS = ("auto", "legacy")
"""2026-07-28, and the handshake."""
READER, SHOPPER, ODD, OFF = "reader", "shopper", "odd", "off"


@dataclass
class Program:
    """Where it answers, the application that reads its database, and the keys of its groups."""

    url: str
    app: Flask
    home: Path
    process: subprocess.Popen[bytes]
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    def ask(
        self, key: str, work: Callable[[Client], Awaitable[T]], *, mode: str = "auto", **options: Any
    ) -> T:
        """Run `work` with an SDK client that has a key."""
        return asyncio.run(with_client(self.mcp, key, work, mode=mode, **options))

    def call(self, group: str, tool: str, arguments: dict[str, Any] | None = None, **options: Any) -> Any:
        """One call of a tool with a group's key."""
        return self.ask(self.keys[group], lambda client: client.call_tool(tool, arguments or {}), **options)

    def rows(self, tool: str) -> list[ToolCallLog]:
        """The log of a tool's calls, once what is waiting has been written."""
        time.sleep(0.5)
        with self.app.app_context():
            found = select(ToolCallLog).where(ToolCallLog.tool_name == tool).order_by(ToolCallLog.id)
            return list(db.session.scalars(found))

    def word(self, name: str, what: str) -> float | None:
        """What an odd tool left in Redis."""
        redis: Redis = self.app.extensions["mcpshop_redis"]
        value = redis.get(f"{odd_tools.TOLD_KEY}{name}:{what}")
        return float(value) if value else None  # type: ignore[arg-type]

    def post(self, key: str | None = None, *, path: str = "/mcp", **headers: str) -> httpx2.Response:
        """A raw `tools/list` of 2026-07-28."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        given = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/list",
            **({"Authorization": f"Bearer {key}"} if key is not None else {}),
            **headers,
        }
        return httpx2.post(f"{self.url}{path}", json=body, headers=given, timeout=20)


async def with_client(
    url: str,
    key: str,
    work: Callable[[Client], Awaitable[T]],
    *,
    mode: str = "auto",
    language: str = "en",
    **options: Any,
) -> T:
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        return await work(client)


@contextmanager
def serving(home: Path, redis_url: str, template: Path, **environment: str) -> Iterator[Program]:
    """The program with three products and the groups reader, shopper, odd and off."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, home / "mcpshop.db")
    app = create_app(Settings(app_env="test", mcpshop_home=home, redis_url=redis_url, _env_file=None))
    keys = _fill(app)
    port = free_port()
    values = {
        **os.environ,
        "MCPSHOP_HOME": str(home),
        "REDIS_URL": redis_url,
        "DATABASE_URL": "",
        "PORT": str(port),
        "RATELIMIT_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        **environment,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "tests.mcp.program:app"]
    with (home / "program.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=values, stdout=log, stderr=log)
    program = Program(f"http://127.0.0.1:{port}", app, home, process, keys)
    try:
        _wait(program)
        yield program
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        with app.app_context():
            db.engine.dispose()


def _wait(program: Program) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and program.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{program.url}/api/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError((program.home / "program.log").read_text(errors="replace")[-3000:])


def _fill(app: Flask) -> dict[str, str]:
    everything = (READ, WRITE, ON_BEHALF_OF)
    shopping = [spec.name for spec in registry if spec.category in ("shop", "cart", "coupon", "order")]
    groups = {
        READER: NewGroup(code=READER, name="Reader", tools=("list_products", "list_stores")),
        SHOPPER: NewGroup(
            code=SHOPPER, name="Shopper", roles=(Role.CUSTOMER,), rights=everything, tools=tuple(shopping)
        ),
        ODD: NewGroup(
            code=ODD,
            name="Odd",
            roles=(Role.OPERATOR,),
            rights=everything,
            tools=tuple(spec.name for spec in odd_tools.TOOLS),
        ),
        OFF: NewGroup(code=OFF, name="Off", tools=("list_products",)),
    }
    with app.app_context():
        make_store()
        for number in range(3):
            make_product(f"SUN-00{number}", stock=9, name=f"防晒{number}", name_en=f"Sunscreen {number}")

        def work() -> dict[str, str]:
            made = {code: create_group(SYSTEM, group) for code, group in groups.items()}
            made[OFF][0].enabled = False
            return {code: key for code, (_, key) in made.items()}

        return in_transaction(work)
