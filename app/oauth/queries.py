"""Reads of programs, grants and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select

from app.accounts.models import User
from app.core.clock import now
from app.core.errors import NotFound
from app.core.ids import digest
from app.core.pagination import Page
from app.db import db
from app.oauth.models import OAuthClient, OAuthGrant, OAuthToken
from app.oauth.rules import ACCESS, caller_name
from app.oauth.scopes import WRITE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGranted:
    """What an access token opens. `client` is the program as logs name it."""

    grant_id: int
    user_id: int
    client: str
    may_write: bool
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """A grant that holds, for the person who gave it."""

    id: int
    client: OAuthClient
    resource: str
    scopes: frozenset[str]
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRow:
    """A program, with how many people use it and how many access tokens of it are alive."""

    client: OAuthClient
    people: int
    tokens: int


def is_alive() -> ColumnElement[bool]:
    """Of a grant, joined with its user: it holds. A new password and a closed account end what came before."""
    return and_(
        OAuthGrant.revoked_at.is_(None),
        OAuthGrant.expires_at > now(),
        User.is_active,
        User.password_changed_at <= OAuthGrant.created_at,
    )


def find_client(client_id: str) -> OAuthClient | None:
    """A program by the id that it uses, whose case counts."""
    return db.session.scalar(select(OAuthClient).where(OAuthClient.client_key == digest(client_id)))


def get_client(row_id: int) -> OAuthClient:
    """A program by its row. Raises NotFound."""
    client = db.session.get(OAuthClient, row_id)
    if client is None:
        raise NotFound()
    return client


def find_access(token_hash: str, resource: str) -> AccessGranted | None:
    """What an access token opens at this resource; None when it does not, for whatever reason. One statement."""
    row = db.session.execute(
        select(
            OAuthToken.scope_names,
            OAuthGrant.id,
            OAuthGrant.user_id,
            OAuthGrant.resource,
            OAuthGrant.last_used_at,
            OAuthClient.client_id,
            OAuthClient.is_document,
        )
        .join(OAuthGrant, OAuthToken.grant_id == OAuthGrant.id)
        .join(OAuthClient, OAuthGrant.client_id == OAuthClient.id)
        .join(User, OAuthGrant.user_id == User.id)
        .where(
            OAuthToken.token_hash == token_hash,
            OAuthToken.kind == ACCESS,
            OAuthToken.expires_at > now(),
            is_alive(),
        )
    ).first()
    # The database would compare without case.
    if row is None or row.resource != resource:
        return None
    return AccessGranted(
        grant_id=row.id,
        user_id=row.user_id,
        client=caller_name(row.client_id, is_document=row.is_document),
        may_write=WRITE in row.scope_names.split(),
        last_used_at=row.last_used_at,
    )


def list_grants(user_id: int) -> list[GrantRow]:
    """What a person has granted and what holds, newest first."""
    rows = db.session.execute(
        select(OAuthGrant, OAuthClient)
        .join(OAuthClient, OAuthGrant.client_id == OAuthClient.id)
        .join(User, OAuthGrant.user_id == User.id)
        # A code that nobody has come for yet is no grant in use.
        .where(OAuthGrant.user_id == user_id, OAuthGrant.code_used_at.is_not(None), is_alive())
        .order_by(OAuthGrant.id.desc())
    )
    return [
        GrantRow(
            id=grant.id,
            client=client,
            resource=grant.resource,
            scopes=frozenset(grant.scope_names.split()),
            created_at=grant.created_at,
            last_used_at=grant.last_used_at,
        )
        for grant, client in rows
    ]


def list_clients(*, limit: int = 20, offset: int = 0) -> Page[ClientRow]:
    """All programs, newest first."""
    people = (
        select(func.count(OAuthGrant.user_id.distinct()))
        .join(User, OAuthGrant.user_id == User.id)
        .where(OAuthGrant.client_id == OAuthClient.id, OAuthGrant.code_used_at.is_not(None), is_alive())
        .correlate(OAuthClient)
        .scalar_subquery()
    )
    tokens = (
        select(func.count(OAuthToken.id))
        .join(OAuthGrant, OAuthToken.grant_id == OAuthGrant.id)
        .join(User, OAuthGrant.user_id == User.id)
        .where(
            OAuthGrant.client_id == OAuthClient.id,
            OAuthToken.kind == ACCESS,
            OAuthToken.expires_at > now(),
            is_alive(),
        )
        .correlate(OAuthClient)
        .scalar_subquery()
    )
    total = db.session.scalar(select(func.count()).select_from(OAuthClient)) or 0
    rows = db.session.execute(
        select(OAuthClient, people, tokens).order_by(OAuthClient.id.desc()).limit(limit).offset(offset)
    )
    found = [ClientRow(client=client, people=users, tokens=alive) for client, users, alive in rows]
    return Page(found, total, limit, offset)
