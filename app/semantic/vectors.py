"""A loaded model with its open index. Blocks, and belongs to the one thread of `reader.Reader`."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.semantic import store
from app.semantic.encoder import Encoder, ModelError
from app.semantic.manifest import Head, read_head

# The vectors of so many questions are kept (2 kB each): people page, filter and ask the same things.
KEPT = 2_000
# Pieces of one text come up together: to have `count` texts, ask for more pieces.
PIECES_PER_KEY = 4


class Vectors:
    """Questions to their nearest texts."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self._encoder, self._folder = encoder, folder
        self.fingerprint = encoder.fingerprint
        self._store: store.Store | None = None
        self._open: dict[str, tuple[str, Any]] = {}
        self._kept: OrderedDict[str, array[float]] = OrderedDict()

    def nearest(self, name: str, head: Head, query: str, count: int) -> list[tuple[str, float]]:
        """Keys with similarities, best first. Raises ModelError when the model fails, else what Chroma raises."""
        return store.nearest(self._collection(name, head), self._vector(query), count * PIECES_PER_KEY)

    def check(self, names: Sequence[str]) -> None:
        """Use everything once, so that the first question does not pay for it."""
        self._encode("?")
        for name in names:
            head = read_head(self._folder, name)
            if head is not None and head.fingerprint == self.fingerprint:
                self.nearest(name, head, "?", 1)

    def _collection(self, name: str, head: Head) -> Any:
        generation, collection = self._open.get(name, ("", None))
        if generation != head.generation:
            if self._store is not None:
                # Chroma would go on answering from memory.
                self._store.close()
                self._store, self._open = None, {}
            if not (self._folder / store.FILE).is_file():
                raise FileNotFoundError(self._folder / store.FILE)
            self._store = self._store or store.Store(self._folder)
            collection = self._store.collection(name, self._encoder)
            self._open[name] = head.generation, collection
        return collection

    def _vector(self, query: str) -> list[float]:
        vector = self._kept.pop(query, None)
        if vector is None:
            vector = array("f", self._encode(query))
        self._kept[query] = vector
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return list(vector)

    def _encode(self, query: str) -> list[float]:
        try:
            return self._encoder.encode([query])[0]
        except Exception as error:
            raise ModelError("encode", repr(error)[:300]) from error
