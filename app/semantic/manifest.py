"""What is known of a collection beside the collection itself: two small files in the index's folder.

`<collection>.json` is what readers go by; it is not there while a collection is built anew. `<collection>.pieces.json`
is the writer's: the digest of every piece that is in the collection.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The state of a finished collection; `generation` is another after every change of it.

    `version` is the source's when it was read; `checked_at` is a time in seconds since 1970.
    """

    fingerprint: str
    model: str
    dimension: int
    generation: str
    threshold: float
    pieces: int
    version: str
    checked_at: float


def read_head(folder: Path, collection: str) -> Head | None:
    """None when there is no finished collection, or what is there cannot be read."""
    values = _read(folder / f"{collection}.json")
    try:
        return Head(**values) if values else None
    except TypeError:
        return None


def write_head(folder: Path, collection: str, head: Head) -> None:
    """Raises OSError."""
    _write(folder / f"{collection}.json", asdict(head))


def read_pieces(folder: Path, collection: str, fingerprint: str) -> dict[str, str]:
    """Digests by piece; none when they are another model's."""
    values = _read(folder / f"{collection}.pieces.json") or {}
    found = values.get("pieces") if values.get("fingerprint") == fingerprint else None
    return found if isinstance(found, dict) else {}


def write_pieces(folder: Path, collection: str, fingerprint: str, pieces: Mapping[str, str]) -> None:
    """Raises OSError."""
    _write(folder / f"{collection}.pieces.json", {"fingerprint": fingerprint, "pieces": dict(pieces)})


def forget(folder: Path, collection: str) -> None:
    """From here on the collection is not finished. Raises OSError."""
    for name in (f"{collection}.json", f"{collection}.pieces.json"):
        (folder / name).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, values: Mapping[str, Any]) -> None:
    """Whole or not at all: others read it at any time."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(values), encoding="utf-8")
    draft.replace(path)
