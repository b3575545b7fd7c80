"""Writes of tool groups and their keys. Each makes every process look again once it is committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from app.audit.service import changed as told
from app.audit.service import record
from app.core.actor import SYSTEM, Actor, Role
from app.core.clock import now
from app.core.crypto import Vault
from app.core.errors import N_, Conflict, NotFound
from app.db import after_commit, db
from app.mcp import keys
from app.mcp.membership import add_tools, check_names, set_tools
from app.mcp.queries import get_group_by_id
from app.mcp.rules import GroupValues
from app.runtime import settings
from app.tools.groups import READ, touch
from app.tools.models import ToolGroup

NAME_TAKEN = N_("There is a group of this name already.")
CODE_TAKEN = N_("There is a group with this code already.")
OVERTAKEN = N_("Somebody else changed this group meanwhile.")
__all__ = ["NewGroup", "add_tools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """What a group is made of in a program of ours; `values` are those of `GroupValues`."""

    code: str
    name: str
    description: str = ""
    roles: tuple[Role, ...] = ()
    rights: tuple[str, ...] = (READ,)
    tools: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        return {
            "server_code": self.code,
            "name": self.name,
            "description": self.description,
            "allowed_roles": [role.value for role in self.roles],
            "rights": list(self.rights),
            "tools": list(self.tools),
        }


def create_group(actor: Actor, new: NewGroup | Mapping[str, Any]) -> tuple[ToolGroup, str]:
    """A group with a key, which is returned. A mapping holds what `GroupValues` has, and `tools`.

    Raises Forbidden, pydantic's ValidationError, InvalidParam for a tool that is none, Conflict NAME_TAKEN and
    CODE_TAKEN.
    """
    check_admin(actor)
    values = new.values() if isinstance(new, NewGroup) else new
    wanted = GroupValues.model_validate(dict(values))
    if not isinstance(new, NewGroup):
        check_names(values.get("tools") or ())
    group = ToolGroup(created_by=actor.user_id, **_columns(wanted))
    key = _give_key(group)
    db.session.add(group)
    _flush_names(group)
    add_tools(group, values.get("tools") or ())
    record(
        actor, "group.created", group.id, name=group.name, code=group.server_code, rights=group.right_names
    )
    return group, key


def update_group(
    actor: Actor, group_id: int, changes: Mapping[str, Any], *, seen: str | None = None
) -> ToolGroup:
    """Change what `changes` names; `tools` are then all that are in the group.

    With `seen` (`stamp_of` when the form was made) an edit that somebody else overtook is refused: Conflict
    EDIT_CONFLICT. Raises as `create_group` does, and NotFound.
    """
    check_admin(actor)
    group = get_group_by_id(group_id, for_update=True)
    if seen is not None and seen != stamp_of(group):
        raise Conflict(OVERTAKEN, code="EDIT_CONFLICT")
    before = values_of(group)
    wanted = GroupValues.model_validate({**before, **changes})
    for name, value in _columns(wanted).items():
        setattr(group, name, value)
    group.updated_at = now()
    _flush_names(group)
    if changes.get("tools") is not None:
        set_tools(group, changes["tools"])
    after_commit(touch)
    record(actor, "group.changed", group.id, _details(before, values_of(group), changes), name=group.name)
    return group


def delete_group(actor: Actor, group_id: int) -> None:
    """Take a group away with its key and its settings of tools; what was logged of it stays."""
    check_admin(actor)
    group = get_group_by_id(group_id, for_update=True)
    db.session.delete(group)
    db.session.flush()
    after_commit(touch)
    record(actor, "group.deleted", group_id, name=group.name, code=group.server_code)


def regenerate_key(group: ToolGroup, *, grace_seconds: int = 0, actor: Actor = SYSTEM) -> str:
    """A new key; the one before goes on for the grace, the one before that ends at once."""
    check_admin(actor)
    previous = group.hashed_api_key
    key = _give_key(group)
    has_grace = grace_seconds > 0 and previous is not None
    group.previous_hashed_api_key = previous if has_grace else None
    group.previous_key_until = now() + timedelta(seconds=grace_seconds) if has_grace else None
    db.session.flush()
    after_commit(touch)
    record(actor, "group.key_made", group.id, name=group.name, grace_seconds=grace_seconds)
    return key


def revoke_key(group: ToolGroup, *, actor: Actor = SYSTEM) -> None:
    """Leave the group without a key, old ones included."""
    check_admin(actor)
    group.api_key = group.hashed_api_key = None
    group.previous_hashed_api_key = group.previous_key_until = None
    db.session.flush()
    after_commit(touch)
    record(actor, "group.key_revoked", group.id, name=group.name)


def show_key(group: ToolGroup, *, actor: Actor = SYSTEM) -> str:
    """The key, for a person's eyes: that it was shown is on record. Raises as `reveal_key` does, and Forbidden."""
    check_admin(actor)
    key = reveal_key(group)
    record(actor, "group.key_shown", group.id, name=group.name)
    return key


def reveal_key(group: ToolGroup) -> str:
    """The key as it is. Raises NotFound without one, SealBroken when SECRET_KEY is another than it was."""
    if not group.api_key:
        raise NotFound(N_("This group has no key."))
    return Vault(settings().secret_key).unseal(group.api_key)


def stamp_of(group: ToolGroup) -> str:
    """Marks a state of a group: it is another after every change."""
    return f"{group.updated_at:%Y%m%d%H%M%S%f}"


def values_of(group: ToolGroup) -> dict[str, Any]:
    """A group as `GroupValues` has it."""
    same = ("name", "server_code", "description", "calls_per_minute", "enabled")
    return {
        **{name: getattr(group, name) for name in same},
        "allowed_roles": list(group.allowed_roles or ()),
        "user_tier_access": list(group.user_tier_access or ()),
        "rights": group.right_names.split(),
    }


def check_admin(actor: Actor) -> None:
    """Groups are an admin's, and the program's own: demo data, the command line. Raises Forbidden."""
    if actor != SYSTEM:
        actor.require_role(Role.ADMIN)


def _details(
    before: Mapping[str, Any], after: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, str]:
    details = {name: told(before[name], after[name]) for name in before if before[name] != after[name]}
    if changes.get("tools") is not None:
        details["tools"] = ", ".join(changes["tools"])
    return details


def _columns(wanted: GroupValues) -> dict[str, Any]:
    values = wanted.model_dump()
    values["right_names"] = " ".join(values.pop("rights"))
    return values


def _flush_names(group: ToolGroup) -> None:
    with db.session.no_autoflush:
        _check_names(group)
    try:
        db.session.flush()
    except IntegrityError as error:
        # Somebody else was faster by a moment, and it is not known with which of the two.
        raise _taken("name", NAME_TAKEN) from error


def _check_names(group: ToolGroup) -> None:
    same = or_(func.lower(ToolGroup.name) == group.name.lower(), ToolGroup.server_code == group.server_code)
    statement = select(ToolGroup.server_code).where(same, ToolGroup.id != (group.id or 0))
    found = db.session.scalars(statement).all()
    if group.server_code in found:
        raise _taken("server_code", CODE_TAKEN)
    if found:
        raise _taken("name", NAME_TAKEN)


def _taken(field: str, message: str) -> Conflict:
    code = "CODE_TAKEN" if field == "server_code" else "NAME_TAKEN"
    return Conflict(message, code=code, fields={field: message})


def _give_key(group: ToolGroup) -> str:
    key = keys.new_key()
    group.api_key, group.hashed_api_key = Vault(settings().secret_key).seal(key), keys.hash_of(key)
    return key
