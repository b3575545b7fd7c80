"""What reads of the catalogue return: light, immutable, ready to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.language.lexicon import lexicon


def service_category_id() -> int:
    """The shelf of what is done in a store."""
    return lexicon().categories["service"].id


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A shelf, for reading."""

    id: int
    name: str
    name_en: str

    def title(self, locale: str) -> str:
        """The name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name

    @property
    def is_service(self) -> bool:
        """True for what is done in a store: places are booked, not counted."""
        return self.id == service_category_id()


class Card(NamedTuple):
    """A product in the reader's language: all that `ui.product_grid` shows of it, and nothing else."""

    sku: str
    name: str
    description: str
    price_cents: int
    is_sold_out: bool
    image_url: str
    category_id: int


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product, for reading; the same names as `Product`."""

    sku: str
    category_id: int
    name: str
    name_en: str
    description: str
    description_en: str
    price_cents: int
    stock: int
    units_sold: int
    image_url: str
    is_retired: bool
    created_at: datetime
    updated_at: datetime

    def title(self, locale: str) -> str:
        """The name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name

    def text(self, locale: str) -> str:
        """The description in the reader's language."""
        return self.description_en if locale == "en" and self.description_en else self.description
