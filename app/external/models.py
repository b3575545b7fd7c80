"""Attached MCP servers, and the tools that they said they have."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class McpServer(Model):
    """How a server is reached, whom its tools are offered to, and how it was found last.

    `transport` is http, sse (both with `url`) or stdio (`command`, `arguments`). `sealed_key` is a bearer key,
    `sealed_values` further headers or environment variables as JSON; both are sealed (`app.core.crypto.Vault`).
    `allowed_roles` are roles and "guest"; empty offers the tools to nobody but groups that have them. `revision`
    counts the changes of what a connection is made from. `status` is new, ok or down.
    """

    __tablename__ = "mcp_servers"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    transport: Mapped[str] = mapped_column(String(8))
    url: Mapped[str] = mapped_column(String(400), default="")
    command: Mapped[str] = mapped_column(String(200), default="")
    arguments: Mapped[list[str]] = mapped_column(JSON, default=list)
    sealed_key: Mapped[str] = mapped_column(Text, default="")
    sealed_values: Mapped[str] = mapped_column(Text, default="")
    prefix: Mapped[str] = mapped_column(String(20), unique=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    trusts_hints: Mapped[bool] = mapped_column(default=False)
    allowed_roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    timeout_seconds: Mapped[int] = mapped_column(default=30)
    revision: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(String(8), default="new")
    last_error: Mapped[str] = mapped_column(String(500), default="")
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    server_name: Mapped[str] = mapped_column(String(120), default="")
    protocol: Mapped[str] = mapped_column(String(20), default="")
    skipped: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class McpServerTool(Model):
    """A tool as its server described it, cleaned and bounded; `tool_name` is what it is called here."""

    __tablename__ = "mcp_server_tools"
    __table_args__ = (UniqueConstraint("server_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("mcp_servers.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(128))
    tool_name: Mapped[str] = mapped_column(String(64), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    input_schema: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    annotations: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
