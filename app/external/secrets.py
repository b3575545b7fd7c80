"""Keys, headers and variables of servers: sealed when stored, by name or masked when shown."""

from __future__ import annotations

import json

from app.core.crypto import SealBroken, Vault, masked
from app.core.errors import N_, InvalidParam
from app.external.models import McpServer
from app.external.rules import STDIO, ServerValues
from app.gateway.rules import is_same_origin
from app.runtime import settings

UNREADABLE = "?"
ELSEWHERE = N_("This was entered for another server. Enter it again, or have it removed.")


def masked_key(server: McpServer) -> str:
    """The key as it is shown; UNREADABLE when SECRET_KEY is another than when it was sealed."""
    try:
        return masked(_vault().unseal(server.sealed_key))
    except SealBroken:
        return UNREADABLE


def value_names(server: McpServer) -> list[str]:
    """The names of the headers or variables that are stored; their values are never shown."""
    try:
        return list(json.loads(_vault().unseal(server.sealed_values) or "{}"))
    except SealBroken:
        return [UNREADABLE]


def sealed_for(server: McpServer | None, wanted: ServerValues) -> tuple[str, str]:
    """The sealed key and values that a server is to have; what is kept stays with where it was entered for.

    Raises InvalidParam.
    """
    given = wanted.environment if wanted.transport == STDIO else wanted.headers
    is_same = server is not None and _is_same_place(server, wanted)
    key = values = ""
    if wanted.key:
        key = _vault().seal(wanted.key)
    elif server is not None and server.sealed_key and not wanted.clear_key:
        _require(is_same, "key")
        key = server.sealed_key
    if given is not None:
        values = _vault().seal(json.dumps(given)) if given else ""
    elif (
        server is not None
        and server.sealed_values
        and (server.transport == STDIO) == (wanted.transport == STDIO)
    ):
        _require(is_same, "environment" if wanted.transport == STDIO else "headers")
        values = server.sealed_values
    return key, values


def _is_same_place(server: McpServer, wanted: ServerValues) -> bool:
    # Else whoever may edit a server could have its secrets sent to one of their own.
    if wanted.transport == STDIO:
        return server.command == wanted.command
    return server.transport != STDIO and is_same_origin(server.url, wanted.url)


def _require(is_same: bool, field: str) -> None:
    if not is_same:
        raise InvalidParam(fields={field: ELSEWHERE})


def _vault() -> Vault:
    return Vault(settings().secret_key)
