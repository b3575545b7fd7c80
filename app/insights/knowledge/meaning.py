"""The documents as the index of meanings has them: both languages, one passage each."""

from __future__ import annotations

from collections.abc import Iterator

from app.insights.knowledge.queries import list_documents, version_of_documents
from app.semantic.passages import Passage
from app.semantic.sources import Source

COLLECTION = "retail_kb"


def document_source() -> Source:
    """For `semantic.sources`."""
    return Source(COLLECTION, version_of_documents, _passages)


def _passages() -> Iterator[Passage]:
    for document in list_documents():
        for locale in ("zh", "en"):
            yield Passage(document.key, locale, document.title_in(locale), document.content_in(locale))
