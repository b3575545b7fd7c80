"""The wallet: points (pieces) and store credit (cents), each movement in a ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import User, WalletEntry
from app.core.errors import N_, Conflict, NotFound
from app.db import db

Kind = Literal["points", "credit"]
POINTS: Kind = "points"
CREDIT: Kind = "credit"
COLUMNS: dict[str, InstrumentedAttribute[int]] = {POINTS: User.points, CREDIT: User.credit_cents}


@dataclass(frozen=True, slots=True)
class Balance:
    """What is in a wallet."""

    points: int
    credit_cents: int


def get_balance(user_id: int) -> Balance:
    """Raises NotFound."""
    row = db.session.execute(select(User.points, User.credit_cents).where(User.id == user_id)).first()
    if row is None:
        raise NotFound()
    return Balance(row.points, row.credit_cents)


def move(
    user_id: int,
    kind: Kind,
    delta: int,
    *,
    reason: str,
    order_id: int | None = None,
    floor_at_zero: bool = False,
) -> int:
    """Add `delta` (pieces or cents, may be negative) and write the ledger; returns the balance after it.

    Taking more than there is raises Conflict NOT_ENOUGH_POINTS or NOT_ENOUGH_CREDIT; with `floor_at_zero` it
    takes what is there. Nothing is written for a delta of 0. `reason` is a key of `wallet_texts.REASONS`.
    """
    if floor_at_zero and delta < 0:
        delta = max(delta, -_locked_balance(user_id, kind))
    column = COLUMNS[kind]
    if delta == 0:
        return _balance(user_id, kind)
    changed = db.session.execute(
        update(User).where(User.id == user_id, column + delta >= 0).values({column: column + delta})
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise _not_enough(user_id, kind)
    balance = _balance(user_id, kind)
    _append(user_id, kind, delta, balance_after=balance, reason=reason, order_id=order_id)
    return balance


def _append(user_id: int, kind: Kind, delta: int, **values: Any) -> None:
    db.session.add(WalletEntry(user_id=user_id, kind=kind, delta=delta, **values))
    db.session.flush()


def _balance(user_id: int, kind: Kind) -> int:
    balance = db.session.scalar(select(COLUMNS[kind]).where(User.id == user_id))
    if balance is None:
        raise NotFound()
    return balance


def _locked_balance(user_id: int, kind: Kind) -> int:
    """Nobody else moves it until the commit (SQLite has one writer anyway)."""
    return db.session.scalar(select(COLUMNS[kind]).where(User.id == user_id).with_for_update()) or 0


def _not_enough(user_id: int, kind: Kind) -> Conflict:
    left = _balance(user_id, kind)
    if kind == POINTS:
        return Conflict(N_("You have only %(left)s points."), code="NOT_ENOUGH_POINTS", left=left)
    return Conflict(N_("Your store credit is not enough."), code="NOT_ENOUGH_CREDIT")
