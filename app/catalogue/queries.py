"""Reads of the catalogue. Lists are light records; a page of products takes one to three statements.

Other features read the catalogue through this module, so it hands on the records too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from sqlalchemy import case, func, select

from app.catalogue.cache import cached
from app.catalogue.filters import BAND_ENDS, Cube, Facets, ProductFilter, band_of, count_facets
from app.catalogue.models import Category, Product
from app.catalogue.reading import (
    CARDS,
    VIEWS,
    Read,
    Reading,
    columns,
    is_for_sale,
    on_the_shelf,
    order_of,
    read_by_sku,
    read_one,
    read_page,
)
from app.catalogue.records import Card
from app.catalogue.records import CategoryView as CategoryView
from app.catalogue.records import ProductView as ProductView
from app.catalogue.records import service_category_id as service_category_id
from app.catalogue.search import BY_MEANING, Hit, find_hits, is_vague
from app.core.errors import NotFound
from app.core.pagination import Page
from app.db import db

# Counts beside the list may be this old (and a second more) in another process; what is on the page never is.
COUNTS_SECONDS = 4.0
CATEGORIES_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Listing(Generic[Read]):
    """A page of products and the counts beside it."""

    page: Page[Read]
    facets: Facets


def find_product(sku: str) -> Product | None:
    """A product by its SKU (case does not matter), retired ones too, for changing it."""
    statement = select(Product).where(Product.sku.in_({sku, sku.upper()})).limit(1)
    return db.session.scalars(statement).first()


def find_view(sku: str) -> ProductView | None:
    """A product by its SKU (case does not matter), retired ones too, for reading."""
    return read_one(VIEWS, {sku, sku.upper()})


def get_product(sku: str) -> ProductView:
    """A product that can be bought. Raises NotFound."""
    product = find_view(sku)
    if product is None or product.is_retired:
        raise NotFound()
    return product


@dataclass(frozen=True, slots=True)
class ProductName:
    """What a product is called in both languages."""

    sku: str
    name_zh: str
    name_en: str


def list_names(limit: int) -> list[ProductName]:
    """The names of products that can be bought, the newest `limit` of them, in the order of their SKUs."""
    newest = (
        select(columns.sku, columns.name, columns.name_en)
        .where(on_the_shelf())
        .order_by(columns.created_at.desc(), columns.sku)
        .limit(limit)
    )
    return sorted((ProductName(*row) for row in db.session.execute(newest)), key=lambda each: each.sku)


def complete_skus(typed: str, *, limit: int) -> list[str]:
    """SKUs of products that can be bought and that begin with what was typed (case does not matter), in order."""
    begins = columns.sku.istartswith(typed, autoescape=True)
    statement = select(columns.sku).where(begins, on_the_shelf()).order_by(columns.sku)
    return list(db.session.scalars(statement.limit(limit)))


def find_products(asked: ProductFilter) -> Page[ProductView]:
    """A page of the products that can be bought, in the order asked for."""
    return list_products(asked).page


def list_products(asked: ProductFilter) -> Listing[ProductView]:
    """A page of products with its facets. Of a search at most `search.MAX_HITS` count."""
    return _list(VIEWS, asked)


def list_cards(asked: ProductFilter, locale: str) -> Listing[Card]:
    """The same, as one sees it in the shop."""
    return _list(CARDS[locale], asked)


def list_by_sku(skus: Sequence[str]) -> list[ProductView]:
    """The products of these SKUs that can be bought, in the order given."""
    return read_by_sku(VIEWS, skus)


def cards_by_sku(skus: Sequence[str], locale: str) -> list[Card]:
    """The same, as one sees them in the shop."""
    return read_by_sku(CARDS[locale], skus)


def _list(how: Reading[Read], asked: ProductFilter) -> Listing[Read]:
    if not asked.q:
        return _browsed(how, asked)
    hits = find_hits(asked.q, words_only=asked.words_only)
    return _browsed(how, asked) if not hits and is_vague(asked.q) else _searched(how, asked, hits)


def _browsed(how: Reading[Read], asked: ProductFilter) -> Listing[Read]:
    everything = _count_cube(None, None)
    in_price = _count_cube(asked.min_price_cents, asked.max_price_cents)
    facets = count_facets(asked, everything, in_price)
    return Listing(Page(read_page(how, asked), facets.total, asked.limit, asked.offset), facets)


def _count_cube(low: int | None, high: int | None) -> Cube:
    return cached(("cube", low, high), COUNTS_SECONDS, lambda: _count_cube_now(low, high))


def _count_cube_now(low: int | None, high: int | None) -> Cube:
    given = {name: value for name, value in (("low", low), ("high", high)) if value is not None}
    band = case(
        *((columns.price_cents < end, number) for number, end in enumerate(BAND_ENDS)), else_=len(BAND_ENDS)
    )
    in_stock = case((columns.stock > 0, 1), else_=0)
    statement = (
        select(columns.category_id, band.label("band"), in_stock.label("in_stock"), func.count())
        .where(*is_for_sale(given))
        .group_by("category_id", "band", "in_stock")
    )
    return {(row[0], row[1], bool(row[2])): row[3] for row in db.session.execute(statement, given)}


def _searched(how: Reading[Read], asked: ProductFilter, hits: Sequence[Hit]) -> Listing[Read]:
    if asked.best_only and hits:
        # What only the meaning names is as good as the rest only when there is no rest.
        best = max(next((hit.level for hit in hits if hit.level != BY_MEANING), BY_MEANING), 0)
        hits = [hit for hit in hits if hit.level <= best]
    has_price = asked.min_price_cents is not None or asked.max_price_cents is not None
    in_price = [hit for hit in hits if _is_in_price(hit, asked)] if has_price else hits
    everything = _cube_of(hits)
    facets = count_facets(asked, everything, _cube_of(in_price) if has_price else everything)
    skus = _page_of([hit for hit in in_price if _fits(hit, asked)], asked)
    return Listing(Page(read_by_sku(how, skus), facets.total, asked.limit, asked.offset), facets)


def _is_in_price(hit: Hit, asked: ProductFilter) -> bool:
    low, high = asked.min_price_cents, asked.max_price_cents
    return (low is None or hit.price_cents >= low) and (high is None or hit.price_cents <= high)


def _fits(hit: Hit, asked: ProductFilter) -> bool:
    return asked.category_id in (None, hit.category_id) and (hit.in_stock or not asked.in_stock)


def _cube_of(hits: Sequence[Hit]) -> Cube:
    return Counter([(hit.category_id, band_of(hit.price_cents), hit.in_stock) for hit in hits])


def _page_of(hits: list[Hit], asked: ProductFilter) -> list[str]:
    """The SKUs of the page, in the order asked for."""
    end = asked.offset + asked.limit
    if asked.sort in ("-created_at", "-sales"):
        skus = [hit.sku for hit in hits]
        statement = select(columns.sku).where(columns.sku.in_(skus)).order_by(*order_of(asked.sort))
        return list(db.session.scalars(statement.offset(asked.offset).limit(asked.limit))) if skus else []
    if asked.sort in ("price", "-price"):
        hits = sorted(hits, key=lambda hit: (hit.price_cents, hit.sku), reverse=asked.sort == "-price")
    return [hit.sku for hit in hits[asked.offset : end]]


def list_categories_cached() -> Sequence[CategoryView]:
    """All categories by id, for navigation; kept for a minute."""
    return cached("categories", CATEGORIES_SECONDS, _list_categories)


def _list_categories() -> Sequence[CategoryView]:
    rows = db.session.execute(select(Category.id, Category.name, Category.name_en).order_by(Category.id))
    return tuple(CategoryView(*row) for row in rows)


def find_category(category_id: int) -> CategoryView | None:
    """One category; one that is not known yet is looked for in the database."""
    by_id = {category.id: category for category in list_categories_cached()}
    return by_id.get(category_id) or next(
        (each for each in _list_categories() if each.id == category_id), None
    )
