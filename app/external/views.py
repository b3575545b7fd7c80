"""The console's pages of attached MCP servers."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.db import in_transaction
from app.extensions import limiter
from app.external import changes, service
from app.external.api import CHECKS
from app.external.changes import Checked
from app.external.forms import ServerForm
from app.external.models import McpServer
from app.external.presentation import (
    AUDIENCE_LABELS,
    STATUS_LABELS,
    TRANSPORT_LABELS,
    hint_words,
    skipped_line,
)
from app.external.queries import (
    count_tools,
    get_server,
    groups_with,
    list_server_tools,
    list_servers,
    status_now,
)
from app.external.secrets import masked_key, value_names
from app.external.target import allowed_commands
from app.web.auth import ADMIN, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page

bp = Blueprint("mcp_servers", __name__)
Done = TypeVar("Done")
LIST = "/admin/mcp/servers"
ONE = f"{LIST}/<int:server_id>"
LABELS: dict[str, Any] = {
    "transport_labels": TRANSPORT_LABELS,
    "audience_labels": AUDIENCE_LABELS,
    "status_labels": STATUS_LABELS,
}


@bp.get(LIST)
@access(ADMIN)
def show_servers() -> Response:
    """All attached servers with their state."""
    servers = [(server, status_now(server)) for server in list_servers()]
    return page("external/servers.html", servers=servers, counts=count_tools(), **LABELS)


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@access(ADMIN)
def new_server() -> Response:
    """Attach a server and look at it."""
    form = ServerForm().offer()
    if form.validate_on_submit():
        server_id = saved(form, lambda: changes.create(current_actor(), form.values()))
        if server_id is not None:
            checked = changes.check(current_actor(), server_id)
            _flash_check(checked)
            return go_to(f"{LIST}/{server_id}")
    return page(
        "external/server_new.html",
        form=form,
        commands=sorted(allowed_commands()),
        status=422 if form.is_submitted() else 200,
    )


def _flash_check(checked: Checked) -> None:
    if checked.look is not None:
        flash(gettext("The server is attached. These are its tools."), "ok")
    else:
        flash(
            gettext("The server is attached, but it could not be reached: %(reason)s", reason=checked.reason),
            "warn",
        )


@bp.get(ONE)
@access(ADMIN)
def show_server(server_id: int) -> Response:
    """A server: its state, tools and settings."""
    return _page_of(get_server(server_id))


@bp.post(ONE)
@access(ADMIN)
def save_server(server_id: int) -> Response:
    """Save the form. 409 when somebody else was faster."""
    actor, form = current_actor(), ServerForm().offer()
    get_server(server_id)
    if form.validate_on_submit():
        seen = form.seen.data or ""
        done = saved(form, lambda: changes.save(actor, server_id, form.values(), seen=seen))
        if done is not None:
            flash(gettext("The changes are saved."), "ok")
            return go_to(f"{LIST}/{server_id}")
    server = get_server(server_id)
    if (form.seen.data or "") == service.stamp_of(server):
        return _page_of(server, form=form, status=422)
    # Saving again is a decision then: it is made in sight of what is there now.
    form.seen.raw_data = None
    form.seen.data = service.stamp_of(server)
    return _page_of(server, form=form, status=409)


@bp.post(f"{ONE}/check")
@limiter.limit(CHECKS)
@access(ADMIN)
def check_server(server_id: int) -> Response:
    """Look at the server now."""
    checked = changes.check(current_actor(), server_id)
    return _page_of(get_server(server_id), checked=checked)


@bp.post(f"{ONE}/delete")
@access(ADMIN)
def delete_server(server_id: int) -> Response:
    """Detach it for good."""
    actor = current_actor()
    in_transaction(lambda: service.delete_server(actor, server_id))
    flash(gettext("The server is detached."), "ok")
    return go_to(LIST)


def _page_of(
    server: McpServer, *, form: ServerForm | None = None, checked: Checked | None = None, status: int = 200
) -> Response:
    if form is None:
        form = ServerForm(formdata=None).offer()
        form.show(server)
    tools = list_server_tools(server.id)
    return page(
        "external/server.html",
        block="state" if request.path.endswith("/check") else None,
        status=status,
        server=server,
        status_now=status_now(server),
        checked=checked,
        form=form,
        key_shown=masked_key(server),
        values_shown=value_names(server),
        commands=sorted(allowed_commands()),
        tools=tools,
        groups=groups_with([tool.tool_name for tool in tools]),
        hint_words=hint_words,
        skipped=[skipped_line(line) for line in server.skipped],
        **LABELS,
    )
