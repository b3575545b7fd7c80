"""The guarded statements behind the cart; each says whether it changed a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Insert, delete, exists, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql import Executable

from app.cart.models import CartItem
from app.catalogue.models import Product
from app.core.clock import now
from app.db import Base, db

ITEMS = Base.metadata.tables[CartItem.__tablename__]
PRODUCTS = Base.metadata.tables[Product.__tablename__]


def run(statement: Executable) -> int:
    """Execute a write; the number of rows it matched."""
    return cast("CursorResult[Any]", db.session.execute(statement)).rowcount


def _is_in_stock(pieces: ColumnElement[int] | int) -> ColumnElement[bool]:
    """The line's product is sold, and there are that many pieces of it."""
    return exists(
        select(PRODUCTS.c.sku).where(
            PRODUCTS.c.sku == ITEMS.c.sku, PRODUCTS.c.is_retired.is_(False), PRODUCTS.c.stock >= pieces
        )
    )


def increase(owner: str, sku: str, pieces: int, limit: int) -> bool:
    """Add pieces to a line that is there, while the sum is in stock and at most `limit`."""
    wanted = ITEMS.c.quantity + pieces
    statement = (
        update(ITEMS)
        .where(ITEMS.c.owner == owner, ITEMS.c.sku == sku, wanted <= limit, _is_in_stock(wanted))
        .values(quantity=wanted, updated_at=now())
    )
    return run(statement) == 1


def assign(owner: str, which: ColumnElement[bool], pieces: int) -> bool:
    """Set a line's quantity, while that many are in stock."""
    statement = (
        update(ITEMS)
        .where(ITEMS.c.owner == owner, which, _is_in_stock(pieces))
        .values(quantity=pieces, updated_at=now())
    )
    return run(statement) == 1


def insert_line(values: Mapping[str, Any], limit: int) -> bool:
    """Add a new line, or its pieces to the line that somebody else added meanwhile, up to `limit`."""
    if db.engine.dialect.name == "sqlite":
        return run(_upsert_sqlite(values, limit)) == 1
    # A duplicate makes MySQL and MariaDB report 2 rows. The row is locked now: we may look and take back.
    if run(_upsert_mysql(values)) == 1:
        return True
    line = (ITEMS.c.owner == values["owner"], ITEMS.c.sku == values["sku"])
    if cast(int, db.session.scalar(select(ITEMS.c.quantity).where(*line))) <= limit:
        return True
    run(update(ITEMS).where(*line).values(quantity=ITEMS.c.quantity - values["quantity"]))
    return False


def _upsert_sqlite(values: Mapping[str, Any], limit: int) -> Insert:
    new = sqlite.insert(ITEMS).values(values)
    wanted = ITEMS.c.quantity + new.excluded.quantity
    return new.on_conflict_do_update(
        index_elements=["owner", "sku"],
        set_={"quantity": wanted, "updated_at": new.excluded.updated_at},
        where=wanted <= limit,
    )


def _upsert_mysql(values: Mapping[str, Any]) -> Insert:
    new = mysql.insert(ITEMS).values(values)
    return new.on_duplicate_key_update(
        quantity=ITEMS.c.quantity + new.inserted.quantity, updated_at=new.inserted.updated_at
    )


def remove(owner: str, *which: ColumnElement[bool]) -> int:
    """Delete lines; how many there were."""
    return run(delete(ITEMS).where(ITEMS.c.owner == owner, *which))
