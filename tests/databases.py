"""What makes thousands of fresh databases cheap: nothing here changes what a test sees."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache

# More rows than these are gone faster with the table.
FEW_ROWS = 2_000
KEPT_STATEMENTS = 5_000

_first: dict[str, Engine] = {}


def share_compiled(engine: Engine) -> None:
    """Let all engines of a kind know the statements that one of them has compiled.

    The first must have been connected, since what it found out about its server holds for the others.
    """
    first = _first.setdefault(engine.dialect.name, engine)
    if first is engine:
        engine._compiled_cache = LRUCache(KEPT_STATEMENTS)
        return
    # The dialect is part of the key under which a compiled statement is kept.
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache


def trust_the_machine(engine: Engine) -> None:
    """Do not wait for a disk: no test's database outlives the machine. Nothing for other engines than SQLite."""
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragma(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF").close()


def empty_tables(engine: Engine) -> None:
    """Delete all rows of a MariaDB database but its revision."""
    with engine.begin() as connection:
        filled = [name for name in _filled(connection) if name != "alembic_version"]
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS=0")
        for name in filled:
            few = f"SELECT COUNT(*) FROM (SELECT 1 FROM `{name}` LIMIT {FEW_ROWS}) AS some"
            is_small = connection.exec_driver_sql(few).scalar_one() < FEW_ROWS
            connection.exec_driver_sql(f"{'DELETE FROM' if is_small else 'TRUNCATE'} `{name}`")
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS=1")


def _filled(connection: Connection) -> list[str]:
    """The tables that have rows, in one question."""
    names = connection.exec_driver_sql("SHOW TABLES").scalars().all()
    asked = " UNION ALL ".join(f"(SELECT '{name}' FROM `{name}` LIMIT 1)" for name in names)
    return list(connection.exec_driver_sql(asked).scalars()) if names else []
