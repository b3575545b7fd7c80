"""Idempotency keys: the same request again gets the stored answer, another one under the key is refused.

The record is written in the order's own transaction, after `locks.lock_customer`: of parallel requests with
one key the first one writes, the others wait and then find its answer.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.core.errors import N_, IdempotencyConflict, InvalidParam
from app.core.ids import digest
from app.db import db
from app.orders.models import IdempotencyRecord

MAX_KEY = 128


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered the first time."""

    order_id: int
    body: dict[str, Any]


def hash_request(values: dict[str, Any]) -> str:
    """SHA-256 of the request's canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_key(key: str) -> None:
    """Raises InvalidParam when the key is no 1 to 128 visible ASCII characters."""
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidParam(fields={"Idempotency-Key": N_("Use 1 to 128 letters, digits or signs.")})


def find_answer(owner: str, key: str, request_hash: str) -> StoredAnswer | None:
    """The answer kept under the owner's key. Raises IdempotencyConflict when the request was another."""
    record = db.session.scalar(
        select(IdempotencyRecord).where(
            IdempotencyRecord.owner == owner, IdempotencyRecord.key == digest(key)
        )
    )
    if record is None:
        return None
    if record.request_hash != request_hash:
        raise IdempotencyConflict()
    return StoredAnswer(record.order_id or 0, record.response or {})


def keep_answer(owner: str, key: str, request_hash: str, answer: StoredAnswer) -> None:
    """Keep the answer for `find_answer`."""
    db.session.add(
        IdempotencyRecord(
            owner=owner,
            # A digest, because MariaDB takes "a" and "A" for the same text and keys are exact.
            key=digest(key),
            request_hash=request_hash,
            order_id=answer.order_id,
            response=answer.body,
        )
    )
    db.session.flush()
