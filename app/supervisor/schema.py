"""Whether the set-up step has anything to do: asking the file takes a millisecond, the step itself a second."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

# What Alembic writes at the top of each migration: one name, a tuple of them for a merge, or None.
REVISION = re.compile(r"^revision\b[^=\n]*=\s*(.+)$", re.MULTILINE)
DOWN_REVISION = re.compile(r"^down_revision\b[^=\n]*=\s*(.+)$", re.MULTILINE)
QUOTED = re.compile(r"""["']([^"']+)["']""")


def is_set_up(database: Path, migrations: Path, *, wants_demo: bool) -> bool:
    """Whether the SQLite file is at the newest revision and, where the demo is wanted, has products.

    In doubt it says no: the set-up step finds out for itself, and does what is missing.
    """
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            found = {
                revision for (revision,) in connection.execute("SELECT version_num FROM alembic_version")
            }
            if wants_demo and connection.execute("SELECT 1 FROM products LIMIT 1").fetchone() is None:
                return False
    except sqlite3.Error:
        return False
    return bool(found) and found == heads(migrations)


def heads(migrations: Path) -> set[str]:
    """The revisions that no other one builds on; read from the files' text, without running them."""
    texts = [path.read_text() for path in migrations.glob("*.py")]
    return _named(REVISION, texts) - _named(DOWN_REVISION, texts)


def _named(pattern: re.Pattern[str], texts: list[str]) -> set[str]:
    return {name for text in texts for line in pattern.findall(text) for name in QUOTED.findall(line)}
