"""`/admin/mcp/connect`: how the usual clients are connected to a group."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flask import Blueprint, Response, request

from app.config import PROJECT_ROOT
from app.mcp.queries import list_groups
from app.mcp.snippets import KEY, VARIABLE, Place, snippets
from app.oauth.site import public_url
from app.runtime import settings
from app.tools.models import ToolGroup
from app.web.auth import ADMIN, access
from app.web.htmx import page

bp = Blueprint("mcp_connect", __name__)


@bp.get("/admin/mcp/connect")
@access(ADMIN)
def connect() -> Response:
    """Configuration for the group that is chosen, else for the first that is switched on. It never has the key."""
    groups = list_groups()
    group = _chosen(groups, request.args.get("group", ""))
    address = f"{public_url()}{request.script_root}/mcp"
    found = snippets(_place(group, address)) if group is not None else ()
    return page(
        "mcp/connect.html",
        groups=groups,
        group=group,
        address=address,
        snippets=found,
        key_word=KEY,
        variable=VARIABLE,
    )


def _chosen(groups: Sequence[ToolGroup], code: str) -> ToolGroup | None:
    named = [group for group in groups if group.server_code == code]
    switched_on = [group for group in groups if group.enabled]
    return next(iter([*named, *switched_on, *groups]), None)


def _place(group: ToolGroup, address: str) -> Place:
    return Place(
        code=group.server_code,
        url=f"{address}/{group.server_code}",
        root=str(PROJECT_ROOT),
        python=sys.executable,
        home=str(settings().home_path.absolute()),
    )
