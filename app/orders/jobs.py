"""Scheduler entry points; they run inside an application context and open their own transactions."""

from __future__ import annotations

from functools import partial
from logging import getLogger

from app.db import db, in_transaction
from app.orders import queries, service

log = getLogger(__name__)


def expire_unpaid_orders() -> int:
    """Let go of unpaid orders whose time is over, each in its own transaction; returns how many.

    One that fails is left for the next turn and keeps the others from nothing.
    """
    expired = queries.list_expired_ids()
    db.session.rollback()
    return sum(_expire(order_id) for order_id in expired)


def _expire(order_id: int) -> bool:
    try:
        return in_transaction(partial(service.expire, order_id))
    except Exception:
        log.exception("expire_failed order_id=%s", order_id)
        return False
