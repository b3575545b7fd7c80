"""The set-up step is left out only when it would do nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.config import PROJECT_ROOT
from app.supervisor.schema import heads, is_set_up

MIGRATIONS = PROJECT_ROOT / "migrations"
VERSIONS = MIGRATIONS / "versions"


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated, empty database file."""
    return Path(shutil.copy(sqlite_template, tmp_path / "shop.db"))


def run(database: Path, statement: str) -> None:
    """Change the file."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


def test_a_database_at_the_newest_revision_is_set_up(database: Path) -> None:
    assert is_set_up(database, VERSIONS, wants_demo=False)


def test_an_empty_shop_still_wants_its_demo(database: Path) -> None:
    assert not is_set_up(database, VERSIONS, wants_demo=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '0000'",
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
    ],
)
def test_an_old_or_strange_database_is_not(database: Path, statement: str) -> None:
    run(database, statement)
    assert not is_set_up(database, VERSIONS, wants_demo=False)


def test_a_missing_or_broken_file_is_not_and_is_left_alone(tmp_path: Path) -> None:
    assert not is_set_up(tmp_path / "none.db", VERSIONS, wants_demo=False)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_text("not a database, though long enough to be one" * 100)
    assert not is_set_up(tmp_path / "broken.db", VERSIONS, wants_demo=False)


def test_a_new_migration_calls_for_the_step(database: Path, tmp_path: Path) -> None:
    versions = Path(shutil.copytree(VERSIONS, tmp_path / "versions"))
    (head,) = heads(versions)
    (versions / "next.py").write_text(f'revision: str = "next"\ndown_revision: str | None = "{head}"\n')
    assert heads(versions) == {"next"}
    assert not is_set_up(database, versions, wants_demo=False)


def test_it_reads_the_same_heads_as_alembic_does() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    assert heads(VERSIONS) == set(ScriptDirectory.from_config(configuration).get_heads())


def test_merges_and_branches_are_understood(tmp_path: Path) -> None:
    for name, below in {"a": "None", "b": "'a'", "c": '"a"', "m": "('b', 'c')"}.items():
        (tmp_path / f"{name}.py").write_text(f"revision = '{name}'\ndown_revision = {below}\n")
    assert heads(tmp_path) == {"m"}
