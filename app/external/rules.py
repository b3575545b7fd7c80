"""What an attached server may be: its fields with their bounds, and what one field asks of the others. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.errors import N_, InvalidParam
from app.tools.spec import OWN_SERVER

Transport = Literal["http", "sse", "stdio"]
Audience = Literal["guest", "customer", "consultant", "operator", "admin"]
TRANSPORTS: tuple[Transport, ...] = ("http", "sse", "stdio")
AUDIENCES: tuple[Audience, ...] = ("guest", "customer", "consultant", "operator", "admin")
STDIO = "stdio"

MAX_TIMEOUT_SECONDS = 600
MAX_VALUES = 20
# A value goes into a header: printable ASCII, so that it can end no line there.
KEY_PATTERN = r"^[\x21-\x7e]*$"
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,998}[\x21-\x7e])?")
# The transport's own, and what the key is for.
OUR_HEADERS = frozenset({
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "upgrade", "te",
    "trailer", "expect", "accept", "accept-encoding", "authorization", "proxy-authorization", "cookie",
    "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id",
})  # fmt: skip
VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
# With these a variable would decide which program runs, not what it is told.
LOADING = re.compile(
    r"(LD|DYLD|PYTHON|NODE|NPM|RUBY|PERL|JAVA|JDK|BASH|GCONV|GLIBC|MALLOC|GIT|SSL|DOTNET|UV|PIP)(_|[A-Z]|$)"
    r"|(PATH|ENV|IFS|SHELL|HOME|TMPDIR|EDITOR|PAGER|LOCPATH|CDPATH|HOSTALIASES|CLASSPATH)$"
)
# What a connection is made from: a change of it makes a new one.
CONNECTION_FIELDS = ("transport", "url", "command", "arguments")
FIELDS = (
    "code", "name", "transport", "url", "command", "arguments", "prefix", "enabled", "trusts_hints", "allowed_roles",
    "timeout_seconds",
)  # fmt: skip


def _one_line(value: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError(N_("This must be one line without invisible characters."))
    return value


def _code(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", value):
        raise ValueError(N_("Use 2 to 40 small letters, digits and hyphens."))
    if value == OWN_SERVER:
        raise ValueError(N_("This is the shop's own code."))
    return value


def _prefix(value: str) -> str:
    if value and not re.fullmatch(r"[a-z][a-z0-9_]{0,19}", value):
        raise ValueError(N_("Use up to 20 small letters, digits and underscores."))
    return value


def _headers(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not HEADER_NAME.fullmatch(name) or name.lower() in OUR_HEADERS:
            raise ValueError(N_("One of these is no header that can be set here."))
        if not HEADER_VALUE.fullmatch(value):
            raise ValueError(N_("The value of a header is printable ASCII, up to 1,000 characters."))
    if len({name.lower() for name in values}) < len(values):
        raise ValueError(N_("A header is there twice."))
    return values


def _environment(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not VARIABLE_NAME.fullmatch(name) or LOADING.match(name):
            raise ValueError(N_("One of these is no variable that can be set here."))
        if len(value) > 2_000 or "\0" in value:
            raise ValueError(N_("The value of a variable has at most 2,000 characters."))
    return values


def _once(values: list[Audience]) -> list[Audience]:
    return [each for each in AUDIENCES if each in values]


Line = Annotated[str, AfterValidator(_one_line)]
Flag = Annotated[bool, Field(strict=True)]
Code = Annotated[str, AfterValidator(_code)]
Name = Annotated[Line, Field(min_length=1, max_length=80)]
Url = Annotated[Line, Field(max_length=400)]
Command = Annotated[Line, Field(max_length=200)]
Argument = Annotated[Line, Field(max_length=500)]
Arguments = Annotated[list[Argument], Field(max_length=50)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Timeout = Annotated[int, Field(ge=1, le=MAX_TIMEOUT_SECONDS, strict=True)]
Audiences = Annotated[list[Audience], Field(max_length=20), AfterValidator(_once)]
Key = Annotated[str, Field(max_length=2_000, pattern=KEY_PATTERN)]
Headers = Annotated[dict[str, str], Field(max_length=MAX_VALUES), AfterValidator(_headers)]
Environment = Annotated[dict[str, str], Field(max_length=MAX_VALUES), AfterValidator(_environment)]


class ServerValues(BaseModel):
    """All that an admin sets of a server.

    Empty `prefix`: made from the code. `key` is sent as a bearer key; empty keeps the stored one, `clear_key` drops
    it. `headers` and `environment` None keep what is stored, else they replace it. `allowed_roles` empty offers the
    tools to nobody. With `trusts_hints` a tool that its server calls read-only runs without a question.
    """

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")

    code: Code
    name: Name
    transport: Transport
    url: Url = ""
    command: Command = ""
    arguments: Arguments = []
    key: Key = ""
    clear_key: Flag = False
    headers: Headers | None = None
    environment: Environment | None = None
    prefix: Prefix = ""
    enabled: Flag = True
    trusts_hints: Flag = False
    allowed_roles: Audiences = []
    timeout_seconds: Timeout = 30


def completed(values: ServerValues) -> ServerValues:
    """The values without what their transport has no use for, and with a prefix."""
    unused: dict[str, object] = (
        {"url": "", "key": "", "clear_key": True, "headers": None}
        if values.transport == STDIO
        else {"command": "", "arguments": [], "environment": None}
    )
    prefix = values.prefix or values.code.replace("-", "_")[:20]
    return values.model_copy(update={**unused, "prefix": prefix})


def check_together(values: ServerValues, commands: Collection[str]) -> None:
    """What no field can tell alone; `commands` are those that the settings allow. Raises InvalidParam."""
    if values.transport != STDIO:
        if not values.url:
            raise InvalidParam(fields={"url": N_("Enter the address of the server.")})
        return
    if not values.command:
        raise InvalidParam(fields={"command": N_("Enter the command that starts the server.")})
    if values.command not in commands:
        told = N_("MCP_STDIO_COMMANDS of the settings does not name this command.")
        raise InvalidParam(fields={"command": told})
