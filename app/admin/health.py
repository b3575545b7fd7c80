"""Is everything there? Each part says so in a word."""

from __future__ import annotations

from dataclasses import dataclass
from logging import getLogger

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import fields
from app.db import db
from app.runtime import redis, settings
from app.semantic.reader import meaning

log = getLogger(__name__)
OK, DOWN = "ok", "down"
# Where RQ keeps its workers' names; the key of a worker that died expires.
WORKERS_KEY = "rq:workers"


@dataclass(frozen=True, slots=True)
class Health:
    """The state of each part: `ok`, `down`, or for `llm` which model answers.

    `semantic` is there when a model for finding by meaning is set: ok, starting, indexing or down.
    """

    checks: dict[str, str]

    @property
    def can_serve(self) -> bool:
        """Without the database nothing works; the rest has a way around."""
        return self.checks["database"] == OK

    @property
    def status(self) -> str:
        return "degraded" if DOWN in self.checks.values() else "ok"


def check_health() -> Health:
    """Ask every part once."""
    checks = {
        "database": _database(),
        "redis": _redis(),
        "worker": OK if count_workers() else DOWN,
        "llm": "configured" if settings().llm_is_configured else "builtin",
    }
    if settings().embed_model_path is not None:
        checks["semantic"] = meaning().state().word
    return Health(checks)


def _database() -> str:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        log.error("health_database_down %s", fields(error=type(error).__name__))
        return DOWN
    return OK


def _redis() -> str:
    try:
        redis().ping()
    except RedisError:
        return DOWN
    return OK


def count_workers() -> int:
    """Background workers with a living heartbeat."""
    try:
        names = redis().smembers(WORKERS_KEY)
        return redis().exists(*names) if names else 0
    except RedisError:
        return 0
