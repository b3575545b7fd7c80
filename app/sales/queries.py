"""Which days reports must read from the orders themselves."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from app.db import db
from app.sales.models import StaleDay
from app.sales.stale import Kind, Stale

OFF = "off"


def find_stale() -> Stale | None:
    """What is stale now; None when no sums are to be trusted."""
    found: dict[str, set[date]] = {}
    for kind, day in db.session.execute(select(StaleDay.kind, StaleDay.day)):
        found.setdefault(kind, set()).add(day)
    if OFF in found:
        return None
    return Stale({kind: frozenset(days) for kind, days in found.items()})


def list_stale(kind: Kind) -> list[date]:
    """The stale days of a kind, in order."""
    return list(db.session.scalars(select(StaleDay.day).where(StaleDay.kind == kind).order_by(StaleDay.day)))
