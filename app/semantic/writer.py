"""Bringing a collection up to date with its texts: only what changed is encoded again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from logging import getLogger
from pathlib import Path
from typing import Any, TypeVar

from app.core.logging import fields
from app.db import db
from app.semantic import manifest, store
from app.semantic.calibration import measure_threshold
from app.semantic.encoder import Encoder, SentenceModel, fingerprint_of
from app.semantic.passages import Passage, Piece, pieces_of
from app.semantic.sources import Source, list_sources

log = getLogger(__name__)
Item = TypeVar("Item")
BATCH = 64
Load = Callable[[Path], Encoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What was done, in numbers of pieces, and the collection's state now."""

    encoded: int
    removed: int
    head: manifest.Head


@dataclass(frozen=True, slots=True)
class Texts:
    """A source as it was read."""

    version: str
    passages: Sequence[Passage]
    pieces: dict[str, Piece]


def sync(
    source: Source,
    folder: Path,
    model: Path,
    *,
    verify: bool = False,
    wait_seconds: float = 60.0,
    load: Load = SentenceModel,
) -> Synced:
    """Let the collection say what the source says. `verify` opens it even when nothing changed.

    Raises ModelError, store.Locked, OSError, and what Chroma raises for a folder that it cannot make anew.
    """
    with store.writing(folder, wait_seconds):
        fingerprint = fingerprint_of(model)
        texts = _read(source)
        head = manifest.read_head(folder, source.collection)
        is_whole = head is not None and head.fingerprint == fingerprint and (folder / store.FILE).is_file()
        stored = manifest.read_pieces(folder, source.collection, fingerprint)
        if head and is_whole and not verify and stored == _digests(texts.pieces):
            head = replace(head, version=texts.version, checked_at=time.time())
            manifest.write_head(folder, source.collection, head)
            return Synced(encoded=0, removed=0, head=head)
        return _Writing(source.collection, folder, load(model)).run(texts, stored, is_whole=is_whole)


def _read(source: Source) -> Texts:
    # The version first: what changes while we read is then seen as a change.
    version = source.version()
    passages = list(source.passages())
    # Encoding takes long; no transaction stays open meanwhile.
    db.session.rollback()
    return Texts(version, passages, {piece.id: piece for piece in pieces_of(passages)})


def _digests(pieces: dict[str, Piece]) -> dict[str, str]:
    return {piece.id: piece.digest for piece in pieces.values()}


class _Writing:
    """One pass over one collection, by the folder's only writer."""

    def __init__(self, name: str, folder: Path, encoder: Encoder) -> None:
        self._name, self._folder, self._encoder = name, folder, encoder

    def run(self, texts: Texts, stored: dict[str, str], *, is_whole: bool) -> Synced:
        opened, collection, present = self._open(is_whole=is_whole or bool(stored))
        try:
            kept = {id: digest for id, digest in stored.items() if id in present}
            changed = [piece for piece in texts.pieces.values() if kept.get(piece.id) != piece.digest]
            gone = sorted(present - texts.pieces.keys())
            self._remove(collection, gone, kept)
            self._encode(collection, changed, kept)
            head = self._finish(collection, texts)
        finally:
            opened.close()
        log.info("collection_synced %s", fields(name=self._name, encoded=len(changed), removed=len(gone)))
        return Synced(encoded=len(changed), removed=len(gone), head=head)

    def _open(self, *, is_whole: bool) -> tuple[store.Store, Any, set[str]]:
        """The open folder, the collection, and the ids in it; made anew when it is not what it should be."""
        opened = None
        if is_whole:
            try:
                opened = store.Store(self._folder)
                collection = opened.collection(self._name, self._encoder)
                present = set(collection.get(include=[])["ids"])
                # Reads the vectors' own files, too, and knows their dimension.
                store.nearest(collection, [1.0] + [0.0] * (self._encoder.dimension - 1), 1)
                return opened, collection, present
            # Chroma's own errors, and panics of its Rust code, which are no Exceptions.
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                log.warning("collection_broken %s", fields(name=self._name, error=repr(error)[:300]))
                if opened is not None:
                    opened.close()
        return (*self._anew(), set())

    def _anew(self) -> tuple[store.Store, Any]:
        manifest.forget(self._folder, self._name)
        try:
            opened = store.Store(self._folder)
            return opened, opened.make(self._name, self._encoder)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            log.warning("index_wiped %s", fields(name=self._name, error=repr(error)[:300]))
        # The folder as a whole is spoilt, so the other collections are gone with it.
        for source in list_sources():
            manifest.forget(self._folder, source.collection)
        store.wipe(self._folder)
        opened = store.Store(self._folder)
        return opened, opened.make(self._name, self._encoder)

    def _remove(self, collection: Any, gone: Sequence[str], kept: dict[str, str]) -> None:
        for ids in _batches(gone):
            collection.delete(ids=list(ids))
        for id in gone:
            kept.pop(id, None)

    def _encode(self, collection: Any, changed: Sequence[Piece], kept: dict[str, str]) -> None:
        for pieces in _batches(changed):
            store.put(collection, pieces, self._encoder.encode([piece.text for piece in pieces]))
            kept.update((piece.id, piece.digest) for piece in pieces)
            # What is done is done, should we be stopped.
            manifest.write_pieces(self._folder, self._name, self._encoder.fingerprint, kept)
        manifest.write_pieces(self._folder, self._name, self._encoder.fingerprint, kept)

    def _finish(self, collection: Any, texts: Texts) -> manifest.Head:
        head = manifest.Head(
            fingerprint=self._encoder.fingerprint,
            model=self._encoder.name,
            dimension=self._encoder.dimension,
            generation=uuid.uuid4().hex,
            threshold=measure_threshold(collection, texts.passages, self._encoder),
            pieces=len(texts.pieces),
            version=texts.version,
            checked_at=time.time(),
        )
        manifest.write_head(self._folder, self._name, head)
        return head


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
