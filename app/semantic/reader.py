"""Finding by meaning in a process that answers people: never longer than it may take, never instead of words.

One thread holds the model and the open index. What goes wrong is kept as `trouble`, and while there is trouble nobody
waits: a look from time to time (`_prepare`) ends it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from pathlib import Path
from typing import Any, Protocol, cast

from flask import current_app

from app.config import Settings
from app.core.logging import fields
from app.runtime import settings
from app.semantic import manifest
from app.semantic.encoder import ModelError, SentenceModel, fingerprint_of
from app.semantic.native import Busy, OneThread
from app.semantic.requests import request_sync, trouble_of
from app.semantic.sources import list_sources
from app.semantic.state import INDEXING, OFF, OK, STARTING, State, Unavailable, state_of
from app.semantic.store import FILE
from app.semantic.vectors import Vectors
from app.semantic.writer import Load

log = getLogger(__name__)
EXTENSION = "mcpshop_meaning"
MAX_QUERY = 300
# How long what failed is left alone.
REST_SECONDS = {"slow": 3.0, "encode": 5.0, "index": 5.0, "model": 30.0, "packages": 300.0}
# Loading a large model from a slow disk may take this long.
LOADING_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Found:
    """Keys with their similarity, best first; all of them above the threshold."""

    matches: Sequence[tuple[str, float]]
    threshold: float
    model: str


class Meaning(Protocol):
    """What searches ask."""

    def find(self, collection: str, query: str, count: int) -> Found:
        """The nearest things of a collection. Raises Unavailable."""

    def state(self) -> State:
        """How it is doing; begins to load what is not there yet."""


def meaning() -> Meaning:
    """The current application's, in this process."""
    held = current_app.extensions.get(EXTENSION)
    if held is None or getattr(held, "pid", os.getpid()) != os.getpid():
        held = current_app.extensions[EXTENSION] = Reader(settings())
    return cast(Meaning, held)


class Reader:
    """The model and the index of the settings."""

    def __init__(self, values: Settings, load: Load = SentenceModel) -> None:
        self.pid = os.getpid()
        self._model, self._folder = values.embed_model_path, values.chroma_path
        self._seconds = values.semantic_timeout_seconds
        self._load = load
        self._thread = OneThread(stuck_seconds=self._seconds)
        self._vectors: Vectors | None = None
        self._preparing_since: float | None = None
        self._trouble, self._rests_until = "", 0.0
        self._heads: dict[str, tuple[Any, manifest.Head | None]] = {}

    def find(self, collection: str, query: str, count: int) -> Found:
        """The nearest things of a collection, at most `count`. Raises Unavailable, at once or after the time-out."""
        head, vectors = self._ready(collection)
        ask = partial(vectors.nearest, collection, head, query[:MAX_QUERY], count)
        try:
            matches = self._thread.call(ask, self._seconds)
        except (Busy, TimeoutError):
            raise self._fails("slow") from None
        except ModelError as error:
            raise self._fails(error.reason, error) from error
        except Exception as error:
            request_sync(collection, verify=True)
            raise self._fails("index", error) from error
        near = [match for match in matches if match[1] > head.threshold]
        return Found(near[:count], head.threshold, head.model)

    def state(self) -> State:
        """See Meaning."""
        if self._model is None:
            return State(OFF)
        names = [source.collection for source in list_sources()]
        reason = ""
        for name in names:
            try:
                self._ready(name)
            except Unavailable as error:
                reason = reason or error.reason
        reason = trouble_of(names) or reason
        if reason:
            return state_of(reason)
        return State(OK, model=self._model.name)

    def wait(self, seconds: float) -> State:
        """For commands: the state once nothing is under way any more, or after so long."""
        deadline = time.monotonic() + seconds
        while (found := self.state()).word == STARTING and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _ready(self, collection: str) -> tuple[manifest.Head, Vectors]:
        """What a search needs; else begins to get it. Raises Unavailable."""
        if self._model is None:
            raise Unavailable(OFF)
        if self._trouble:
            self._prepare(self._model)
            if self._trouble == "index":
                request_sync(collection, verify=True)
            raise Unavailable(self._trouble or STARTING)
        head = self._head(collection)
        vectors = self._vectors
        if head is not None and vectors is not None and vectors.fingerprint == head.fingerprint:
            return head, vectors
        try:
            fingerprint = fingerprint_of(self._model)
        except ModelError as error:
            raise self._fails(error.reason, error) from error
        if vectors is None or vectors.fingerprint != fingerprint:
            self._prepare(self._model)
        if head is None or head.fingerprint != fingerprint:
            request_sync(collection)
            raise Unavailable(INDEXING)
        raise Unavailable(STARTING)

    def _head(self, collection: str) -> manifest.Head | None:
        """The collection's head, read again only when it was written again."""
        try:
            mark = _mark(self._folder / f"{collection}.json"), (self._folder / FILE).stat().st_ino
        except OSError:
            return None
        found = self._heads.get(collection)
        if found is None or found[0] != mark:
            found = self._heads[collection] = mark, manifest.read_head(self._folder, collection)
        return found[1]

    def _fails(self, reason: str, error: Exception | None = None) -> Unavailable:
        log.warning("meaning_unavailable %s", fields(reason=reason, error=repr(error)[:300]))
        self._trouble, self._rests_until = reason, time.monotonic() + REST_SECONDS.get(reason, 5.0)
        return Unavailable(reason)

    def _prepare(self, model: Path) -> None:
        """Begin to load the model and open the index, unless that is under way or has failed just now."""
        now = time.monotonic()
        if self._preparing_since is not None:
            if now - self._preparing_since > LOADING_SECONDS:
                self._trouble = "slow"
            return
        if now >= self._rests_until:
            self._preparing_since = now
            self._thread.start(partial(self._prepare_now, model, self._vectors), self._prepared)

    def _prepare_now(self, model: Path, vectors: Vectors | None) -> None:
        """In the thread: load, or try again what was loaded."""
        try:
            if vectors is None or vectors.fingerprint != fingerprint_of(model):
                vectors = Vectors(self._load(model), self._folder)
            vectors.check([source.collection for source in list_sources()])
        except ModelError as error:
            self._fails(error.reason, error)
        except BaseException as error:
            self._fails("model" if vectors is None else "index", RuntimeError(repr(error)))
        else:
            self._vectors, self._trouble = vectors, ""

    def _prepared(self) -> None:
        self._preparing_since = None


def _mark(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
