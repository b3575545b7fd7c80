"""What a program may be allowed: reading, and acting. Pure."""

from __future__ import annotations

from collections.abc import Iterable

READ, WRITE = "mcp:read", "mcp:write"
ALL = (READ, WRITE)
EVERYTHING = " ".join(ALL)


def read_scopes(text: str | None) -> frozenset[str]:
    """The scopes that a request names; reading alone when it names none (RFC 6749, 3.3).

    Names that are not ours are left out, so the result may be empty. Who may act may read.
    """
    named = (text or "").split() or [READ]
    known = frozenset(named) & frozenset(ALL)
    return known | {READ} if known else known


def names_of(scopes: Iterable[str]) -> str:
    """Scopes as one text, always in the same order."""
    held = set(scopes)
    return " ".join(scope for scope in ALL if scope in held)
