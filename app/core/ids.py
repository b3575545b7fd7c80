"""Identifiers that are hard to guess."""

from __future__ import annotations

import hashlib
import secrets
import uuid


def new_id() -> str:
    """A random public id (32 hex digits)."""
    return uuid.uuid4().hex


def new_token() -> str:
    """A secret token (256 bits, URL-safe)."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """SHA-256 of a high-entropy token, for look-up without keeping it."""
    return hashlib.sha256(token.encode()).hexdigest()
