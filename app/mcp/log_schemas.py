"""Calls and statistics as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from app.mcp.log_queries import CallFilter
from app.mcp.log_text import group_name
from app.mcp.statistics import Kind, Line, Point, Series, Totals
from app.web.answers import Answer
from app.web.api import Schema

MAX_LIMIT = 200
Share = Annotated[float, Field(ge=0, le=1)]


class CallsQuery(Schema):
    """Which calls to list. `group_id` 0 is calls without a group's key; `since` is inclusive, `until` is not.

    `q` is looked for in request, response and message. With it, or with several conditions, 5,000 calls are looked
    through at a time: go on with `next_cursor`, also after an answer without a call.
    """

    tool: Annotated[str, Field(max_length=64)] = ""
    group_id: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    caller: Annotated[str, Field(max_length=64)] = ""
    outcome: Literal["ok", "error"] | None = None
    error_code: Annotated[str, Field(max_length=40)] = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    q: Annotated[str, Field(max_length=100)] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50
    cursor: Annotated[str, Field(max_length=40, pattern=r"^[0-9]{1,17}-[0-9]{1,18}$")] | None = None

    def wanted(self) -> CallFilter:
        """The same as the reading side has it."""
        return CallFilter(
            tool=self.tool, group_id=self.group_id, caller=self.caller, outcome=self.outcome or "",
            error_code=self.error_code, since=self.since, until=self.until, text=self.q,
        )  # fmt: skip


class CallOut(BaseModel):
    """A call. `request` and `response` are JSON as text, masked and cut to 2,000 characters."""

    id: int
    tool: str
    group_id: int | None
    caller: str
    success: bool
    error_code: str
    error_message: str
    duration_ms: int
    created_at: datetime
    request: str
    response: str


class CallsAnswer(Answer[list[CallOut]]):
    """A page of the log; `next_cursor` is null at its end."""

    next_cursor: str | None = None


class StatisticsQuery(Schema):
    """The last 24 hours, or 7 or 30 business days, what runs now included."""

    period: Literal["24h", "7d", "30d"] = "24h"


class FiguresOut(BaseModel):
    """Percentiles are within 3.2 percent, and leave out what a limit refused."""

    calls: int
    errors: int
    error_rate: Share
    p50_ms: int | None
    p95_ms: int | None


class ToolFigures(FiguresOut):
    """`tool` is "" for names that there are not."""

    tool: str


class GroupFigures(FiguresOut):
    """`group_id` is null for calls without a group's key."""

    group_id: int | None
    name: str


class KindOut(BaseModel):
    """A kind of error and the tools that it happened in, most often first."""

    error_code: str
    calls: int
    tools: list[str]


class PointOut(BaseModel):
    """Calls and errors from `start` on, for an hour or a day."""

    start: datetime
    calls: int
    errors: int


class StatisticsOut(BaseModel):
    """Figures since `since`; `span` is how long each point of `series` is."""

    period: str
    since: datetime
    total: FiguresOut
    tools: list[ToolFigures]
    groups: list[GroupFigures]
    errors: list[KindOut]
    span: str
    series: list[PointOut]


def call_json(row: Any) -> CallOut:
    """A row of the log."""
    return CallOut(
        id=row.id, tool=row.tool_name, group_id=row.group_id, caller=row.caller_app_id, success=row.success,
        error_code=row.error_code, error_message=row.error_message, duration_ms=row.duration_ms,
        created_at=row.created_at, request=row.request_data, response=row.response_data,
    )  # fmt: skip


def statistics_json(period: str, since: datetime, totals: Totals, series: Series) -> StatisticsOut:
    """Statistics of a period."""
    return StatisticsOut(
        period=period,
        since=since,
        total=FiguresOut(**_figures(totals.total)),
        tools=[ToolFigures(tool=line.key, **_figures(line)) for line in totals.tools],
        groups=[
            GroupFigures(group_id=line.key or None, name=group_name(line.key), **_figures(line))
            for line in totals.groups
        ],
        errors=[_kind(kind) for kind in totals.kinds],
        span=series.span,
        series=[_point(point) for point in series.points],
    )


def _figures(line: Line) -> dict[str, Any]:
    return {
        "calls": line.figures.calls,
        "errors": line.figures.errors,
        "error_rate": round(line.figures.error_rate, 4),
        "p50_ms": line.p50,
        "p95_ms": line.p95,
    }


def _kind(kind: Kind) -> KindOut:
    return KindOut(error_code=kind.code, calls=kind.calls, tools=list(kind.tools))


def _point(point: Point) -> PointOut:
    return PointOut(start=point.start, calls=point.calls, errors=point.errors)
