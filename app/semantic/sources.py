"""What is to be found by meaning: features above lend their texts here (see app.wiring)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.core.errors import NotFound
from app.semantic.passages import Passage


@dataclass(frozen=True, slots=True)
class Source:
    """A collection's texts. `version` costs little and is another when texts were added or taken away at least."""

    collection: str
    version: Callable[[], str]
    passages: Callable[[], Iterable[Passage]]


SOURCES: list[Callable[[], Source]] = []


def list_sources() -> list[Source]:
    """All of them."""
    return [make() for make in SOURCES]


def get_source(collection: str) -> Source:
    """Raises NotFound."""
    for source in list_sources():
        if source.collection == collection:
            return source
    raise NotFound()
