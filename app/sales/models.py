"""Sums of paid orders by day, and the days whose sums are not to be trusted.

Triggers of the database (migration 0018) name a day in `stale_days` in the very transaction that changes an order or a
line of it, whoever does it; `app.sales.service` adds the day up again and takes its name off. Between the two, reports
read that day from the orders themselves. So a report is right at every moment, and a payment waits for nobody.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Computed, Date, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Cents, Model, UtcDateTime

# The key is most of the row: SQLite too keeps the rows in its order, as MariaDB does.
IN_KEY_ORDER = {"sqlite_with_rowid": False}


class StaleDay(Model):
    """A day that has changed since it was added up. `kind` is "sales" (business day) or "attempts" (UTC day).

    A row of the kind "off" means that the database has no triggers, so no sums are to be trusted.
    """

    __tablename__ = "stale_days"
    __table_args__ = IN_KEY_ORDER

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)


class DailySales(Model):
    """Paid orders of a business day by store, channel, and whether a member (1) or a guest (0) bought."""

    __tablename__ = "daily_sales"
    __table_args__ = IN_KEY_ORDER

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    is_member: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    orders: Mapped[int]
    amount_cents: Mapped[Cents]
    amount: Mapped[Decimal] = mapped_column(Numeric(16, 2), Computed("amount_cents / 100.0", persisted=False))
    original_amount_cents: Mapped[Cents]
    original_amount: Mapped[Decimal] = mapped_column(
        Numeric(16, 2), Computed("original_amount_cents / 100.0", persisted=False)
    )


class DailyBuyers(Model):
    """Paid orders of a business day by member; those of guests together, under the number 0.

    For what has to look at each member: how many bought, for the first time, again, of which level.
    """

    __tablename__ = "daily_buyers"
    __table_args__ = (
        Index("ix_daily_buyers_member_id_day_orders", "member_id", "day", "orders"),
        IN_KEY_ORDER,
    )

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    orders: Mapped[int]
    amount_cents: Mapped[Cents]
    amount: Mapped[Decimal] = mapped_column(Numeric(16, 2), Computed("amount_cents / 100.0", persisted=False))
    original_amount_cents: Mapped[Cents]
    original_amount: Mapped[Decimal] = mapped_column(
        Numeric(16, 2), Computed("original_amount_cents / 100.0", persisted=False)
    )


class DailyItemSales(Model):
    """Lines of paid orders, by product as well. `sales` is quantity times price, before discounts.

    Orders are counted three times over, so that each of the counts adds up by itself: `product_orders` has an order
    once for each product, `category_orders` once for each category, `baskets` once.
    """

    __tablename__ = "daily_item_sales"
    __table_args__ = IN_KEY_ORDER

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    is_member: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(String(40), primary_key=True)
    sku: Mapped[str] = mapped_column(String(32), primary_key=True)
    units: Mapped[int]
    sales_cents: Mapped[Cents]
    sales: Mapped[Decimal] = mapped_column(Numeric(16, 2), Computed("sales_cents / 100.0", persisted=False))
    baskets: Mapped[int]
    category_orders: Mapped[int]
    product_orders: Mapped[int]


class Goods(Model):
    """A number for each product under each category that a line has had: rows are counted by it sooner than by texts."""

    __tablename__ = "goods"
    __table_args__ = (UniqueConstraint("sku", "category"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(32))
    category: Mapped[str] = mapped_column(String(40))


class DailyBuyerItems(Model):
    """Lines of paid orders of a business day by member and product, those of guests under the number 0.

    For what has to look at each member and at goods. Orders are counted as in `DailyItemSales`.
    """

    __tablename__ = "daily_buyer_items"
    __table_args__ = IN_KEY_ORDER

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    goods_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    units: Mapped[int]
    sales_cents: Mapped[Cents]
    sales: Mapped[Decimal] = mapped_column(Numeric(16, 2), Computed("sales_cents / 100.0", persisted=False))
    baskets: Mapped[int]
    category_orders: Mapped[int]
    product_orders: Mapped[int]


class FirstPurchases(Model):
    """The business days of each member's first and second paid order.

    Triggers (migration 0022) keep it in the transaction that changes an order, so it is never stale.
    """

    __tablename__ = "first_purchases"
    __table_args__ = IN_KEY_ORDER

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_on: Mapped[date]
    second_on: Mapped[date | None]


class PaymentAttempts(Model):
    """Orders for which a payment was tried, by the quarter of an hour (UTC) in which they were placed.

    A business day begins with a quarter in every time zone.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = IN_KEY_ORDER

    placed_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    is_member: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempts: Mapped[int]
    paid: Mapped[int]
