"""Reads of the catalogue. Lists are light dataclasses; a page of products takes one to three statements.

Other features read the catalogue through this module, so it hands on the records too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from app.catalogue.cache import cached
from app.catalogue.filters import BAND_ENDS, Cube, Facets, ProductFilter, band_of, count_facets
from app.catalogue.models import Category, Product
from app.catalogue.records import CategoryView as CategoryView
from app.catalogue.records import ProductView as ProductView
from app.catalogue.records import service_category_id as service_category_id
from app.catalogue.search import Hit, find_hits, is_vague
from app.core.errors import NotFound
from app.core.pagination import Page
from app.db import db

# Counts beside the list may be this old in another process; what is on the page never is.
COUNTS_SECONDS = 5.0
CATEGORIES_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of products and the counts beside it."""

    page: Page[ProductView]
    facets: Facets


_COLUMNS = [getattr(Product, name) for name in ProductView.__dataclass_fields__]


def find_product(sku: str) -> Product | None:
    """A product by its SKU (case does not matter), retired ones too."""
    statement = select(Product).where(Product.sku.in_({sku, sku.upper()})).limit(1)
    return db.session.scalars(statement).first()


def get_product(sku: str) -> Product:
    """A product that can be bought. Raises NotFound."""
    product = find_product(sku)
    if product is None or product.is_retired:
        raise NotFound()
    return product


def find_products(asked: ProductFilter) -> Page[ProductView]:
    """A page of the products that can be bought, in the order asked for."""
    return list_products(asked).page


def list_products(asked: ProductFilter) -> Listing:
    """A page of products with its facets. Of a search at most `search.MAX_HITS` count."""
    if not asked.q:
        return _browsed(asked)
    hits = find_hits(asked.q)
    return _browsed(asked) if not hits and is_vague(asked.q) else _searched(asked, hits)


def _browsed(asked: ProductFilter) -> Listing:
    everything = _count_cube(None, None)
    in_price = _count_cube(asked.min_price_cents, asked.max_price_cents)
    facets = count_facets(asked, everything, in_price)
    statement = select(*_COLUMNS).where(*_conditions(asked)).order_by(*order_of(asked.sort))
    rows = db.session.execute(statement.limit(asked.limit).offset(asked.offset))
    products = [ProductView(*row) for row in rows]
    return Listing(Page(products, facets.total, asked.limit, asked.offset), facets)


def _count_cube(low: int | None, high: int | None) -> Cube:
    return cached(("cube", low, high), COUNTS_SECONDS, lambda: _count_cube_now(low, high))


def _count_cube_now(low: int | None, high: int | None) -> Cube:
    band = case(
        *((Product.price_cents < end, number) for number, end in enumerate(BAND_ENDS)), else_=len(BAND_ENDS)
    )
    in_stock = case((Product.stock > 0, 1), else_=0)
    statement = (
        select(Product.category_id, band.label("band"), in_stock.label("in_stock"), func.count())
        .where(*_is_for_sale(low, high))
        .group_by("category_id", "band", "in_stock")
    )
    return {(row[0], row[1], bool(row[2])): row[3] for row in db.session.execute(statement)}


def _is_for_sale(low: int | None, high: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Product.is_retired.is_(False)]
    if low is not None:
        conditions.append(Product.price_cents >= low)
    if high is not None:
        conditions.append(Product.price_cents <= high)
    return conditions


def _conditions(asked: ProductFilter) -> list[ColumnElement[bool]]:
    conditions = _is_for_sale(asked.min_price_cents, asked.max_price_cents)
    if asked.category_id is not None:
        conditions.append(Product.category_id == asked.category_id)
    if asked.in_stock:
        conditions.append(Product.stock > 0)
    return conditions


def order_of(sort: str) -> Sequence[Any]:
    """The columns of an order; the SKU makes it total."""
    if sort == "price":
        return (Product.price_cents, Product.sku)
    column = {"-price": Product.price_cents, "-created_at": Product.created_at}.get(sort, Product.units_sold)
    return (column.desc(), Product.sku.desc())


def _searched(asked: ProductFilter, hits: Sequence[Hit]) -> Listing:
    if asked.best_only and hits:
        best = max(hits[0].level, 0)
        hits = [hit for hit in hits if hit.level <= best]
    has_price = asked.min_price_cents is not None or asked.max_price_cents is not None
    in_price = [hit for hit in hits if _is_in_price(hit, asked)] if has_price else hits
    everything = _cube_of(hits)
    facets = count_facets(asked, everything, _cube_of(in_price) if has_price else everything)
    skus = _page_of([hit for hit in in_price if _fits(hit, asked)], asked)
    return Listing(Page(list_by_sku(skus), facets.total, asked.limit, asked.offset), facets)


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
        statement = select(Product.sku).where(Product.sku.in_(skus)).order_by(*order_of(asked.sort))
        return list(db.session.scalars(statement.offset(asked.offset).limit(asked.limit))) if skus else []
    if asked.sort in ("price", "-price"):
        hits = sorted(hits, key=lambda hit: (hit.price_cents, hit.sku), reverse=asked.sort == "-price")
    return [hit.sku for hit in hits[asked.offset : end]]


def list_by_sku(skus: Sequence[str]) -> list[ProductView]:
    """The products of these SKUs that can be bought, in the order given."""
    if not skus:
        return []
    # Retired ones are left out here: with the condition in SQL, SQLite would walk the index of `is_retired`.
    rows = db.session.execute(select(*_COLUMNS).where(Product.sku.in_(skus)))
    found = {row.sku: ProductView(*row) for row in rows if not row.is_retired}
    return [found[sku] for sku in skus if sku in found]


def list_categories_cached() -> Sequence[CategoryView]:
    """All categories by id, for navigation; kept for a minute."""
    return cached("categories", CATEGORIES_SECONDS, _list_categories)


def _list_categories() -> Sequence[CategoryView]:
    rows = db.session.execute(select(Category.id, Category.name, Category.name_en).order_by(Category.id))
    return tuple(CategoryView(*row) for row in rows)


def find_category(category_id: int) -> CategoryView | None:
    """One category."""
    return next((category for category in list_categories_cached() if category.id == category_id), None)
