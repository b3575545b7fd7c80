"""How well a product answers a query: one formula for the search's order and the assistant's choice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.language.concepts import QueryTerms, concepts_of_product, own_concepts
from app.language.lexicon import Concept
from app.language.normalise import normalise
from app.language.tokens import index_tokens

# Weights, found by trying them on the utterances in tests/llm: a name says what a product is, a description what it is about.
_NAME, _AKIN, _ABOUT, _RELATED = 1.0, 0.6, 0.35, 0.5
_KIND_WEIGHT = {
    "product": 6.0,
    "concern": 3.0,
    "ingredient": 3.0,
    "attribute": 2.5,
    "recipient": 3.0,
    "occasion": 3.0,
}
_OTHER_RECIPIENT = 0.3
_ENOUGH_WORDS = 0.34
_FREE_WORD, _WHOLE_NAME, _WHOLE_SKU = 2.0, 8.0, 40.0


@dataclass(frozen=True, slots=True)
class ProductText:
    """What a product's texts say, prepared once: tokens and concepts of its names, and of its descriptions."""

    sku: str
    names: tuple[str, ...]
    name_tokens: frozenset[str]
    name_concepts: frozenset[str]
    akin_concepts: frozenset[str]
    about_tokens: frozenset[str]
    about_concepts: frozenset[str]
    category_id: int | None = None


def product_text(product: Mapping[str, Any]) -> ProductText:
    """The texts of a product as tools show it (``name_zh``, ``name_en``, ``name``, ``description``, ``sku``)."""
    names = tuple(
        filter(None, dict.fromkeys(str(product.get(key) or "") for key in ("name_zh", "name_en", "name")))
    )
    about = tuple(
        filter(
            None, (str(product.get(key) or "") for key in ("description", "description_zh", "description_en"))
        )
    )
    category_id = product.get("category_id")
    return _prepare(
        str(product.get("sku", "")), names, about, category_id if isinstance(category_id, int) else None
    )


@lru_cache(maxsize=4_096)
def _prepare(
    sku: str, names: tuple[str, ...], about: tuple[str, ...], category_id: int | None
) -> ProductText:
    return ProductText(
        sku=normalise(sku),
        names=tuple({spoken: None for name in names for spoken in _spoken_names(name)}),
        name_tokens=frozenset(token for name in names for token in index_tokens(name)),
        name_concepts=concepts_of_product(*names),
        akin_concepts=frozenset(key for concept in own_concepts(*names) for key in concept.akin),
        about_tokens=frozenset(token for text in about for token in index_tokens(text)),
        about_concepts=concepts_of_product(*about),
        category_id=category_id,
    )


_PACK = re.compile(
    r"[(\[][^)\]]*[)\]]|,? ?\d+ ?(?:pcs|pairs|vials|sticks|jars|bags|min|ml|分钟|片|支|瓶|条|包|双)$"
)


def _spoken_names(name: str) -> list[str]:
    """A name as it is written, and without its pack size, which nobody says; without spaces."""
    full = normalise(name)
    short = _PACK.sub("", full)
    return [spoken for text in (full, short) if len(spoken := text.replace(" ", "")) > 2]


def score(query: QueryTerms, product: ProductText) -> float:
    """How well ``product`` answers ``query``; 0 when it does not. Comparable between products of one query only."""
    if tier(query, product) == 0:
        return 0.0
    said = {concept.key for concept in query.concepts}
    concepts = sum(_concept_score(concept, product, said) for concept in (*query.concepts, *query.related))
    total = 0.1 + concepts + _words_score(query, product) + _name_score(query, product)
    return total * _OTHER_RECIPIENT if _is_for_somebody_else(query, product) else total


def _is_for_somebody_else(query: QueryTerms, product: ProductText) -> bool:
    """A gift box for mothers is no answer to a gift for him."""
    said = {concept.key for concept in query.of_kind("recipient")}
    meant = {key for key in product.name_concepts if key.startswith("for_")}
    return bool(said and meant and not said & meant)


def tier(query: QueryTerms, product: ProductText) -> int:
    """How directly ``product`` is what was asked for: 3 by its name, 2 by its description, 1 related, 0 not at all.

    A list in order of price or sales shows the best tier alone, or the dearest hand cream would be a gift box
    that holds one.
    """
    if _name_score(query, product) >= _WHOLE_NAME:
        return 3
    if not query.required:
        return _tier_by_words(query, product)
    for level, wanted, keys in (
        (3, query.required, product.name_concepts),
        (2, query.required, product.about_concepts),
        (1, query.related, product.name_concepts | product.about_concepts),
    ):
        if any(concept.key in keys for concept in wanted):
            return level if query.of_kind("product") else min(level, 2)
    return 0


def _tier_by_words(query: QueryTerms, product: ProductText) -> int:
    if query.of_kind("category") and not query.free_tokens:
        return 3 if product.category_id in query.category_ids else 0
    words = set(query.free_tokens)
    if not words:
        return 3
    in_name = len(words & product.name_tokens)
    anywhere = len(words & (product.name_tokens | product.about_tokens))
    # One syllable out of many is chance: 手机号 has nothing to do with 手.
    if anywhere < _ENOUGH_WORDS * len(words):
        return 0
    return 3 if in_name else 2


def _concept_score(concept: Concept, product: ProductText, said: set[str]) -> float:
    weight = _KIND_WEIGHT.get(concept.kind, 1.0) * (1.0 if concept.key in said else _RELATED)
    if concept.kind == "category":
        return float(product.category_id in concept.category_ids)
    if concept.key in product.akin_concepts:
        return weight * _AKIN
    if concept.key in product.name_concepts:
        return weight * _NAME
    return weight * _ABOUT if concept.key in product.about_concepts else 0.0


def _words_score(query: QueryTerms, product: ProductText) -> float:
    in_name = sum(token in product.name_tokens for token in query.free_tokens)
    in_about = sum(token in product.about_tokens for token in query.free_tokens)
    return _FREE_WORD * (in_name * _NAME + in_about * _ABOUT)


def _name_score(query: QueryTerms, product: ProductText) -> float:
    """A whole name or SKU inside the query, else the share of the name that the query's words cover."""
    compact = query.text.replace(" ", "")
    if product.sku and product.sku in compact:
        return _WHOLE_SKU
    if any(name in compact for name in product.names):
        return _WHOLE_NAME
    covered = sum(token in product.name_tokens for token in query.tokens)
    return 2.0 * covered / (len(query.tokens) + 1)
