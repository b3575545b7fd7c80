"""The console's pages of calls: the log with filters, one call, statistics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from app.mcp import log_text, statistics
from app.mcp.log_queries import OUTCOMES, WITHOUT_GROUP, CallFilter, Place, get_call, list_calls
from app.mcp.queries import list_groups
from app.runtime import settings
from app.tools.registry import registry
from app.web.auth import ADMIN, access
from app.web.htmx import page
from app.web.i18n import local_time
from app.web.routing import read_row_id

bp = Blueprint("mcp_log", __name__)
LOGS = "/admin/mcp/logs"
PER_PAGE = 50
FIELDS = ("tool", "group", "caller", "outcome", "since", "until", "q")
NO_GROUP = "none"


@bp.get(LOGS)
@access(ADMIN)
def show_logs() -> Response:
    """Newest first; each page says where the next begins."""
    wanted = read_filter()
    after = Place.read(request.args.get("after"))
    series = statistics.series_for(wanted) if after is None else None
    return page(
        "mcp/logs.html",
        block="listing",
        found=list_calls(wanted, PER_PAGE, after),
        is_first=after is None,
        wanted=wanted,
        given=request.args,
        series=series,
        chart=log_text.chart_of(series) if series else None,
        labels=list(log_text.labels(series)) if series else [],
        tools=_tools(wanted),
        groups=list_groups(),
        kinds=log_text.KINDS,
        keep_days=settings().mcp_log_days,
        address=_address(),
        moment_value=moment_value,
        text=log_text,
    )


@bp.get(f"{LOGS}/<int:log_id>")
@access(ADMIN)
def show_call(log_id: int) -> Response:
    """One call with what was asked and answered, as the log has it."""
    return page("mcp/call.html", call=get_call(log_id), text=log_text)


@bp.get("/admin/mcp/statistics")
@access(ADMIN)
def show_statistics() -> Response:
    """The last 24 hours, 7 or 30 business days."""
    period = request.args.get("period", "")
    period = period if period in statistics.PERIODS else statistics.DEFAULT_PERIOD
    series = statistics.series_of(period)
    return page(
        "mcp/statistics.html",
        period=period,
        periods=list(statistics.PERIODS),
        start=statistics.start_of(period),
        totals=statistics.totals_of(period),
        series=series,
        chart=log_text.chart_of(series),
        labels=list(log_text.labels(series)),
        text=log_text,
    )


def read_filter() -> CallFilter:
    """What the address asks for; what makes no sense is left out."""
    given = request.args
    outcome = given.get("outcome", "")
    is_code = outcome in log_text.KINDS or outcome.isupper()
    return CallFilter(
        tool=given.get("tool", "").strip()[:64],
        group_id=WITHOUT_GROUP if given.get("group") == NO_GROUP else read_row_id(given.get("group")),
        caller=given.get("caller", "").strip()[:64],
        outcome=outcome if outcome in OUTCOMES else "",
        error_code=outcome[:40] if is_code else "",
        since=read_moment(given.get("since")),
        until=read_moment(given.get("until")),
        text=given.get("q", "").strip()[:100],
    )


def read_moment(text: str | None) -> datetime | None:
    """A moment as a field for date and time sends it, in the shop's zone; None for what is none."""
    try:
        moment = datetime.fromisoformat(text or "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(settings().shop_timezone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment_value(moment: datetime | None) -> str:
    """A moment for a field for date and time."""
    return local_time(moment).strftime("%Y-%m-%dT%H:%M") if moment else ""


def _tools(wanted: CallFilter) -> list[str]:
    names = {spec.name for spec in registry}
    return sorted(names | {wanted.tool} if wanted.tool else names)


def _address(**more: Any) -> str:
    """The list's address with its filters, for the links to other pages of it."""
    kept = {name: request.args[name] for name in FIELDS if request.args.get(name)}
    return f"{LOGS}?{urlencode(kept | more)}" if kept or more else LOGS
