"""What the knowledge base says of the metric and of what was found: the sentence of each document that fits best, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.insights.diagnosis.model import Document
from app.insights.knowledge.bm25 import Bm25Index
from app.insights.knowledge.search import Hit, search_documents

_SENTENCE = {
    "zh": re.compile(r"[^。！？\n]+[。！？]?"),
    "en": re.compile(r"[^.!?\n]+(?:[.!?](?=\d|\w)[^.!?\n]+)*[.!?]?"),
}
LEAST_CHARS, MOST_CHARS = 10, 260


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence of a document."""

    document: Document
    text: str


def find_quotation(
    query: str,
    locale: str,
    kinds: Sequence[str],
    used: set[str],
    tags: Sequence[str] = (),
    *,
    only_tagged: bool = False,
) -> Quotation | None:
    """The best sentence on a subject that is not used yet; documents with one of `tags` come first."""
    hits = search_documents(query, locale, 6, kinds)
    ranked = [hit for hit in hits if set(hit.tags) & set(tags)] + [
        hit for hit in hits if not set(hit.tags) & set(tags)
    ]
    if only_tagged:
        ranked = [hit for hit in ranked if set(hit.tags) & set(tags)]
    for hit in ranked[:3]:
        sentence = _best(hit, query, locale, used)
        if sentence:
            used.add(sentence)
            return Quotation(Document(hit.key, hit.title, hit.content), sentence)
    return None


def _best(hit: Hit, query: str, locale: str, used: set[str]) -> str | None:
    sentences = [
        sentence
        for match in _SENTENCE[locale].finditer(hit.content)
        if LEAST_CHARS <= len(sentence := match[0].strip()) <= MOST_CHARS
        and sentence not in used
        and not set(sentence) & set('“”"「」')
    ]
    index = Bm25Index((str(place), "", sentence) for place, sentence in enumerate(sentences))
    found = index.search(query, 1)
    if found:
        return sentences[int(found[0].key)]
    return sentences[0] if sentences else None
