"""Attaching, changing and detaching servers. The edge commits.

Callers look at a new address (`app.external.changes`) before they open the transaction: names are looked up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from logging import getLogger
from typing import Any

from sqlalchemy import delete, or_, select

from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.db import after_commit, db
from app.external.models import McpServer, McpServerTool
from app.external.queries import get_server
from app.external.rules import CONNECTION_FIELDS, FIELDS, ServerValues, check_together, completed
from app.external.secrets import sealed_for
from app.external.target import allowed_commands
from app.external.toolbox import rename_tools
from app.tools.groups import touch
from app.tools.models import ToolSetting

log = getLogger(__name__)
OVERTAKEN = N_("Somebody else changed this server meanwhile.")


def create_server(actor: Actor, values: Mapping[str, Any]) -> McpServer:
    """Attach a server. Raises Forbidden, InvalidParam, pydantic's ValidationError, Conflict CODE_TAKEN, PREFIX_TAKEN."""
    actor.require_role(Role.ADMIN)
    wanted = _checked(values)
    key, sealed = sealed_for(None, wanted)
    _check_free(wanted, None)
    server = McpServer(
        **{name: getattr(wanted, name) for name in FIELDS},
        sealed_key=key,
        sealed_values=sealed,
        created_by=actor.user_id,
    )
    db.session.add(server)
    db.session.flush()
    after_commit(touch)
    log.info("mcp_server_attached server=%s by=%s", server.code, actor.user_id)
    return server


def update_server(
    actor: Actor, server_id: int, changes: Mapping[str, Any], *, seen: str | None = None
) -> McpServer:
    """Change what `changes` names; `seen` is `stamp_of` what the changes were made in sight of.

    Raises as `create_server`, NotFound, and Conflict EDIT_CONFLICT when somebody was faster.
    """
    actor.require_role(Role.ADMIN)
    server = get_server(server_id, for_update=True)
    if seen is not None and seen != stamp_of(server):
        raise Conflict(OVERTAKEN, code="EDIT_CONFLICT")
    wanted = _checked({**values_of(server), **changes})
    key, sealed = sealed_for(server, wanted)
    _check_free(wanted, server)
    is_other = (key, sealed) != (server.sealed_key, server.sealed_values)
    is_other = is_other or any(getattr(server, name) != getattr(wanted, name) for name in CONNECTION_FIELDS)
    old_prefix = server.prefix
    for name in FIELDS:
        setattr(server, name, getattr(wanted, name))
    server.sealed_key, server.sealed_values, server.updated_at = key, sealed, now()
    if is_other:
        server.revision += 1
        server.status, server.last_error = "new", ""
    if server.prefix != old_prefix:
        rename_tools(server)
    db.session.flush()
    after_commit(touch)
    log.info(
        "mcp_server_changed server=%s fields=%s by=%s", server.code, ",".join(sorted(changes)), actor.user_id
    )
    return server


def delete_server(actor: Actor, server_id: int) -> str:
    """Detach a server for good, its tools taken out of all groups; its name. Raises Forbidden, NotFound."""
    actor.require_role(Role.ADMIN)
    server = get_server(server_id, for_update=True)
    names = select(McpServerTool.tool_name).where(McpServerTool.server_id == server_id)
    db.session.execute(delete(ToolSetting).where(ToolSetting.tool_name.in_(names)))
    db.session.execute(delete(McpServerTool).where(McpServerTool.server_id == server_id))
    db.session.delete(server)
    db.session.flush()
    after_commit(touch)
    log.info("mcp_server_detached server=%s by=%s", server.code, actor.user_id)
    return server.name


def stamp_of(server: McpServer) -> str:
    """Marks a state of a server's settings: it is another after every change."""
    return f"{server.updated_at:%Y%m%d%H%M%S%f}"


def values_of(server: McpServer) -> dict[str, Any]:
    """A server as `ServerValues` has it, without its secrets."""
    return {name: getattr(server, name) for name in FIELDS}


def _checked(values: Mapping[str, Any]) -> ServerValues:
    wanted = completed(ServerValues.model_validate(dict(values)))
    check_together(wanted, allowed_commands())
    return wanted


def _check_free(wanted: ServerValues, server: McpServer | None) -> None:
    statement = select(McpServer.code).where(
        or_(McpServer.code == wanted.code, McpServer.prefix == wanted.prefix),
        McpServer.id != (server.id if server else 0),
    )
    taken = db.session.scalars(statement).all()
    if not taken:
        return
    is_code = wanted.code in [code.lower() for code in taken]
    field = "code" if is_code else "prefix"
    told = N_("Another server has this already.")
    raise Conflict(told, code=f"{field.upper()}_TAKEN", fields={field: told})
