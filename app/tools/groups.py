"""The database's groups and switches of tools, cached per process and renewed as soon as any process changes them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from logging import getLogger
from typing import Any, cast

from flask import Flask, current_app
from redis.exceptions import RedisError
from sqlalchemy import select

from app.core.actor import Role, roles_from
from app.core.clock import now as utc_now
from app.db import db
from app.runtime import redis, redis_line
from app.tools.models import ToolGroup, ToolSetting
from app.tools.spec import ToolSpec

log = getLogger(__name__)
VERSION_KEY = "tools:version"
VERSION_ASKED = ("GET", VERSION_KEY)
# Before the first change.
UNCHANGED = "0"
READ, WRITE, ON_BEHALF_OF = "read", "write", "on_behalf_of"
RIGHTS = (READ, WRITE, ON_BEHALF_OF)
# How old the copy may get at most: for changes that were made past `touch`, or while Redis was away.
MAX_AGE_SECONDS = 5.0
MAX_AGE_WITHOUT_REDIS_SECONDS = 1.0
# A request looks several times; that costs one question to Redis.
FRESH_SECONDS = 0.01
_touches = 0


@dataclass(frozen=True, slots=True)
class Switch:
    """What the database says of a tool; a tool it does not know is on."""

    enabled: bool = True
    timeout_seconds: float | None = None
    group_id: int | None = None
    description: str = ""
    calls_per_minute: int | None = None
    fixed_arguments: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A set of tools, and what the holder of its key may do. `tiers` empty means customers of every level."""

    id: int
    code: str
    name: str
    enabled: bool
    roles: frozenset[Role]
    rights: frozenset[str]
    tiers: frozenset[str]
    calls_per_minute: int | None = None
    switches: Mapping[str, Switch] = field(default_factory=dict)

    def has(self, spec: ToolSpec) -> bool:
        """True when the tool is in the group, switched on, and not more than its rights allow."""
        switch = self.switches.get(spec.name)
        needed = WRITE if spec.writes or spec.confirm else READ
        return self.enabled and switch is not None and switch.enabled and needed in self.rights


@dataclass(frozen=True, slots=True)
class _Key:
    group_id: int
    until: datetime | None


@dataclass(slots=True)
class _Copy:
    version: str | None
    loaded_at: float
    looked_at: float
    touches: int
    switches: Mapping[str, Switch]
    groups: Mapping[int, Group]
    keys: Mapping[str, _Key]


def switch_of(tool_name: str) -> Switch:
    """The switch of one tool."""
    return switches().get(tool_name, Switch())


def switches() -> Mapping[str, Switch]:
    """All tools that the database knows, by name."""
    return _copy().switches


def find_group(group_id: int) -> Group | None:
    """A group by its id, disabled ones too."""
    return _copy().groups.get(group_id)


def find_group_by_code(code: str) -> Group | None:
    """A group by its server code, disabled ones too."""
    return next((group for group in _copy().groups.values() if group.code == code), None)


def find_group_by_key(hashed_key: str) -> Group | None:
    """The enabled group whose key has this hash; a replaced key counts until its grace is over."""
    copy = _copy()
    key = copy.keys.get(hashed_key)
    if key is None or (key.until is not None and key.until <= utc_now()):
        return None
    group = copy.groups[key.group_id]
    return group if group.enabled else None


def find_version() -> str | None:
    """A text that is another after each change; None when Redis cannot be asked."""
    return _version()[0]


def loaded_from() -> tuple[str | None, float]:
    """Another value whenever this process has loaded the groups anew: after each `touch`, and now and then."""
    copy = _copy()
    return copy.version, copy.loaded_at


def version_in_use(app: Flask) -> str | None:
    """That of the copy this process has answered from last, without asking; from any thread."""
    copy: _Copy | None = app.extensions.get("mcpshop_tool_switches")
    return copy.version if copy is not None else None


def touch() -> None:
    """Make every process load the switches again; call it after the commit of a change."""
    global _touches
    _touches += 1
    redis().incr(VERSION_KEY)


def _copy() -> _Copy:
    copy: _Copy | None = current_app.extensions.get("mcpshop_tool_switches")
    now = time.monotonic()
    if copy is not None and copy.touches == _touches and now - copy.looked_at < FRESH_SECONDS:
        return copy
    touches = _touches
    if copy is not None:
        # One asks; the others go on with what they have meanwhile.
        copy.looked_at, copy.touches = now, touches
    version, max_age = _version()
    if copy is None or copy.version != version or now - copy.loaded_at > max_age:
        copy = _load(version, now)
        copy.touches = touches
        current_app.extensions["mcpshop_tool_switches"] = copy
    return copy


def heard(version: object) -> None:
    """Redis was asked `VERSION_ASKED` just now, together with something else: this is what it said."""
    copy: _Copy | None = current_app.extensions.get("mcpshop_tool_switches")
    is_same = copy is not None and copy.version == (version or UNCHANGED) and copy.touches == _touches
    if copy is not None and is_same:
        copy.looked_at = time.monotonic()


def _version() -> tuple[str | None, float]:
    try:
        (version,) = redis_line().send(VERSION_ASKED)
        if isinstance(version, RedisError):
            raise version
        return cast(str | None, version) or UNCHANGED, MAX_AGE_SECONDS
    except RedisError as error:
        log.warning("tool_switches_without_redis error=%s", error)
        return None, MAX_AGE_WITHOUT_REDIS_SECONDS


def _load(version: str | None, loaded_at: float) -> _Copy:
    """Groups, keys and switches as they are now."""
    # A connection of its own: the caller's session must not be left holding one through a long answer.
    with db.engine.connect() as connection:
        rows = connection.execute(select(*ToolGroup.__table__.columns)).all()
        settings = connection.execute(select(*ToolSetting.__table__.columns).order_by(ToolSetting.id)).all()
    inside: dict[int, dict[str, Switch]] = {row.id: {} for row in rows}
    for setting in settings:
        inside.setdefault(setting.group_id, {})[setting.tool_name] = switch_from(setting)
    groups = {row.id: _group(row, inside[row.id]) for row in rows}
    keys = {row.hashed_api_key: _Key(row.id, None) for row in rows if row.hashed_api_key}
    for row in rows:
        if row.previous_hashed_api_key and row.previous_key_until:
            keys.setdefault(row.previous_hashed_api_key, _Key(row.id, row.previous_key_until))
    # A group may have come or gone between the two statements.
    order = [(row.tool_name, row.group_id) for row in settings if row.group_id in groups]
    return _Copy(version, loaded_at, loaded_at, 0, _overall(order, groups), groups, keys)


def switch_from(row: Any) -> Switch:
    """The switch that a row of `mcp_tools` makes."""
    return Switch(
        enabled=row.enabled,
        timeout_seconds=row.timeout_seconds,
        group_id=row.group_id,
        description=row.description,
        calls_per_minute=row.calls_per_minute,
        fixed_arguments=row.fixed_arguments or {},
        config=row.config_data or {},
    )


def _group(row: Any, inside: Mapping[str, Switch]) -> Group:
    return Group(
        id=row.id,
        code=row.server_code,
        name=row.name,
        enabled=row.enabled,
        roles=roles_from(row.allowed_roles or ()),
        rights=frozenset(row.right_names.split()),
        tiers=frozenset(row.user_tier_access or ()),
        calls_per_minute=row.calls_per_minute,
        switches=inside,
    )


def _overall(order: list[tuple[str, int]], groups: Mapping[int, Group]) -> dict[str, Switch]:
    """For those who come without a key: a tool is on when one of its groups has it on; the first such counts.

    Fixed arguments and limits are a key's and do not count for them.
    """
    found: dict[str, Switch] = {}
    for name, group_id in order:
        group = groups[group_id]
        switch = group.switches[name]
        is_on = switch.enabled and group.enabled
        if name not in found or (not found[name].enabled and is_on):
            found[name] = Switch(is_on, switch.timeout_seconds, group_id, switch.description)
    return found
