"""The names that questions may use: stores, cities, categories and products of the shop, as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from app.insights.metrics.catalogue import catalogue
from app.sales.stale import Stale


@dataclass(frozen=True, slots=True)
class StoreName:
    """A store, its number being its id."""

    id: int
    name: str
    name_en: str
    city: str
    city_en: str


@dataclass(frozen=True, slots=True)
class CategoryName:
    """A category; order items carry its Chinese name."""

    id: int
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class ProductName:
    """A product, known in order items by its SKU."""

    sku: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Names:
    """All names; hashable, so that what is made of them can be kept."""

    stores: tuple[StoreName, ...] = ()
    categories: tuple[CategoryName, ...] = ()
    products: tuple[ProductName, ...] = ()

    def label(self, dimension: str, value: object, locale: str) -> str:
        """A value of a dimension as a reader calls it; the value itself where it has no other name."""
        english = locale == "en"
        entry = catalogue().dimensions[dimension]
        if known := entry.values.get(str(value)):
            return known.en if english else known.zh
        if dimension == "level":
            return f"Level {value}" if english else f"等级{value}"
        return self._labels(english).get((dimension, str(value)), "" if value is None else str(value))

    def _labels(self, english: bool) -> dict[tuple[str, str], str]:
        found = {("product", p.sku): p.name_en if english and p.name_en else p.name for p in self.products}
        if english:
            found |= {("category", c.name): c.name_en or c.name for c in self.categories}
            found |= {("store", s.name): s.name_en or s.name for s in self.stores}
            found |= {("city", s.city): s.city_en or s.city for s in self.stores}
        return found


@dataclass(frozen=True, slots=True)
class Context:
    """What a question is read against: names, the business day it is asked on, the first day with orders, the language.

    `stale` are the days that the sums by day do not know; with None no sums are read.
    """

    names: Names
    today: date
    first_day: date | None = None
    locale: str = "zh"
    timezone: str = "Asia/Shanghai"
    stale: Stale | None = None
