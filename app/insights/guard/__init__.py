"""The guard: which SQL may run on the shop's data, and what it is turned into.

A closed world: nothing passes but what is known. `check` reads the text by MySQL's rules, parses it, compares every
node, function, table and column with the allow-lists, and returns SQL that was generated from the checked tree, one
text for SQLite and one for MySQL and MariaDB. The text that came in never runs.
"""

from __future__ import annotations

from app.insights.guard.checking import Checked, check
from app.insights.guard.moments import Moment
from app.insights.guard.reasons import Rejected

__all__ = ["Checked", "Moment", "Rejected", "check"]
