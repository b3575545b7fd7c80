"""Log lines are events with fields: `event key=value ...`, with the request id."""

from __future__ import annotations

import logging
import logging.handlers
from contextvars import ContextVar
from pathlib import Path

request_id: ContextVar[str] = ContextVar("request_id", default="-")

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class RequestIdFilter(logging.Filter):
    """Puts the current request's id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configure_logging(level: str, home: Path | None) -> None:
    """Log to the console, and errors to a rotating file `logs/errors.log` under `home`."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for handler in list(root.handlers):
        if getattr(handler, "is_ours", False):
            root.removeHandler(handler)
            handler.close()
    _add(root, logging.StreamHandler(), level.upper())
    if home is not None:
        folder = home / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        rotating = logging.handlers.RotatingFileHandler(
            folder / "errors.log", maxBytes=5_000_000, backupCount=5, encoding="utf-8", delay=True
        )
        _add(root, rotating, "ERROR")


def _add(root: logging.Logger, handler: logging.Handler, level: str) -> None:
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(RequestIdFilter())
    handler.is_ours = True  # type: ignore[attr-defined]
    root.addHandler(handler)


def fields(**values: object) -> str:
    """`key=value` pairs for a log line; what a caller sent cannot forge a line or drive a terminal."""
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in values.items())


def _quoted(text: str) -> str:
    return text if text.isprintable() and " " not in text else repr(text)
