"""How days are added up: one INSERT ... SELECT for each table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Insert,
    Select,
    String,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
)

from app.orders.models import Order, OrderItem
from app.sales.models import (
    DailyBuyerItems,
    DailyBuyers,
    DailyItemSales,
    DailySales,
    Goods,
    PaymentAttempts,
)
from app.sales.periods import bounds_of

IS_MEMBER = case((Order.member_id.is_(None), 0), else_=1)
PLACE = (Order.store_id, Order.channel)


def add_up_orders(days: Sequence[date]) -> Insert:
    """The paid orders of these business days into `daily_sales`."""
    key = (Order.paid_on, *PLACE, IS_MEMBER)
    sums = (func.count(), func.sum(Order.amount_cents), func.sum(Order.original_amount_cents))
    found = select(*key, *sums).where(*_paid_on(days)).group_by(*key)
    names = ["day", "store_id", "channel", "is_member", "orders", "amount_cents", "original_amount_cents"]
    return insert(DailySales).from_select(names, found)


def add_up_buyers(days: Sequence[date]) -> Insert:
    """The paid orders of these business days into `daily_buyers`."""
    key = (Order.paid_on, func.coalesce(Order.member_id, 0), *PLACE)
    sums = (func.count(), func.sum(Order.amount_cents), func.sum(Order.original_amount_cents))
    found = select(*key, *sums).where(*_paid_on(days)).group_by(*key)
    names = ["day", "member_id", "store_id", "channel", "orders", "amount_cents", "original_amount_cents"]
    return insert(DailyBuyers).from_select(names, found)


def add_up_items(days: Sequence[date]) -> Insert:
    """The lines of the paid orders of these business days into `daily_item_sales`."""
    item = _numbered(days).subquery("i")
    c = item.c
    key = (c.day, c.store_id, c.channel, c.is_member, c.category, c.sku)
    found = select(
        *key,
        func.sum(c.qty),
        func.sum(c.qty * c.price_cents),
        _count(c.of_order == 1),
        _count(c.of_category == 1),
        _count(c.of_product == 1),
    ).group_by(*key)
    names = [column.name for column in key]
    sums = ["units", "sales_cents", "baskets", "category_orders", "product_orders"]
    return insert(DailyItemSales).from_select([*names, *sums], found)


def add_up_buyer_items(days: Sequence[date]) -> Insert:
    """The same lines by member into `daily_buyer_items`."""
    item = _numbered(days).subquery("i")
    c = item.c
    key = (c.day, c.member_id, c.store_id, c.channel, Goods.id)
    found = (
        select(
            *key,
            func.sum(c.qty),
            func.sum(c.qty * c.price_cents),
            _count(c.of_order == 1),
            _count(c.of_category == 1),
            _count(c.of_product == 1),
        )
        .join(Goods, (Goods.sku == c.sku) & (Goods.category == c.category))
        .group_by(*key)
    )
    names = ["day", "member_id", "store_id", "channel", "goods_id"]
    sums = ["units", "sales_cents", "baskets", "category_orders", "product_orders"]
    return insert(DailyBuyerItems).from_select([*names, *sums], found)


def _numbered(days: Sequence[date]) -> Select[Any]:
    """Each line, and which it is of its order, and of those of its category and its product there."""

    def place(*within: Any) -> ColumnElement[int]:
        return func.row_number().over(partition_by=(OrderItem.order_id, *within), order_by=OrderItem.id)

    return (
        select(
            Order.paid_on.label("day"),
            *PLACE,
            IS_MEMBER.label("is_member"),
            func.coalesce(Order.member_id, 0).label("member_id"),
            OrderItem.category,
            OrderItem.sku,
            OrderItem.qty,
            OrderItem.price_cents,
            place().label("of_order"),
            place(OrderItem.category).label("of_category"),
            place(OrderItem.sku).label("of_product"),
        )
        .join(OrderItem, OrderItem.order_id == Order.id)
        .where(*_paid_on(days))
    )


def first_two(member_ids: Sequence[int]) -> Select[Any]:
    """The days of the first and the second paid order of these members, those without one left out."""
    place = func.row_number().over(partition_by=Order.member_id, order_by=Order.paid_on)
    n = (
        select(Order.member_id, Order.paid_on, place.label("place"))
        .where(Order.pay_status == 1, Order.paid_on.is_not(None), Order.member_id.in_(member_ids))
        .subquery("n")
    )
    second = func.min(case((n.c.place == 2, n.c.paid_on)))
    return select(n.c.member_id, func.min(n.c.paid_on), second).group_by(n.c.member_id)


def _paid_on(days: Sequence[date]) -> tuple[ColumnElement[bool], ...]:
    return Order.pay_status == 1, Order.paid_on.in_(days)


def add_up_attempts(days: Sequence[date], dialect: str) -> Insert:
    """The orders placed on these UTC days into `payment_attempts`."""
    key = (_quarter(dialect), *PLACE, IS_MEMBER)
    placed = or_(*((Order.created_at >= start) & (Order.created_at < end) for start, end in bounds_of(days)))
    found = (
        select(*key, func.count(), _count(Order.pay_status == 1))
        .where(Order.pay_status.in_((0, 1)), placed)
        .group_by(*key)
    )
    names = ["placed_at", "store_id", "channel", "is_member", "attempts", "paid"]
    return insert(PaymentAttempts).from_select(names, found)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _quarter(dialect: str) -> ColumnElement[Any]:
    """The beginning of the quarter of an hour in which an order was placed."""
    if dialect == "sqlite":
        return literal_column(
            "substr(orders.created_at, 1, 14)"
            " || substr('00153045', CAST(substr(orders.created_at, 15, 2) AS INTEGER) / 15 * 2 + 1, 2)"
            " || ':00.000000'",
            String,
        )
    return literal_column(
        "TIMESTAMP(DATE(orders.created_at), MAKETIME(HOUR(orders.created_at),"
        " MINUTE(orders.created_at) DIV 15 * 15, 0))",
        DateTime,
    )
