"""The database: one metadata, one session per application context, one way to write.

Reads happen in the session's own reading transaction. Every write goes through `transaction()` (or
`in_transaction`, which runs the whole unit of work again after a deadlock), opened at the edge: view,
API, job, command or tool executor. Services flush and never commit.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, Connection, DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

log = logging.getLogger(__name__)
Result = TypeVar("Result")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
ATTEMPTS = 5
LOCK_WAIT_SECONDS = 15.0
DEADLOCK_CODES = {1205, 1213, 1020}


class Base(DeclarativeBase):
    """The declarative base of all mapped classes."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


Cents = Annotated[int, mapped_column(BigInteger)]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored without zone, with microseconds."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: use app.core.clock.now()")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


def engine_options(uri: str) -> dict[str, Any]:
    """Pool and connection settings for an engine of this URL."""
    if uri.startswith("sqlite"):
        # Waiting for the write lock happens in Python (see `_begin`), where other greenlets can run.
        return {
            # As many as are used at once: what overflows is opened and closed for one request.
            "pool_size": 40,
            "max_overflow": 20,
            "connect_args": {"isolation_level": None, "timeout": 0.1, "check_same_thread": False},
        }
    return {
        "pool_size": 40,
        "max_overflow": 0,
        "pool_pre_ping": False,
        "pool_recycle": 1800,
        "isolation_level": "READ COMMITTED",
        "connect_args": {
            "charset": "utf8mb4",
            "connect_timeout": 5,
            # Lists of many values in one column: MySQL cuts them after 1 kB, which usage figures would notice.
            "init_command": "SET time_zone = '+00:00', group_concat_max_len = 16777216",
        },
    }


def prepare_engine(engine: Engine) -> None:
    """Attach SQLite's pragmas and explicit BEGIN; nothing for other engines."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _explicit_begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


_sqlite_writer = Lock()


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commit at the end, roll back on any exception, then run `after_commit` calls.

    The session's reading transaction is ended first, so that the work sees the latest state (objects that
    were loaded before are loaded again when touched). Does not nest: RuntimeError.
    """
    session: Session = db.session()
    if session.info.get("writing"):
        raise RuntimeError("transactions do not nest; services flush, the edge opens the transaction")
    session.rollback()
    session.info["writing"], session.info["after_commit"] = True, []
    try:
        with _writer_slot() as give_back:
            _begin(session)
            opened = OpenWrite(session.connection().connection, give_back)
            session.info["open_write"] = opened
            try:
                yield session
                opened.end()
                session.commit()
            except BaseException:
                opened.end()
                session.rollback()
                raise
    finally:
        session.info["writing"] = False
        calls = session.info.pop("after_commit")
    for call in calls:
        _run_quietly(call)


@dataclass(slots=True)
class OpenWrite:
    """A write transaction while it is open, for a thread that has to break it off (app.tools.breaking), under `lock`.

    `give_back` frees the slot of SQLite's one writer; it may be called again.
    """

    connection: PoolProxiedConnection
    give_back: Callable[[], None]
    lock: Lock = field(default_factory=Lock)
    is_over: bool = False

    def end(self) -> None:
        """From here on the connection may belong to somebody else. Waits for a thread that is breaking it off."""
        with self.lock:
            self.is_over = True


def open_write() -> OpenWrite:
    """The transaction that the current session has open."""
    return cast(OpenWrite, db.session.info["open_write"])


@contextmanager
def _writer_slot() -> Iterator[Callable[[], None]]:
    """SQLite has one writer: greenlets of this process queue here instead of blocking inside SQLite."""
    if db.engine.dialect.name != "sqlite":
        yield lambda: None
        return
    held = [_sqlite_writer]
    _sqlite_writer.acquire()

    def give_back() -> None:
        if held:
            held.pop().release()

    try:
        yield give_back
    finally:
        give_back()


def _begin(session: Session) -> None:
    """Start the writing transaction; waits for another process's SQLite lock without blocking greenlets."""
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            session.connection(execution_options={"immediate": True})
            return
        except OperationalError as error:
            session.rollback()
            if not is_retryable(error) or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.002, 0.02))


def _run_quietly(call: Callable[[], None]) -> None:
    """What follows a commit must not fail it; the outbox sweep makes up for what is lost here."""
    try:
        call()
    except Exception:
        log.exception("after_commit_failed")


def after_commit(call: Callable[[], None]) -> None:
    """Run `call` once the current transaction has been committed (never when it is rolled back)."""
    session: Session = db.session()
    if not session.info.get("writing"):
        raise RuntimeError("after_commit needs an open transaction")
    session.info["after_commit"].append(call)


def in_transaction(work: Callable[[], Result]) -> Result:
    """Run `work` in a transaction; after a deadlock or lock timeout the whole of it runs again, 5 times in all."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction():
                return work()
        except OperationalError as error:
            if attempt == ATTEMPTS or not is_retryable(error):
                raise
            log.info("transaction_retried attempt=%s", attempt)
            time.sleep(random.uniform(0.005, 0.03) * attempt)
    raise AssertionError("unreachable")


def is_retryable(error: OperationalError) -> bool:
    """True for a deadlock or a lock wait that timed out (MariaDB 1213, 1205, 1020; SQLite "locked")."""
    arguments = getattr(error.orig, "args", ())
    if arguments and arguments[0] in DEADLOCK_CODES:
        return True
    return "database is locked" in str(error.orig) or "database table is locked" in str(error.orig)
