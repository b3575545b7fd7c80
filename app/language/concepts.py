"""What shop words mean: product types, concerns, occasions and categories, in Chinese and English.

The lexicon lives in ``data/concepts/*.toml``; this module finds its entries in a text. "frizzy hair", 毛躁 and 抗毛躁 are
the concept ``frizz``; a product whose own text says 防毛躁 is about the same concept, so a wish in one language
finds a product written in the other.

For search: :func:`analyse` a query, and add :func:`concept_tokens` of each product's texts to its index. A product
fits a concept when it holds the concept's token, or (without such an index) one of its terms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.language.lexicon import END, Concept, key_of, lexicon
from app.language.normalise import normalise
from app.language.tokens import STOP_WORDS, Unit, query_tokens, units

KINDS = ("product", "concern", "ingredient", "attribute", "recipient", "occasion", "category")
# A contained word is kept beside the longer one only for what it says of the product: 防脱 in 防脱洗发水. English
# compounds mean something else than their parts: a dry shampoo is not for dry skin.
_KEPT_INSIDE_A_PRODUCT = frozenset({"concern", "ingredient", "attribute"})


@dataclass(frozen=True, slots=True)
class Match:
    """A concept found in a normalised text, between ``start`` and ``end``."""

    concept: Concept
    start: int
    end: int
    is_chinese: bool


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """A query, understood.

    ``tokens``: search tokens of all that has content, best for ranking (OR). ``concepts``: what was recognised.
    ``required``: a product has to fit one of these (the product types named, or, where there is none, the
    concerns, ingredients and so on); ``related``: the next best, when nothing fits those. ``free_tokens``: content that no concept covers, such as a
    name; if there are neither concepts nor free tokens, everything fits. ``category_ids``: hints, for ranking.
    """

    text: str
    tokens: tuple[str, ...]
    concepts: tuple[Concept, ...]
    required: tuple[Concept, ...]
    related: tuple[Concept, ...]
    free_tokens: tuple[str, ...]
    category_ids: tuple[int, ...]

    def of_kind(self, *kinds: str) -> tuple[Concept, ...]:
        """The recognised concepts of these kinds, in the order they were said."""
        return tuple(concept for concept in self.concepts if concept.kind in kinds)


_LONE = re.compile(r"(?:^|(?<= ))[^\w\s]+(?= |$)")  # punctuation that lost its words


def find_concepts(normalised: str) -> list[Match]:
    """Every concept a customer's normalised text speaks of, in order; of overlapping words the longest.

    The text is taken as it is, so that the positions hold for it.
    """
    return _find(normalised, lexicon().said)


def _find(normalised: str, trie: dict[str, Any]) -> list[Match]:
    matches = list(_all_matches(units(normalised), trie))
    return [match for match in matches if not any(_is_hidden_by(match, other) for other in matches)]


def _all_matches(parts: Sequence[Unit], trie: dict[str, Any]) -> Iterator[Match]:
    for begin in range(len(parts)):
        node = trie
        for end in range(begin, len(parts)):
            step = node.get(key_of(parts[end]))
            if step is None:
                break
            node = step
            for concept in node.get(END, ()):
                yield Match(concept, parts[begin].start, parts[end].end, parts[begin].is_cjk)


def _is_hidden_by(match: Match, other: Match) -> bool:
    shorter = (match.end - match.start) < (other.end - other.start)
    if not shorter or match.start < other.start or match.end > other.end:
        return False
    says_more = match.concept.kind in _KEPT_INSIDE_A_PRODUCT and (
        match.is_chinese or match.concept.kind == "ingredient"
    )
    return not (other.concept.kind == "product" and says_more)


def analyse(text: str) -> QueryTerms:
    """Understand a search query or a customer's description of what they want."""
    normalised = normalise(text)
    matches = find_concepts(normalised)
    concepts = _with_implied({match.concept.key: match.concept for match in matches})
    required = _required(concepts)
    free = query_tokens(_without(normalised, matches))
    wanted = tuple(key for concept in concepts for key in concept.category_keys)
    ids = tuple(dict.fromkeys(lexicon().categories[key].id for key in wanted))
    return QueryTerms(
        text=normalised,
        tokens=tuple(query_tokens(_without(normalised, ()))),
        concepts=concepts,
        required=required,
        related=_related(required),
        free_tokens=tuple(free),
        category_ids=ids,
    )


def _without(normalised: str, matches: Sequence[Match]) -> str:
    """``normalised`` without the matched spans and without words that say nothing about a product."""
    chars = list(normalised)
    for match in matches:
        chars[match.start : match.end] = " " * (match.end - match.start)
    parts = units("".join(chars))
    position = 0
    while position < len(parts):
        length = _noise_length(parts, position)
        for unit in parts[position : position + length]:
            chars[unit.start : unit.end] = " " * (unit.end - unit.start)
        position += length or 1
    return "".join(chars)


def _noise_length(parts: Sequence[Unit], begin: int) -> int:
    """How many units from ``begin`` on are noise (请, 推荐, please ...); units have to be adjacent."""
    node, longest = lexicon().noise, 0
    for end in range(begin, len(parts)):
        apart = parts[end].is_cjk and end > begin and parts[end].start != parts[end - 1].end
        step = None if apart else node.get(key_of(parts[end]))
        if step is None:
            break
        node = step
        if END in node:
            longest = end - begin + 1
    return longest or int(not parts[begin].is_cjk and parts[begin].text in STOP_WORDS)


def _with_implied(said: dict[str, Concept]) -> tuple[Concept, ...]:
    """The concepts said; what several of them mean together stands for the product type among them."""
    for concept in lexicon().concepts.values():
        for group in concept.implied_by:
            if said.keys() >= group:
                kept = {key: c for key, c in said.items() if key not in group or c.kind != concept.kind}
                said = {**kept, concept.key: concept}
    return tuple(said.values())


def _required(concepts: Sequence[Concept]) -> tuple[Concept, ...]:
    """The strongest kind of word that was said decides what a product has to be; the others rank."""
    for kinds in (("product",), ("concern", "ingredient", "recipient", "occasion"), ("attribute",)):
        if chosen := [concept for concept in concepts if concept.kind in kinds]:
            return tuple(chosen)
    return ()


def _related(required: Sequence[Concept]) -> tuple[Concept, ...]:
    keys = dict.fromkeys(key for concept in required for key in concept.related)
    return tuple(lexicon().concepts[key] for key in keys if lexicon().concepts[key] not in required)


def content_phrase(text: str) -> str:
    """The words of ``text`` that say what is wanted: concepts, names and codes, without please, any and how much."""
    normalised = normalise(text)
    kept = bytearray(len(normalised))
    for match in find_concepts(normalised):
        if match.concept.kind != "category":
            kept[match.start : match.end] = b"\1" * (match.end - match.start)
    rest = _without(normalised, find_concepts(normalised))
    kept = bytearray(flag or not char.isspace() for flag, char in zip(kept, rest, strict=True))
    shown = "".join(
        char if flag and char not in ',.;:!?"()[]' else " "
        for char, flag in zip(normalised, kept, strict=True)
    )
    return " ".join(_LONE.sub(" ", " ".join(shown.split())).split())


def concepts_of_product(*texts: str) -> frozenset[str]:
    """The keys of all concepts that a product's texts (names and descriptions) speak of, broader ones included."""
    found = own_concepts(*texts)
    return frozenset(key for concept in found for key in (concept.key, *concept.broader, *concept.akin))


def own_concepts(*texts: str) -> frozenset[Concept]:
    """The concepts that a product's texts name themselves."""
    trie = lexicon().written
    return frozenset(match.concept for text in texts for match in _find(normalise(text), trie))


def concept_tokens(*texts: str) -> list[str]:
    """The search tokens of the concepts in a product's texts, to be indexed beside :func:`index_tokens`."""
    return sorted(lexicon().concepts[key].token for key in concepts_of_product(*texts))
