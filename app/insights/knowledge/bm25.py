"""Okapi BM25 over our search tokens (pairs of Chinese characters, English stems). Pure.

Chinese says one thing in several words that share a character (涨价, 提价, 调价), so the single characters of a question
count too, for little.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), formula 3.15, with
the idf of Lucene, which is never negative.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.language.normalise import normalise
from app.language.tokens import character_token, index_tokens, query_tokens, units

# What makes a sentence a question says nothing of what it is about.
ASKING = re.compile(
    "为什么|怎么[办样]?|什么|多少|如何|哪些|哪[家个]|是不是|有没有|请问|应该"
    r"|\b(?:why|when|where|whether|should|shall|many|much|often|too|per|there|about)\b",
    re.IGNORECASE,
)
K1, B = 2.0, 0.75
# A word of the title says more than one of the text.
TITLE_WEIGHT = 4
CHARACTER_WEIGHT = 0.3
# Marks a gain that is no token of the text.
LITERAL = "="


@dataclass(frozen=True, slots=True)
class Scored:
    """A document that came up: its score, and what each token of the query added to it."""

    key: str
    score: float
    gains: Mapping[str, float] = field(default_factory=dict)


_NONE: Mapping[str, Mapping[str, float]] = {}


class Bm25Index:
    """Documents by key, each with a title and a text; immutable once made."""

    def __init__(self, documents: Iterable[tuple[str, str, str]]) -> None:
        self._counts = {key: _counts(title, text) for key, title, text in documents}
        lengths = {key: counts.total() for key, counts in self._counts.items()}
        mean = sum(lengths.values()) / max(1, len(lengths))
        self._norms = {key: K1 * (1 - B + B * length / mean) for key, length in lengths.items()}
        self._holders: Counter[str] = Counter()
        for counts in self._counts.values():
            self._holders.update(counts.keys())

    def search(
        self, query: str, limit: int, lifts: Mapping[str, Mapping[str, float]] = _NONE
    ) -> list[Scored]:
        """The best documents that share a token with the query, best first.

        `lifts`: what some documents gain besides, by a text that says why.
        """
        weights = {token: weight for token, weight in _weights(query).items() if token in self._holders}
        scored = (self._score(key, weights, lifts.get(key, {})) for key in self._counts)
        found = [each for each in scored if each.score > 0]
        return sorted(found, key=lambda each: (-each.score, each.key))[:limit]

    def _score(self, key: str, weights: Mapping[str, float], lifts: Mapping[str, float]) -> Scored:
        counts, norm = self._counts[key], self._norms[key]
        gains = {
            token: weight * self._idf(token) * counts[token] * (K1 + 1) / (counts[token] + norm)
            for token, weight in weights.items()
            if token in counts
        }
        gains |= {f"{LITERAL}{why}": gain for why, gain in lifts.items()}
        return Scored(key, sum(gains.values()), gains)

    def _idf(self, token: str) -> float:
        holders = self._holders[token]
        return math.log(1 + (len(self._counts) - holders + 0.5) / (holders + 0.5))


def _weights(query: str) -> dict[str, float]:
    asked = ASKING.sub(" ", query)
    characters = (unit.text for unit in units(normalise(asked)) if unit.is_cjk)
    return {
        **{character_token(each): CHARACTER_WEIGHT for each in characters},
        **dict.fromkeys(query_tokens(asked), 1.0),
    }


def _counts(title: str, text: str) -> Counter[str]:
    counts = Counter(index_tokens(text))
    for token, count in Counter(index_tokens(title)).items():
        counts[token] += TITLE_WEIGHT * count
    return counts


def readable(token: str) -> str:
    """A token as a person reads it: the characters of a Chinese pair, the stem of an English word."""
    if token.startswith(LITERAL):
        return token.removeprefix(LITERAL)
    if token.startswith("en"):
        return token[2:]
    return "".join(chr(int(code, 16)) for code in token.replace("u", "z").split("z") if code)
