"""Attached servers as JSON: what comes in and what goes out. Secrets go in and never out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from app.external.changes import Checked
from app.external.discovery import Look
from app.external.models import McpServer, McpServerTool
from app.external.queries import status_now
from app.external.rules import (
    STDIO,
    Arguments,
    Audiences,
    Code,
    Command,
    Environment,
    Flag,
    Headers,
    Key,
    Name,
    Prefix,
    ServerValues,
    Timeout,
    Transport,
    Url,
)
from app.external.secrets import masked_key, value_names
from app.tools.servers import Status
from app.web.api import Schema


class ServerIn(ServerValues, Schema):
    """A server to attach."""


class ServerPatch(Schema):
    """A change; what is left out stays.

    An empty `key` keeps the key. `headers` and `environment` replace all that are stored. Secrets do not follow a
    server to another address or command: they are entered again, or dropped.
    """

    code: Code | None = None
    name: Name | None = None
    transport: Transport | None = None
    url: Url | None = None
    command: Command | None = None
    arguments: Arguments | None = None
    key: Key | None = None
    clear_key: Flag | None = None
    headers: Headers | None = None
    environment: Environment | None = None
    prefix: Prefix | None = None
    enabled: Flag | None = None
    trusts_hints: Flag | None = None
    allowed_roles: Audiences | None = None
    timeout_seconds: Timeout | None = None


def changes_of(patch: ServerPatch) -> dict[str, Any]:
    """What a patch changes; null is as good as left out."""
    return {name: value for name, value in patch.model_dump(exclude_unset=True).items() if value is not None}


class ToolOut(BaseModel):
    """A tool of a server: its name there and here. `hints` are what its server says of its effects."""

    name: str
    tool_name: str
    description: str
    input_schema: dict[str, Any]
    hints: dict[str, bool]


class ServerOut(BaseModel):
    """A server. `status` is new, ok or down; `tools` are those that were found last."""

    id: int
    code: str
    name: str
    transport: Transport
    url: str
    command: str
    arguments: list[str]
    has_key: bool
    key_masked: str
    header_names: list[str]
    environment_names: list[str]
    prefix: str
    enabled: bool
    trusts_hints: bool
    allowed_roles: list[str]
    timeout_seconds: int
    status: Status
    last_error: str
    last_seen_at: datetime | None
    checked_at: datetime | None
    server_name: str
    protocol: str
    skipped: list[str]
    created_at: datetime
    updated_at: datetime
    tools: list[ToolOut]


class CheckOut(BaseModel):
    """What a look at a server found; `reason` says why it was not reached."""

    reached: bool
    reason: str
    duration_ms: int
    server_name: str
    protocol: str
    tools: list[str]
    skipped: list[str]


SAME = (
    "id", "code", "name", "transport", "url", "command", "arguments", "prefix", "enabled", "trusts_hints",
    "allowed_roles", "timeout_seconds", "last_error", "last_seen_at", "checked_at", "server_name", "protocol",
    "skipped", "created_at", "updated_at",
)  # fmt: skip


def server_json(server: McpServer, tools: list[McpServerTool]) -> ServerOut:
    """The JSON form of a server."""
    names = value_names(server)
    is_program = server.transport == STDIO
    return ServerOut(
        **{name: getattr(server, name) for name in SAME},
        has_key=bool(server.sealed_key),
        key_masked=masked_key(server),
        header_names=[] if is_program else names,
        environment_names=names if is_program else [],
        status=status_now(server),
        tools=[tool_json(tool) for tool in tools],
    )


def tool_json(tool: McpServerTool) -> ToolOut:
    """The JSON form of a tool."""
    return ToolOut(
        name=tool.name,
        tool_name=tool.tool_name,
        description=tool.description,
        input_schema=tool.input_schema,
        hints=tool.annotations,
    )


def check_json(checked: Checked) -> CheckOut:
    """The JSON form of a look."""
    look: Look | None = checked.look
    return CheckOut(
        reached=look is not None,
        reason=checked.reason,
        duration_ms=checked.duration_ms,
        server_name=look.server_name if look else "",
        protocol=look.protocol if look else "",
        tools=[tool.name for tool in look.found.tools] if look else [],
        skipped=list(look.found.skipped) if look else [],
    )
