"""What questions are read against: the shop's names and the days it has data for."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from app.catalogue.models import Category, Product
from app.core.clock import business_day, now
from app.db import db
from app.insights.names import CategoryName, Context, Names, ProductName, StoreName
from app.members.models import Store
from app.orders.models import Order
from app.sales.queries import find_stale


def current_context(timezone: str, locale: str = "zh") -> Context:
    """The context of a question asked now: five short reads."""
    today = business_day(now(), timezone)
    return Context(load_names(), today, first_day(), locale, timezone, find_stale())


def load_names() -> Names:
    """All names, retired products included: old orders hold them."""
    stores = db.session.execute(
        select(Store.id, Store.name, Store.name_en, Store.city, Store.city_en).order_by(Store.id)
    )
    categories = db.session.execute(
        select(Category.id, Category.name, Category.name_en).order_by(Category.id)
    )
    products = db.session.execute(select(Product.sku, Product.name, Product.name_en).order_by(Product.sku))
    return Names(
        tuple(StoreName(*row) for row in stores),
        tuple(CategoryName(*row) for row in categories),
        tuple(ProductName(*row) for row in products),
    )


def first_day() -> date | None:
    """The business day of the first paid order, or None before there is one."""
    return db.session.scalar(select(func.min(Order.paid_on)).where(Order.pay_status == 1))
