"""JSON API of the call log and its statistics, for admins. Answers are `{success, data, message}`."""

from __future__ import annotations

from flask import Blueprint

from app.mcp import statistics
from app.mcp.log_queries import Place, list_calls
from app.mcp.log_schemas import (
    CallsAnswer,
    CallsQuery,
    StatisticsOut,
    StatisticsQuery,
    call_json,
    statistics_json,
)
from app.web.answers import Answer
from app.web.api import endpoint
from app.web.auth import ADMIN

bp = Blueprint("mcp_log_api", __name__)


@endpoint(
    bp,
    "/api/v1/mcp/logs",
    who=ADMIN,
    summary="Calls of tools, newest first",
    query=CallsQuery,
    answers={200: CallsAnswer},
)
def get_calls(query: CallsQuery) -> CallsAnswer:
    found = list_calls(query.wanted(), query.limit, Place.read(query.cursor))
    items = [call_json(row) for row in found.items]
    return CallsAnswer(data=items, next_cursor=str(found.next) if found.next else None)


@endpoint(
    bp,
    "/api/v1/mcp/statistics",
    who=ADMIN,
    summary="Calls, errors and durations by tool, group and kind of error",
    query=StatisticsQuery,
    answers={200: Answer[StatisticsOut]},
)
def get_statistics(query: StatisticsQuery) -> Answer[StatisticsOut]:
    period = query.period
    data = statistics_json(
        period, statistics.start_of(period), statistics.totals_of(period), statistics.series_of(period)
    )
    return Answer(data=data)
