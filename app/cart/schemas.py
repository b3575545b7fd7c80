"""The cart as JSON, for the API and for tools."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.cart.queries import CartLine, CartView
from app.core.money import yuan
from app.web.api import Schema

# More than there is is the domain's answer (409), whatever the number.
Quantity = Annotated[int, Field(ge=1, strict=True)]


class AddIn(Schema):
    """Pieces of a product to put into the cart."""

    sku: str = Field(min_length=1, max_length=64)
    quantity: Quantity = 1


class QuantityIn(Schema):
    """How many pieces of a line are wanted."""

    quantity: Quantity


class CartProductOut(BaseModel):
    """The product of a line as it is now; `name` is in the request's language."""

    name: str
    name_zh: str
    name_en: str
    price_cents: int
    stock: int
    image_url: str
    category_id: int


class CartItemOut(BaseModel):
    """One line. `price_seen_cents` is the price the customer agreed to when the line was made."""

    cart_item_id: int
    sku: str
    quantity: int
    added_at: datetime
    line_total_cents: int
    price_seen_cents: int
    price_changed: bool
    is_short: bool
    product: CartProductOut


def cart_item_json(line: CartLine, locale: str) -> CartItemOut:
    """The API's form of a line."""
    return CartItemOut(
        cart_item_id=line.item_id,
        sku=line.sku,
        quantity=line.quantity,
        added_at=line.added_at,
        line_total_cents=line.line_total_cents,
        price_seen_cents=line.price_seen_cents,
        price_changed=line.price_changed,
        is_short=line.is_short,
        product=CartProductOut(
            name=line.title(locale),
            name_zh=line.name,
            name_en=line.name_en,
            price_cents=line.price_cents,
            stock=line.left,
            image_url=line.image_url,
            category_id=line.category_id,
        ),
    )


def cart_json(cart: CartView, locale: str) -> dict[str, Any]:
    """The tools' form of a cart: money as yuan text and as cents."""
    return {
        "items": [_tool_item(line, locale) for line in cart.lines],
        "count": cart.count,
        "total": yuan(cart.total_cents),
        "total_cents": cart.total_cents,
    }


def _tool_item(line: CartLine, locale: str) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "name": line.title(locale),
        "name_zh": line.name,
        "name_en": line.name_en,
        "qty": line.quantity,
        "price": yuan(line.price_cents),
        "price_cents": line.price_cents,
        "line_total": yuan(line.line_total_cents),
        "line_total_cents": line.line_total_cents,
        "stock": line.left,
        "is_short": line.is_short,
        "price_changed": line.price_changed,
        "image_url": line.image_url,
        "category_id": line.category_id,
    }
