"""Reads of attached servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from app.core.actor import Actor, Role
from app.core.errors import N_, NotFound
from app.db import db
from app.external.catalogue import catalogue
from app.external.circuit import breaker, circuit_key
from app.external.models import McpServer, McpServerTool
from app.gateway.breaker import State
from app.tools.models import ToolGroup, ToolSetting
from app.tools.queries import list_tools
from app.tools.servers import Server, Status


def list_servers() -> Sequence[McpServer]:
    """All servers by name."""
    return db.session.scalars(select(McpServer).order_by(McpServer.name, McpServer.id)).all()


def get_server(server_id: int, *, for_update: bool = False) -> McpServer:
    """Raises NotFound."""
    server = db.session.get(McpServer, server_id, with_for_update=for_update or None)
    if server is None:
        raise NotFound(N_("There is no such server."))
    return server


def list_server_tools(server_id: int) -> Sequence[McpServerTool]:
    """What a server has, by name."""
    statement = select(McpServerTool).where(McpServerTool.server_id == server_id)
    return db.session.scalars(statement.order_by(McpServerTool.name)).all()


def tools_of_all() -> Mapping[int, list[McpServerTool]]:
    """What each server has, by name."""
    found: dict[int, list[McpServerTool]] = {}
    for tool in db.session.scalars(select(McpServerTool).order_by(McpServerTool.name)):
        found.setdefault(tool.server_id, []).append(tool)
    return found


def count_tools() -> Mapping[int, int]:
    """The number of tools by server."""
    statement = select(McpServerTool.server_id, func.count()).group_by(McpServerTool.server_id)
    return dict(db.session.execute(statement).all())


def groups_with(tool_names: Sequence[str]) -> Mapping[str, list[ToolGroup]]:
    """The groups that each of the tools is in."""
    statement = (
        select(ToolSetting.tool_name, ToolGroup)
        .join(ToolGroup, ToolGroup.id == ToolSetting.group_id)
        .where(ToolSetting.tool_name.in_(tool_names))
        .order_by(ToolGroup.name)
    )
    found: dict[str, list[ToolGroup]] = {}
    for name, group in db.session.execute(statement):
        found.setdefault(name, []).append(group)
    return found


def status_now(server: McpServer) -> Status:
    """How a server is: as it was found last, and down as long as its circuit is open."""
    if server.enabled and breaker().state_of(circuit_key(server.id)) is State.OPEN:
        return "down"
    return "ok" if server.status == "ok" else "down" if server.status == "down" else "new"


def attached_servers(actor: Actor) -> list[Server]:
    """A source of `app.tools.servers`: the servers that the actor has tools of, all of them for an admin."""
    if not catalogue().servers:
        return []
    names: dict[str, list[str]] = {}
    for offer in list_tools(actor):
        names.setdefault(offer.spec.server, []).append(offer.spec.name)
    shown = [
        server
        for server in list_servers()
        if server.enabled and (server.code in names or actor.has_role(Role.ADMIN))
    ]
    return [_as_server(server, names.get(server.code, [])) for server in shown]


def _as_server(server: McpServer, tools: list[str]) -> Server:
    transport = {"stdio": "stdio", "sse": "sse"}.get(server.transport, "http")
    return Server(
        code=server.code,
        name=server.name,
        transport=transport,  # type: ignore[arg-type]
        status=status_now(server),
        tools=tools,
    )
