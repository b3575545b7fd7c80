"""How the service goes, on one page."""

from __future__ import annotations

from flask import Response, request

from app.admin import dashboard_texts as texts
from app.admin.dashboard import DEFAULT_PERIOD, MOST_TOOLS, PERIODS, read_dashboard
from app.admin.views import bp
from app.gateway.presentation import PURPOSE_LABELS
from app.mcp import log_text
from app.web.auth import ADMIN, access
from app.web.htmx import page


@bp.get("/admin/dashboard")
@access(ADMIN)
def show_dashboard() -> Response:
    """The last 1, 7, 30 or 90 business days."""
    days = request.args.get("days", DEFAULT_PERIOD, type=int)
    period = days if days in PERIODS else DEFAULT_PERIOD
    shown = read_dashboard(period)
    return page(
        "admin/dashboard.html",
        shown=shown,
        charts=texts.charts_of(shown),
        period=period,
        periods=PERIODS,
        tools=shown.calls.tools[:MOST_TOOLS],
        purpose_labels=PURPOSE_LABELS,
        texts=texts,
        log_text=log_text,
    )
