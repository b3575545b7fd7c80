"""How products are read: which columns, and what is made of a row.

The statements are Core and made once: on a page of the shop, putting a statement together costs as much as running it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, case, false, select

from app.catalogue.filters import ProductFilter
from app.catalogue.models import Product
from app.catalogue.records import Card, ProductView
from app.db import db

Read = TypeVar("Read", ProductView, Card)
products = cast(Table, Product.__table__)
columns = products.c


@dataclass(frozen=True, slots=True, eq=False)
class Reading(Generic[Read]):
    """The columns to ask for, SKU first and `is_retired` last, and what a row of them becomes."""

    columns: tuple[ColumnElement[Any], ...]
    make: Callable[[Row[*tuple[Any, ...]]], Read]


def _card(row: Row[*tuple[Any, ...]]) -> Card:
    sku, name, description, price_cents, stock, image_url, category_id, _is_retired = row
    return Card(sku, name, description, price_cents, stock <= 0, image_url, category_id)


def _in_english(english: ColumnElement[str], chinese: ColumnElement[str]) -> ColumnElement[str]:
    """As ProductView.title and .text."""
    return case((english != "", english), else_=chinese)


def _cards(name: ColumnElement[str], description: ColumnElement[str]) -> Reading[Card]:
    c = columns
    shown = (c.sku, name, description, c.price_cents, c.stock, c.image_url, c.category_id, c.is_retired)
    return Reading(shown, _card)


VIEWS = Reading(
    tuple(columns[name] for name in ProductView.__dataclass_fields__), lambda row: ProductView(*row)
)
CARDS = {
    "zh": _cards(columns.name, columns.description),
    "en": _cards(
        _in_english(columns.name_en, columns.name),
        _in_english(columns.description_en, columns.description),
    ),
}


def read_by_sku(how: Reading[Read], skus: Sequence[str]) -> list[Read]:
    """The products of these SKUs that can be bought, in the order given."""
    if not skus:
        return []
    # Retired ones are left out here: with the condition in SQL, SQLite would walk the index of `is_retired`.
    rows = _rows(_by_sku(how), {"skus": list(skus)})
    found = {row[0]: how.make(row) for row in rows if not row.is_retired}
    return [found[sku] for sku in skus if sku in found]


def _rows(statement: Select[*tuple[Any, ...]], values: dict[str, Any]) -> Sequence[Row[*tuple[Any, ...]]]:
    """As the session's transaction sees them; without one, past the session, which costs as much as the statement."""
    if db.session.registry.has() and db.session().in_transaction():
        return db.session.execute(statement, values).all()
    with db.engine.connect() as connection:
        return connection.execute(statement, values).all()


def read_one(how: Reading[Read], skus: Iterable[str]) -> Read | None:
    """A product that has one of these SKUs, retired ones too."""
    row = db.session.execute(_by_sku(how), {"skus": list(skus)}).first()
    return how.make(row) if row is not None else None


def read_page(how: Reading[Read], asked: ProductFilter) -> list[Read]:
    """A page of all products that fit, in the order asked for; words are not looked at."""
    values = {
        "category_id": asked.category_id,
        "low": asked.min_price_cents,
        "high": asked.max_price_cents,
        "limit": asked.limit,
        "offset": asked.offset,
    }
    given = frozenset(name for name, value in values.items() if value is not None)
    statement = _page(how, given, asked.in_stock, asked.sort)
    return [how.make(row) for row in db.session.execute(statement, {name: values[name] for name in given})]


@lru_cache
def _by_sku(how: Reading[Any]) -> Select[*tuple[Any, ...]]:
    return select(*how.columns).where(columns.sku.in_(bindparam("skus", expanding=True)))


@lru_cache(maxsize=500)
def _page(how: Reading[Any], given: frozenset[str], in_stock: bool, sort: str) -> Select[*tuple[Any, ...]]:
    conditions = is_for_sale(given)
    if "category_id" in given:
        conditions.append(columns.category_id == bindparam("category_id"))
    if in_stock:
        conditions.append(columns.stock > 0)
    statement = select(*how.columns).where(*conditions).order_by(*order_of(sort))
    return statement.limit(bindparam("limit")).offset(bindparam("offset"))


def on_the_shelf() -> ColumnElement[bool]:
    """Not retired. Never `IS false`: MariaDB reads the whole table for that."""
    return columns.is_retired == false()


def is_for_sale(given: Iterable[str] = ()) -> list[ColumnElement[bool]]:
    """On the shelf, and within the parameters `low` and `high` (cents) where they are given."""
    conditions: list[ColumnElement[bool]] = [on_the_shelf()]
    if "low" in given:
        conditions.append(columns.price_cents >= bindparam("low"))
    if "high" in given:
        conditions.append(columns.price_cents <= bindparam("high"))
    return conditions


def order_of(sort: str) -> Sequence[ColumnElement[Any]]:
    """The columns of an order; the SKU makes it total."""
    if sort == "price":
        return (columns.price_cents, columns.sku)
    column = {"-price": columns.price_cents, "-created_at": columns.created_at}.get(sort, columns.units_sold)
    return (column.desc(), columns.sku.desc())
