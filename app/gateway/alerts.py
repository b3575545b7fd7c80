"""Telling the admins that an agent will not work again until somebody has changed something."""

from __future__ import annotations

from logging import getLogger
from typing import Any, Literal

from redis.exceptions import RedisError

from app.accounts.queries import list_user_ids
from app.core.actor import Role
from app.core.clock import now
from app.db import in_transaction
from app.outbox.service import publish
from app.runtime import redis

log = getLogger(__name__)
TOPIC = "agent.alert"
QUIET_SECONDS = 3_600
# The service refuses our requests, our guard refuses its address, or its key cannot be opened.
Kind = Literal["refused", "address", "key"]


def raise_alert(key: str, name: str, kind: Kind, status: int | None = None) -> None:
    """Log it, and write to every admin at most once an hour. Call it outside of a transaction; never raises.

    `status` is the HTTP status of a refusal. Nothing that a provider wrote is told: it may repeat a part of the key.
    """
    log.error("agent_alert key=%s agent=%r kind=%s status=%s", key, name, kind, status)
    try:
        if _is_news(key):
            in_transaction(lambda: _write(key, {"agent": name or key, "kind": kind, "status": status}))
    except Exception:
        log.exception("agent_alert_not_sent key=%s", key)


def _is_news(key: str) -> bool:
    try:
        return bool(redis().set(f"gw:alert:{key}", "1", nx=True, ex=QUIET_SECONDS))
    except RedisError:
        return True


def _write(key: str, values: dict[str, Any]) -> None:
    dedupe = f"{TOPIC}:{key}:{now():%Y%m%d%H}"
    for user_id in list_user_ids(Role.ADMIN):
        publish(TOPIC, {"user_id": user_id, **values, "dedupe": dedupe})
