"""What a connection to a server is made from, secrets opened, and whether the settings allow it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.core.crypto import SealBroken, Vault
from app.external.catalogue import Attached
from app.external.rules import STDIO
from app.llm.addresses import Place, named_places
from app.runtime import settings

PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command and what it gets: arguments, no shell, and no more of the environment than `environment`."""

    command: str
    arguments: Sequence[str]
    environment: dict[str, str]
    home: str

    def variables(self) -> dict[str, str]:
        """The whole environment of the program."""
        return {"PATH": PATH, "HOME": self.home, "LANG": "C.UTF-8", **self.environment}

    def path(self) -> str:
        """Where the program is. Raises FileNotFoundError."""
        found = shutil.which(self.command, path=PATH)
        if found is None:
            raise FileNotFoundError(f"{self.command}: not found")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Everything that a connection is made from; `revision` is another after each change of it.

    `headers` hold secrets, and so may the environment of `program`: a target is never logged.
    """

    id: int
    code: str
    revision: int
    transport: str
    url: str
    headers: dict[str, str] = field(repr=False)
    program: Program | None = field(repr=False)
    private: frozenset[Place] = frozenset()
    max_bytes: int = 2_000_000


class Unreachable(Exception):
    """There is no connection; the text says why, for an admin."""


def target_of(server: Attached) -> Target:
    """Raises Unreachable when the settings do not allow the server (any more) or its secrets cannot be opened."""
    configured = settings()
    key, values = _opened(server)
    is_program = server.transport == STDIO
    if is_program and server.command not in allowed_commands():
        raise Unreachable("MCP_STDIO_COMMANDS does not name this command")
    headers = {**values, **({"Authorization": f"Bearer {key}"} if key else {})}
    return Target(
        id=server.id,
        code=server.code,
        revision=server.revision,
        transport=server.transport,
        url=server.url,
        headers={} if is_program else headers,
        program=_program(server, values) if is_program else None,
        private=named_places(configured.mcp_private_urls),
        max_bytes=configured.mcp_server_max_bytes,
    )


def allowed_commands() -> frozenset[str]:
    """The programs that may be started."""
    return frozenset(settings().mcp_stdio_commands.split())


def _program(server: Attached, environment: dict[str, str]) -> Program:
    return Program(
        command=server.command,
        arguments=server.arguments,
        environment=environment,
        home=str(settings().home_path),
    )


def _opened(server: Attached) -> tuple[str, dict[str, str]]:
    if not server.sealed_key and not server.sealed_values:
        return "", {}
    vault = Vault(settings().secret_key)
    try:
        return vault.unseal(server.sealed_key), json.loads(vault.unseal(server.sealed_values) or "{}")
    except SealBroken as error:
        raise Unreachable("the stored secrets cannot be opened, since SECRET_KEY was changed") from error
