"""Writes of programs, grants and tokens. Callers open the transaction.

Codes and refresh tokens are spent by a conditional UPDATE, so of several that use one at the same time one wins. What
is refused is told by None and not raised: the transaction that ends a stolen grant must be committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import User
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import NotFound
from app.core.ids import digest
from app.db import db
from app.oauth.models import OAuthClient, OAuthGrant, OAuthToken
from app.oauth.queries import get_client, is_alive
from app.oauth.rules import (
    ACCESS,
    ACCESS_LIFE,
    ACCESS_PREFIX,
    CODE_LIFE,
    CODE_PREFIX,
    RACE,
    REFRESH,
    REFRESH_LIFE,
    REFRESH_PREFIX,
    is_right_verifier,
    new_secret,
)
from app.oauth.scopes import names_of

log = getLogger(__name__)
# How often it is noted that a grant is used.
NOTE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person agreed to. `client` is the program's row."""

    client: int
    resource: str
    scopes: frozenset[str]
    redirect_uri: str
    code_challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Tokens for a program; they are shown this once."""

    access_token: str
    refresh_token: str
    scopes: frozenset[str]
    expires_in: int


def approve(actor: Actor, consent: Consent) -> str:
    """Write a person's grant; returns the code that the program gets tokens for. Raises Unauthorized, NotFound."""
    code = new_secret(CODE_PREFIX)
    grant = OAuthGrant(
        client_id=consent.client,
        user_id=actor.require_user(),
        resource=consent.resource,
        scope_names=names_of(consent.scopes),
        redirect_uri=consent.redirect_uri,
        code_hash=digest(code),
        code_challenge=consent.code_challenge,
        expires_at=now() + CODE_LIFE,
    )
    db.session.add(grant)
    try:
        db.session.flush()
    except IntegrityError as error:
        # An admin has taken the program away meanwhile.
        raise NotFound() from error
    log.info("oauth_granted grant=%s client=%s user=%s", grant.id, consent.client, actor.user_id)
    return code


def redeem(
    client: int, code: str, *, verifier: str, redirect_uri: str | None, resource: str | None
) -> Issued | None:
    """Tokens for a code, once. A code that comes again was stolen, so it ends what it gave (RFC 6749, 4.1.2)."""
    grant = db.session.scalar(
        select(OAuthGrant)
        .where(OAuthGrant.code_hash == digest(code))
        .execution_options(populate_existing=True)
    )
    if grant is None:
        return None
    if grant.code_used_at is not None:
        _end(grant.id, "code_reused")
        return None
    is_right = (
        grant.client_id == client
        and redirect_uri in (None, grant.redirect_uri)
        and resource in (None, grant.resource)
        and is_right_verifier(verifier, grant.code_challenge)
    )
    if not is_right or not _is_alive(grant.id):
        return None
    spent = update(OAuthGrant).where(OAuthGrant.id == grant.id, OAuthGrant.code_used_at.is_(None))
    if _changed(spent.values(code_used_at=now())) != 1:
        _end(grant.id, "code_reused")
        return None
    return _issue(grant, frozenset(grant.scope_names.split()))


def refresh(client: int, token: str, *, scopes: frozenset[str] | None, resource: str | None) -> Issued | None:
    """New tokens for a refresh token, which is used up by it. One that comes again ends the grant.

    `scopes` narrows what the new access token may do; the grant keeps what it has.
    """
    found = _find_refresh(token)
    if found is None:
        return None
    row, grant = found
    if grant.client_id != client or resource not in (None, grant.resource):
        return None
    if row.used_at is not None:
        if now() - row.used_at > RACE:
            _end(grant.id, "refresh_reused")
        return None
    held = frozenset(grant.scope_names.split())
    if row.expires_at <= now() or not _is_alive(grant.id) or not (scopes or held) <= held:
        return None
    spent = update(OAuthToken).where(OAuthToken.id == row.id, OAuthToken.used_at.is_(None))
    if _changed(spent.values(used_at=now())) != 1:
        return None
    return _issue(grant, scopes or held)


def revoke(client: int, token: str) -> None:
    """End a token at its program's wish (RFC 7009): with a refresh token the whole grant; unknown ones are no error."""
    row = db.session.execute(
        select(OAuthToken.id, OAuthToken.kind, OAuthToken.grant_id)
        .join(OAuthGrant, OAuthToken.grant_id == OAuthGrant.id)
        .where(OAuthToken.token_hash == digest(token), OAuthGrant.client_id == client)
    ).first()
    if row is None:
        return
    if row.kind == REFRESH:
        _end(row.grant_id, "revoked_by_client")
    else:
        _changed(update(OAuthToken).where(OAuthToken.id == row.id).values(expires_at=now()))


def withdraw(actor: Actor, grant_id: int) -> None:
    """A person takes a grant back; its tokens end at once. Raises NotFound, also for other people's."""
    owned = (
        update(OAuthGrant)
        .where(
            OAuthGrant.id == grant_id,
            OAuthGrant.user_id == actor.require_user(),
            OAuthGrant.revoked_at.is_(None),
        )
        .values(revoked_at=now())
    )
    if _changed(owned) != 1:
        raise NotFound()
    log.info("oauth_grant_ended grant=%s why=withdrawn", grant_id)


def delete_client(actor: Actor, row_id: int) -> None:
    """Take a program away with all its grants and tokens. Raises Forbidden, NotFound."""
    actor.require_role(Role.ADMIN)
    db.session.delete(get_client(row_id))
    db.session.flush()
    log.info("oauth_client_deleted client=%s by=%s", row_id, actor.user_id)


def note_use(grant_id: int) -> None:
    """Remember that a grant is used, to the minute."""
    moment = now()
    is_old = or_(
        OAuthGrant.last_used_at.is_(None),
        OAuthGrant.last_used_at < moment - timedelta(seconds=NOTE_SECONDS),
    )
    _changed(update(OAuthGrant).where(OAuthGrant.id == grant_id, is_old).values(last_used_at=moment))


def is_worth_noting(last_used_at: datetime | None) -> bool:
    """True when `note_use` would change something."""
    return last_used_at is None or now() - last_used_at > timedelta(seconds=NOTE_SECONDS)


def _find_refresh(token: str) -> tuple[OAuthToken, OAuthGrant] | None:
    row = db.session.execute(
        select(OAuthToken, OAuthGrant)
        .join(OAuthGrant, OAuthToken.grant_id == OAuthGrant.id)
        .where(OAuthToken.token_hash == digest(token), OAuthToken.kind == REFRESH)
        .execution_options(populate_existing=True)
    ).first()
    return (row[0], row[1]) if row else None


def _is_alive(grant_id: int) -> bool:
    alive = select(OAuthGrant.id).join(User, OAuthGrant.user_id == User.id)
    return db.session.scalar(alive.where(OAuthGrant.id == grant_id, is_alive())) is not None


def _issue(grant: OAuthGrant, scopes: frozenset[str]) -> Issued:
    moment, names = now(), names_of(scopes)
    access, fresh = new_secret(ACCESS_PREFIX), new_secret(REFRESH_PREFIX)
    for kind, token, life in ((ACCESS, access, ACCESS_LIFE), (REFRESH, fresh, REFRESH_LIFE)):
        db.session.add(
            OAuthToken(
                grant_id=grant.id,
                kind=kind,
                token_hash=digest(token),
                scope_names=names,
                expires_at=moment + life,
            )
        )
    grant.expires_at = moment + REFRESH_LIFE
    _changed(update(OAuthClient).where(OAuthClient.id == grant.client_id).values(last_used_at=moment))
    db.session.flush()
    seconds = int(ACCESS_LIFE.total_seconds())
    return Issued(access_token=access, refresh_token=fresh, scopes=scopes, expires_in=seconds)


def _end(grant_id: int, why: str) -> None:
    _changed(
        update(OAuthGrant)
        .where(OAuthGrant.id == grant_id, OAuthGrant.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    log.warning("oauth_grant_ended grant=%s why=%s", grant_id, why)


def _changed(statement: object) -> int:
    count: int = db.session.execute(statement).rowcount  # type: ignore[call-overload]
    return count
