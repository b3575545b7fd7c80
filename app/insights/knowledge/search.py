"""Finding documents: a BM25 index that always works, fused with meaning where there is a model for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app

from app.insights.knowledge.bm25 import Bm25Index, Scored, readable
from app.insights.knowledge.fusion import fuse
from app.insights.knowledge.models import KnowledgeDocument
from app.insights.knowledge.queries import list_documents, version_of_documents

EXTENSION = "mcpshop_knowledge_index"
MAX_QUERY = 300
CANDIDATES = 20
TERMS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that came up, and why: its place by words and by meaning (from 1, None when not there).

    `terms` are the words that did most, strongest first.
    """

    key: str
    title: str
    content: str
    tags: tuple[str, ...]
    score: float
    word_place: int | None
    meaning_place: int | None
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    title: str
    content: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Index:
    version: str
    texts: dict[str, dict[str, _Text]]
    words: Bm25Index


def search_documents(query: str, locale: str, limit: int = 5, kinds: Sequence[str] = ()) -> list[Hit]:
    """The documents nearest to a question, best first, with their text in the locale ("zh" or "en").

    `kinds` limits them to some of `rules.KINDS`. The question may be in either language.
    """
    index = _index()
    by_words = index.words.search(query[:MAX_QUERY], CANDIDATES)
    words = {each.key: (place, each) for place, each in enumerate(by_words, start=1)}
    fused = fuse([[each.key for each in by_words]])
    hits = (_hit(index.texts[key][locale], key, score, words.get(key)) for key, score in fused)
    return [hit for hit in hits if not kinds or hit.tags[0] in kinds][:limit]


def _hit(text: _Text, key: str, score: float, by_words: tuple[int, Scored] | None) -> Hit:
    gains = by_words[1].gains if by_words else {}
    strongest = sorted(gains, key=lambda token: -gains[token])[:TERMS]
    return Hit(
        key=key,
        title=text.title,
        content=text.content,
        tags=text.tags,
        score=score,
        word_place=by_words[0] if by_words else None,
        meaning_place=None,
        terms=tuple(readable(token) for token in strongest),
    )


def _index() -> _Index:
    """This process's index of the documents as they are now; a change made anywhere is seen at the next search."""
    version = version_of_documents()
    found: _Index | None = current_app.extensions.get(EXTENSION)
    if found is None or found.version != version:
        found = current_app.extensions[EXTENSION] = _build(version, list_documents())
    return found


def _build(version: str, documents: Sequence[KnowledgeDocument]) -> _Index:
    texts = {
        each.key: {
            locale: _Text(each.title_in(locale), each.content_in(locale), tuple(each.tags))
            for locale in ("zh", "en")
        }
        for each in documents
    }
    # Both languages in one entry: a question in English finds a document that only its Chinese text would.
    words = Bm25Index(
        (each.key, f"{each.title} {each.title_en}", f"{each.content} {each.content_en} {' '.join(each.tags)}")
        for each in documents
    )
    return _Index(version, texts, words)
