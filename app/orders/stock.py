"""Stock as orders move it: one statement for all SKUs, sorted, so that two carts never wait in a ring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sqlalchemy import BindParameter, Table, Update, bindparam, false, select, update

from app.catalogue.models import Product
from app.core.errors import N_, Conflict, InsufficientStock
from app.db import db

Quantities = Mapping[str, int]
# Core, because an ORM update with a list of parameters is by primary key only and takes no further condition.
_products = cast(Table, Product.__table__)
_sku: BindParameter[str] = bindparam("of_sku")
_pieces: BindParameter[int] = bindparam("pieces")
# `updated_at` is when somebody edited the product; a sale is no edit.
_moved = update(_products).where(_products.c.sku == _sku).values(updated_at=_products.c.updated_at)
_put_back = _moved.values(stock=_products.c.stock + _pieces)
_sold = _moved.values(units_sold=_products.c.units_sold + _pieces)
_taken = _moved.where(_products.c.stock >= _pieces, _products.c.is_retired == false()).values(
    stock=_products.c.stock - _pieces
)


def take(quantities: Quantities, locale: str = "zh") -> None:
    """Take pieces off the shelf. Raises InsufficientStock, or Conflict PRODUCT_RETIRED.

    Call it last in the transaction: the row of a product in demand is then locked for the shortest time.
    """
    taken = _change(quantities, _taken)
    if taken != len(quantities):
        raise _shortage(quantities, locale)


def put_back(quantities: Quantities) -> None:
    """Put pieces back on the shelf, of retired products too."""
    _change(quantities, _put_back)


def count_sold(quantities: Quantities) -> None:
    """Add paid pieces to what the shop sold of each product; negative pieces take them off again."""
    _change(quantities, _sold)


def _change(quantities: Quantities, statement: Update) -> int:
    if not quantities:
        return 0
    rows = [{"of_sku": sku, "pieces": pieces} for sku, pieces in sorted(quantities.items())]
    return db.session.connection().execute(statement, rows).rowcount


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
