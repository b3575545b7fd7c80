"""Finding and keeping programs: those that registered, and those that are documents.

A document is read before the transaction that keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from logging import getLogger

from sqlalchemy.exc import IntegrityError

from app.core.clock import now
from app.core.ids import digest, new_id
from app.db import db, in_transaction
from app.oauth.client_metadata import ClientMetadata, is_document_id
from app.oauth.documents import CACHE_SECONDS, fetch_document
from app.oauth.errors import invalid_client
from app.oauth.models import OAuthClient
from app.oauth.queries import find_client
from app.oauth.rules import SECRET_PREFIX, new_secret

log = getLogger(__name__)
# RFC 7591, 2: what a registration that says nothing means.
DEFAULT_METHOD = "client_secret_basic"
MAX_ID = 500


@dataclass(frozen=True, slots=True)
class Registered:
    """A new program, and its secret, which is shown this once; None for a public one."""

    client: OAuthClient
    secret: str | None


def register(metadata: ClientMetadata) -> Registered:
    """Write a program that registers itself. Must run inside a transaction."""
    client_id, method = new_id(), metadata.token_endpoint_auth_method or DEFAULT_METHOD
    secret = None if method == "none" else new_secret(SECRET_PREFIX)
    client = OAuthClient(
        client_id=client_id,
        client_key=digest(client_id),
        auth_method=method,
        secret_hash=digest(secret) if secret else None,
        **_told(metadata),
    )
    db.session.add(client)
    db.session.flush()
    log.info("oauth_client_registered client=%s", client.id)
    return Registered(client, secret)


def resolve(client_id: str) -> OAuthClient:
    """The program of an authorization request; a document is read again when its copy is old.

    Raises OAuthError invalid_client. Must run outside of a transaction.
    """
    known = find_client(client_id) if len(client_id) <= MAX_ID else None
    if known is not None and not (known.is_document and _is_stale(known)):
        return known
    if not is_document_id(client_id):
        raise invalid_client()
    # The reading may take seconds; the session must not hold a connection meanwhile.
    db.session.rollback()
    metadata = fetch_document(client_id)
    try:
        return in_transaction(lambda: keep_document(client_id, metadata))
    except IntegrityError:
        # Somebody else has kept it in the same moment.
        return in_transaction(lambda: keep_document(client_id, metadata))


def _is_stale(client: OAuthClient) -> bool:
    return client.fresh_until is None or client.fresh_until <= now()


def keep_document(client_id: str, metadata: ClientMetadata) -> OAuthClient:
    """Write what a document says; must run inside a transaction."""
    client = find_client(client_id)
    if client is None:
        client = OAuthClient(
            client_id=client_id, client_key=digest(client_id), is_document=True, auth_method="none"
        )
        db.session.add(client)
    for name, value in _told(metadata).items():
        setattr(client, name, value)
    client.fresh_until = now() + timedelta(seconds=CACHE_SECONDS)
    db.session.flush()
    return client


def _told(metadata: ClientMetadata) -> dict[str, object]:
    return {"name": metadata.name, "uri": metadata.site, "redirect_uris": list(metadata.redirect_uris)}
