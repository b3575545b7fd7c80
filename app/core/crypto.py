"""Secrets at rest: sealed with a key that follows from SECRET_KEY, shown masked."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SHOWN = 4
HIDDEN = "••••"
# Shorter beginnings of a secret than this tell nobody anything.
MIN_PART = 6


class SealBroken(Exception):
    """A sealed secret cannot be opened: it was sealed with another SECRET_KEY, or changed."""


class Vault:
    """Seals and opens short secrets (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"mcpshop secrets at rest").derive(
            secret_key.encode()
        )
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, secret: str) -> str:
        """The sealed form to store; empty stays empty."""
        return self._fernet.encrypt(secret.encode()).decode() if secret else ""

    def unseal(self, sealed: str) -> str:
        """The secret; empty stays empty. Raises SealBroken."""
        if not sealed:
            return ""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealBroken() from error


def masked(secret: str) -> str:
    """How a secret is shown: its last characters, when enough others stay hidden."""
    if not secret:
        return ""
    return HIDDEN + (secret[-SHOWN:] if len(secret) >= 3 * SHOWN else "")


def redacted(secret: str, text: str) -> str:
    """``text`` without the secret: a service may repeat the key that it was given, whole or cut off at the end."""
    if not secret:
        return text
    text = text.replace(secret, HIDDEN)
    for length in range(min(len(secret), len(text)), MIN_PART - 1, -1):
        if text.endswith(secret[:length]):
            return text[:-length] + HIDDEN
    return text
