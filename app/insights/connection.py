"""Connections that can only read.

MySQL and MariaDB: a READ ONLY transaction in which the server itself ends the statement after its time and refuses joins of
too many rows; in production under a user who has SELECT on the columns of app.insights.schema and nothing else (`flask
insights grants`). SQLite: the file is opened read-only, `query_only`, with an authorizer that knows the same columns.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any, Protocol, cast
from urllib.parse import quote

import pymysql  # type: ignore[import-untyped]
from gevent import monkey
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from app.core.errors import N_, DomainError, Unavailable
from app.insights.schema import TABLES

# Estimated row combinations that MySQL and MariaDB may look at: a full scan of ten million orders with their lines.
MAX_JOIN_SIZE = 1_000_000_000
MAX_CONCAT_BYTES = 65_536
# Bytes for sorting, for the smaller side of a join, for groups: reports over months do in memory what would else go to disk.
ROOM_BYTES = 33_554_432
MAX_CELL_BYTES = 1_000_000
SQLITE_STEPS = 20_000
SQLITE_BUSY_SECONDS = 2.0
NETWORK_GRACE_SECONDS = 5
TIMED_OUT = {1969, 3024, 1317, 1028}
TOO_LARGE = {1104}
GONE = {0, 2006, 2013, 2055, 1927, 4031}
# Queries of one process at the same time; the database has other work to do.
PARALLEL_QUERIES = 8
SQLITE_TABLES = frozenset({"sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"})
# What the generator writes, as SQLite names it, and what its operators are inside.
SQLITE_FUNCTIONS = frozenset(
    [
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "group_concat",
        "row_number",
        "rank",
        "dense_rank",
        "percent_rank",
        "cume_dist",
        "ntile",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "nth_value",
        "coalesce",
        "ifnull",
        "nullif",
        "iif",
        "abs",
        "sign",
        "round",
        "replace",
        "upper",
        "lower",
        "trim",
        "ltrim",
        "rtrim",
        "length",
        "substr",
        "instr",
        "date",
        "datetime",
        "strftime",
        "like",
        "char",
        "sqrt",
    ]
)


class QueryFailed(DomainError):
    """The database could not carry the query out (422): what a second attempt may put right."""

    code, status = "SQL_FAILED", 422
    default_message = N_("The database could not carry out the query: %(what)s")


class QueryTimedOut(DomainError):
    """The database ended the query when its time was up (504)."""

    code, status = "SQL_TIMEOUT", 504
    default_message = N_("The query took longer than %(seconds)s seconds and was ended.")


Fetched = tuple[list[str], Sequence[Sequence[Any]]]


class Reader(Protocol):
    """One way to read: `dialect` is the one of the SQL it takes."""

    dialect: str

    def fetch(self, sql: str, *, most: int, seconds: float) -> Fetched:
        """Column names and at most `most` rows. QueryTimedOut after `seconds`, QueryFailed for other errors."""
        ...


def reader_for(uri: str) -> Reader:
    """The reader of a database by its SQLAlchemy URL."""
    url = make_url(uri)
    return SqliteReader(url.database or "") if url.get_backend_name() == "sqlite" else MysqlReader(uri)


class SqliteReader:
    """A SQLite file. The query runs in a native thread, so that other greenlets go on meanwhile."""

    dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self.path = path

    def fetch(self, sql: str, *, most: int, seconds: float) -> Fetched:
        return _in_native_thread(lambda: self._fetch(sql, most, seconds))

    def _fetch(self, sql: str, most: int, seconds: float) -> Fetched:
        deadline = time.monotonic() + seconds
        try:
            with self._connection(deadline) as connection:
                cursor = connection.execute(sql)
                return [column[0] for column in cursor.description], cursor.fetchmany(most)
        except sqlite3.Error as error:
            if time.monotonic() >= deadline:
                raise QueryTimedOut(seconds=seconds) from error
            raise QueryFailed(what=str(error)[:200]) from error

    @contextmanager
    def _connection(self, deadline: float) -> Iterator[sqlite3.Connection]:
        uri = f"file:{quote(self.path)}?mode=ro"
        with closing(
            sqlite3.connect(uri, uri=True, timeout=SQLITE_BUSY_SECONDS, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA trusted_schema=OFF")
            for limit, value in (
                (sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL_BYTES),
                (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
                (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
            ):
                connection.setlimit(limit, value)
            # Part of SQLite only where it was built with its mathematical functions.
            connection.create_function("sqrt", 1, _square_root, deterministic=True)
            # The schema is read now: afterwards only what is allowed may be read.
            names = connection.execute("SELECT LOWER(name) FROM sqlite_master").fetchall()
            connection.set_authorizer(authorizer(frozenset(name for (name,) in names) | SQLITE_TABLES))
            connection.set_progress_handler(lambda: time.monotonic() > deadline, SQLITE_STEPS)
            yield connection


def authorizer(stored: frozenset[str]) -> Callable[..., int]:
    """What SQLite asks for each thing that a statement would do: reading allowed columns, calling known functions.

    `stored` are the names of all tables and views, in lower case: counting the rows of a CTE or a derived table reads a
    name that is none of these, and no column.
    """

    def authorize(
        action: int, first: str | None, second: str | None, _database: str | None, _by: str | None
    ) -> int:
        table, column = (first or "").lower(), (second or "").lower()
        allowed = action == sqlite3.SQLITE_SELECT
        if action == sqlite3.SQLITE_READ:
            known = TABLES.get(table, {})
            allowed = column in known or (not column and (table in TABLES or table not in stored))
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed = column in SQLITE_FUNCTIONS
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    return authorize


def _square_root(value: float | None) -> float | None:
    """As MySQL's: NULL for what has none."""
    return math.sqrt(value) if isinstance(value, int | float) and value >= 0 else None


def _in_native_thread(work: Callable[[], Fetched]) -> Fetched:
    """Under gevent in a thread of its pool; elsewhere here."""
    if not monkey.is_module_patched("threading"):
        return work()
    import gevent

    result: Fetched = gevent.get_hub().threadpool.apply(work)
    return result


class MysqlReader:
    """A MySQL or MariaDB server. Connections are kept: making one costs more than most reports, for its TLS context."""

    dialect = "mysql"

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def fetch(self, sql: str, *, most: int, seconds: float) -> Fetched:
        connection = self._connect(seconds)
        try:
            with closing(connection.cursor()) as cursor:
                for statement in session_statements(_server(connection), seconds):
                    cursor.execute(statement)
                cursor.execute(sql)
                columns = [column[0] for column in cursor.description or ()]
                return columns, cursor.fetchmany(most)
        except pymysql.err.MySQLError as error:
            failure = _translated(error, seconds)
            if isinstance(failure, Unavailable):
                connection.invalidate()
            raise failure from error
        finally:
            # Back into the pool, which rolls the transaction back.
            connection.close()

    def _connect(self, seconds: float) -> PoolProxiedConnection:
        try:
            return _engine(self.uri, int(seconds) + NETWORK_GRACE_SECONDS, os.getpid()).raw_connection()
        except (SQLAlchemyError, pymysql.err.MySQLError) as error:
            raise Unavailable(N_("The database for reports cannot be reached.")) from error


@lru_cache(maxsize=4)
def _engine(uri: str, read_timeout: int, _process: int) -> Engine:
    """The connections of one process, apart from those that write.

    The server ends a statement that takes too long; `read_timeout` (seconds) is for a server that has gone away.
    """
    return create_engine(
        uri,
        pool_size=PARALLEL_QUERIES,
        max_overflow=0,
        pool_recycle=1_800,
        pool_pre_ping=True,
        connect_args={"charset": "utf8mb4", "connect_timeout": 5, "read_timeout": read_timeout},
    )


def _server(connection: PoolProxiedConnection) -> str:
    return str(cast(Any, connection.dbapi_connection).get_server_info())


def session_statements(server: str, seconds: float) -> list[str]:
    """What makes a session harmless, for a server that calls itself so."""
    is_mariadb = "mariadb" in server.lower()
    timeout = (
        f"max_statement_time = {seconds:g}" if is_mariadb else f"max_execution_time = {int(seconds * 1_000)}"
    )
    return [
        f"SET SESSION {timeout}, SESSION max_join_size = {MAX_JOIN_SIZE}, SESSION time_zone = '+00:00',"
        f" SESSION group_concat_max_len = {MAX_CONCAT_BYTES}, SESSION sql_mode = 'STRICT_TRANS_TABLES'",
        _room(is_mariadb),
        "START TRANSACTION READ ONLY",
    ]


def _room(is_mariadb: bool) -> str:
    """Memory for one report; and joins by hash, which MySQL makes anyway."""
    sizes = dict.fromkeys(("sort_buffer_size", "join_buffer_size"), ROOM_BYTES)
    sizes |= dict.fromkeys(("tmp_table_size", "max_heap_table_size"), 2 * ROOM_BYTES)
    if is_mariadb:
        sizes |= {"join_buffer_space_limit": 4 * ROOM_BYTES, "join_cache_level": 4}
    return "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in sizes.items())


def _translated(error: pymysql.err.MySQLError, seconds: float) -> DomainError:
    number = error.args[0] if error.args else 0
    if number in TIMED_OUT:
        return QueryTimedOut(seconds=seconds)
    if number in GONE:
        return Unavailable(N_("The database for reports cannot be reached."))
    if number in TOO_LARGE:
        return QueryFailed(what="max_join_size")
    return QueryFailed(what=str(error.args[-1] if error.args else error)[:200])
