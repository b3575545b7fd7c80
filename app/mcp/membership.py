"""Writes of the tools in groups: which there are, and what counts for each. The caller's transaction holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import delete, select, update

from app.audit.service import changed as told
from app.audit.service import record
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam
from app.db import after_commit, db
from app.mcp.queries import get_group_by_id, get_setting
from app.mcp.rules import TOOL_FIELDS, ToolValues
from app.tools.fixed import WHOLE, check_fixed
from app.tools.groups import touch
from app.tools.models import ToolGroup, ToolSetting
from app.tools.registry import registry

COLUMNS = {"config": "config_data"}
OVERTAKEN = N_("Somebody else changed this tool meanwhile.")


def add_tools(group: ToolGroup, names: Iterable[str]) -> int:
    """Put tools into a group, switched on; those it has stay as they are. The number of new ones."""
    inside = _names_in(group)
    fresh = [name for name in dict.fromkeys(names) if name not in inside]
    db.session.add_all(ToolSetting(tool_name=name, group_id=group.id) for name in fresh)
    db.session.flush()
    after_commit(touch)
    return len(fresh)


def set_tools(group: ToolGroup, names: Collection[str]) -> None:
    """Let the group have these tools and no others; settings of those that stay are kept.

    Raises InvalidParam for a name that no tool has; a tool that is in the group may have gone since.
    """
    inside = _names_in(group)
    check_names([name for name in names if name not in inside])
    add_tools(group, names)
    remove_tools(group, inside - set(names))


def check_names(names: Iterable[str]) -> None:
    """Raises InvalidParam for a name that no tool has."""
    for name in names:
        if registry.find(name) is None:
            fields = {"tools": N_("There is no such tool.")}
            raise InvalidParam(N_("There is no tool called %(name)s."), fields=fields, name=name[:64])


def remove_tools(group: ToolGroup, names: Collection[str]) -> int:
    """Take tools out of a group, with their settings. The number of those that were in it."""
    if not names:
        return 0
    gone = delete(ToolSetting).where(ToolSetting.group_id == group.id, ToolSetting.tool_name.in_(names))
    count: int = db.session.execute(gone).rowcount  # type: ignore[attr-defined]
    after_commit(touch)
    return count


def update_tool(
    actor: Actor, setting_id: int, changes: Mapping[str, Any], *, seen: str | None = None
) -> ToolSetting:
    """Change what `changes` names of a tool in a group; `seen` as in `update_group`.

    Raises Forbidden, NotFound, pydantic's ValidationError, Conflict EDIT_CONFLICT; InvalidParam for fixed arguments
    that the tool does not take.
    """
    actor.require_role(Role.ADMIN)
    setting = get_setting(setting_id, for_update=True)
    if seen is not None and seen != stamp_of(setting):
        raise Conflict(OVERTAKEN, code="EDIT_CONFLICT")
    before = values_of(setting)
    wanted = ToolValues.model_validate({**before, **changes})
    if "fixed_arguments" in changes:
        _check_fixed(setting, wanted.fixed_arguments)
    for name in TOOL_FIELDS:
        setattr(setting, COLUMNS.get(name, name), getattr(wanted, name))
    setting.updated_at = now()
    db.session.flush()
    after_commit(touch)
    record(actor, "tool.changed", setting.id, _details(before, values_of(setting)), name=setting.tool_name)
    return setting


def switch_tools(actor: Actor, ids: Collection[int], *, enabled: bool) -> int:
    """Switch tools in groups on or off, by the settings' ids. The number of those that there are."""
    actor.require_role(Role.ADMIN)
    statement = update(ToolSetting).where(ToolSetting.id.in_(ids)).values(enabled=enabled, updated_at=now())
    count: int = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    after_commit(touch)
    record(actor, "tool.switched", ",".join(map(str, sorted(ids))), enabled=enabled, count=count)
    return count


def put_in(actor: Actor, group_id: int, names: Collection[str]) -> int:
    """Put tools into a group, for an admin; the number of new ones. Raises Forbidden, NotFound, InvalidParam."""
    actor.require_role(Role.ADMIN)
    group = get_group_by_id(group_id, for_update=True)
    check_names(names)
    count = add_tools(group, names)
    record(actor, "tool.added", group_id, name=group.name, tools=", ".join(names))
    return count


def take_out(actor: Actor, group_id: int, names: Collection[str]) -> int:
    """Take tools out of a group, for an admin; the number of those that were in it. Raises Forbidden, NotFound."""
    actor.require_role(Role.ADMIN)
    group = get_group_by_id(group_id, for_update=True)
    count = remove_tools(group, names)
    record(actor, "tool.removed", group_id, name=group.name, tools=", ".join(names))
    return count


def stamp_of(setting: ToolSetting) -> str:
    """Marks a state of a setting: it is another after every change."""
    return f"{setting.updated_at:%Y%m%d%H%M%S%f}"


def values_of(setting: ToolSetting) -> dict[str, Any]:
    """A tool in a group as `ToolValues` has it."""
    return {name: getattr(setting, COLUMNS.get(name, name)) for name in TOOL_FIELDS}


def _details(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """What is fixed and configured may be secret, so of that only the names are told."""
    details = {}
    for name in before:
        old, new = before[name], after[name]
        if isinstance(old, dict):
            details[name] = told(", ".join(old) or "–", ", ".join(new) or "–") if old != new else ""
        elif old != new:
            details[name] = told(old, new)
    return {name: text for name, text in details.items() if text}


def _names_in(group: ToolGroup) -> set[str]:
    statement = select(ToolSetting.tool_name).where(ToolSetting.group_id == group.id)
    return set(db.session.scalars(statement))


def _check_fixed(setting: ToolSetting, fixed: Mapping[str, Any]) -> None:
    """What is wrong is told at `fixed_arguments.<name>`."""
    spec = registry.find(setting.tool_name)
    if spec is None:
        if fixed:
            told = N_("The tool is not there now, so its arguments cannot be checked.")
            raise InvalidParam(fields={"fixed_arguments": told})
        return
    try:
        check_fixed(spec, fixed)
    except InvalidParam as error:
        # What is wrong with all of them together has no name of its own.
        fields = {
            "fixed_arguments" if name == WHOLE else f"fixed_arguments.{name}": text
            for name, text in error.fields.items()
        }
        raise InvalidParam(fields=fields) from error
