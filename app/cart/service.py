"""Writes of the cart.

Each change is one guarded statement, so the sum stays within the stock however many requests add at once.
A cart reserves nothing: the stock is checked again, and taken, when the order is placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, select, update

from app.cart import statements
from app.cart.queries import CartLine, get_line_of, has_owner
from app.cart.statements import ITEMS, PRODUCTS
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict, InsufficientStock, InvalidParam, NotFound, Unauthorized
from app.db import db

MAX_QUANTITY = 999
MAX_LINES = 50
MAX_SKU_LENGTH = 32
ATTEMPTS = 3


_mine = ITEMS.c.owner == bindparam("owner")
_shelf = select(
    *PRODUCTS.c["sku", "name", "name_en", "price_cents", "stock"],
    select(ITEMS.c.quantity).where(_mine, ITEMS.c.sku == PRODUCTS.c.sku).scalar_subquery(),
    select(func.count()).select_from(ITEMS).where(_mine).scalar_subquery(),
).where(PRODUCTS.c.sku == bindparam("wanted"), PRODUCTS.c.is_retired.is_(False))


class Shelf(NamedTuple):
    """What a change needs to know: the product, the customer's line of it, how long the cart is."""

    sku: str
    name: str
    name_en: str
    price_cents: int
    stock: int
    in_cart: int | None
    lines: int

    def title(self, locale: str) -> str:
        """The product's name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name


def add_item(actor: Actor, sku: str, quantity: int = 1) -> CartLine:
    """Put pieces of a product into the cart, on top of what is there. Three statements.

    Raises NotFound (unknown or retired SKU), InsufficientStock (the sum is more than there is), InvalidParam
    (less than 1, more than 999 in all), Conflict CART_FULL (50 lines), Unauthorized (a guest without an id).
    Nothing is changed then.
    """
    owner = owner_of(actor)
    check_positive(quantity)
    for _ in range(ATTEMPTS):
        shelf = _find_shelf(owner, sku)
        _check_fits(actor, shelf, quantity)
        if _put(actor, owner, shelf, quantity):
            return get_line_of(actor, shelf.sku)
    raise Conflict()


def _put(actor: Actor, owner: str, shelf: Shelf, quantity: int) -> bool:
    """False when the line or the stock was changed since it was looked at."""
    if shelf.in_cart is not None:
        return statements.increase(owner, shelf.sku, quantity, MAX_QUANTITY)
    values = new_line(actor, shelf.sku, quantity, shelf.price_cents)
    return statements.insert_line(values, min(shelf.stock, MAX_QUANTITY))


def new_line(actor: Actor, sku: str, quantity: int, price_seen_cents: int) -> dict[str, object]:
    """The values of a new row."""
    at = now()
    return {
        "owner": owner_of(actor),
        "user_id": actor.user_id,
        "sku": sku,
        "quantity": quantity,
        "price_seen_cents": price_seen_cents,
        "added_at": at,
        "updated_at": at,
    }


def set_quantity(actor: Actor, item_id: int, quantity: int) -> None:
    """Set how many pieces of a line are wanted. Raises as `add_item`; NotFound for somebody else's line."""
    _set(actor, ITEMS.c.id == item_id, quantity)


def set_quantity_by_sku(actor: Actor, sku: str, quantity: int) -> None:
    """Like `set_quantity`, for the line of a product. Raises NotFound when it is not in the cart."""
    _set(actor, ITEMS.c.sku == sku, quantity)


def _set(actor: Actor, which: ColumnElement[bool], quantity: int) -> None:
    owner = owner_of(actor)
    check_positive(quantity)
    if quantity <= MAX_QUANTITY and statements.assign(owner, which, quantity):
        return
    line = db.session.execute(
        select(*PRODUCTS.c["name", "name_en", "stock", "is_retired"])
        .join(ITEMS, ITEMS.c.sku == PRODUCTS.c.sku)
        .where(ITEMS.c.owner == owner, which)
    ).one_or_none()
    if line is None:
        raise not_in_cart()
    name = line.name_en if actor.locale == "en" and line.name_en else line.name
    if line.is_retired:
        raise NotFound(N_("%(name)s is no longer sold."), name=name)
    _check_amount(name, quantity, line.stock)
    raise Conflict()


def remove_item(actor: Actor, item_id: int) -> None:
    """Take a line out. Raises NotFound, also for somebody else's line."""
    _remove(actor, ITEMS.c.id == item_id)


def remove_by_sku(actor: Actor, sku: str) -> None:
    """Take a product out. Raises NotFound when it is not in the cart."""
    _remove(actor, ITEMS.c.sku == sku)


def _remove(actor: Actor, which: ColumnElement[bool]) -> None:
    if not has_owner(actor) or not statements.remove(actor.subject, which):
        raise not_in_cart()


def clear(actor: Actor) -> int:
    """Empty the cart; returns how many lines it had."""
    return statements.remove(actor.subject) if has_owner(actor) else 0


def accept_prices(actor: Actor, shown: Mapping[int, int] | None = None) -> int:
    """The customer agrees to new prices; returns how many lines changed.

    `shown` maps item ids to the cents that the customer was shown, so that a price which changed again since
    is not agreed to unseen. Without it, the prices of this moment are taken.
    """
    owner = owner_of(actor)
    if shown is None:
        price = select(PRODUCTS.c.price_cents).where(PRODUCTS.c.sku == ITEMS.c.sku).scalar_subquery()
        statement = update(ITEMS).where(ITEMS.c.owner == owner, ITEMS.c.price_seen_cents != price)
        return statements.run(statement.values(price_seen_cents=price))
    return sum(
        statements.run(
            update(ITEMS).where(ITEMS.c.owner == owner, ITEMS.c.id == item_id).values(price_seen_cents=cents)
        )
        for item_id, cents in sorted(shown.items())[:MAX_LINES]
    )


def owner_of(actor: Actor) -> str:
    """The key of the actor's cart. Raises Unauthorized for a guest without an id."""
    if not has_owner(actor):
        raise Unauthorized()
    return actor.subject


def check_positive(quantity: int) -> None:
    """Raises InvalidParam when it is less than 1."""
    if quantity < 1:
        raise InvalidParam(fields={"quantity": N_("At least 1.")})


def not_in_cart() -> NotFound:
    """The error for a line that is not there or is somebody else's."""
    return NotFound(N_("This is not in the cart."))


def _find_shelf(owner: str, sku: str) -> Shelf:
    sku = sku.strip()
    row = None
    if 0 < len(sku) <= MAX_SKU_LENGTH:
        row = db.session.execute(_shelf, {"wanted": sku, "owner": owner}).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such product."))
    return Shelf._make(row)


def _check_fits(actor: Actor, shelf: Shelf, quantity: int) -> None:
    _check_amount(shelf.title(actor.locale), (shelf.in_cart or 0) + quantity, shelf.stock)
    if shelf.in_cart is None and shelf.lines >= MAX_LINES:
        raise Conflict(N_("A cart holds up to %(count)s products."), code="CART_FULL", count=MAX_LINES)


def _check_amount(name: str, wanted: int, stock: int) -> None:
    if wanted > stock:
        message = None if stock > 0 else N_("%(name)s is sold out.")
        raise InsufficientStock(
            message, name=name, left=max(0, stock), fields={"quantity": N_("More than there is.")}
        )
    if wanted > MAX_QUANTITY:
        raise InvalidParam(
            N_("At most %(count)s pieces of one product."),
            count=MAX_QUANTITY,
            fields={"quantity": N_("Too many.")},
        )
