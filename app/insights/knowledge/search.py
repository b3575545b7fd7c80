"""Finding documents: a BM25 index that always works, fused with meaning where there is a model for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import current_app

from app.insights.knowledge.bm25 import Bm25Index, Scored, readable
from app.insights.knowledge.meaning import COLLECTION
from app.insights.knowledge.models import KnowledgeDocument
from app.insights.knowledge.queries import list_documents, version_of_documents
from app.insights.metrics.catalogue import catalogue
from app.insights.parsing.metric_words import take_metrics
from app.insights.parsing.text import Text
from app.semantic.fusion import fuse
from app.semantic.reader import Found, meaning
from app.semantic.state import Unavailable

EXTENSION = "mcpshop_knowledge_index"
MAX_QUERY = 300
CANDIDATES = 20
TERMS = 6
# About as much as a rare word in a text; tests/insights/knowledge has the questions it was tried on.
METRIC_GAIN = 6.0
NO_ONE = Found((), 0.0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that came up, and why: its place by words and by meaning (from 1, None when not there).

    `score` is the fused one. `gains` are the words that did most for its BM25 score (`word_score`), strongest first;
    `similarity` is that of its nearest piece, 1 at most.
    """

    key: str
    title: str
    content: str
    tags: tuple[str, ...]
    score: float
    word_place: int | None = None
    word_score: float = 0.0
    gains: Mapping[str, float] = field(default_factory=dict)
    meaning_place: int | None = None
    similarity: float | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """The words that did most, strongest first."""
        return tuple(self.gains)


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first, and how they were found; `unavailable` says why not by meaning, "" when so."""

    hits: list[Hit]
    unavailable: str = ""
    model: str = ""
    threshold: float = 0.0


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
    return answer(query, locale, limit, kinds).hits


def answer(query: str, locale: str, limit: int = 5, kinds: Sequence[str] = ()) -> Answer:
    """The same, and how it was come by."""
    index, query = _index(), query[:MAX_QUERY]
    by_words = index.words.search(query, CANDIDATES, _lifts(index, query, locale))
    by_meaning, unavailable = _by_meaning(query)
    # What has been deleted since the index of meanings was written is not there any more.
    near = [(key, similarity) for key, similarity in by_meaning.matches if key in index.texts]
    words = {each.key: (place, each) for place, each in enumerate(by_words, start=1)}
    meanings = {key: (place, each) for place, (key, each) in enumerate(near, start=1)}
    fused = fuse([list(words), list(meanings)])
    hits = (
        _hit(index.texts[key][locale], key, score, words.get(key), meanings.get(key)) for key, score in fused
    )
    chosen = [hit for hit in hits if not kinds or hit.tags[0] in kinds][:limit]
    return Answer(chosen, unavailable, by_meaning.model, by_meaning.threshold)


def _lifts(index: _Index, query: str, locale: str) -> dict[str, dict[str, float]]:
    """Documents about a metric that the question names, in whichever words people have for it."""
    named = {said.metric: METRIC_GAIN for said in take_metrics(Text(query))}
    names = catalogue().metrics
    return {
        key: {f"#{names[tag].name(locale)}": named[tag] for tag in text["zh"].tags if tag in named}
        for key, text in (index.texts.items() if named else ())
    }


def _by_meaning(query: str) -> tuple[Found, str]:
    if not query.strip():
        return NO_ONE, ""
    try:
        return meaning().find(COLLECTION, query, CANDIDATES), ""
    except Unavailable as error:
        return NO_ONE, error.reason


def _hit(
    text: _Text,
    key: str,
    score: float,
    by_words: tuple[int, Scored] | None,
    by_meaning: tuple[int, float] | None,
) -> Hit:
    gains = by_words[1].gains if by_words else {}
    return Hit(
        key=key,
        title=text.title,
        content=text.content,
        tags=text.tags,
        score=score,
        word_place=by_words[0] if by_words else None,
        word_score=by_words[1].score if by_words else 0.0,
        gains=_telling(gains),
        meaning_place=by_meaning[0] if by_meaning else None,
        similarity=by_meaning[1] if by_meaning else None,
    )


def _telling(gains: Mapping[str, float]) -> dict[str, float]:
    """The words that did most, strongest first; a character of one of them tells nothing more."""
    words = {readable(token): gain for token, gain in gains.items()}
    pairs = [word for word in words if len(word) == 2]
    telling = [word for word in words if not (len(word) == 1 and any(word in pair for pair in pairs))]
    return {word: words[word] for word in sorted(telling, key=lambda each: -words[each])[:TERMS]}


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
