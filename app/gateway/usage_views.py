"""The console's page about what the assistant used, and the same as CSV."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request

from app.gateway import usage, usage_text
from app.gateway.presentation import PURPOSE_LABELS
from app.runtime import settings
from app.web.auth import ADMIN, access
from app.web.htmx import page

bp = Blueprint("usage", __name__)
DEFAULT_PERIOD = 30


@bp.get("/admin/usage")
@access(ADMIN)
def show_usage() -> Response:
    """The last 7, 30 or 90 business days."""
    days = _period()
    found = usage.get_usage(days)
    return page(
        "gateway/usage.html",
        usage=found,
        charts=usage_text.charts_of(found),
        period=days,
        periods=usage.PERIODS,
        has_prices=bool(settings().llm_prices),
        purpose_labels=PURPOSE_LABELS,
        yuan_of=usage_text.yuan_of,
        seconds_of=usage_text.seconds_of,
        source_name=usage_text.source_name,
    )


@bp.get("/admin/usage.csv")
@access(ADMIN)
def export_usage() -> Response:
    """The figures by day and by what answered."""
    days = _period()
    response = make_response(usage_text.csv_of(usage.list_day_lines(days)))
    response.mimetype = "text/csv"
    first, last = usage.period(days)
    response.headers["Content-Disposition"] = f"attachment; filename=usage-{first}-{last}.csv"
    return response


def _period() -> int:
    wanted = request.args.get("days", DEFAULT_PERIOD, type=int)
    return wanted if wanted in usage.PERIODS else DEFAULT_PERIOD
