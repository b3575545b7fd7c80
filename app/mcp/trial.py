"""Trying a tool from the console or the API: a real call, as a client with the group's key would make it.

It runs through the executor, changes what the tool changes, and has its row in the log, under the admin's name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from logging import getLogger
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import func, select

from app.core.actor import Actor, Role
from app.core.errors import N_, Conflict
from app.db import db
from app.mcp.queries import get_setting
from app.mcp.visit import Visit
from app.runtime import settings
from app.tools.call_batch import find_batch
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult
from app.tools.groups import find_group
from app.tools.limits import shorten
from app.tools.models import ToolCallLog
from app.tools.registry import registry
from app.web.aio import serving_loop

log = getLogger(__name__)
USER_ID = "user_id"
# A row that another thread has taken to write is there a moment later.
LOG_SECONDS = 2.0
LOOK_SECONDS = 0.02
NOT_THERE = N_("The tool is not there now: its server is detached or does not answer.")
GROUP_OFF = N_("The group is switched off, so its key opens nothing. Switch it on to try its tools.")
TOOL_OFF = N_("The tool is switched off in this group. Switch it on to try it.")
NOT_ALLOWED = N_("The group's roles or rights do not allow this tool, so its key does not see it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminVisit(Visit):
    """A call with a group's rights that an admin makes."""

    admin_id: int

    @property
    def caller(self) -> str:
        """As the call log names it."""
        return f"console:{self.admin_id}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What one try showed: `shown` is the result as a client gets it, `log_id` its row, None when there is none."""

    result: ToolResult
    shown: dict[str, Any]
    is_cut: bool
    log_id: int | None


def try_tool(
    actor: Actor,
    setting_id: int,
    arguments: dict[str, Any],
    *,
    user_id: int | None = None,
    approved: str | None = None,
) -> Trial:
    """Call a tool of a group. `user_id` is for whom, `approved` the fingerprint of what was agreed to.

    Raises Forbidden, NotFound, and Conflict where the key would not find the tool. Whatever the tool does is in the
    result.
    """
    admin_id = actor.require_role(Role.ADMIN)
    setting = get_setting(setting_id)
    name, group_id = setting.tool_name, setting.group_id
    _check_reachable(name, group_id)
    visit = _visit(admin_id, group_id, actor.locale)
    newest = _newest_row()
    # No connection is held while the tool works.
    db.session.remove()
    given = arguments if user_id is None else {**arguments, USER_ID: user_id}
    result = _call(visit, name, given, approved)
    log.info("mcp_tool_tried tool=%s group=%s status=%s by=%s", name, group_id, result.status, admin_id)
    shown, is_cut = shorten(result.full or result.result, settings().mcp_result_max_chars)
    return Trial(result, shown, is_cut, _find_row(visit, name, newest))


def _check_reachable(name: str, group_id: int) -> None:
    spec, group = registry.find(name), find_group(group_id)
    if spec is None:
        raise Conflict(NOT_THERE, code="TOOL_NOT_THERE")
    if group is None or not group.enabled:
        raise Conflict(GROUP_OFF, code="GROUP_OFF")
    switch = group.switches.get(name)
    if switch is None or not switch.enabled:
        raise Conflict(TOOL_OFF, code="TOOL_OFF")
    if not group.has(spec) or not spec.is_for(Actor(roles=group.roles, group_id=group.id)):
        raise Conflict(NOT_ALLOWED, code="NOT_ALLOWED")


def _visit(admin_id: int, group_id: int, locale: str) -> AdminVisit:
    return AdminVisit(
        app=cast(Flask, current_app._get_current_object()),  # type: ignore[attr-defined]
        loop=serving_loop(),
        group_id=group_id,
        code="",
        locale=locale,
        admin_id=admin_id,
    )


def _call(visit: Visit, name: str, arguments: dict[str, Any], approved: str | None) -> ToolResult:
    # The protocol's types take a while to import; a page that tries nothing never needs them.
    from app.mcp.calls import Call, UnknownTool, call_tool

    try:
        return call_tool(visit, Call(name=name, arguments=arguments, approved=approved), Cancellation())
    except UnknownTool as error:
        # It was switched off between our look and the call.
        raise Conflict(TOOL_OFF, code="TOOL_OFF") from error


def _newest_row() -> int:
    return db.session.scalar(select(func.max(ToolCallLog.id))) or 0


def _find_row(visit: Visit, name: str, after: int) -> int | None:
    batch = find_batch(visit.app)
    if batch is not None:
        batch.flush()
    wanted = (
        select(func.max(ToolCallLog.id))
        .where(ToolCallLog.id > after, ToolCallLog.tool_name == name)
        .where(ToolCallLog.caller_app_id == visit.caller, ToolCallLog.group_id == visit.group_id)
    )
    deadline = time.monotonic() + LOG_SECONDS
    while (found := db.session.scalar(wanted)) is None and time.monotonic() < deadline:
        # Where a transaction keeps to what it has seen first, only a new one sees more.
        db.session.rollback()
        time.sleep(LOOK_SECONDS)
    return found
