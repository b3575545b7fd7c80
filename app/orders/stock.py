"""Stock as orders move it: one statement for all SKUs, sorted, so that two carts never wait in a ring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, select, update

from app.catalogue.models import Product
from app.core.errors import N_, Conflict, InsufficientStock
from app.db import db

Quantities = Mapping[str, int]
# Core, because an ORM update with a list of parameters is by primary key only and takes no further condition.
_products = cast(Table, Product.__table__)
_sku: BindParameter[str] = bindparam("of_sku")
_pieces: BindParameter[int] = bindparam("pieces")


def take(quantities: Quantities, locale: str = "zh") -> None:
    """Take pieces off the shelf. Raises InsufficientStock, or Conflict PRODUCT_RETIRED.

    Call it last in the transaction: the row of a product in demand is then locked for the shortest time.
    """
    enough = (_products.c.stock >= _pieces) & _products.c.is_retired.is_(False)
    taken = _change(quantities, enough, stock=_products.c.stock - _pieces)
    if taken != len(quantities):
        raise _shortage(quantities, locale)


def put_back(quantities: Quantities) -> None:
    """Put pieces back on the shelf, of retired products too."""
    _change(quantities, None, stock=_products.c.stock + _pieces)


def count_sold(quantities: Quantities) -> None:
    """Add paid pieces to what the shop sold of each product; negative pieces take them off again."""
    _change(quantities, None, units_sold=_products.c.units_sold + _pieces)


def _change(quantities: Quantities, condition: ColumnElement[bool] | None, **values: Any) -> int:
    if not quantities:
        return 0
    # `updated_at` is when somebody edited the product; a sale is no edit.
    statement = update(_products).where(_products.c.sku == _sku)
    if condition is not None:
        statement = statement.where(condition)
    rows = [{"of_sku": sku, "pieces": pieces} for sku, pieces in sorted(quantities.items())]
    result = db.session.connection().execute(
        statement.values(updated_at=_products.c.updated_at, **values), rows
    )
    return result.rowcount


def _shortage(quantities: Quantities, locale: str) -> Conflict:
    wanted = select(Product).where(Product.sku.in_(quantities)).order_by(Product.sku)
    for product in db.session.scalars(wanted.execution_options(populate_existing=True)):
        if product.is_retired:
            return retired(product.title(locale))
        if product.stock < quantities[product.sku]:
            return InsufficientStock(name=product.title(locale), left=product.stock)
    # Somebody gave pieces back between the two statements: asking again will work.
    return Conflict()


def retired(name: str) -> Conflict:
    """The error for a product that left the shop."""
    message = N_("%(name)s is no longer sold. Please remove it from the cart.")
    return Conflict(message, code="PRODUCT_RETIRED", name=name)
