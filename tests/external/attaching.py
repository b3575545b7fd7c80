"""Real servers in processes of their own, attached to an application, and calls through the executor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.accounts.models import User
from app.core.actor import Actor, Role
from app.db import db
from app.external import changes
from app.external.links import links_of
from app.tools.executor import ToolResult, execute
from app.tools.models import ToolCallLog
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.running import free_port

REMOTE = Path(__file__).with_name("remote.py")
KINDS = ("http", "sessions", "sse", "stdio")
READER = Actor(user_id=None, guest_id="g", locale="en")


@dataclass
class Remote:
    """A remote server on a port of its own, which can be killed and come back."""

    kind: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{'sse' if self.kind == 'sse' else 'mcp'}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(REMOTE), self.kind, str(self.port)], stderr=subprocess.DEVNULL
        )
        wait_for(self._answers, 20)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass
class Attachment:
    """An application that a remote server is attached to."""

    app: Flask
    remote: Remote
    admin: Actor
    server_id: int = 0

    def attach(self, **values: Any) -> int:
        """Attach the remote and look at it; guests may use what it has."""
        with self.app.app_context():
            self.server_id = changes.create(self.admin, {**self.values(), **values})
            checked = changes.check(self.admin, self.server_id)
            assert checked.look is not None, checked.reason
        return self.server_id

    def values(self) -> dict[str, Any]:
        """What an admin would enter."""
        where: dict[str, Any] = {"transport": "http", "url": self.remote.url}
        if self.remote.kind == "sse":
            where["transport"] = "sse"
        if self.remote.kind == "stdio":
            where = {
                "transport": "stdio",
                "command": sys.executable,
                "arguments": [str(REMOTE), "stdio"],
            }
        return {
            "code": "far", "name": "Far away", "allowed_roles": ["guest"], "trusts_hints": True, **where,
        }  # fmt: skip

    def call(self, tool: str, arguments: Any = None, **options: Any) -> ToolResult:
        """Call a tool by its name at the remote."""
        actor = options.pop("actor", READER)
        with self.app.app_context():
            return execute(actor, f"far_{tool}", arguments or {}, caller="test", **options)

    def peek(self, name: str) -> int:
        result = self.call("peek", {"name": name})
        assert result.status == "ok", result
        return int(result.result["result"])

    def save(self, **values: Any) -> None:
        with self.app.app_context():
            changes.save(self.admin, self.server_id, values)

    def rows(self, tool: str) -> list[ToolCallLog]:
        with self.app.app_context():
            statement = select(ToolCallLog).where(ToolCallLog.tool_name == f"far_{tool}")
            return list(db.session.scalars(statement.order_by(ToolCallLog.id)))

    def close(self) -> None:
        links_of(self.app).close()


@contextmanager
def attached(make_app: MakeApp, remote: Remote, **settings: Any) -> Iterator[Attachment]:
    """A remote that is attached to an application of its own."""
    app = make_app(**{**settings_for(remote), **settings})
    attachment = Attachment(app, remote, admin_of(app))
    try:
        attachment.attach()
        yield attachment
    finally:
        attachment.close()


@contextmanager
def running(kind: str) -> Iterator[Remote]:
    """A remote of a kind."""
    remote = Remote(kind)
    try:
        if kind != "stdio":
            remote.start()
        yield remote
    finally:
        remote.kill()


def admin_of(app: Flask) -> Actor:
    with app.app_context():
        user: User = make_user("ada", roles=(Role.ADMIN,))
        return Actor(user_id=user.id, roles=frozenset({Role.ADMIN}), locale="en")


def settings_for(*remotes: Remote) -> dict[str, Any]:
    """Settings of an application that may attach these servers of this machine."""
    urls = " ".join(f"http://127.0.0.1:{remote.port}" for remote in remotes)
    return {"mcp_stdio_commands": sys.executable, "mcp_private_urls": urls, "mcp_server_rest_seconds": 0.5}


def wait_for(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """False for a process that is no more, or only waits to be reaped."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
