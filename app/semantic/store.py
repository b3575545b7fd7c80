"""Chroma on disk: one folder with a collection for each kind of text. Blocks; belongs in a thread or a worker.

Chroma keeps what it has read in memory and does not see another process's writing. So there is one writer at a time, behind
`writing`, and readers open the folder again when a collection's head says that it has changed.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app.semantic.encoder import Encoder, ModelError, Vector
from app.semantic.passages import Piece

FILE = "chroma.sqlite3"
_SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Exact enough for these sizes, and cheap: https://docs.trychroma.com, collection configuration.
SETTINGS = {"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}}
LOCK_STEP = 0.2


class Locked(Exception):
    """Another process writes."""


class Store:
    """An open folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelError without Chroma, and whatever Chroma raises for a folder that it cannot use."""
        try:
            import chromadb
            from chromadb.api.shared_system_client import SharedSystemClient
        except ImportError as error:
            raise ModelError("packages", str(error)) from error
        settings = chromadb.Settings(anonymized_telemetry=False)
        try:
            self._client = chromadb.PersistentClient(path=str(folder), settings=settings)
        except BaseException:
            # Else the half-open one would be handed out at the next try.
            SharedSystemClient._identifier_to_system.pop(str(folder), None)
            raise

    def close(self) -> None:
        """Let go of the folder's files."""
        with suppress(Exception):
            self._client.close()

    def collection(self, name: str, encoder: Encoder) -> Any:
        """A collection that is there. Raises what Chroma raises when it is not."""
        return self._client.get_collection(name, embedding_function=_function_of(encoder))

    def make(self, name: str, encoder: Encoder) -> Any:
        """A new, empty collection in the place of what was there."""
        if name in {each.name for each in self._client.list_collections()}:
            self._client.delete_collection(name)
        return self._client.create_collection(
            name,
            configuration=SETTINGS,
            embedding_function=_function_of(encoder),
            metadata={"model": encoder.name, "fingerprint": encoder.fingerprint},
        )


def put(collection: Any, pieces: Sequence[Piece], vectors: Sequence[Vector]) -> None:
    """Write pieces, new ones and changed ones."""
    collection.upsert(
        ids=[piece.id for piece in pieces],
        embeddings=list(vectors),
        documents=[piece.text for piece in pieces],
        metadatas=[{"key": piece.key, "locale": piece.locale, "digest": piece.digest} for piece in pieces],
    )


def nearest(collection: Any, vector: Vector, count: int) -> list[tuple[str, float]]:
    """Keys with the similarity (-1 to 1) of their nearest piece, best first, of the `count` nearest pieces."""
    answer = collection.query(query_embeddings=[vector], n_results=count, include=["metadatas", "distances"])
    best: dict[str, float] = {}
    for metadata, distance in zip(answer["metadatas"][0], answer["distances"][0], strict=True):
        best.setdefault(metadata["key"], round(1 - distance, 4))
    return sorted(best.items(), key=lambda each: (-each[1], each[0]))


def _function_of(encoder: Encoder) -> Any:
    """The embedding function that Chroma is given every time: its default would download a model."""
    from chromadb import EmbeddingFunction
    from chromadb.utils.embedding_functions import known_embedding_functions, register_embedding_function

    class ShopEmbedding(EmbeddingFunction):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            """Nothing to set: the model is the one of the settings."""

        def __call__(self, input: Sequence[str]) -> Any:
            return encoder.encode(input)

        @staticmethod
        def name() -> str:
            return "mcpshop"

        def get_config(self) -> dict[str, Any]:
            return {}

        @staticmethod
        def build_from_config(config: dict[str, Any]) -> ShopEmbedding:
            return ShopEmbedding()

    if ShopEmbedding.name() not in known_embedding_functions:
        register_embedding_function(ShopEmbedding)
    return ShopEmbedding()


@contextmanager
def writing(folder: Path, wait_seconds: float) -> Iterator[None]:
    """Be the only writer of the folder, in all processes of this machine. Raises Locked, or OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    with (folder / "writer.lock").open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Locked() from None
                time.sleep(LOCK_STEP)
        yield


def wipe(folder: Path) -> None:
    """Take away what Chroma has in the folder, and nothing else that may lie there. Raises OSError."""
    for path in folder.glob(f"{FILE}*"):
        path.unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and _SEGMENT.fullmatch(path.name):
            shutil.rmtree(path)
