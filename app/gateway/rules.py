"""What an agent may be: its fields with their bounds, and what one field asks of the others. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.errors import N_, InvalidParam

Purpose = Literal["shop", "welcome", "operations", "consultant"]
Provider = Literal["builtin", "openai", "dify"]
PURPOSES: tuple[Purpose, ...] = ("shop", "welcome", "operations", "consultant")
PROVIDERS: tuple[Provider, ...] = ("openai", "dify", "builtin")

MAX_WEIGHT = 1_000
FULL_WEIGHT = 100
MAX_PRIORITY = 10_000
MAX_PROMPT = 20_000
MAX_BUDGET_CENTS = 2_000_000_000
MAX_TOKENS = 32_000
# A key goes into a header: printable ASCII without spaces, so that it can end no line there.
KEY_PATTERN = r"^[\x21-\x7e]*$"
# The fields that make a version; the others are the agent's own and change in place.
VERSION_FIELDS = (
    "provider", "base_url", "model", "app_id", "system_prompt", "temperature", "max_tokens", "tools",
)  # fmt: skip
AGENT_FIELDS = ("name", "purpose", "priority", "enabled", "monthly_budget_cents")


def _visible(value: str) -> str:
    if any(ord(char) < 32 and char not in "\r\n\t" for char in value):
        raise ValueError(N_("Characters that cannot be seen are not allowed."))
    return value


def _in_one_line(value: str) -> str:
    if any(char in "\r\n\t" for char in value):
        raise ValueError(N_("This must be one line."))
    return _visible(value)


Line = Annotated[str, AfterValidator(_in_one_line)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[Line, Field(min_length=1, max_length=80)]
Priority = Annotated[int, Field(ge=0, le=MAX_PRIORITY, strict=True)]
Budget = Annotated[int, Field(ge=0, le=MAX_BUDGET_CENTS, strict=True)]
Url = Annotated[Line, Field(max_length=400)]
ShortText = Annotated[Line, Field(max_length=80)]
Key = Annotated[str, Field(max_length=500, pattern=KEY_PATTERN)]
Prompt = Annotated[str, AfterValidator(_visible), Field(max_length=MAX_PROMPT)]
Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
MaxTokens = Annotated[int, Field(ge=1, le=MAX_TOKENS, strict=True)]
ToolName = Annotated[Line, Field(min_length=1, max_length=64)]
Tools = Annotated[list[ToolName], Field(max_length=100)]
Weight = Annotated[int, Field(ge=0, le=MAX_WEIGHT, strict=True)]
Note = Annotated[Line, Field(max_length=200)]


class AgentValues(BaseModel):
    """All that an admin sets of an agent and of the version that the values make.

    `api_key` empty keeps the key of the version that the new one starts from, `clear_key` drops it. `tools`
    are names and categories, None for all that the asking person may use. `weight` None gives a new version
    all the traffic.
    """

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")

    name: Name
    purpose: Purpose = "shop"
    priority: Priority = 100
    enabled: Flag = True
    monthly_budget_cents: Budget | None = None
    provider: Provider
    base_url: Url = ""
    model: ShortText = ""
    app_id: ShortText = ""
    api_key: Key = ""
    clear_key: Flag = False
    system_prompt: Prompt = ""
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    tools: Tools | None = None
    weight: Weight | None = None
    note: Note = ""


# What a provider has no use for is not kept: a key of another service least of all. A Dify application has
# its own model and settings.
UNUSED: dict[str, dict[str, Any]] = {
    "openai": {"app_id": ""},
    "dify": {"model": "", "temperature": None, "max_tokens": None},
    "builtin": {"base_url": "", "model": "", "app_id": "", "temperature": None, "max_tokens": None},
}


def without_unused(values: AgentValues) -> AgentValues:
    """The values without what their provider has no use for."""
    dropped: dict[str, Any] = dict(UNUSED[values.provider])
    if values.provider == "builtin":
        dropped |= {"api_key": "", "clear_key": True}
    tools = None if values.tools is None else sorted(set(values.tools))
    return values.model_copy(update={**dropped, "tools": tools})


def check_together(values: AgentValues, *, has_key: bool, known_tools: Collection[str]) -> None:
    """What no field can tell alone; `has_key` with the key that is kept. Raises InvalidParam with the fields."""
    wrong: dict[str, str] = {}
    if values.provider != "builtin":
        wrong |= _wrong_address(values.base_url)
    if values.provider == "openai" and not values.model:
        wrong["model"] = N_("Enter the name of the model.")
    if values.provider == "dify" and not values.app_id:
        wrong["app_id"] = N_("Enter the id of the Dify application.")
    if values.provider == "dify" and not has_key:
        wrong["api_key"] = N_("Enter the key of the Dify application.")
    if set(values.tools or ()) - set(known_tools):
        wrong["tools"] = N_("There is no tool or group of tools of this name.")
    if wrong:
        raise InvalidParam(fields=wrong)


def _wrong_address(url: str) -> dict[str, str]:
    if not url:
        return {"base_url": N_("Enter the address of the service.")}
    try:
        check_url(url)
    except InvalidParam as error:
        return error.fields
    return {}


def check_url(url: str) -> None:
    """An address that can be a model's: http or https, a host, nothing secret in it. Raises InvalidParam."""
    if _read_origin(url) is None:
        raise InvalidParam(fields={"base_url": N_("Enter an address that begins with http:// or https://.")})
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InvalidParam(fields={"base_url": N_("No user name or password in the address, please.")})
    if "?" in url or "#" in url:
        raise InvalidParam(fields={"base_url": N_("The address ends with its path: no ? and no #.")})


def is_same_origin(one: str, other: str) -> bool:
    """True when scheme, host and port are the same."""
    return _read_origin(one) == _read_origin(other)


def _read_origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no address of the web."""
    if not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]
