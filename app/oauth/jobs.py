"""What the scheduler calls: ending and forgetting what is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from logging import getLogger
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from app.accounts.models import User
from app.core.clock import now
from app.core.logging import fields
from app.db import db, in_transaction
from app.oauth.models import OAuthClient, OAuthGrant, OAuthToken

log = getLogger(__name__)
# Long enough to notice a code or a refresh token that comes again.
KEEP = timedelta(days=7)
# A program that registered and was never allowed anything; a document is read again when it is needed.
UNUSED = timedelta(days=1)
BATCH = 500
MAX_BATCHES = 200


def clean_up() -> dict[str, int]:
    """End the grants of closed accounts for good, and delete what is past its keep time; returns rows by table."""
    in_transaction(_end_grants_of_closed_accounts)
    deleted = {model.__tablename__: _delete_old(model, condition) for model, condition in _rules()}
    if any(deleted.values()):
        log.info("oauth_cleaned_up %s", fields(**deleted))
    return deleted


def _end_grants_of_closed_accounts() -> None:
    closed = select(User.id).where(User.is_active.is_(False))
    db.session.execute(
        update(OAuthGrant)
        .where(OAuthGrant.revoked_at.is_(None), OAuthGrant.user_id.in_(closed))
        .values(revoked_at=now())
        .execution_options(synchronize_session=False)
    )


def _rules() -> Iterator[tuple[type[Any], ColumnElement[bool]]]:
    moment = now()
    yield OAuthToken, OAuthToken.expires_at < moment - KEEP
    is_over = (OAuthGrant.expires_at < moment - KEEP) | (OAuthGrant.revoked_at < moment - KEEP)
    yield OAuthGrant, is_over
    granted = select(OAuthGrant.client_id)
    is_unused = OAuthClient.id.not_in(granted) & (OAuthClient.created_at < moment - UNUSED)
    # Who was used before may come again with its old registration.
    yield OAuthClient, is_unused & (OAuthClient.is_document | OAuthClient.last_used_at.is_(None))


def _delete_old(model: type[Any], condition: ColumnElement[bool]) -> int:
    total = 0
    for _batch in range(MAX_BATCHES):
        count = in_transaction(lambda: _delete_batch(model, condition))
        total += count
        if count < BATCH:
            break
    return total


def _delete_batch(model: type[Any], condition: ColumnElement[bool]) -> int:
    key = model.__table__.c.id
    ids = db.session.scalars(select(key).where(condition).limit(BATCH)).all()
    if ids:
        db.session.execute(
            delete(model).where(key.in_(ids), condition).execution_options(synchronize_session=False)
        )
    return len(ids)
