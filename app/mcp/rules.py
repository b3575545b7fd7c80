"""What a group and a tool in it may be: fields with their bounds."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.errors import N_
from app.members.levels import THRESHOLDS
from app.tools.groups import READ, RIGHTS, WRITE

CODE_PATTERN = r"[a-z][a-z0-9-]{1,39}"
# Parts of our own addresses below /mcp.
RESERVED_CODES = frozenset({"sse", "message", "messages"})
TIERS = tuple(str(level) for level in range(1, len(THRESHOLDS) + 1))
MAX_CALLS_PER_MINUTE = 100_000
MAX_TIMEOUT_SECONDS = 600
MAX_JSON = 4_000
MAX_TOOLS = 1_000
DAY = 86_400
GRACES = (0, 3_600, DAY, 7 * DAY)
MAX_GRACE_SECONDS = 30 * DAY


def _visible(value: str) -> str:
    if any(ord(char) < 32 and char not in "\r\n\t" for char in value):
        raise ValueError(N_("Characters that cannot be seen are not allowed."))
    return value


def _in_one_line(value: str) -> str:
    if any(char in "\r\n\t" for char in value):
        raise ValueError(N_("This must be one line."))
    return _visible(value)


def _code(value: str) -> str:
    if not re.fullmatch(CODE_PATTERN, value):
        raise ValueError(N_("Use 2 to 40 small letters, digits and hyphens."))
    if value in RESERVED_CODES:
        raise ValueError(N_("This word is part of an address of ours."))
    return value


def _useful(value: list[str]) -> list[str]:
    if not {READ, WRITE} & set(value):
        raise ValueError(N_("Reading or writing is needed at least."))
    return [right for right in RIGHTS if right in value]


def _of_size(value: dict[str, Any]) -> dict[str, Any]:
    try:
        is_small = len(json.dumps(value, allow_nan=False, ensure_ascii=False)) <= MAX_JSON
    # Brackets in brackets in brackets.
    except (ValueError, RecursionError) as error:
        raise ValueError(N_("This must be a JSON object.")) from error
    if not is_small:
        raise ValueError(N_("At most 4,000 characters of JSON."))
    return value


def _once(value: list[Any]) -> list[Any]:
    return list(dict.fromkeys(value))


Line = Annotated[str, AfterValidator(_in_one_line)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[Line, Field(min_length=1, max_length=60)]
Code = Annotated[str, AfterValidator(_code), Field(json_schema_extra={"pattern": f"^{CODE_PATTERN}$"})]
Description = Annotated[str, AfterValidator(_visible), Field(max_length=2_000)]
RoleName = Literal["customer", "consultant", "operator", "admin"]
Roles = Annotated[list[RoleName], Field(max_length=20), AfterValidator(_once)]
Tier = Literal["1", "2", "3", "4", "5"]
Tiers = Annotated[list[Tier], Field(max_length=20), AfterValidator(_once)]
Right = Literal["read", "write", "on_behalf_of"]
Rights = Annotated[list[Right], Field(max_length=20), AfterValidator(_useful)]
PerMinute = Annotated[int, Field(ge=1, le=MAX_CALLS_PER_MINUTE, strict=True)]
ToolName = Annotated[Line, Field(min_length=1, max_length=64)]
ToolNames = Annotated[list[ToolName], Field(max_length=MAX_TOOLS), AfterValidator(_once)]
Version = Annotated[Line, Field(min_length=1, max_length=20)]
Timeout = Annotated[int, Field(ge=1, le=MAX_TIMEOUT_SECONDS, strict=True)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_of_size)]
GraceSeconds = Annotated[int, Field(ge=0, le=MAX_GRACE_SECONDS, strict=True)]


class GroupValues(BaseModel):
    """A group: its key's holder acts in `allowed_roles`, may do what `rights` say, for customers of `user_tier_access`.

    No role: as a visitor without an account. No tier: customers of every level. `calls_per_minute` None: no limit of
    its own.
    """

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")

    name: Name
    server_code: Code
    description: Description = ""
    allowed_roles: Roles = []
    user_tier_access: Tiers = []
    rights: Rights = ["read"]
    calls_per_minute: PerMinute | None = None
    enabled: Flag = True


class ToolValues(BaseModel):
    """A tool in a group. Empty `description`: the tool's own; None for the numbers: the shop's own."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")

    enabled: Flag = True
    version: Version = "1"
    description: Description = ""
    timeout_seconds: Timeout | None = None
    calls_per_minute: PerMinute | None = None
    fixed_arguments: JsonObject = {}
    config: JsonObject = {}


GROUP_FIELDS = tuple(GroupValues.model_fields)
TOOL_FIELDS = tuple(ToolValues.model_fields)
