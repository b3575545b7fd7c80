"""The first page of the console's MCP section: servers, groups, what goes wrong."""

from __future__ import annotations

from flask import Blueprint, Response

from app.mcp import log_text, overview, statistics
from app.mcp.log_views import LOGS
from app.oauth.site import resource_of
from app.runtime import settings
from app.tools.registry import registry
from app.tools.servers import list_servers
from app.tools.spec import OWN_SERVER
from app.web.auth import ADMIN, access, current_actor
from app.web.htmx import page

bp = Blueprint("mcp_overview", __name__)
SHOWN_KINDS = 8


@bp.get("/admin/mcp")
@access(ADMIN)
def show_overview() -> Response:
    """Our own endpoint, attached servers, groups, and the errors of the last 24 hours."""
    totals = statistics.totals_of(statistics.DEFAULT_PERIOD)
    return page(
        "mcp/overview.html",
        endpoint=resource_of(None).url,
        own_tools=sum(1 for spec in registry if not spec.is_elsewhere),
        servers=[server for server in list_servers(current_actor()) if server.code != OWN_SERVER],
        groups=overview.list_group_lines(totals),
        totals=totals,
        kinds=totals.kinds[:SHOWN_KINDS],
        since=statistics.start_of(statistics.DEFAULT_PERIOD),
        settings=settings(),
        logs=LOGS,
        text=log_text,
    )
