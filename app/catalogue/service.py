"""Changing the catalogue: create, update, restock, retire, restore. Operators and admins only.

The search index and this process's cache follow by themselves (search_index.follow_products).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update

from app.audit.service import changed as told
from app.audit.service import record
from app.catalogue import cache
from app.catalogue.models import Category, Product
from app.catalogue.records import ProductView
from app.core.actor import Actor, Role
from app.core.errors import N_, BadRequest, Conflict, InvalidParam, NotFound
from app.db import after_commit, db

EDITABLE = ("name", "name_en", "description", "description_en", "price_cents", "category_id", "image_url")
MAX_STOCK = 1_000_000
MAX_RESTOCK = 100_000
SKU_EXISTS = N_("There is a product with this SKU already.")


def create_product(actor: Actor, values: Mapping[str, Any]) -> Product:
    """Put a new product on the shelf.

    `values` has the fields of a product, checked by a form or schema. Raises BadRequest (SKU_EXISTS) and
    InvalidParam (no such category).
    """
    _authorise(actor)
    sku = str(values["sku"])
    if db.session.scalar(select(Product.sku).where(func.lower(Product.sku) == sku.lower())):
        raise BadRequest(SKU_EXISTS, code="SKU_EXISTS", fields={"sku": SKU_EXISTS})
    _check_category(values["category_id"])
    product = Product(**values)
    product.name_en = product.name_en or product.name
    db.session.add(product)
    db.session.flush()
    record(
        actor,
        "product.created",
        product.sku,
        name=product.name,
        price_cents=product.price_cents,
        stock=product.stock,
    )
    return product


def update_product(
    actor: Actor, sku: str, changes: Mapping[str, Any], *, version: str | None = None
) -> Product:
    """Change the given fields of a product.

    With `version` (see `version_of`) the change is refused when somebody else changed the product
    since: Conflict EDIT_CONFLICT. Raises NotFound for a retired one.
    """
    _authorise(actor)
    product = _lock(sku)
    if product.is_retired:
        raise NotFound()
    if version is not None and version != version_of(product):
        raise Conflict(
            N_("Somebody else changed this product meanwhile. Check the values and save again."),
            code="EDIT_CONFLICT",
        )
    if "category_id" in changes:
        _check_category(changes["category_id"])
    before = {name: getattr(product, name) for name in changes}
    changed = {name: value for name, value in changes.items() if value != before[name]}
    for name, value in changed.items():
        setattr(product, name, value)
    db.session.flush()
    if changed:
        details = {name: told(before[name], new) for name, new in changed.items()}
        record(actor, "product.changed", sku, details, name=product.name)
    return product


def restock(actor: Actor, sku: str, quantity: int) -> int:
    """Add pieces, or take some away with a negative number, in one guarded statement; returns the new stock.

    Raises InvalidParam for 0 or too many, NotFound, and Conflict (STOCK_OUT_OF_RANGE) when fewer are left.
    """
    _authorise(actor)
    if quantity == 0 or abs(quantity) > MAX_RESTOCK:
        raise InvalidParam(fields={"quantity": N_("Enter a number from -100,000 to 100,000, not 0.")})
    statement = (
        update(Product)
        .where(Product.sku == sku, Product.stock + quantity >= 0, Product.stock + quantity <= MAX_STOCK)
        .values(stock=Product.stock + quantity)
        .execution_options(synchronize_session=False)
    )
    changed = cast(CursorResult[Any], db.session.execute(statement)).rowcount
    stock = db.session.scalar(select(Product.stock).where(Product.sku == sku))
    if stock is None:
        raise NotFound()
    if changed != 1:
        raise Conflict(
            N_("The stock is %(stock)s; that change is not possible."), code="STOCK_OUT_OF_RANGE", stock=stock
        )
    after_commit(cache.clear)
    record(actor, "product.restocked", sku, added=quantity, stock=stock)
    return stock


def retire_product(actor: Actor, sku: str) -> None:
    """Take a product off the shelf: it is not found or bought any more; orders keep it. Raises NotFound."""
    _set_retired(actor, sku, retired=True)


def restore_product(actor: Actor, sku: str) -> None:
    """Put a retired product back. Raises NotFound."""
    _set_retired(actor, sku, retired=False)


def _set_retired(actor: Actor, sku: str, *, retired: bool) -> None:
    _authorise(actor)
    product = _lock(sku)
    if product.is_retired == retired:
        raise NotFound()
    product.is_retired = retired
    db.session.flush()
    record(actor, "product.retired" if retired else "product.restored", sku, name=product.name)


def version_of(product: Product | ProductView) -> str:
    """A mark of what an editor sees. Stock and sales are not part of it: they change while one types."""
    values = [getattr(product, name) for name in EDITABLE]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()[:16]


def _authorise(actor: Actor) -> None:
    actor.require_role(Role.OPERATOR, Role.ADMIN)


def _lock(sku: str) -> Product:
    """The product, locked until the end of the transaction."""
    statement = select(Product).where(Product.sku == sku).with_for_update(of=Product)
    product = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if product is None:
        raise NotFound()
    return product


def _check_category(category_id: int) -> None:
    if db.session.get(Category, category_id) is None:
        raise InvalidParam(fields={"category_id": N_("There is no such category.")})
