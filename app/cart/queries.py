"""Reads of the cart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Result, bindparam, func, select

from app.cart.models import CartItem
from app.catalogue.models import Category, Product
from app.core.actor import Actor
from app.core.errors import N_, NotFound
from app.coupons.rules import Goods
from app.db import db


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """One SKU in a cart, with the product as it is now; `price_seen_cents` is what the customer agreed to."""

    item_id: int
    sku: str
    name: str
    name_en: str
    image_url: str
    category_id: int
    category: str
    quantity: int
    price_cents: int
    price_seen_cents: int
    stock: int
    is_retired: bool
    added_at: datetime

    def title(self, locale: str) -> str:
        """The product's name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name

    @property
    def line_total_cents(self) -> int:
        return self.quantity * self.price_cents

    @property
    def left(self) -> int:
        """Pieces that can be bought; none of a retired product."""
        return 0 if self.is_retired else self.stock

    @property
    def is_short(self) -> bool:
        """True when there are fewer pieces than the customer wants."""
        return self.quantity > self.left

    @property
    def price_changed(self) -> bool:
        return self.price_cents != self.price_seen_cents


@dataclass(frozen=True, slots=True)
class CartView:
    """A cart at current prices, lines in the order in which they were added."""

    lines: tuple[CartLine, ...] = ()

    @property
    def count(self) -> int:
        """Pieces, not lines."""
        return sum(line.quantity for line in self.lines)

    @property
    def total_cents(self) -> int:
        return sum(line.line_total_cents for line in self.lines)

    @property
    def is_empty(self) -> bool:
        return not self.lines

    @property
    def has_problems(self) -> bool:
        """True when a line is short of stock or its price has changed."""
        return any(line.is_short or line.price_changed for line in self.lines)

    @property
    def short_lines(self) -> tuple[CartLine, ...]:
        return tuple(line for line in self.lines if line.is_short)

    @property
    def repriced_lines(self) -> tuple[CartLine, ...]:
        return tuple(line for line in self.lines if line.price_changed)

    def goods(self) -> list[Goods]:
        """The lines as coupons see them, in the same order."""
        return [Goods(line.sku, line.category_id, line.line_total_cents) for line in self.lines]


def has_owner(actor: Actor) -> bool:
    """False for a guest for whom nothing has been kept yet."""
    return not actor.is_guest or bool(actor.guest_id)


def get_cart(actor: Actor) -> CartView:
    """The actor's cart; empty for a guest without an id. One statement."""
    if not has_owner(actor):
        return CartView()
    rows = db.session.execute(_lines_of_owner, {"owner": actor.subject})
    return CartView(tuple(CartLine(**row._mapping) for row in rows))


def list_goods(actor: Actor) -> list[Goods]:
    """What the actor is about to buy, lent to coupons."""
    return get_cart(actor).goods()


_lines = (
    select(
        CartItem.id.label("item_id"),
        CartItem.sku,
        Product.name,
        Product.name_en,
        Product.image_url,
        Product.category_id,
        Category.name.label("category"),
        CartItem.quantity,
        Product.price_cents,
        CartItem.price_seen_cents,
        Product.stock,
        Product.is_retired,
        CartItem.added_at,
    )
    .join(Product, Product.sku == CartItem.sku)
    .join(Category, Category.id == Product.category_id)
    .order_by(CartItem.added_at, CartItem.id)
)
_lines_of_owner = _lines.where(CartItem.owner == bindparam("owner"))
_pieces_of_owner = select(func.coalesce(func.sum(CartItem.quantity), 0)).where(
    CartItem.owner == bindparam("owner")
)


def get_line(actor: Actor, item_id: int) -> CartLine:
    """One line of the actor's own cart. Raises NotFound, also for somebody else's."""
    rows = db.session.execute(_lines.where(CartItem.owner == actor.subject, CartItem.id == item_id))
    return _only(rows)


def get_line_of(actor: Actor, sku: str) -> CartLine:
    """The actor's line of a product. Raises NotFound."""
    return _only(db.session.execute(_lines.where(CartItem.owner == actor.subject, CartItem.sku == sku)))


def _only(rows: Result[*tuple[Any, ...]]) -> CartLine:
    row = rows.one_or_none()
    if row is None:
        raise NotFound(N_("This is not in the cart."))
    return CartLine(**row._mapping)


def count_pieces(actor: Actor) -> int:
    """Pieces in the actor's cart. One statement; none for a guest without an id."""
    if not has_owner(actor):
        return 0
    return int(db.session.scalar(_pieces_of_owner, {"owner": actor.subject}) or 0)
