"""JSON API of the catalogue: everybody reads, operators and admins write."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from app.catalogue import queries, service
from app.catalogue.filters import ProductFilter
from app.catalogue.schemas import (
    CategoryOut,
    ProductIn,
    ProductOut,
    ProductPatch,
    ProductQuery,
    category_json,
    product_json,
)
from app.db import in_transaction
from app.web.api import endpoint
from app.web.auth import OPERATOR, PUBLIC, current_actor
from app.web.i18n import current_locale

bp = Blueprint("catalogue_api", __name__)


@endpoint(
    bp,
    "/api/products",
    who=PUBLIC,
    summary="Find products; the total is in X-Total-Count (at most 1000 for a search).",
    query=ProductQuery,
    answers={200: list[ProductOut]},
    errors=(422,),
)
def list_products(query: ProductQuery) -> tuple[list[ProductOut], int, dict[str, str]]:
    """A page of the products that can be bought."""
    page = queries.find_products(ProductFilter(**query.model_dump()))
    locale = current_locale()
    return [product_json(product, locale) for product in page.items], 200, {"X-Total-Count": str(page.total)}


@endpoint(
    bp,
    "/api/products/<sku>",
    who=PUBLIC,
    summary="One product.",
    answers={200: ProductOut},
    errors=(404,),
)
def get_product(sku: str) -> ProductOut:
    """A product that can be bought."""
    return product_json(queries.get_product(sku), current_locale())


@endpoint(
    bp,
    "/api/products",
    method="POST",
    who=OPERATOR,
    summary="Put a new product on the shelf.",
    body=ProductIn,
    answers={201: ProductOut},
    errors=(400, 422),
)
def create_product(body: ProductIn) -> ProductOut:
    """A new product; 400 SKU_EXISTS when there is one."""
    actor, values = current_actor(), body.model_dump()
    product = in_transaction(lambda: service.create_product(actor, values))
    return product_json(product, actor.locale)


@endpoint(
    bp,
    "/api/products/<sku>",
    method="PATCH",
    who=OPERATOR,
    summary="Change a product; what is left out stays.",
    body=ProductPatch,
    answers={200: ProductOut},
    errors=(404, 422),
)
def update_product(sku: str, body: ProductPatch) -> ProductOut:
    """Change some fields."""
    actor, changes = current_actor(), _given(body)
    product = in_transaction(lambda: service.update_product(actor, sku, changes))
    return product_json(product, actor.locale)


def _given(body: ProductPatch) -> dict[str, Any]:
    """The fields that were sent; null means "leave it", for no field of a product may be empty of value."""
    return {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}


@endpoint(
    bp,
    "/api/products/<sku>",
    method="DELETE",
    who=OPERATOR,
    summary="Retire a product: it can no longer be found or bought, orders keep it.",
    answers={204: None},
    errors=(404,),
)
def retire_product(sku: str) -> None:
    """Take it off the shelf."""
    actor = current_actor()
    in_transaction(lambda: service.retire_product(actor, sku))


@endpoint(bp, "/api/categories", who=PUBLIC, summary="All categories.", answers={200: list[CategoryOut]})
def list_categories() -> list[CategoryOut]:
    """The shop's shelves."""
    locale = current_locale()
    return [category_json(category, locale) for category in queries.list_categories_cached()]
