"""Asking for an index to be brought up to date: by a job, soon, once however often it is asked for."""

from __future__ import annotations

from logging import getLogger

from redis.exceptions import RedisError

from app.core.logging import fields
from app.db import db
from app.jobs.queues import INDEX, enqueue
from app.runtime import redis, settings

log = getLogger(__name__)
WANTED_SECONDS = 300
TROUBLE_SECONDS = 3_600
# A model on a slow machine may take its time over a large shop; what it has done stays done.
JOB_SECONDS = 3_600


def request_sync(collection: str, *, verify: bool = False) -> None:
    """Have the collection follow its texts; `verify` looks into it even when they are as they were."""
    if settings().embed_model_path is None:
        return
    # The job's module imports the writer, which readers do not need.
    from app.semantic.jobs import sync_collection

    try:
        if not redis().set(_wanted(collection, verify), "1", nx=True, ex=WANTED_SECONDS):
            return
    except RedisError as error:
        log.warning("sync_not_requested %s", fields(collection=collection, error=error))
        return
    enqueue(sync_collection, collection, verify, queue=INDEX, timeout=JOB_SECONDS)


def request_after_commit(collection: str) -> None:
    """The same once the session's open transaction is committed; nothing without one."""
    calls = db.session.info.get("after_commit")
    if calls is not None:
        calls.append(lambda: request_sync(collection))


def begin(collection: str) -> None:
    """A job has begun: what is asked for from here on is for another one."""
    _quietly_delete(_wanted(collection, False), _wanted(collection, True))


def succeeded(collection: str) -> None:
    """The index follows its texts."""
    _quietly_delete(_trouble(collection))


def failed(collection: str, reason: str) -> None:
    """The index could not be written; it is left alone for a while."""
    try:
        redis().set(_trouble(collection), reason, ex=TROUBLE_SECONDS)
        redis().set(_wanted(collection, False), "1", ex=WANTED_SECONDS)
    except RedisError:
        log.warning("trouble_not_kept %s", fields(collection=collection, reason=reason))


def trouble_of(collections: list[str]) -> str:
    """Why the last job of one of them failed; "" when none did."""
    try:
        found = redis().mget([_trouble(each) for each in collections]) if collections else []
    except RedisError:
        return ""
    return next((str(reason) for reason in found if reason), "")


def _wanted(collection: str, verify: bool) -> str:
    return f"semantic:{'verify' if verify else 'wanted'}:{collection}"


def _trouble(collection: str) -> str:
    return f"semantic:trouble:{collection}"


def _quietly_delete(*keys: str) -> None:
    try:
        redis().delete(*keys)
    except RedisError:
        log.warning("keys_not_deleted %s", fields(keys=keys))
