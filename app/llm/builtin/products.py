"""Products as tools report them, and which of them a customer's words mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.language.concepts import QueryTerms, analyse
from app.language.normalise import normalise
from app.language.ranking import ProductText, product_text, score, tier
from app.language.tokens import stems

# Two products this close in score are both meant; a customer then has to say which.
_MARGIN = 1.2
_SIMILAR_WORD = 0.75


@dataclass(frozen=True)
class Product:
    """A product or cart line. Money in cents; ``stock`` -1 when the tool did not say, ``qty`` only in a cart."""

    sku: str
    name_zh: str
    name_en: str
    price_cents: int
    stock: int
    category_id: int | None = None
    description: str = ""
    qty: int = 0

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Product:
        """From a tool's JSON (list_products, get_product, a cart line)."""
        name = str(data.get("name") or data.get("sku") or "")
        category_id = data.get("category_id")
        return cls(
            sku=str(data.get("sku", "")),
            name_zh=str(data.get("name_zh") or name),
            name_en=str(data.get("name_en") or name),
            price_cents=_int(data.get("price_cents")),
            stock=_int(data.get("stock"), -1),
            category_id=category_id if isinstance(category_id, int) else None,
            description=str(data.get("description") or ""),
            qty=_int(data.get("qty")),
        )

    def name(self, language: str) -> str:
        """The name in the language of the answer."""
        return self.name_zh if language == "zh" else self.name_en

    @cached_property
    def text(self) -> ProductText:
        """The product's words, prepared for matching."""
        return product_text(
            {
                "sku": self.sku,
                "name_zh": self.name_zh,
                "name_en": self.name_en,
                "description": self.description,
                "category_id": self.category_id,
            }
        )


def _int(value: object, fallback: int = 0) -> int:
    return int(value) if isinstance(value, int | float) else fallback


@dataclass(frozen=True, slots=True)
class Choice:
    """What words came down to. ``kind``: one (sure), many (ask which), near (ask whether), none."""

    kind: str
    products: tuple[Product, ...] = ()

    @property
    def best(self) -> Product:
        return self.products[0]


def rank(phrase: str, products: Sequence[Product]) -> list[Product]:
    """The products that ``phrase`` can mean, best first; all in their own order when it says nothing."""
    if not phrase:
        return list(products)
    query = analyse(phrase)
    scored = [(score(query, product.text), product) for product in products]
    return [product for value, product in sorted(scored, key=lambda pair: -pair[0]) if value > 0]


def best_tier(phrase: str, products: Sequence[Product]) -> list[Product]:
    """Those that are most directly what was asked for, in their own order."""
    if not phrase:
        return list(products)
    query = analyse(phrase)
    levels = [(tier(query, product.text), product) for product in products]
    top = max((level for level, _ in levels), default=0)
    return [product for level, product in levels if level == top] if top else []


def choose(phrase: str, products: Sequence[Product]) -> Choice:
    """The product that ``phrase`` means among ``products``: never a guess where two fit alike or none fits well."""
    query = analyse(phrase)
    ranked = rank(phrase, products)
    if not ranked:
        return Choice("none")
    scores = [score(query, product.text) for product in ranked]
    close = [product for value, product in zip(scores, ranked, strict=True) if scores[0] - value < _MARGIN]
    if len(close) > 1 and not _names_whole(phrase, close[0]):
        return Choice("many", tuple(close[:5]))
    if tier(query, ranked[0].text) < 2 or not _explains(query, ranked[0]):
        return Choice("near" if query.required else "none", tuple(ranked[:1]))
    return Choice("one", tuple(ranked))


def _names_whole(phrase: str, product: Product) -> bool:
    compact = _compact(phrase)
    return any(_compact(name) in compact for name in product.text.names)


_MOST = 0.5


def is_named(phrase: str, product: Product) -> bool:
    """Whether ``phrase`` says at least half of the product's name, not just what kind of thing it is."""
    said = _compact(phrase)
    return any(
        _compact(name) in said or (said in _compact(name) and len(said) >= _MOST * len(_compact(name)))
        for name in product.text.names
    )


def _compact(text: str) -> str:
    return re.sub(r"[\W_]+", "", normalise(text))


def _explains(query: QueryTerms, product: Product) -> bool:
    """Whether the product accounts for the words no concept covers: 香奈儿口红 is not just any lipstick."""
    free = query.free_tokens
    if not free:
        return True
    known = product.text.name_tokens | product.text.about_tokens
    if not query.required and not any(_is_word(token) and token in known for token in free):
        return False
    if sum(token in known for token in free) * 2 >= len(free):
        return True
    return _is_misspelt(query, product)


def _is_word(token: str) -> bool:
    """A pair of characters or an English word; a digit or a lone character happens to be in any name."""
    return token.startswith("z") or (token.startswith("en") and token[2:].isalpha() and len(token) > 4)


def _is_misspelt(query: QueryTerms, product: Product) -> bool:
    """Words that are nearly the product's own: 水样 for 水漾, "featherlite"."""
    names = normalise(product.name_zh + product.description)
    characters = [char for char in query.text if "\u4e00" <= char <= "\u9fff"]
    shared = sum(char in names for char in characters)
    if characters and shared * 3 < len(characters) * 2:
        return False
    own = stems(product.name_en + " " + product.description)
    words = [word for word in stems(query.text) if "en" + word in query.free_tokens]
    return all(difflib.get_close_matches(word, own, n=1, cutoff=_SIMILAR_WORD) for word in words)
