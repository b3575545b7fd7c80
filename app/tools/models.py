"""The database's view of tools: groups, switches, and the log of every call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class ToolGroup(Model):
    """A named set of tools with a key of its own, and what the key's holder may do.

    The key is kept sealed (`app.core.crypto.Vault`), for an admin to see again, and as a hash, to be found by. A
    key that was replaced may go on until `previous_key_until`. `right_names` are of `app.tools.groups.RIGHTS`.
    """

    __tablename__ = "mcp_tool_groups"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    server_code: Mapped[str] = mapped_column(String(40), unique=True)
    api_key: Mapped[str | None] = mapped_column(Text)
    hashed_api_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    previous_hashed_api_key: Mapped[str | None] = mapped_column(String(64))
    previous_key_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    right_names: Mapped[str] = mapped_column(String(60), default="read", server_default="read")
    user_tier_access: Mapped[list[str]] = mapped_column(JSON, default=list)
    allowed_roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ToolSetting(Model):
    """A tool in a group: switch, timeout in seconds, description override."""

    __tablename__ = "mcp_tools"
    __table_args__ = (UniqueConstraint("tool_name", "group_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tool_name: Mapped[str] = mapped_column(String(64))
    group_id: Mapped[int] = mapped_column(ForeignKey("mcp_tool_groups.id", ondelete="CASCADE"), index=True)
    version: Mapped[str] = mapped_column(String(20), default="1")
    description: Mapped[str] = mapped_column(Text, default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    timeout_seconds: Mapped[int | None]
    config_data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ToolCallLog(Model):
    """One call of a tool through the executor, secrets masked and sizes bounded."""

    __tablename__ = "mcp_call_logs"
    __table_args__ = (Index("ix_mcp_call_logs_tool_name_created_at", "tool_name", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tool_name: Mapped[str] = mapped_column(String(64))
    group_id: Mapped[int | None] = mapped_column(
        ForeignKey("mcp_tool_groups.id", ondelete="SET NULL"), index=True
    )
    caller_app_id: Mapped[str] = mapped_column(String(64))
    request_data: Mapped[str] = mapped_column(Text, default="")
    response_data: Mapped[str] = mapped_column(Text, default="")
    success: Mapped[bool]
    error_message: Mapped[str] = mapped_column(String(500), default="")
    duration_ms: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
