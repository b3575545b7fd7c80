"""The database's view of tools: groups, switches, and the log of every call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
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
    calls_per_minute: Mapped[int | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ToolSetting(Model):
    """A tool in a group: switch, timeout in seconds, description override, limit.

    `fixed_arguments` are set by the server for whoever comes with the group's key. `config_data` is for the tool.
    """

    __tablename__ = "mcp_tools"
    __table_args__ = (UniqueConstraint("tool_name", "group_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tool_name: Mapped[str] = mapped_column(String(64))
    group_id: Mapped[int] = mapped_column(ForeignKey("mcp_tool_groups.id", ondelete="CASCADE"), index=True)
    version: Mapped[str] = mapped_column(String(20), default="1")
    description: Mapped[str] = mapped_column(Text, default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    timeout_seconds: Mapped[int | None]
    calls_per_minute: Mapped[int | None]
    # MariaDB takes the default of such a column as an expression only.
    fixed_arguments: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default=text("('{}')"))
    config_data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ToolCallLog(Model):
    """One call of a tool through the executor, secrets masked and sizes bounded.

    `error_code` is the kind of error, "" for a success. Each list of the console is read from one of the indexes.
    """

    __tablename__ = "mcp_call_logs"
    __table_args__ = (
        Index("ix_mcp_call_logs_tool_name_created_at", "tool_name", "created_at"),
        Index("ix_mcp_call_logs_group_id_created_at", "group_id", "created_at"),
        Index("ix_mcp_call_logs_caller_app_id_created_at", "caller_app_id", "created_at"),
        Index("ix_mcp_call_logs_success_created_at", "success", "created_at"),
        Index("ix_mcp_call_logs_error_code_created_at", "error_code", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tool_name: Mapped[str] = mapped_column(String(64))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("mcp_tool_groups.id", ondelete="SET NULL"))
    caller_app_id: Mapped[str] = mapped_column(String(64))
    request_data: Mapped[str] = mapped_column(Text, default="")
    response_data: Mapped[str] = mapped_column(Text, default="")
    success: Mapped[bool]
    error_code: Mapped[str] = mapped_column(String(40), default="", server_default="")
    error_message: Mapped[str] = mapped_column(String(500), default="")
    duration_ms: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class ToolCallCount(Model):
    """How many calls of a kind began in an hour or on a business day, counted together with the rows of the log.

    `span` is "hour" or "day", `start` its beginning. `group_id` is 0 without a group, `tool_name` "" for a tool that
    there is not, `duration_ms` rounded (app.tools.durations). Statistics read from here, however long the log is.
    """

    __tablename__ = "mcp_call_counts"
    # The key is nearly the whole row: SQLite too keeps the rows in its order, as MariaDB does.
    __table_args__ = {"sqlite_with_rowid": False}

    span: Mapped[str] = mapped_column(String(4), primary_key=True)
    start: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    tool_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    group_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    error_code: Mapped[str] = mapped_column(String(40), primary_key=True)
    duration_ms: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    calls: Mapped[int]
