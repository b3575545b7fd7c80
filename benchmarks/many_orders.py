"""A chain's orders, made by MariaDB itself from numbers: 4 million in some minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from app.db import db
from app.runtime import settings

AT_ONCE = 250_000
# As in the demo shop: of 100 orders so many are a member's, and 75 members for 1,000 orders.
MEMBER_ORDERS, MEMBERS = 27, 0.075
# Of 100 orders so many have one line, at most two, three, four.
LINES = (50, 75, 90, 97)
DICE = "CRC32(CONCAT('{salt}', seq))"


def add_orders(count: int, days: int, today: date) -> None:
    """Replace the orders and members of the current database by these, up to `today`."""
    zone = ZoneInfo(settings().shop_timezone)
    start = datetime.combine(today - timedelta(days=days - 1), time(), zone).astimezone(UTC)
    hours = round(start.astimezone(zone).utcoffset().total_seconds() / 3_600)  # type: ignore[union-attr]
    values = {
        "members": max(1, round(count * MEMBERS)),
        "begin": start.replace(tzinfo=None).isoformat(" "),
        "step": days * 86_400 / count,
        "hours": hours,
    }
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in _EMPTY:
            connection.execute(text(statement))
        for statement in (_PRODUCTS, _MEMBERS):
            connection.execute(text(statement.format(**values)))
        for first in range(1, count + 1, AT_ONCE):
            numbers = f"seq_{first}_to_{min(count, first + AT_ONCE - 1)}"
            for template in (_ORDERS, _ITEMS):
                connection.execute(text(_diced(template).format(numbers=numbers, **values)))
        for table in ("orders", "order_items", "members"):
            connection.execute(text(f"ANALYZE TABLE {table}"))


def _diced(template: str) -> str:
    for salt in "abcdefgh":
        template = template.replace(f"<{salt}>", DICE.format(salt=salt))
    return template


_EMPTY = (
    "SET FOREIGN_KEY_CHECKS = 0",
    *(f"TRUNCATE TABLE {table}" for table in ("order_items", "payments", "refunds", "orders", "members")),
)
_PRODUCTS = """
CREATE TABLE bench_products (n INT PRIMARY KEY) SELECT ROW_NUMBER() OVER (ORDER BY sku) - 1 AS n, sku, p.name, p.name_en,
  c.name AS category, price_cents FROM products p JOIN categories c ON c.id = p.category_id
"""
_MEMBERS = """
INSERT INTO members (id, store_id, level, total_spent_cents, created_at)
SELECT seq, 1 + seq % 10, 1 + (seq * 7) % 5, 0, TIMESTAMP('{begin}') + INTERVAL seq % 4320 HOUR FROM seq_1_to_{members}
"""
_ORDERS = (
    """
INSERT INTO orders (id, store_id, member_id, status, pay_status, channel, original_amount_cents, amount_cents,
  coupon_discount_cents, points_used, points_discount_cents, points_awarded, credit_used_cents, refunded_cents,
  coupon_name, cancel_reason, created_at, updated_at, paid_at, paid_on)
SELECT id, store_id, member_id, IF(is_paid, 'COMPLETED', 'CANCELLED'), is_paid, channel, original, original - discount,
  discount, 0, 0, 0, 0, 0, '', '', placed, placed, IF(is_paid, placed + INTERVAL 3 MINUTE, NULL),
  IF(is_paid, DATE(placed + INTERVAL {hours} HOUR), NULL)
FROM (SELECT seq AS id, 1 + <a> % 10 AS store_id, IF(<b> % 100 < """
    + str(MEMBER_ORDERS)
    + """, 1 + <c> % {members}, NULL) AS member_id,
  <d> % 100 < 97 AS is_paid, ELT(1 + <e> % 3, 'offline', 'online', 'delivery') AS channel, 3000 + <f> % 60000 AS original,
  IF(<g> % 100 < 25, 1500, 0) AS discount, TIMESTAMP('{begin}') + INTERVAL FLOOR(seq * {step}) SECOND AS placed
  FROM {numbers}) made
"""
)
_ITEMS = (
    """
INSERT INTO order_items (order_id, sku, name, name_en, category, qty, price_cents, discount_cents, refunded_qty, refunded_cents)
SELECT o.seq, p.sku, p.name, p.name_en, p.category, 1 + (o.dice + k.seq) % 2, p.price_cents, 0, 0, 0
FROM (SELECT seq, <h> AS dice FROM {numbers}) o
JOIN seq_1_to_5 k ON k.seq <= 1 + """
    + " + ".join(f"(o.dice % 100 >= {share})" for share in LINES)
    + """
JOIN bench_products p ON p.n = (o.dice DIV 128 + k.seq * 7) % (SELECT COUNT(*) FROM bench_products)
ORDER BY o.seq, k.seq
"""
)
