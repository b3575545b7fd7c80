"""Addresses of static files, with their content's version so that they may be kept for ever."""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from pathlib import Path

from flask import has_request_context, request

from app.config import PROJECT_ROOT

STATIC = PROJECT_ROOT / "static"
_asked: set[str] = set()


def static_url(path: str) -> str:
    """URL of a static file with its content's version."""
    root = request.script_root if has_request_context() else ""
    return f"{root}/static/{path}?v={_version(path, int(time.monotonic()))}"


def static_state() -> int:
    """Another number whenever a file changes that a page has asked for; looked at once a second."""
    return _state(int(time.monotonic()), len(_asked))


@lru_cache(maxsize=4)
def _state(second: int, _count: int) -> int:
    return hash(tuple((path, _version(path, second)) for path in sorted(_asked)))


@lru_cache(maxsize=1024)
def _version(path: str, _second: int) -> str:
    """The version of a file; looked at once a second, since a page asks for some of them many times."""
    _asked.add(path)
    file = STATIC / path
    return _content_version(file, file.stat().st_mtime_ns) if file.exists() else "0"


@lru_cache(maxsize=512)
def _content_version(path: Path, _stamp: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
