"""The model: texts to unit vectors. Everything here blocks and belongs in a thread or a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

Vector = list[float]
BATCH = 32
# More says which model it is, less may be another one under the same name.
MARK = 16


class Encoder(Protocol):
    """What makes vectors of texts. `fingerprint` is another for another model."""

    fingerprint: str
    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> list[Vector]:
        """A unit vector for each text."""


class ModelError(Exception):
    """There is no model that works; `reason` is a key of `state.REASONS`."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(f"{reason} {details}".strip())
        self.reason = reason


class SentenceModel:
    """A sentence-transformers model in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelError."""
        self.fingerprint = fingerprint_of(folder)
        self.name = folder.name
        self._model = _loaded(folder)
        self.dimension = len(self.encode(["?"])[0])

    def encode(self, texts: Sequence[str]) -> list[Vector]:
        """A unit vector for each text; what is longer than the model reads is cut by it."""
        found = self._model.encode(
            list(texts),
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        vectors: list[Vector] = found.astype("float32").tolist()
        return vectors


def _loaded(folder: Path) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise ModelError("packages", str(error)) from error
    disable_progress_bar()
    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    # Whatever the many libraries underneath raise for a folder that holds no model.
    except Exception as error:
        raise ModelError("model", f"{type(error).__name__}: {error}"[:300]) from error


def fingerprint_of(folder: Path) -> str:
    """What tells this model from another: its files' names, sizes and times. Raises ModelError without a folder."""
    digest = hashlib.sha256()
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in files:
            stat = path.stat()
            digest.update(f"{path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    except OSError as error:
        raise ModelError("model", str(error)) from error
    if not files:
        raise ModelError("model", "no such folder, or it is empty")
    return digest.hexdigest()[:MARK]
