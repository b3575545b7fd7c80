"""The attached servers and their tools as this process knows them, without a question to the database per request.

The copy is renewed together with that of groups and switches (`app.tools.groups`): every change of a server counts
the same version up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, has_app_context
from sqlalchemy import select

from app.db import db
from app.external.models import McpServer, McpServerTool
from app.tools.groups import loaded_from
from app.tools.spec import ToolSpec

EXTENSION = "mcpshop_attached"
# app.external.links
LINKS = "mcpshop_links"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An enabled server as the database has it; secrets are still sealed."""

    id: int
    code: str
    name: str
    revision: int
    transport: str
    url: str
    command: str
    arguments: tuple[str, ...]
    sealed_key: str = field(repr=False)
    sealed_values: str = field(repr=False)
    trusts_hints: bool
    allowed_roles: frozenset[str]
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Enabled servers by id, and their tools by the names they have here."""

    loaded_from: tuple[str | None, float]
    servers: Mapping[int, Attached]
    specs: Mapping[str, ToolSpec]


def attached_tools() -> Mapping[str, ToolSpec]:
    """A source of `app.tools.registry`; outside an application nothing is attached."""
    return catalogue().specs if has_app_context() else {}


def catalogue() -> Catalogue:
    """What is attached now."""
    found: Catalogue | None = current_app.extensions.get(EXTENSION)
    origin = loaded_from()
    if found is None or found.loaded_from != origin:
        found = current_app.extensions[EXTENSION] = _load(origin)
    return found


def _load(origin: tuple[str | None, float]) -> Catalogue:
    tools: list[Any] = []
    with db.engine.connect() as connection:
        rows = connection.execute(select(*McpServer.__table__.columns).where(McpServer.enabled)).all()
        if rows:
            tools = list(
                connection.execute(select(*McpServerTool.__table__.columns).order_by(McpServerTool.id))
            )
    servers = {row.id: attached(row) for row in rows}
    known = [tool for tool in tools if tool.server_id in servers]
    _drop_connections(servers.values())
    return Catalogue(origin, servers, _specs(servers, known) if known else {})


def _specs(servers: Mapping[int, Attached], tools: Iterable[Any]) -> dict[str, ToolSpec]:
    # The SDK, which calls need, takes half a second to import; a shop without servers never does.
    from app.external.tools import spec_of

    specs = [spec_of(servers[tool.server_id], tool) for tool in tools]
    return {spec.name: spec for spec in specs}


def _drop_connections(servers: Iterable[Attached]) -> None:
    """End this process's connections to servers that are no more, or are others now."""
    links = current_app.extensions.get(LINKS)
    if links is not None and links.pid == os.getpid():
        links.keep_only([(server.id, server.revision) for server in servers])


def attached(row: Any) -> Attached:
    """A server's row as a copy that outlives its session."""
    return Attached(
        id=row.id,
        code=row.code,
        name=row.name,
        revision=row.revision,
        transport=row.transport,
        url=row.url,
        command=row.command,
        arguments=tuple(row.arguments),
        sealed_key=row.sealed_key,
        sealed_values=row.sealed_values,
        trusts_hints=row.trusts_hints,
        allowed_roles=frozenset(row.allowed_roles),
        timeout_seconds=row.timeout_seconds,
    )
