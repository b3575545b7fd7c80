"""The shop's VAPID key pair: made once, sealed at rest, its public half given to browsers."""

from __future__ import annotations

import base64
from logging import getLogger

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from app.core.clock import now
from app.core.crypto import SealBroken, Vault
from app.db import db, in_transaction
from app.delivery.models import PushSubscription, VapidKey
from app.runtime import settings

log = getLogger(__name__)
ONLY = 1


def public_key() -> str:
    """What a browser subscribes with (base64url of the point); the pair is made when there is none yet."""
    found = db.session.scalar(select(VapidKey.public_key).where(VapidKey.id == ONLY))
    return found or make_keys()


def signer() -> Vapid02:
    """The private key. Raises SealBroken when SECRET_KEY has changed since it was made."""
    sealed = db.session.scalar(select(VapidKey.sealed_private_key).where(VapidKey.id == ONLY))
    if sealed is None:
        make_keys()
        return signer()
    return Vapid02.from_raw(Vault(settings().secret_key).unseal(sealed).encode())


def make_keys() -> str:
    """Make the pair unless there is one that can be opened; its public key.

    A pair whose SECRET_KEY is lost is replaced, and browsers that subscribed with it are forgotten: nothing could
    be sent to them. They subscribe again when their page is opened.
    """
    try:
        return in_transaction(_make)
    except IntegrityError:
        # Another process was faster.
        return in_transaction(_make)


def _make() -> str:
    known = db.session.get(VapidKey, ONLY)
    if known is not None:
        try:
            Vault(settings().secret_key).unseal(known.sealed_private_key)
        except SealBroken:
            log.warning("push_keys_replaced")
            db.session.execute(delete(PushSubscription))
            db.session.execute(delete(VapidKey))
            db.session.expunge(known)
        else:
            return known.public_key
    private = ec.generate_private_key(ec.SECP256R1())
    raw = _base64(private.private_numbers().private_value.to_bytes(32, "big"))
    public = _base64(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    sealed = Vault(settings().secret_key).seal(raw)
    db.session.execute(
        insert(VapidKey).values(id=ONLY, public_key=public, sealed_private_key=sealed, created_at=now())
    )
    return public


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
