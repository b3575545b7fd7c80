"""The queues, most urgent first, and how work gets into them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging import getLogger
from typing import Any

from redis.exceptions import RedisError
from rq import Queue

from app.runtime import redis_bytes

log = getLogger(__name__)

URGENT = "urgent"
DEFAULT = "default"
SLOW = "slow"
# The index of meanings: minutes of computing, so `make run` gives it a worker of its own.
INDEX = "index"
QUEUES = (URGENT, DEFAULT, SLOW, INDEX)
# A job that was lost keeps others of its name away for so long.
WAITING, WAITING_SECONDS = "jobs:waiting:", 3
# For jobs that others follow in the same process.
LONG_SECONDS = 180
_chain: ContextVar[dict[str, Callable[[], Any]] | None] = ContextVar("chain", default=None)


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


def enqueue_once(
    name: str, job: Callable[[], Any], *, queue: str = DEFAULT, timeout: int = 60, is_apart: bool = False
) -> bool:
    """Hand over a job that does all there is to do, unless one of this name is waiting already.

    The job clears the mark as it begins (see `begin`), and only then looks for what there is to do: so whatever was
    committed before this call is seen by it. False when Redis is away. Within `following` it is done here instead,
    unless it `is_apart`: what waits for others' servers must not hold up what is urgent.
    """
    chain = _chain.get()
    if chain is not None and not is_apart:
        chain[name] = job
        return True
    try:
        if not redis_bytes().set(f"{WAITING}{name}", "1", nx=True, ex=WAITING_SECONDS):
            return True
    except RedisError as error:
        log.warning("enqueue_failed job=%s error=%s", job.__name__, error)
        return False
    return enqueue(job, queue=queue, timeout=timeout)


def begin(name: str) -> None:
    """Called by such a job before it looks: from here on another one may be enqueued."""
    try:
        redis_bytes().delete(f"{WAITING}{name}")
    except RedisError as error:
        log.warning("mark_not_cleared name=%s error=%s", name, error)


@contextmanager
def following(seconds: float) -> Iterator[None]:
    """What is handed over within is done here at the end, one after the other, while there is time: a process of a
    worker costs more than most jobs. What is left then goes to the queue.
    """
    if _chain.get() is not None:
        yield
        return
    deadline, chain = time.monotonic() + seconds, dict[str, Callable[[], Any]]()
    token = _chain.set(chain)
    try:
        yield
        while chain and time.monotonic() < deadline:
            name, job = next(iter(chain.items()))
            del chain[name]
            job()
    finally:
        _chain.reset(token)
        for name, job in chain.items():
            enqueue_once(name, job, queue=URGENT, timeout=LONG_SECONDS)
