"""Who changed what: the record of changes."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Response, request

from app.accounts.queries import names_of_users
from app.admin.audit_texts import ACTIONS, THINGS
from app.admin.views import bp
from app.audit.queries import AuditFilter, list_actor_ids, list_entries
from app.runtime import settings
from app.web.auth import ADMIN, access
from app.web.htmx import page
from app.web.routing import read_day, read_page_number, read_row_id

PER_PAGE = 50
MAX_PAGES = 2_000
FILTERS = ("thing", "person", "q", "from", "to")


@bp.get("/admin/audit")
@access(ADMIN)
def list_changes() -> Response:
    """All changes that staff made, the newest first."""
    number = read_page_number(MAX_PAGES)
    wanted = _read_filter()
    listing = list_entries(wanted, PER_PAGE, (number - 1) * PER_PAGE)
    people = names_of_users(list_actor_ids())
    kept = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return page(
        "admin/audit.html",
        block="listing",
        listing=listing,
        wanted=wanted,
        chosen=kept,
        people=people,
        things=THINGS,
        actions=ACTIONS,
        address="/admin/audit" + (f"?{urlencode(kept)}" if kept else ""),
    )


def _read_filter() -> AuditFilter:
    thing = request.args.get("thing", "")
    first, last = read_day(request.args.get("from")), read_day(request.args.get("to"))
    zone = ZoneInfo(settings().shop_timezone)
    return AuditFilter(
        thing=thing if thing in THINGS else "",
        actor_id=read_row_id(request.args.get("person")),
        text=request.args.get("q", "").strip()[:60],
        since=datetime.combine(first, time(), zone) if first else None,
        until=datetime.combine(last + timedelta(days=1), time(), zone) if last else None,
    )
