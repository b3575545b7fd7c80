"""What the person at the terminal sees, and the log file that keeps all of it."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

NAME_WIDTH = 9


class Console:
    """Prints lines and keeps them, with the time, in a rotating file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        handler = RotatingFileHandler(path, maxBytes=5_000_000, backupCount=2, delay=True, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._log = logging.getLogger("supervisor")
        self._log.setLevel(logging.INFO)
        self._log.propagate = False
        self._log.addHandler(handler)

    def say(self, text: str) -> None:
        """One line of the supervisor's own."""
        self._log.info("%s| %s", "run".ljust(NAME_WIDTH), text)
        _print(text)

    def forward(self, name: str, text: str, *, is_quiet: bool = False) -> None:
        """One line of a child's output; a quiet child's goes to the file only."""
        line = f"{name.ljust(NAME_WIDTH)}| {text}"
        self._log.info("%s", line)
        if not is_quiet:
            _print(line)


def _print(text: str) -> None:
    # A terminal that was closed must not keep the supervisor from stopping its children.
    with suppress(OSError, ValueError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
