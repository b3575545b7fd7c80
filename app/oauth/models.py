"""Programs (clients), what people granted them, and the tokens of a grant. Codes and tokens are kept as hashes only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Model, UtcDateTime


class OAuthClient(Model):
    """A program. It registered itself, or it is the metadata document at `client_id`, read again after `fresh_until`.

    `client_key` is the id's hash: ids are addresses, whose case counts, and columns are compared without it.
    """

    __tablename__ = "oauth_clients"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(500))
    client_key: Mapped[str] = mapped_column(String(64), unique=True)
    is_document: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(String(100))
    uri: Mapped[str] = mapped_column(String(500), default="")
    auth_method: Mapped[str] = mapped_column(String(20))
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    redirect_uris: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    fresh_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OAuthGrant(Model):
    """A person's consent: this program, at this resource (the audience), with these scopes. All its tokens end with it.

    It begins with a code that is good once and for a minute; `expires_at` is then the code's end, afterwards that of
    the newest refresh token.
    """

    __tablename__ = "oauth_grants"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("oauth_clients.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    resource: Mapped[str] = mapped_column(String(300))
    scope_names: Mapped[str] = mapped_column(String(60))
    redirect_uri: Mapped[str] = mapped_column(String(500))
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    code_challenge: Mapped[str] = mapped_column(String(43))
    code_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OAuthToken(Model):
    """A token of a grant. `kind` is access or refresh; a refresh token is used once, at `used_at`."""

    __tablename__ = "oauth_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("oauth_grants.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scope_names: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
