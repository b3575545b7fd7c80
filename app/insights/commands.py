"""`flask insights check-sql` and `flask insights grants`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import click
from sqlalchemy import inspect

from app.db import db
from app.insights.cli_group import insights as insights
from app.insights.guard import Moment, Rejected, check
from app.insights.runner import dialect
from app.insights.schema import TABLES
from app.runtime import settings

MAX_LINE_BYTES = 1_000_000
NAME = re.compile(r"[A-Za-z0-9_.%-]{1,60}")


@insights.command("check-sql")
def check_sql() -> None:
    """Read JSON lines {"sql"}; print {"verdict": "pass|reject", "reason", "sql"} for each, the SQL as it would run."""
    answers = sys.stdout.buffer
    for line in _lines(sys.stdin.buffer):
        if not line.strip():
            continue
        answer = json.dumps(_verdict(line), ensure_ascii=False)
        answers.write(answer.encode("utf-8", "replace") + b"\n")
        answers.flush()


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Line by line; of one that is longer than MAX_LINE_BYTES the beginning, which then is no JSON."""
    while line := stream.readline(MAX_LINE_BYTES):
        rest = line
        while len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES)
        yield line


def _verdict(line: bytes) -> dict[str, str | None]:
    try:
        asked: Any = json.loads(line)
    except (ValueError, RecursionError):
        return _rejected("NOT_JSON: The line is not a JSON object.")
    sql = asked.get("sql") if isinstance(asked, dict) else None
    if not isinstance(sql, str):
        return _rejected('NOT_JSON: The line has no text under "sql".')
    try:
        checked = check(
            sql, max_rows=settings().sql_max_rows, moment=Moment.current(settings().shop_timezone)
        )
    except Rejected as rejected:
        return _rejected(f"{rejected.reason}: {rejected.text()}")
    return {"verdict": "pass", "reason": "", "sql": checked.for_dialect(dialect())}


def _rejected(reason: str) -> dict[str, str | None]:
    return {"verdict": "reject", "reason": reason, "sql": None}


@insights.command("grants")
@click.option("--user", default="insights", help="Name of the database user.")
@click.option("--host", default="%", help="Where that user connects from.")
@click.option("--database", default="", help="The shop's database; else the one in DATABASE_URL.")
def grants(user: str, host: str, database: str) -> None:
    """Print the statements that make a user who can read what reports need, and nothing else."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite":
        raise click.ClickException("SQLite has no users; reports open the file read-only.")
    schema = database or url.database or ""
    for name in (user, host, schema):
        if not NAME.fullmatch(name):
            raise click.ClickException(f"Not a name: {name!r}")
    for statement in grant_statements(user, host, schema, existing_columns()):
        click.echo(statement)


def existing_columns() -> dict[str, set[str]]:
    """The tables and columns that the shop's database has."""
    inspector = inspect(db.engine)
    return {
        table: {column["name"] for column in inspector.get_columns(table)}
        for table in sorted(set(TABLES) & set(inspector.get_table_names()))
    }


def grant_statements(user: str, host: str, schema: str, existing: dict[str, set[str]]) -> Iterator[str]:
    """CREATE USER and one GRANT for the columns of each table that exists."""
    account = f"'{user}'@'{host}'"
    yield f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY 'choose-a-password' WITH MAX_USER_CONNECTIONS 20;"
    for table, columns in existing.items():
        names = ", ".join(f"`{column}`" for column in TABLES[table] if column in columns)
        yield f"GRANT SELECT ({names}) ON `{schema}`.`{table}` TO {account};"
