"""What links and checks found out, kept in the database: how a server is, and which tools it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update

from app.core.clock import now
from app.db import after_commit, db
from app.external.discovery import Found, Look, name_here
from app.external.models import McpServer, McpServerTool
from app.tools.groups import touch
from app.tools.models import ToolSetting
from app.tools.registry import registry


def mark_up(server_id: int, revision: int, look: Look) -> None:
    """A server was reached and has these tools. Nothing happens when it was changed meanwhile."""
    moment = now()
    found = _mark(
        server_id,
        revision,
        status="ok",
        last_error="",
        last_seen_at=moment,
        checked_at=moment,
        server_name=look.server_name,
        protocol=look.protocol[:20],
        skipped=list(look.found.skipped),
    )
    # The row is ours until the commit, so two processes do not add the same tools.
    if found and _store_tools(server_id, look.found.tools):
        after_commit(touch)


def mark_down(server_id: int, revision: int, reason: str) -> None:
    """A server could not be reached; its tools stay known."""
    _mark(server_id, revision, status="down", last_error=reason[:500], checked_at=now())


def rename_tools(server: McpServer) -> None:
    """Give a server's tools names with its present prefix, in the groups too."""
    is_taken = _taken_names()
    for tool in db.session.scalars(select(McpServerTool).where(McpServerTool.server_id == server.id)):
        old, tool.tool_name = tool.tool_name, name_here(server.prefix, tool.name, is_taken)
        statement = update(ToolSetting).where(ToolSetting.tool_name == old)
        db.session.execute(statement.values(tool_name=tool.tool_name))
    db.session.flush()


def _mark(server_id: int, revision: int, **values: Any) -> bool:
    statement = update(McpServer).where(McpServer.id == server_id, McpServer.revision == revision)
    return bool(db.session.execute(statement.values(values)).rowcount)  # type: ignore[attr-defined]


def _store_tools(server_id: int, found: tuple[Found, ...]) -> bool:
    """Make the stored tools those that were found; True when they were others."""
    prefix = db.session.scalar(select(McpServer.prefix).where(McpServer.id == server_id)) or ""
    stored = {
        tool.name.lower(): tool
        for tool in db.session.scalars(select(McpServerTool).where(McpServerTool.server_id == server_id))
    }
    is_taken = _taken_names()
    is_changed = False
    for each in found:
        tool = stored.pop(each.name.lower(), None)
        if tool is None:
            tool_name = name_here(prefix, each.name, is_taken)
            db.session.add(McpServerTool(server_id=server_id, tool_name=tool_name, **_values(each)))
            db.session.flush()
            is_changed = True
        elif _differs(tool, each):
            _change(tool, each)
            is_changed = True
    for gone in stored.values():
        db.session.delete(gone)
        is_changed = True
    db.session.flush()
    return is_changed


def _values(found: Found) -> dict[str, Any]:
    return {
        "name": found.name,
        "description": found.description,
        "input_schema": found.input_schema,
        "annotations": found.hints,
    }


def _differs(tool: McpServerTool, found: Found) -> bool:
    return any(getattr(tool, name) != value for name, value in _values(found).items())


def _change(tool: McpServerTool, found: Found) -> None:
    for name, value in _values(found).items():
        setattr(tool, name, value)
    tool.updated_at = now()


def _taken_names() -> Callable[[str], bool]:
    def is_taken(name: str) -> bool:
        statement = select(McpServerTool.id).where(McpServerTool.tool_name == name)
        return registry.has_declared(name) or db.session.scalar(statement) is not None

    return is_taken
