"""The console's product list: every product, retired ones too, found by part of SKU or name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, func, or_, select

from app.admin.figures import LOW_STOCK
from app.catalogue.models import Product
from app.catalogue.queries import find_product
from app.catalogue.records import ProductView
from app.core.errors import N_, NotFound
from app.core.pagination import MAX_OFFSET, Page
from app.db import db

PER_PAGE = 30
STATES = {"": N_("All"), "active": N_("In the shop"), "low": N_("Low stock"), "retired": N_("Retired")}


@dataclass(frozen=True, slots=True)
class ProductSearch:
    """What to list; values that make no sense count as not given."""

    q: str = ""
    state: str = ""
    number: int = 1

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> ProductSearch:
        """Read the address."""
        state, number = args.get("state", ""), args.get("page", "")
        page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
        return cls(
            args.get("q", "")[:100].strip(),
            state if state in STATES else "",
            min(max(page, 1), MAX_OFFSET // PER_PAGE),
        )

    def url(self, **changes: str) -> str:
        """The list's address from the first page on, with some choices changed."""
        chosen = {"q": self.q, "state": self.state, **changes}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"/admin/products?{query}" if query else "/admin/products"


def list_for_console(search: ProductSearch) -> Page[ProductView]:
    """A page of products by SKU; two statements."""
    conditions = _conditions(search)
    columns = [getattr(Product, name) for name in ProductView.__dataclass_fields__]
    offset = (search.number - 1) * PER_PAGE
    total = db.session.scalar(select(func.count()).select_from(Product).where(*conditions)) or 0
    rows = db.session.execute(
        select(*columns).where(*conditions).order_by(Product.sku).limit(PER_PAGE).offset(offset)
    )
    return Page([ProductView(*row) for row in rows], total, PER_PAGE, offset)


def _conditions(search: ProductSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.q:
        columns = (Product.sku, Product.name, Product.name_en)
        conditions.append(or_(*(column.icontains(search.q, autoescape=True) for column in columns)))
    if search.state:
        conditions.append(Product.is_retired.is_(search.state == "retired"))
    if search.state == "low":
        conditions.append(Product.stock <= LOW_STOCK)
    return conditions


def get_for_edit(sku: str) -> Product:
    """A product, retired or not. Raises NotFound."""
    product = find_product(sku)
    if product is None:
        raise NotFound()
    return product
