"""Reads of orders. A customer sees their own; staff see all; to others an order does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.catalogue.cache import cached
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound
from app.core.pagination import Page
from app.db import db
from app.orders.models import Order, OrderItem, Payment, Refund
from app.orders.states import Status

# Counting every order of a shop takes longer than its page. None is ever deleted, so how many there were up to a
# number is known for a while, and only those after it are counted.
COUNT_SECONDS = 60.0
UNSETTLED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """What the console looks for; `text` is an order's number or a SKU."""

    status: str | None = None
    store_id: int | None = None
    day: date | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of an order, for a list."""

    name: str
    name_en: str
    qty: int

    def title(self, locale: str) -> str:
        """The product's name as it was, in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order, for the console's list."""

    id: int
    status: str
    store_id: int
    created_at: datetime
    amount_cents: int
    refunded_cents: int
    lines: tuple[LineView, ...] = ()


def get_order(actor: Actor, order_id: int) -> Order:
    """An order that the actor may see. Raises NotFound."""
    order = db.session.get(Order, order_id)
    if order is None or not (actor.is_staff or _owns(actor, order)):
        raise NotFound()
    return order


def get_own_order(actor: Actor, order_id: int) -> Order:
    """An order of the actor's own. Raises NotFound."""
    order = db.session.get(Order, order_id)
    if order is None or not _owns(actor, order):
        raise NotFound()
    return order


def _owns(actor: Actor, order: Order) -> bool:
    return actor.user_id is not None and order.user_id == actor.user_id


def list_orders(actor: Actor, limit: int = 20, offset: int = 0) -> Page[Order]:
    """The actor's own orders, newest first. Raises Unauthorized."""
    return _page([Order.user_id == actor.require_user()], limit, offset)


def find_orders(wanted: OrderFilter, limit: int = 25, offset: int = 0) -> Page[OrderView]:
    """Everybody's orders, newest first, for the console. Three statements."""
    conditions = _conditions(wanted)
    total = _count(conditions)
    if offset >= total:
        return Page([], total, limit, offset)
    page = select(*_SHOWN).where(*conditions).order_by(Order.id.desc()).limit(limit).offset(offset)
    rows: Sequence[Any] = db.session.execute(page).all()
    lines = _lines_of([row.id for row in rows])
    orders = [OrderView(**row._mapping, lines=tuple(lines[row.id])) for row in rows]
    return Page(orders, total, limit, offset)


_SHOWN = [getattr(Order, name) for name in OrderView.__dataclass_fields__ if name != "lines"]


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status:
        conditions.append(Order.status == wanted.status)
    if wanted.store_id:
        conditions.append(Order.store_id == wanted.store_id)
    if wanted.day:
        conditions.append(Order.paid_on == wanted.day)
    if wanted.text.isascii() and wanted.text.isdigit() and len(wanted.text) < 10:
        conditions.append(Order.id == int(wanted.text))
    elif wanted.text:
        conditions.append(Order.id.in_(select(OrderItem.order_id).where(OrderItem.sku == wanted.text)))
    return conditions


def _lines_of(order_ids: Sequence[int]) -> dict[int, list[LineView]]:
    shown = select(OrderItem.order_id, OrderItem.name, OrderItem.name_en, OrderItem.qty)
    lines: dict[int, list[LineView]] = {order_id: [] for order_id in order_ids}
    for row in db.session.execute(shown.where(OrderItem.order_id.in_(order_ids)).order_by(OrderItem.id)):
        lines[row.order_id].append(LineView(row.name, row.name_en, row.qty))
    return lines


def _page(conditions: Sequence[ColumnElement[bool]], limit: int, offset: int) -> Page[Order]:
    total = _count(conditions)
    statement = select(Order).where(*conditions).order_by(Order.id.desc()).limit(limit).offset(offset)
    orders = list(db.session.scalars(statement)) if offset < total else []
    return Page(orders, total, limit, offset)


def _count(conditions: Sequence[ColumnElement[bool]]) -> int:
    if conditions:
        return _count_now(*conditions)
    last, placed = cached("orders", COUNT_SECONDS, _count_settled)
    return placed + _count_now(Order.id > last)


def _count_settled() -> tuple[int, int]:
    """An order's number, and how many there are up to it, with room for those whose transaction is still open."""
    newest = db.session.scalar(select(func.max(Order.id))) or 0
    last = max(0, newest - UNSETTLED)
    return last, _count_now(Order.id <= last) if last else 0


def _count_now(*conditions: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count(Order.id)).where(*conditions)) or 0


def list_payments(order_id: int) -> list[Payment]:
    """All attempts to pay, oldest first."""
    return list(db.session.scalars(select(Payment).where(Payment.order_id == order_id).order_by(Payment.id)))


def list_refunds(order_id: int) -> list[Refund]:
    """All refunds, oldest first."""
    return list(db.session.scalars(select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)))


def list_expired_ids(limit: int = 50) -> list[int]:
    """Unpaid orders whose time is over."""
    statement = (
        select(Order.id)
        .where(Order.status == Status.PENDING, Order.expires_at <= now())
        .order_by(Order.expires_at)
        .limit(limit)
    )
    return list(db.session.scalars(statement))
