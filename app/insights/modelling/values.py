"""The shop's values that a model may filter by, and what its words for them mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.core.errors import InvalidParam
from app.insights.asking import resolve_value
from app.insights.modelling.tasks import Wrong
from app.insights.names import Context, Names, ProductName
from app.insights.question import Filter
from app.language.normalise import normalise

# So many products a model is told of; those that share letters with the sentence come first.
MAX_PRODUCTS = 60
MAX_STORES = 200
LEVELS = range(1, 6)


def known_values(sentence: str, context: Context) -> dict[str, Any]:
    """The names of stores, cities, categories and products, with those in English."""
    names = context.names
    return {
        "stores": [[store.id, store.name, store.name_en, store.city] for store in names.stores[:MAX_STORES]],
        "cities": sorted({(store.city, store.city_en) for store in names.stores}),
        "categories": [[each.name, each.name_en] for each in names.categories],
        "products": [[each.sku, each.name, each.name_en] for each in _likely(sentence, names.products)],
    }


def _likely(sentence: str, products: Iterable[ProductName]) -> list[ProductName]:
    said = _pairs(sentence)
    ranked = sorted(products, key=lambda each: -len(said & _pairs(f"{each.sku} {each.name} {each.name_en}")))
    return ranked[:MAX_PRODUCTS]


def _pairs(text: str) -> set[str]:
    plain = normalise(text)
    return {plain[at : at + 2] for at in range(len(plain) - 1)}


def fit_values(part: Filter, context: Context) -> Filter:
    """The filter with the values that the data holds. Raises Wrong for one that the shop does not have."""
    if part.operator in ("ge", "le") and part.dimension != "level":
        raise Wrong(code="OPERATOR", problem="ge and le are for level", dimension=part.dimension)
    values = tuple(dict.fromkeys(_meant(value, part.dimension, context.names) for value in part.values))
    return Filter(dimension=part.dimension, operator=part.operator, values=values)


def _meant(value: str | int, dimension: str, names: Names) -> str | int:
    try:
        found = resolve_value(dimension, value, names)
    except InvalidParam as error:
        raise Wrong(code="NAME", dimension=dimension, problem=error.text()) from error
    if dimension == "level" and found not in LEVELS:
        raise Wrong(code="NAME", dimension=dimension, problem="levels are 1 to 5")
    return found
