"""What tokens look like, how long they live, PKCE, and how logs name a program. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import timedelta
from urllib.parse import urlsplit

from app.core.ids import new_token

ACCESS, REFRESH = "access", "refresh"
CODE_PREFIX, ACCESS_PREFIX, REFRESH_PREFIX, SECRET_PREFIX = "mcp_ac_", "mcp_at_", "mcp_rt_", "mcp_cs_"
CODE_LIFE = timedelta(seconds=60)
ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
# Two requests of one program may cross; a used token that comes later than that was stolen from somebody.
RACE = timedelta(seconds=3)
MAX_TOKEN = 200
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
MAX_CALLER = 40


def new_secret(prefix: str) -> str:
    """A secret that nobody guesses (256 bits)."""
    return prefix + new_token()


def access_token_in(authorization: str | None) -> str | None:
    """The access token in an `Authorization` header, None when there is none like ours."""
    scheme, _, value = (authorization or "").partition(" ")
    token = value.strip()
    is_ours = scheme.lower() == "bearer" and token.startswith(ACCESS_PREFIX)
    return token if is_ours and len(token) <= MAX_TOKEN and token.isascii() else None


def is_right_verifier(verifier: str, challenge: str) -> bool:
    """PKCE with S256 (RFC 7636, 4.6)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


def host_of(address: str) -> str:
    """The host of a document's address."""
    return urlsplit(address).netloc


def caller_name(client_id: str, *, is_document: bool) -> str:
    """A program in the call log: its id, for a document the host of its address."""
    name = host_of(client_id) if is_document else client_id
    return name[:MAX_CALLER]
