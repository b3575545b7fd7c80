"""What a customer's message comes down to: a plan of typed intents with their slots."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.language.entities import PriceRange

Extreme = Literal["cheapest", "dearest", "best_selling", "newest"]
Relative = Literal["cheaper", "dearer"]

SORTS: dict[Extreme, str] = {
    "cheapest": "price",
    "dearest": "-price",
    "best_selling": "-sales",
    "newest": "-created_at",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A product as the customer points at it, before it is looked up.

    One of: a ``sku``, words (``phrase``), a place in the list they were shown (``ordinal``, 1-based; -1 the last), "it"
    (``pronoun``), a superlative or a comparison within what was shown. ``qty`` is what they said, None if nothing.
    """

    phrase: str = ""
    sku: str | None = None
    ordinal: int | None = None
    pronoun: bool = False
    extreme: Extreme | None = None
    relative: Relative | None = None
    every: bool = False
    qty: int | None = None
    price: PriceRange | None = None
    category_id: int | None = None

    @property
    def is_empty(self) -> bool:
        """True when nothing says which product is meant."""
        pointed = (
            self.phrase
            or self.sku
            or self.ordinal
            or self.pronoun
            or self.extreme
            or self.relative
            or self.every
        )
        return not pointed and self.category_id is None


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing to do. ``text`` is the clause it was read from, normalised."""

    name: str
    text: str
    items: tuple[Item, ...] = ()
    qty: int | None = None
    delta: int | None = None
    city: str | None = None
    coupon: str | None = None
    order_id: int | None = None
    new: Item | None = None
    in_stock: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All intents of a message, in the order they are to be done, and the language to answer in."""

    language: str
    intents: tuple[Intent, ...] = field(default=())
