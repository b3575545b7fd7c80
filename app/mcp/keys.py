"""Keys of tool groups: what they look like, how they are found, how an admin sees them again."""

from __future__ import annotations

from app.core.crypto import SealBroken, Vault, masked
from app.core.ids import digest, new_token
from app.runtime import settings

PREFIX = "mcp_key_"
MAX_LENGTH = 200
UNREADABLE = "?"


def new_key() -> str:
    """A key that nobody guesses (256 bits)."""
    return PREFIX + new_token()


def hash_of(key: str) -> str:
    """What a key is found by. It is random, so a plain hash gives nothing away."""
    return digest(key)


def key_in(authorization: str | None) -> str | None:
    """The key in an `Authorization` header: `Bearer mcp_key_...` (RFC 6750), None when there is none like it."""
    scheme, _, value = (authorization or "").partition(" ")
    key = value.strip()
    is_key = (
        scheme.lower() == "bearer" and key.startswith(PREFIX) and len(key) <= MAX_LENGTH and key.isascii()
    )
    return key if is_key else None


def masked_key(sealed: str | None) -> str:
    """A sealed key as it is shown: "" where there is none, UNREADABLE when SECRET_KEY is another than it was."""
    if not sealed:
        return ""
    try:
        return PREFIX + masked(Vault(settings().secret_key).unseal(sealed))
    except SealBroken:
        return UNREADABLE
