"""Writes of tool groups and their keys. The edge commits, and calls `app.tools.groups.touch` afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.crypto import Vault
from app.core.errors import N_, Conflict, InvalidParam, NotFound
from app.db import after_commit, db
from app.mcp import keys
from app.runtime import settings
from app.tools.groups import READ, RIGHTS, touch
from app.tools.models import ToolGroup, ToolSetting

CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """What a group is made of. `roles` are what its key's holder acts as, `rights` of app.tools.groups.RIGHTS."""

    code: str
    name: str
    description: str = ""
    roles: tuple[Role, ...] = ()
    rights: tuple[str, ...] = (READ,)
    tools: tuple[str, ...] = ()


def create_group(actor: Actor, new: NewGroup) -> tuple[ToolGroup, str]:
    """A group with a key, which is returned. Raises InvalidParam; Conflict when code or name is taken."""
    if not CODE.fullmatch(new.code) or set(new.rights) - set(RIGHTS):
        raise InvalidParam(fields={"code": N_("Use 2 to 40 small letters, digits and hyphens.")})
    taken = select(ToolGroup.id).where((ToolGroup.server_code == new.code) | (ToolGroup.name == new.name))
    if db.session.scalar(taken) is not None:
        raise Conflict(N_("There is a group with this name or code already."))
    group = ToolGroup(
        server_code=new.code,
        name=new.name,
        description=new.description,
        allowed_roles=[role.value for role in new.roles],
        right_names=" ".join(new.rights),
        created_by=actor.user_id,
    )
    db.session.add(group)
    key = _give_key(group)
    db.session.flush()
    add_tools(group, new.tools)
    return group, key


def add_tools(group: ToolGroup, names: Iterable[str]) -> int:
    """Put tools into a group, switched on; those it has stay as they are. The number of new ones."""
    inside = set(db.session.scalars(select(ToolSetting.tool_name).where(ToolSetting.group_id == group.id)))
    fresh = [name for name in dict.fromkeys(names) if name not in inside]
    db.session.add_all(ToolSetting(tool_name=name, group_id=group.id) for name in fresh)
    db.session.flush()
    after_commit(touch)
    return len(fresh)


def regenerate_key(group: ToolGroup, *, grace_seconds: int = 0) -> str:
    """A new key; the one before goes on for the grace, the one before that ends at once."""
    previous = group.hashed_api_key
    key = _give_key(group)
    has_grace = grace_seconds > 0 and previous is not None
    group.previous_hashed_api_key = previous if has_grace else None
    group.previous_key_until = now() + timedelta(seconds=grace_seconds) if has_grace else None
    db.session.flush()
    after_commit(touch)
    return key


def revoke_key(group: ToolGroup) -> None:
    """Leave the group without a key, old ones included."""
    group.api_key = group.hashed_api_key = None
    group.previous_hashed_api_key = group.previous_key_until = None
    db.session.flush()
    after_commit(touch)


def reveal_key(group: ToolGroup) -> str:
    """The key as it is. Raises NotFound without one, SealBroken when SECRET_KEY is another than it was."""
    if not group.api_key:
        raise NotFound(N_("This group has no key."))
    return Vault(settings().secret_key).unseal(group.api_key)


def _give_key(group: ToolGroup) -> str:
    key = keys.new_key()
    group.api_key, group.hashed_api_key = Vault(settings().secret_key).seal(key), keys.hash_of(key)
    return key
