"""Ending the write transaction of a tool that nobody waits for any more, from outside.

The tool's thread may sleep, or wait inside the database, for long; until it wakes its transaction would hold locks,
on SQLite the whole file's, and so hold up the very rows that say how its call ended. What the thread does to the
connection afterwards fails, and the pool makes a new one.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from logging import getLogger
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event

from app.db import OpenWrite, db

log = getLogger(__name__)
TRIES, PAUSE_SECONDS = 40, 0.005
BROKEN_OFF = "broken_off"


def break_off(write: OpenWrite) -> None:
    """Roll the transaction back unless it has ended; never raises. Only after its CommitGate was given up."""
    with write.lock:
        if write.is_over:
            return
        raw: Any = write.connection.driver_connection
        try:
            if isinstance(raw, sqlite3.Connection):
                _break_sqlite(raw)
            else:
                write.connection.info[BROKEN_OFF] = True
                _kill(raw.thread_id())
            # A thread that was waiting in the database may have found out, and thrown the connection away, already.
            if write.connection.is_valid:
                write.connection.invalidate(soft=True)
            write.give_back()
        except Exception:
            # Then its locks stay until its thread wakes.
            log.exception("transaction_not_broken_off")


def _break_sqlite(raw: sqlite3.Connection) -> None:
    """SQLite is built thread-safe (sqlite3.threadsafety 3) and engines are opened for use by several threads.

    A statement that runs is interrupted first: all but the interrupt would wait for it. Then nothing may begin any
    more before the rollback, since without its transaction each statement would commit by itself.
    """
    raw.interrupt()
    time.sleep(PAUSE_SECONDS)
    raw.set_authorizer(_only_rollback)
    for _ in range(TRIES):
        # A statement that is being interrupted lets no other begin for a moment.
        with suppress(sqlite3.Error):
            raw.execute("ROLLBACK")
        if not raw.in_transaction:
            return
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError("SQLite does not end the statement")


def _only_rollback(action: int, what: str | None, *_: str | None) -> int:
    is_rollback = action == sqlite3.SQLITE_TRANSACTION and what == "ROLLBACK"
    return sqlite3.SQLITE_OK if is_rollback else sqlite3.SQLITE_DENY


@event.listens_for(Engine, "handle_error")
def _keep_the_others(context: ExceptionContext) -> None:
    """That this connection is lost says nothing of the pool's others, which SQLAlchemy would replace as well."""
    if context.is_disconnect and context.connection is not None and BROKEN_OFF in context.connection.info:
        context.invalidate_pool_on_disconnect = False


def _kill(connection_id: int) -> None:
    """Everybody may kill the connections of the own account."""
    with db.engine.connect() as other:
        other.exec_driver_sql(f"KILL {connection_id:d}")
