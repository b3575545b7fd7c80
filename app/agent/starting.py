"""Starting a run: its log first, then its rows in one transaction, then its work; once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import IntegrityError

from app.agent import recovery
from app.agent.stream import RunLog, alive_key, stream_key
from app.conversations.models import Run
from app.conversations.service import RunKey
from app.core.errors import Conflict, Unavailable
from app.db import db, in_transaction
from app.runtime import redis, redis_line, settings
from app.tools import groups

Prepared = TypeVar("Prepared", covariant=True)
Job = TypeVar("Job")


class Wish(Protocol[Prepared]):
    """What starts a run."""

    @property
    def session_id(self) -> str | None: ...

    @property
    def run_id(self) -> str:
        """The id that its run gets."""
        ...

    def prepare(self, run_id: str) -> Prepared:
        """Write the run and what belongs to it; inside the transaction."""
        ...

    def find_repeated(self) -> RunKey | None:
        """The run that the same request has started before."""
        ...


Launch = Callable[[Job, RunLog], RunKey]


def start(wish: Wish[Job], launch: Launch[Job]) -> RunKey:
    """Prepare and launch; a run of a dead process that holds the conversation is closed first.

    Raises Conflict RUN_ACTIVE while another answer is being made, Unavailable without Redis.
    """
    try:
        return _launch(wish, launch)
    except (IntegrityError, Conflict) as error:
        if isinstance(error, Conflict) and error.code != "RUN_ACTIVE":
            raise
        # Somebody was faster: the same message twice at the same time, or another answer is being made.
        if (found := wish.find_repeated()) is not None:
            return found
        if wish.session_id is not None and recovery.close_dead_run_in(wish.session_id):
            return _launch(wish, launch)
        raise error if isinstance(error, Conflict) else Conflict(code="RUN_ACTIVE") from error


def _launch(wish: Wish[Job], launch: Launch[Job]) -> RunKey:
    run_id = wish.run_id
    run_log = RunLog(redis(), redis_line(), settings(), run_id)
    try:
        # The run will look which tools are on.
        (tools_version,) = run_log.open(groups.VERSION_ASKED)
    except RedisError as error:
        raise Unavailable() from error
    groups.heard(tools_version)
    try:
        task = in_transaction(lambda: wish.prepare(run_id))
    except BaseException:
        _forget(run_id)
        raise
    return launch(task, run_log)


def _forget(run_id: str) -> None:
    """Take back the log of a run that was not to be, unless the same request has begun the same run meanwhile."""
    if db.session.get(Run, run_id) is not None:
        return
    with suppress(RedisError):
        redis().delete(stream_key(run_id), alive_key(run_id))
