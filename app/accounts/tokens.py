"""Access tokens of the API: JWT (RFC 7519), HS256, for one hour unless set otherwise."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import jwt

from app.core.clock import now
from app.runtime import settings

ISSUER = "mcpshop"
AUDIENCE = "mcpshop-api"
ALGORITHM = "HS256"
MAX_KEPT_CHARS = 1_000
REQUIRED = ["iss", "aud", "sub", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: whose it is and when it was made (UTC)."""

    user_id: int
    issued_at: datetime


def issue_token(user_id: int) -> tuple[str, int]:
    """A token and its life in seconds."""
    seconds = settings().jwt_minutes * 60
    issued = now()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        # With fractions, so that a token made right after a password change counts as later.
        "iat": issued.timestamp(),
        "exp": (issued + timedelta(seconds=seconds)).timestamp(),
    }
    return jwt.encode(claims, _key(settings().secret_key), algorithm=ALGORITHM), seconds


def read_token(token: str) -> Claims | None:
    """The claims of a genuine token that has not expired, else None."""
    # Ours are short: what is not, nobody keeps.
    read = _read if len(token) <= MAX_KEPT_CHARS else _read.__wrapped__
    found = read(token, settings().secret_key)
    if found is None:
        return None
    claims, expires = found
    at = now().timestamp()
    return claims if claims.issued_at.timestamp() <= at + 1 and at < expires else None


# A program shows the same token with each request; of its signature nothing changes with time.
@lru_cache(maxsize=2_000)
def _read(token: str, secret: str) -> tuple[Claims, float] | None:
    """What a genuine token says, and when it expires; time is checked by the program's one clock, not here."""
    try:
        claims = jwt.decode(
            token,
            _key(secret),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": REQUIRED, "verify_exp": False, "verify_iat": False},
        )
        expires, issued = float(claims["exp"]), float(claims["iat"])
        return Claims(int(claims["sub"]), datetime.fromtimestamp(issued, UTC)), expires
    except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    """A key of the tokens' own, so that nothing else that the secret signs can pass for one."""
    return hmac.new(secret.encode(), b"mcpshop access tokens", hashlib.sha256).digest()
