"""What a customer is told when an answer ends before the model has come to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from flask_babel import gettext

from app.agent.page_results import title_of

FAILED = frozenset({"error", "timeout"})


def out_of_steps(most: int, done: Sequence[tuple[str, str]]) -> str:
    """Why it stops, what was done (`done` has tool and status of each call), and how to go on."""
    lines = [gettext("I stop here: one answer may take %(most)d steps at most.", most=most)]
    if worked := _named(name for name, status in done if status == "ok"):
        lines.append(gettext("Done so far: %(what)s.", what=worked))
    if failed := _named(name for name, status in done if status in FAILED):
        lines.append(gettext("Did not work: %(what)s.", what=failed))
    lines.append(gettext("Write \u201cgo on\u201d and I continue from here."))
    return "\n".join(lines)


def _named(names: Iterable[str]) -> str:
    counted = Counter(title_of(name) for name in names)
    return ", ".join(title if number == 1 else f"{title} × {number}" for title, number in counted.items())
