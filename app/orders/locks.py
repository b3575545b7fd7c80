"""The order in which rows are locked: order, customer, member, coupon, products by SKU.

Whoever keeps to it cannot wait in a ring with another customer's order.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from app.accounts.models import User
from app.core.errors import NotFound
from app.db import db
from app.orders.models import Order

_customer = select(User.id).where(User.id == bindparam("user_id")).with_for_update()


def lock_customer(user_id: int) -> None:
    """Let one customer's orders be placed one after another (SQLite has a single writer anyway)."""
    db.session.execute(_customer, {"user_id": user_id})


def lock_order(order_id: int) -> Order:
    """The order with its lines as they are now, until the transaction ends. Raises NotFound."""
    statement = select(Order).where(Order.id == order_id).with_for_update()
    order = db.session.scalar(statement.execution_options(populate_existing=True))
    if order is None:
        raise NotFound()
    return order
