"""Thousands of mutated queries on real databases: what the guard lets through shows no canary, writes nothing, ends in time.

`GUARD_FUZZ_QUERIES` asks for more than the 2,500 of the suite (some 1,100 of which pass, and run on each database), `GUARD_FUZZ_SEED` for others.
"""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.config import Settings
from app.db import db
from app.insights.commands import existing_columns, grant_statements
from app.insights.connection import QueryFailed, QueryTimedOut, SqliteReader, reader_for
from app.insights.guard import Checked, Rejected, check
from app.insights.runner import run
from app.insights.schema import TABLES
from app.runtime import settings
from tests.insights.guard_data import CANARY, fill_shop
from tests.insights.guard_honest import HONEST
from tests.insights.guard_hostile import HOSTILE

QUERIES = int(os.environ.get("GUARD_FUZZ_QUERIES", "2500"))
SEED = int(os.environ.get("GUARD_FUZZ_SEED", "20261121"))
TIMEOUT_SECONDS = 2.0
TOKEN = re.compile(r"'(?:[^']|'')*'|`[^`]*`|\w+|<=>|<=|>=|<>|\S")
PASSWORD = "guard-fuzz"
WANTED = [
    *(
        "users",
        "password_hash",
        "canaries",
        "secret",
        "contact_phone",
        "contact",
        "email",
        "coupon_name",
        "rowid",
    ),
    *(
        "information_schema.tables",
        "sqlite_master",
        "mysql.user",
        "shop.users",
        "`users`",
        "USERS",
        "m.contact_phone",
    ),
]
KNOWN = [
    *TABLES,
    *{column for columns in TABLES.values() for column in columns},
    "o",
    "s",
    "m",
    "i",
    "t",
    "x",
    "*",
]
PIECES = [
    *(
        "UNION SELECT secret FROM canaries",
        "UNION ALL SELECT password_hash FROM users",
        "; DELETE FROM canaries",
    ),
    *(
        "(SELECT MAX(secret) FROM canaries)",
        "(SELECT contact_phone FROM members LIMIT 1)",
        "SLEEP(5)",
        "1 = 1",
    ),
    *(
        "/*! UNION SELECT 1 */",
        "/**/",
        "-- x\n",
        "# x\n",
        "FOR UPDATE",
        "INTO OUTFILE '/var/lib/guard'",
        "CROSS JOIN orders z",
    ),
    *(
        ", orders z",
        "JOIN orders z ON z.id > 0",
        "GROUP BY contact_phone",
        "HAVING MAX(contact_phone) > 'a'",
        "LIMIT 99999",
    ),
    *(
        "ORDER BY contact_phone",
        "EXISTS (SELECT 1 FROM canaries)",
        "WITH RECURSIVE",
        "NATURAL JOIN members",
        "OR TRUE",
    ),
    *(
        "USING (id)",
        "JOIN members m ON m.id = o.member_id",
        "AS contact_phone",
        "LOAD_FILE('/etc/passwd')",
        "INTERVAL 1 DAY",
    ),
]


def mutated(chance: random.Random, seeds: list[str]) -> str:
    """A query with a few things changed: gently, so that it may still pass, or by force."""
    tokens = TOKEN.findall(chance.choice(seeds))
    changes = GENTLE if chance.random() < 0.75 else FORCE
    for _ in range(chance.randint(1, 3)):
        chance.choice(changes)(tokens, chance, seeds)
    return " ".join(tokens)


Change = Callable[[list[str], random.Random, list[str]], None]


def _replace(pattern: str, choices: list[str]) -> Change:
    """One of the tokens that look so becomes another."""

    def change(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
        places = [n for n, token in enumerate(tokens) if re.fullmatch(pattern, token)]
        if places:
            tokens[chance.choice(places)] = chance.choice(choices)

    return change


def _insert(choices: list[str]) -> Change:
    def change(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
        tokens.insert(chance.randrange(len(tokens) + 1), chance.choice(choices))

    return change


def _after(pattern: str, choices: list[str]) -> Change:
    """Something more behind a keyword: another condition, another column."""

    def change(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
        places = [n for n, token in enumerate(tokens) if re.fullmatch(pattern, token)]
        if places:
            tokens.insert(chance.choice(places) + 1, chance.choice(choices))

    return change


def _wrap(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
    name = chance.choice(["w", "users", "orders", "contact_phone"])
    if chance.random() < 0.5:
        tokens[:] = ["SELECT", "*", "FROM", "(", *tokens, ")", "AS", name]
    else:
        tokens[:] = ["WITH", name, "AS", "(", *tokens, ")", "SELECT", "COUNT(*) AS n", "FROM", name]


def _alias(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
    """An alias by the name of something hidden, everywhere that it stands."""
    places = [n for n, token in enumerate(tokens) if token.upper() == "AS" and n + 1 < len(tokens)]
    if places:
        old, new = tokens[chance.choice(places) + 1], chance.choice(HIDDEN)
        tokens[:] = [new if token == old else token for token in tokens]


def _drop(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
    if len(tokens) > 4:
        del tokens[chance.randrange(len(tokens))]


def _twice(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
    place = chance.randrange(len(tokens) + 1)
    tokens[place:place] = tokens[place : place + chance.randint(1, 6)]


def _swap(tokens: list[str], chance: random.Random, _seeds: list[str]) -> None:
    if len(tokens) > 2:
        one, other = chance.sample(range(len(tokens)), 2)
        tokens[one], tokens[other] = tokens[other], tokens[one]


def _splice(tokens: list[str], chance: random.Random, seeds: list[str]) -> None:
    others = TOKEN.findall(chance.choice(seeds)) or ["1"]
    start, place = chance.randrange(len(others)), chance.randrange(len(tokens) + 1)
    tokens[place:place] = others[start : start + chance.randint(1, 8)]


HIDDEN = ["contact_phone", "password_hash", "email", "secret", "users", "canaries", "rowid"]
COLUMNS = sorted({column for columns in TABLES.values() for column in columns})
CONDITIONS = [
    *(
        "1 = 1 AND",
        "NOT 1 = 2 AND",
        "(1 = 1 OR 0) AND",
        "EXISTS (SELECT 1 FROM stores) AND",
        "1 IN (SELECT id FROM stores) AND",
    ),
    *(
        "'contact_phone' <> 'x' AND",
        "(SELECT MAX(id) FROM members) > 0 AND",
        "EXISTS (SELECT 1 FROM canaries) OR",
    ),
]
ITEMS = [
    *(
        "1,",
        "NULL AS secret,",
        "'x' AS contact_phone,",
        "(SELECT COUNT(*) FROM members) AS users,",
        "NOW() AS t_,",
        "DISTINCT",
    ),
    *(
        "(SELECT MAX(secret) FROM canaries),",
        "(SELECT MAX(name) FROM stores) AS password_hash,",
        "5 DIV 2 AS five,",
    ),
]
GENTLE: list[Change] = [
    _replace(r"\d+", ["0", "1", "2", "3", "7", "30", "100"]),
    _replace(
        r"'[^']*'",
        ["'online'", "'2026-11-01'", "''", "'%'", "'a''b'", "'-- x'", "'; DROP TABLE canaries'", "'上海'"],
    ),
    _replace(r"[<>]=?|=|<>", ["<", ">", "<=", ">=", "=", "<>", "<=>"]),
    _replace(r"(?i)sum|avg|min|max|count", ["SUM", "AVG", "MIN", "MAX", "COUNT"]),
    _replace(r"(?i)day|week|month|year|hour", ["DAY", "MONTH", "YEAR", "HOUR", "QUARTER"]),
    _replace(r"(?i)asc|desc|and|or", ["ASC", "DESC", "AND", "OR"]),
    _replace(
        "|".join(COLUMNS),
        ["id", "store_id", "channel", "created_at", "amount", "member_id", "name", "paid_on"],
    ),
    _after(r"(?i)where|having", CONDITIONS),
    _after(r"(?i)select", ITEMS),
    _insert(["/**/", "# x\n", "-- x\n", "/* a */", " ", "\t"]),
    _wrap,
    _alias,
]
FORCE: list[Change] = [
    _replace(r"[a-z_]+", WANTED),
    _replace(r"[a-z_]+", KNOWN),
    _replace(r"\d+", ["-1", "99999999", "1e9", "0x41", "NULL", "id"]),
    _insert(PIECES),
    _drop,
    _twice,
    _swap,
    _splice,
]


@pytest.fixture
def shops(make_app: Callable[..., Flask], mariadb_url: str) -> Iterator[list[Flask]]:
    """SQLite, and MariaDB under a user who may read what `flask insights grants` says: both with canaries."""
    user = f"guard_{os.getpid()}"
    lite = make_app(sql_timeout_seconds=TIMEOUT_SECONDS)
    reading = re.sub(r"//[^@/]*@", f"//{user}:{PASSWORD}@", mariadb_url)
    maria = make_app(mariadb_url, insights_database_url=reading, sql_timeout_seconds=TIMEOUT_SECONDS)
    try:
        for app in (lite, maria):
            with app.app_context(), db.engine.begin() as connection:
                connection.exec_driver_sql(
                    "CREATE TABLE canaries (id INTEGER PRIMARY KEY, secret VARCHAR(40))"
                )
                connection.exec_driver_sql(f"INSERT INTO canaries VALUES (1, '{CANARY}-table')")
            with app.app_context():
                fill_shop(60)
        with maria.app_context():
            _make_user(user)
        yield [lite, maria]
    finally:
        # Also when the set-up failed: a table left here would make every later test of the schema fail.
        with maria.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS canaries")
            connection.exec_driver_sql(f"DROP USER IF EXISTS '{user}'@'%%'")


def _make_user(user: str) -> None:
    schema = db.engine.url.database or ""
    with db.engine.begin() as connection:
        for statement in grant_statements(user, "%", schema, existing_columns()):
            text = statement.replace("choose-a-password", PASSWORD).replace("%", "%%")
            connection.exec_driver_sql(text)


def _state(app: Flask) -> dict[str, object]:
    """Every row of every table (MariaDB's CHECKSUM TABLE is not steady over computed columns)."""
    with app.app_context(), db.engine.connect() as connection:
        is_lite = db.engine.dialect.name == "sqlite"
        list_names = "SELECT name FROM sqlite_master WHERE type = 'table'" if is_lite else "SHOW TABLES"
        names = connection.exec_driver_sql(list_names).scalars().all()
        quote = db.engine.dialect.identifier_preparer.quote
        return {n: sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM {quote(n)}"))) for n in names}


def _executed(app: Flask, checked: Checked, sql: str) -> str:
    """Run one query: what became of it. Fails on whatever the guard should have stopped."""
    with app.app_context():
        started = time.monotonic()
        try:
            table = run(checked)
        except QueryTimedOut:
            return "timeout"
        except QueryFailed as error:
            # The database's own guards must have had nothing to do.
            denied = re.search(r"denied|not authorized|prohibited|readonly|READ ONLY", error.text())
            assert not denied, f"{error.text()}: {sql}"
            return "failed"
        finally:
            assert time.monotonic() - started < TIMEOUT_SECONDS + 3, sql
    assert CANARY not in repr(table.rows), sql
    assert len(table.rows) <= 1_000
    return "ran"


@pytest.mark.mariadb
@pytest.mark.timeout(max(300, QUERIES // 10))
def test_no_mutation_reads_a_canary_writes_or_runs_on(shops: list[Flask]) -> None:
    chance = random.Random(SEED)
    # Honest ones more often: what is nearly right is what gets furthest.
    seeds = HONEST * 8 + [sql for many in HOSTILE.values() for sql in many if 0 < len(sql) < 400]
    before = [_state(app) for app in shops]
    outcomes: dict[str, int] = {}
    for _ in range(QUERIES):
        sql = mutated(chance, seeds)
        try:
            checked = check(sql)
        except Rejected:
            outcomes["rejected"] = outcomes.get("rejected", 0) + 1
            continue
        for app in shops:
            outcome = _executed(app, checked, sql)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(outcomes)
    for app, state in zip(shops, before, strict=True):
        after = _state(app)
        assert {name for name in state | after if state.get(name) != after.get(name)} == set()
    # A test in which nothing runs would prove nothing.
    assert outcomes["ran"] > QUERIES // 5, outcomes
    assert outcomes.get("failed", 0) < outcomes["ran"] // 10, outcomes


@pytest.mark.mariadb
def test_the_databases_themselves_refuse_what_no_guard_has_seen(shops: list[Flask]) -> None:
    """The second wall: SQL that never went through the guard, on the same connections."""
    for app in shops:
        reader = reader_for(_settings(app).insights_database_uri)
        for sql in (
            "SELECT secret FROM canaries",
            "SELECT contact_phone FROM members",
            "SELECT password_hash FROM users",
            "DELETE FROM orders",
            "UPDATE members SET level = 1",
            "CREATE TABLE mine (a INTEGER)",
            "INSERT INTO stores (id, name, name_en, city, city_en) VALUES (9, 'x', 'x', 'x', 'x')",
        ):
            with app.app_context(), pytest.raises(QueryFailed):
                reader.fetch(sql, most=10, seconds=2)


@pytest.mark.mariadb
def test_the_database_ends_what_takes_too_long(shops: list[Flask]) -> None:
    endless = "SELECT COUNT(*) FROM " + ", ".join(f"order_items a{n}" for n in range(4))
    for app in shops:
        with app.app_context():
            started = time.monotonic()
            with pytest.raises((QueryTimedOut, QueryFailed)) as ended:
                reader_for(_settings(app).insights_database_uri).fetch(endless, most=10, seconds=0.5)
            assert time.monotonic() - started < 3
            assert isinstance(ended.value, QueryTimedOut) or "max_join_size" in ended.value.text()


def _settings(app: Flask) -> Settings:
    with app.app_context():
        return settings()


def test_sqlite_is_not_asked_to_make_files(app: Flask) -> None:
    """ATTACH would create a file; VACUUM INTO would copy the shop."""
    path = db_path(app)
    for sql in ("ATTACH DATABASE ':memory:' AS other", "VACUUM", "PRAGMA query_only=OFF"):
        with pytest.raises(QueryFailed):
            SqliteReader(path).fetch(sql, most=1, seconds=1)
    assert sqlite3.connect(path).execute("SELECT COUNT(*) FROM stores").fetchone() == (0,)


def db_path(app: Flask) -> str:
    """The file of an application's SQLite database."""
    with app.app_context():
        return str(db.engine.url.database)


@pytest.mark.mariadb
def test_mariadb_ends_and_refuses_even_for_its_owner(mariadb_url: str) -> None:
    """Without a user of its own, the transaction is still READ ONLY and the server still counts the seconds."""
    reader = reader_for(mariadb_url.replace("mysql://", "mysql+pymysql://"))
    started = time.monotonic()
    with pytest.raises(QueryTimedOut):
        reader.fetch("SELECT SLEEP(30)", most=1, seconds=0.5)
    assert time.monotonic() - started < 3
    with pytest.raises(QueryFailed):
        reader.fetch("DELETE FROM stores", most=1, seconds=1)
