"""The tables and columns that insights may read; whatever is not named here does not exist for the guard.

No column that says who a person is, where they live or how to reach them belongs here: `members` has no name and no
telephone number, `orders` no contact. `docs` and the grants of the reading database user follow from this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column or an expression holds, as far as dates need it."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    DATETIME = "datetime"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Column:
    """`is_key`: so few rows have the same value that tables may be joined by it."""

    name: str
    kind: Kind
    is_key: bool = False


def _table(text: str, *, keys: str) -> Mapping[str, Column]:
    marks = {"#": Kind.NUMBER, "'": Kind.TEXT, "d": Kind.DATE, "t": Kind.DATETIME}
    columns = {}
    for word in text.split():
        mark, name = word[0], word[2:]
        columns[name] = Column(name, marks[mark], name in keys.split())
    return columns


# "#" a number, "'" a text, "d" a date, "t" a moment (UTC).
TABLES: Mapping[str, Mapping[str, Column]] = {
    "stores": _table("#:id ':name ':city", keys="id name"),
    "members": _table("#:id #:store_id t:created_at #:level #:total_spent", keys="id"),
    "orders": _table(
        "#:id #:store_id #:member_id ':status #:pay_status t:paid_at d:paid_on ':channel #:amount #:original_amount"
        " t:created_at",
        keys="id member_id",
    ),
    "order_items": _table("#:id #:order_id ':sku ':category #:qty #:price", keys="id order_id"),
    # Sums by day (app.sales).
    "daily_sales": _table(
        "d:day #:store_id ':channel #:is_member #:orders #:amount #:original_amount", keys=""
    ),
    "daily_buyers": _table(
        "d:day #:member_id #:store_id ':channel #:orders #:amount #:original_amount", keys="member_id"
    ),
    "daily_item_sales": _table(
        "d:day #:store_id ':channel #:is_member ':category ':sku #:units #:sales #:baskets #:category_orders"
        " #:product_orders",
        keys="",
    ),
    "daily_buyer_items": _table(
        "d:day #:member_id #:store_id ':channel #:goods_id #:units #:sales #:baskets #:category_orders #:product_orders",
        keys="member_id goods_id",
    ),
    "goods": _table("#:id ':sku ':category", keys="id sku"),
    "first_purchases": _table("#:member_id d:first_on d:second_on", keys="member_id"),
    "payment_attempts": _table("t:placed_at #:store_id ':channel #:is_member #:attempts #:paid", keys=""),
    "products": _table(
        "':sku ':name #:category_id #:price_cents #:stock t:created_at", keys="sku name category_id"
    ),
    "categories": _table("#:id ':name", keys="id name"),
    "coupons": _table("#:id ':name ':type #:threshold #:value t:start_at t:end_at ':status", keys="id"),
    "campaigns": _table("#:id ':name ':goal #:budget #:duration_days t:created_at", keys="id"),
}
# What only our own compiled statements may read: a query that a person or a model wrote is told that there is no such table.
SUMS = frozenset(
    {
        "daily_sales",
        "daily_buyers",
        "daily_item_sales",
        "daily_buyer_items",
        "goods",
        "first_purchases",
        "payment_attempts",
    }
)
# The name under which queries may qualify a table: `shop.orders`.
SCHEMA_NAME = "shop"
