"""Reads of orders. A customer sees their own; staff see all; to others an order does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound
from app.core.pagination import Page
from app.db import db
from app.orders.models import Order, OrderItem, Payment, Refund
from app.orders.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """What the console looks for; `text` is an order's number or a SKU."""

    status: str | None = None
    store_id: int | None = None
    day: date | None = None
    text: str = ""


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


def find_orders(wanted: OrderFilter, limit: int = 25, offset: int = 0) -> Page[Order]:
    """Everybody's orders, newest first, for the console."""
    return _page(_conditions(wanted), limit, offset)


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


def _page(conditions: Sequence[ColumnElement[bool]], limit: int, offset: int) -> Page[Order]:
    total = db.session.scalar(select(func.count(Order.id)).where(*conditions)) or 0
    statement = select(Order).where(*conditions).order_by(Order.id.desc()).limit(limit).offset(offset)
    orders = list(db.session.scalars(statement)) if offset < total else []
    return Page(orders, total, limit, offset)


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
