"""The groups at a glance: what each has, and when it was used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.db import db
from app.mcp.statistics import Figures, Totals
from app.tools.models import ToolCallLog, ToolGroup, ToolSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """A group; `tools` counts those switched on, `limit` is its own, None for the one of the settings."""

    id: int
    code: str
    name: str
    enabled: bool
    has_key: bool
    limit: int | None
    tools: int
    last_call: datetime | None
    figures: Figures


def list_group_lines(totals: Totals) -> Sequence[GroupLine]:
    """All groups with their figures, oldest first; one statement."""
    tools = (
        select(func.count())
        .where(ToolSetting.group_id == ToolGroup.id, ToolSetting.enabled)
        .scalar_subquery()
    )
    # Not the maximum: for that MariaDB would read all of a group's calls.
    last_call = (
        select(ToolCallLog.created_at)
        .where(ToolCallLog.group_id == ToolGroup.id)
        .order_by(ToolCallLog.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            ToolGroup.id,
            ToolGroup.server_code,
            ToolGroup.name,
            ToolGroup.enabled,
            ToolGroup.hashed_api_key.is_not(None),
            ToolGroup.calls_per_minute,
            tools,
            last_call,
        ).order_by(ToolGroup.id)
    )
    figures = {line.key: line.figures for line in totals.groups}
    return [
        GroupLine(
            id=row[0],
            code=row[1],
            name=row[2],
            enabled=row[3],
            has_key=bool(row[4]),
            limit=row[5],
            tools=row[6],
            last_call=row[7],
            figures=figures.get(row[0], Figures()),
        )
        for row in rows
    ]
