"""Live events of the desk: JSON on Redis channels, published after the commit of what they tell.

They are hints and never the only copy: whoever misses one (a page that was away, a Redis that was) finds the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from logging import getLogger
from typing import Any

from redis.exceptions import RedisError

from app.db import after_commit
from app.runtime import redis

log = getLogger(__name__)
# What staff hear: {"event", "data", "to"}; `to` has user ids, None is everybody at the desk.
STAFF = "consultants"


def conversation_channel(conversation_id: str) -> str:
    """The channel of one conversation: {"event", "data"}."""
    return f"conversation:{conversation_id}"


def publish_staff(event: str, data: Mapping[str, Any], user_ids: Iterable[int] | None = None) -> None:
    """Tell staff once the open transaction is committed.

    Events: `claimed`, `presence`, `message`, `notification`, `escalated`.
    """
    to = None if user_ids is None else sorted(set(user_ids))
    after_commit(partial(send, STAFF, {"event": event, "data": dict(data), "to": to}))


def publish_conversation(conversation_id: str, event: str, data: Mapping[str, Any] | None = None) -> None:
    """Tell who follows a conversation once the open transaction is committed.

    Events: `message`, `typing`, `read`, `taken_over`, `handed_back`, `released`, `waiting`, `closed`.
    """
    told = {"event": event, "data": dict(data or {})}
    after_commit(partial(send, conversation_channel(conversation_id), told))


def send(channel: str, told: Mapping[str, Any]) -> None:
    """Publish at once; without Redis nobody is told."""
    try:
        redis().publish(channel, json.dumps(told, ensure_ascii=False, default=str))
    except RedisError as error:
        log.warning("desk_event_lost channel=%s error=%s", channel, error)
