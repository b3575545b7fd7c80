"""Keys of versions: sealed when stored, masked when shown, opened only to call the service they are for."""

from __future__ import annotations

from app.core.crypto import SealBroken, Vault, masked
from app.core.errors import N_, InvalidParam
from app.gateway.models import AgentVersion
from app.gateway.rules import AgentValues, is_same_origin
from app.runtime import settings

UNREADABLE = "?"


def seal(key: str) -> str:
    """A key as it is stored; empty stays empty."""
    return Vault(settings().secret_key).seal(key)


def key_of(version: AgentVersion) -> str:
    """The key of a version, "" when it has none. Raises SealBroken."""
    return Vault(settings().secret_key).unseal(version.sealed_key)


def masked_key(version: AgentVersion) -> str:
    """The key as it is shown; UNREADABLE when SECRET_KEY is another than when it was sealed."""
    try:
        return masked(key_of(version))
    except SealBroken:
        return UNREADABLE


def key_for(base: AgentVersion, wanted: AgentValues) -> str:
    """The sealed key of a version that is made from a base. Raises InvalidParam when a kept key would go to another host."""
    if wanted.api_key:
        return base.sealed_key if _has_key(base, wanted.api_key) else seal(wanted.api_key)
    if wanted.clear_key or not base.sealed_key:
        return ""
    if wanted.provider != base.provider or not is_same_origin(wanted.base_url, base.base_url):
        # Else whoever may edit an agent could have its key sent to a server of their own.
        told = N_("The key was entered for another address. Enter it again, or have it removed.")
        raise InvalidParam(fields={"api_key": told})
    return base.sealed_key


def _has_key(version: AgentVersion, key: str) -> bool:
    try:
        return key_of(version) == key
    except SealBroken:
        return False
