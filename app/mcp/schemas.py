"""Groups and their tools as JSON: what comes in and what goes out. A key is in no answer but those made to tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.mcp.keys import masked_key
from app.mcp.queries import ToolFilter, ToolRow
from app.mcp.rules import (
    Code,
    Description,
    Flag,
    GraceSeconds,
    GroupValues,
    JsonObject,
    Name,
    PerMinute,
    Rights,
    Roles,
    Tiers,
    Timeout,
    ToolNames,
    Version,
)
from app.mcp.service import values_of
from app.mcp.trial import Trial
from app.tools.fixed import open_schema
from app.tools.models import ToolGroup
from app.web.api import Schema

Id = Annotated[int, Field(ge=1, le=999_999_999, strict=True)]
MAX_BULK = 1_000
# For these null says something: no limit of its own. Elsewhere it is as good as left out.
NULLABLE = frozenset({"calls_per_minute", "timeout_seconds"})


def changes_of(patch: Schema) -> dict[str, Any]:
    """What a patch changes."""
    given = patch.model_dump(exclude_unset=True)
    return {name: value for name, value in given.items() if value is not None or name in NULLABLE}


class GroupIn(GroupValues, Schema):
    """A new group, and the tools in it."""

    tools: ToolNames = []


class GroupPatch(Schema):
    """A change; what is left out stays. `tools` are then all that are in the group."""

    name: Name | None = None
    server_code: Code | None = None
    description: Description | None = None
    allowed_roles: Roles | None = None
    user_tier_access: Tiers | None = None
    rights: Rights | None = None
    calls_per_minute: PerMinute | None = None
    enabled: Flag | None = None
    tools: ToolNames | None = None


class RegenerateIn(Schema):
    """How long the key that there was goes on; 0 ends it at once."""

    grace_seconds: GraceSeconds = 0


class MembersIn(Schema):
    """Tools to put into a group or to take out of it."""

    tools: ToolNames = Field(min_length=1)


class ToolQuery(Schema):
    """Which tools to list; `q` are words of name and description."""

    group_id: int | None = Field(None, ge=1, le=999_999_999)
    q: str = Field("", max_length=100)
    category: str = Field("", max_length=64)
    enabled: bool | None = None

    def filter(self) -> ToolFilter:
        return ToolFilter(group_id=self.group_id, q=self.q, category=self.category, enabled=self.enabled)


class ToolIn(Schema):
    """What is set of a tool in a group; what is left out stays. `config` is for the tool itself."""

    enabled: Flag | None = None
    version: Version | None = None
    description: Description | None = None
    timeout_seconds: Timeout | None = None
    calls_per_minute: PerMinute | None = None
    fixed_arguments: JsonObject | None = None
    config: JsonObject | None = None


class SwitchIn(Schema):
    """Tools in groups by their ids, and whether they are to be on."""

    ids: list[Id] = Field(min_length=1, max_length=MAX_BULK)
    enabled: Flag


class TrialIn(Schema):
    """A call as a client makes it. `approved` is the fingerprint that the answer with the question had."""

    arguments: dict[str, Any] = {}
    user_id: Id | None = None
    approved: str | None = Field(None, max_length=64)


class GroupOut(BaseModel):
    """A group; `key_masked` is "" without a key, "?" when SECRET_KEY is another than it was made with."""

    id: int
    name: str
    server_code: str
    description: str
    allowed_roles: list[str]
    user_tier_access: list[str]
    rights: list[str]
    calls_per_minute: int | None
    enabled: bool
    tools: list[str]
    has_key: bool
    key_masked: str
    previous_key_until: datetime | None
    created_by: int | None
    created_at: datetime
    updated_at: datetime


class GroupWithKey(GroupOut):
    """A group with its key, as it is told when it is made."""

    api_key: str


class KeyOut(BaseModel):
    """The key in clear. Until `previous_key_until` the one before it opens the group too."""

    group_id: int
    server_code: str
    api_key: str
    previous_key_until: datetime | None


class ToolOut(BaseModel):
    """A tool in a group; without `id` a tool that is in no group. `input_schema` is what a client is shown.

    `available` false: the tool is not there now, as when its server is detached.
    """

    id: int | None
    tool_name: str
    group_id: int | None
    group_code: str | None
    category: str
    available: bool
    enabled: bool
    version: str
    description: str
    descriptions: dict[str, str]
    timeout_seconds: int | None
    calls_per_minute: int | None
    fixed_arguments: dict[str, Any]
    config: dict[str, Any]
    writes: bool
    requires_confirmation: bool
    supports_streaming: bool
    roles: list[str]
    input_schema: dict[str, Any]
    updated_at: datetime | None


class SwitchedOut(BaseModel):
    """How many there were."""

    count: int


class TrialOut(BaseModel):
    """What became of the call; `log_id` is its row in the log, `fingerprint` what to send as `approved`."""

    status: Literal["ok", "error", "timeout", "cancelled", "denied", "confirmation_required"]
    result: dict[str, Any]
    duration_ms: int
    is_cut: bool
    fingerprint: str
    log_id: int | None


def group_json(group: ToolGroup, tools: Sequence[str]) -> GroupOut:
    """The JSON form of a group, its key masked."""
    return GroupOut(**_group(group, tools))


def group_with_key_json(group: ToolGroup, tools: Sequence[str], key: str) -> GroupWithKey:
    """The JSON form of a group that was made just now."""
    return GroupWithKey(**_group(group, tools), api_key=key)


def _group(group: ToolGroup, tools: Sequence[str]) -> dict[str, Any]:
    same = ("id", "previous_key_until", "created_by", "created_at", "updated_at")
    return {
        **values_of(group),
        **{name: getattr(group, name) for name in same},
        "tools": list(tools),
        "has_key": group.api_key is not None,
        "key_masked": masked_key(group.api_key),
    }


def key_json(group: ToolGroup, key: str) -> KeyOut:
    """A key for the eyes of an admin."""
    until = group.previous_key_until
    return KeyOut(group_id=group.id, server_code=group.server_code, api_key=key, previous_key_until=until)


def tool_json(row: ToolRow) -> ToolOut:
    """The JSON form of a tool in a group, or of one in none."""
    spec, setting, group = row.spec, row.setting, row.group
    fixed = dict(setting.fixed_arguments or {}) if setting else {}
    return ToolOut(
        id=setting.id if setting else None,
        tool_name=row.name,
        group_id=setting.group_id if setting else None,
        group_code=group.server_code if group else None,
        category=spec.category if spec else "",
        available=spec is not None,
        enabled=setting.enabled if setting else False,
        version=setting.version if setting else "1",
        description=setting.description if setting else "",
        descriptions=spec.descriptions if spec else {},
        timeout_seconds=setting.timeout_seconds if setting else None,
        calls_per_minute=setting.calls_per_minute if setting else None,
        fixed_arguments=fixed,
        config=dict(setting.config_data or {}) if setting else {},
        writes=spec.writes if spec else False,
        requires_confirmation=spec.confirm if spec else False,
        supports_streaming=spec.streaming if spec else False,
        roles=sorted(role.value for role in spec.roles) if spec else [],
        input_schema=open_schema(spec, fixed) if spec else {},
        updated_at=setting.updated_at if setting else None,
    )


def trial_json(trial: Trial) -> TrialOut:
    """The JSON form of a try."""
    result = trial.result
    return TrialOut(
        status=result.status,
        result=trial.shown,
        duration_ms=result.duration_ms,
        is_cut=trial.is_cut,
        fingerprint=result.fingerprint,
        log_id=trial.log_id,
    )
