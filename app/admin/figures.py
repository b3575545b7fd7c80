"""The few figures of the console's first page, each with its definition (docs: product.md, 口径)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select

from app.catalogue.models import Product
from app.catalogue.records import ProductView
from app.core.clock import business_day, now
from app.db import db
from app.orders.models import Order

LOW_STOCK = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts, and revenue in cents, of the business day that runs now."""

    orders_today: int
    revenue_today_cents: int
    unpaid: int
    low_stock: int
    sold_out: int


def get_figures(timezone: str) -> Figures:
    """Read them; three statements."""
    today = business_day(now(), timezone)
    start = datetime.combine(today, time(), ZoneInfo(timezone))
    placed, unpaid = _orders(start)
    revenue = db.session.scalar(
        select(func.coalesce(func.sum(Order.amount_cents), 0)).where(
            Order.pay_status == 1, Order.paid_on == today
        )
    )
    low, out = _stock()
    return Figures(placed, int(revenue or 0), unpaid, low, out)


def _orders(since: datetime) -> tuple[int, int]:
    placed = select(func.count()).select_from(Order).where(Order.created_at >= since).scalar_subquery()
    unpaid = select(func.count()).select_from(Order).where(Order.status == "PENDING").scalar_subquery()
    row = db.session.execute(select(placed, unpaid)).one()
    return row[0], row[1]


def _stock() -> tuple[int, int]:
    row = db.session.execute(
        select(func.count(), func.coalesce(func.sum(case((Product.stock == 0, 1), else_=0)), 0)).where(
            Product.is_retired.is_(False), Product.stock <= LOW_STOCK
        )
    ).one()
    return row[0], int(row[1])


def list_low_stock(limit: int = 10) -> Sequence[ProductView]:
    """What runs out first."""
    columns = [getattr(Product, name) for name in ProductView.__dataclass_fields__]
    rows = db.session.execute(
        select(*columns)
        .where(Product.is_retired.is_(False), Product.stock <= LOW_STOCK)
        .order_by(Product.stock, Product.units_sold.desc(), Product.sku)
        .limit(limit)
    )
    return [ProductView(*row) for row in rows]
