"""Making the assistant silent when a person takes a conversation over, wherever its answer is being made.

The run is closed in the transaction of the takeover: who is first at its row has the last word. A run that has ended by
itself keeps its answer, one that is cut off keeps what was said so far and writes nothing any more (RunClosed).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from logging import getLogger

from redis.exceptions import RedisError

from app.agent import recovery
from app.agent.controls import ABORTED, abort_run
from app.agent.stream import Event, append_late, read_all
from app.conversations import service
from app.conversations.queries import find_active_run, list_run_messages
from app.conversations.service import RunKey
from app.db import after_commit, db
from app.runtime import redis, settings

log = getLogger(__name__)


def silence(conversation_id: str) -> None:
    """End the answer that is being made in a conversation, if any, in the open transaction."""
    run = find_active_run(conversation_id)
    if run is None:
        return
    try:
        events = read_all(redis(), run.id)
    except RedisError:
        events = []
    if not service.close_run(run.id, status=ABORTED):
        return
    recovery.keep_what_was_said(RunKey.of(run), events, status=ABORTED, always=True)
    after_commit(partial(_tell, run.id, events))


def _tell(run_id: str, events: Sequence[Event]) -> None:
    """The readers get the end, the run's own thread is stopped."""
    rows = list_run_messages(run_id)
    final = next((row for row in reversed(rows) if row.role == "assistant" and not row.tool_calls), None)
    db.session.rollback()
    if final is None:
        return
    try:
        ending = ("complete", recovery.complete_data(final, rows))
        append_late(redis(), settings(), run_id, [*recovery.late_results(events), ending])
        abort_run(run_id)
    except RedisError as error:
        # Readers find the closed row, the run finds it when it wants to write.
        log.warning("run_not_silenced run=%s error=%s", run_id, error)
