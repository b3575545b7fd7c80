"""Browsers that take Web Push: kept for their person, checked, bounded in number."""

from __future__ import annotations

import base64
import binascii
import hashlib

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.config import Settings
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, InvalidParam
from app.db import db
from app.delivery.models import PushSubscription
from app.llm.addresses import AddressRefused, Place, find_allowed, named_places, place_of
from app.runtime import settings

TOLD = (Role.CONSULTANT, Role.ADMIN)
MOST_BROWSERS = 10
MAX_ENDPOINT = 1_000
NO_ENDPOINT = N_("This is not the address of a push service.")
NO_KEY = N_("This is not a key of a browser.")


def subscribe(actor: Actor, endpoint: str, p256dh: str, auth: str, user_agent: str = "") -> int:
    """Keep a browser for the actor; its id. A browser that was somebody else's is the actor's from now on.

    The address has passed `check_endpoint`. Of more than ten the oldest are forgotten. Raises Unauthorized, Forbidden, InvalidParam.
    """
    user_id = actor.require_role(*TOLD)
    _check_keys(p256dh, auth)
    digest = hash_of(endpoint)
    values = {
        "user_id": user_id,
        "endpoint": endpoint,
        "p256dh": p256dh,
        "auth": auth,
        "user_agent": user_agent[:200],
    }
    _keep(digest, values)
    _forget_oldest(user_id)
    return db.session.scalars(
        select(PushSubscription.id).where(PushSubscription.endpoint_hash == digest)
    ).one()


def _keep(digest: str, values: dict[str, object]) -> None:
    mine = update(PushSubscription).where(PushSubscription.endpoint_hash == digest)
    if db.session.execute(mine.values(**values)).rowcount:  # type: ignore[attr-defined]
        return
    try:
        with db.session.begin_nested():
            db.session.execute(
                insert(PushSubscription).values(endpoint_hash=digest, created_at=now(), **values)
            )
    except IntegrityError:
        # The same browser in another request, a moment ago.
        db.session.execute(mine.values(**values))


def _forget_oldest(user_id: int) -> None:
    newest = db.session.scalars(
        select(PushSubscription.id)
        .where(PushSubscription.user_id == user_id)
        .order_by(PushSubscription.id.desc())
        .offset(MOST_BROWSERS)
        .limit(1_000)
    ).all()
    if newest:
        db.session.execute(delete(PushSubscription).where(PushSubscription.id.in_(newest)))


def unsubscribe(actor: Actor, endpoint: str) -> bool:
    """Forget a browser of the actor's; False when there is none with this address."""
    mine = (
        PushSubscription.user_id == actor.require_user(),
        PushSubscription.endpoint_hash == hash_of(endpoint),
    )
    return bool(db.session.execute(delete(PushSubscription).where(*mine)).rowcount)  # type: ignore[attr-defined]


def hash_of(endpoint: str) -> str:
    """What an endpoint is found by."""
    return hashlib.sha256(endpoint.encode("utf-8", "replace")).hexdigest()


def private_places(configured: Settings) -> frozenset[Place]:
    """Where push services may lie in a private network, and may be asked without TLS."""
    return named_places(configured.push_private_urls)


def check_endpoint(endpoint: str) -> None:
    """Raises InvalidParam unless it is https (or named by the operator) and leads to public addresses only."""
    try:
        url = httpx2.URL(endpoint) if len(endpoint) <= MAX_ENDPOINT else None
        if url is None:
            raise AddressRefused()
        # A push service may carry its token in the query; no other part of the check looks at it.
        host, port = place_of(str(url.copy_with(query=None)))
        named = private_places(settings())
        if url.scheme != "https" and (host, port) not in named:
            raise AddressRefused()
        find_allowed(host, port, named)
    except (AddressRefused, httpx2.InvalidURL, OSError, ValueError) as error:
        raise InvalidParam(fields={"endpoint": NO_ENDPOINT}) from error


def _check_keys(p256dh: str, auth: str) -> None:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _raw(p256dh))
    except (ValueError, binascii.Error) as error:
        raise InvalidParam(fields={"p256dh": NO_KEY}) from error
    try:
        is_auth = len(_raw(auth)) == 16
    except (ValueError, binascii.Error):
        is_auth = False
    if not is_auth:
        raise InvalidParam(fields={"auth": NO_KEY})


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
