"""The database's switches of tools, cached per process and renewed as soon as any process changes them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from logging import getLogger
from typing import cast

from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import select

from app.db import db
from app.runtime import redis
from app.tools.models import ToolGroup, ToolSetting

log = getLogger(__name__)
VERSION_KEY = "tools:version"
# How old the copy may get at most: for changes that were made past `touch`, or while Redis was away.
MAX_AGE_SECONDS = 5.0
MAX_AGE_WITHOUT_REDIS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Switch:
    """What the database says of a tool; a tool it does not know is on."""

    enabled: bool = True
    timeout_seconds: float | None = None
    group_id: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class _Copy:
    version: str | None
    loaded_at: float
    switches: Mapping[str, Switch]


def switch_of(tool_name: str) -> Switch:
    """The switch of one tool."""
    return switches().get(tool_name, Switch())


def switches() -> Mapping[str, Switch]:
    """All tools that the database knows, by name."""
    copy: _Copy | None = current_app.extensions.get("mcpshop_tool_switches")
    version, max_age = _version()
    now = time.monotonic()
    if copy is None or copy.version != version or now - copy.loaded_at > max_age:
        copy = _Copy(version, now, _load())
        current_app.extensions["mcpshop_tool_switches"] = copy
    return copy.switches


def touch() -> None:
    """Make every process load the switches again; call it after the commit of a change."""
    redis().incr(VERSION_KEY)


def _version() -> tuple[str | None, float]:
    try:
        return cast(str | None, redis().get(VERSION_KEY)), MAX_AGE_SECONDS
    except RedisError as error:
        log.warning("tool_switches_without_redis error=%s", error)
        return None, MAX_AGE_WITHOUT_REDIS_SECONDS


def _load() -> dict[str, Switch]:
    """A tool is on when one of its groups has it on; the first such group (by id) counts."""
    statement = (
        select(
            ToolSetting.tool_name,
            ToolSetting.enabled,
            ToolGroup.enabled,
            ToolSetting.timeout_seconds,
            ToolSetting.group_id,
            ToolSetting.description,
        )
        .join(ToolGroup, ToolGroup.id == ToolSetting.group_id)
        .order_by(ToolSetting.id)
    )
    found: dict[str, Switch] = {}
    # A connection of its own: the caller's session must not be left holding one through a long answer.
    with db.engine.connect() as connection:
        for name, is_on, group_is_on, timeout, group_id, description in connection.execute(statement):
            if name not in found or (not found[name].enabled and is_on and group_is_on):
                found[name] = Switch(is_on and group_is_on, timeout, group_id, description)
    return found
