"""Writing notifications, once for each person, and waking those who wait for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from logging import getLogger
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import insert, select

from app.core.clock import now
from app.db import after_commit, db
from app.notifications.models import Notification
from app.outbox.service import publish
from app.runtime import redis

log = getLogger(__name__)
# The outbox topic by which written notifications are delivered, and the Redis channel that wakes open pages.
TOPIC = "notifications.written"
CHANNEL = "notifications"


def notify(
    user_ids: Iterable[int],
    kind: str,
    *,
    dedupe: str,
    about_user_id: int | None = None,
    conversation_id: str | None = None,
    payload: dict[str, Any] | None = None,
) -> int:
    """Write a notification for each of these people who has none with this `dedupe` key; how many were written.

    Within the caller's transaction; the unique key decides a race, and its loser tries again and finds the rows.
    """
    wanted = set(user_ids)
    known = select(Notification.user_id).where(Notification.dedupe_key == dedupe)
    missing = sorted(wanted - set(db.session.scalars(known)))
    if not missing:
        return 0
    told = {
        "kind": kind,
        "about_user_id": about_user_id,
        "conversation_id": conversation_id,
        "payload": payload or {},
        "dedupe_key": dedupe,
        "created_at": now(),
    }
    db.session.execute(insert(Notification), [{"user_id": user_id, **told} for user_id in missing])
    publish("notifications.written", {"dedupe": dedupe, "kind": kind, "about_user_id": about_user_id})
    return len(missing)


def announce(payload: dict[str, Any]) -> None:
    """Wake whoever waits for notifications, in any process; within the handler of `notifications.written`."""
    after_commit(partial(_wake, payload))


def _wake(payload: dict[str, Any]) -> None:
    try:
        redis().publish(CHANNEL, json.dumps(payload))
    except RedisError as error:
        # The rows are there; a page finds them when it looks again.
        log.warning("notifications_not_announced error=%s", error)
