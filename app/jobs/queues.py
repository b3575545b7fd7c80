"""The queues, most urgent first, and how work gets into them."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from typing import Any

from redis.exceptions import RedisError
from rq import Queue

from app.runtime import redis_bytes

log = getLogger(__name__)

URGENT = "urgent"
DEFAULT = "default"
SLOW = "slow"
QUEUES = (URGENT, DEFAULT, SLOW)


def enqueue(job: Callable[..., Any], *args: Any, queue: str = DEFAULT, timeout: int = 60) -> bool:
    """Hand a job to the workers; False when Redis is away (the outbox sweep brings it later).

    `timeout` is in seconds. Jobs run at least once: each must be idempotent.
    """
    try:
        Queue(queue, connection=redis_bytes()).enqueue(
            job, *args, job_timeout=timeout, result_ttl=60, failure_ttl=86_400
        )
    except RedisError as error:
        log.warning("enqueue_failed job=%s error=%s", job.__name__, error)
        return False
    return True
