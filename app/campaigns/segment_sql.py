"""A segment's rules as SQL. What is written here is MySQL's and passes the guard like anybody's SQL. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from app.campaigns.plans import Rule
from app.insights.compiling.literals import quoted, utc_start

# Both are counted as reports count them: paid orders of the member, by business day.
ORDERS = (
    " LEFT JOIN (SELECT member_id, COUNT(*) AS orders_count, MAX(paid_on) AS last_day FROM orders"
    " WHERE pay_status = 1 AND member_id IS NOT NULL GROUP BY member_id) o ON o.member_id = m.id"
)
STORES = " JOIN stores s ON s.id = m.store_id"
BOUGHT = (
    "SELECT b.member_id FROM orders b JOIN order_items i ON i.order_id = b.id"
    " WHERE b.pay_status = 1 AND b.member_id IS NOT NULL AND i.category {condition}"
)
# Days since something grow as its date goes back.
MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "=", "!=": "<>"}
PLAIN = {"==": "=", "!=": "<>", "in": "IN", "not_in": "NOT IN"}


def members_sql(rules: Sequence[Rule], today: date, zone: str) -> str:
    """A SELECT of the ids of all members for whom every rule holds on a business day."""
    fields = {rule.field for rule in rules}
    sources = "members m"
    if "city" in fields:
        sources += STORES
    if fields & {"orders_count", "days_since_last_order", "customer_type"}:
        sources += ORDERS
    conditions = " AND ".join(_condition(rule, today, zone) for rule in rules)
    return f"SELECT m.id FROM {sources}" + (f" WHERE {conditions}" if conditions else "")  # noqa: S608 - literals are quoted


def orders_sql(rules: Sequence[Rule], today: date, zone: str, *, days: int, threshold: float) -> str:
    """One row of the members' paid orders of the last `days` days that come to `threshold` yuan before discounts.

    Columns: number of orders, of buyers, and the sum of the original amounts in yuan.
    """
    first = quoted(today - timedelta(days=days - 1))
    return (
        "SELECT COUNT(*) AS orders_count, COUNT(DISTINCT p.member_id) AS buyers, SUM(p.original_amount) AS amount"  # noqa: S608 - literals are quoted
        f" FROM orders p JOIN ({members_sql(rules, today, zone)}) seg ON seg.id = p.member_id"
        f" WHERE p.pay_status = 1 AND p.paid_on BETWEEN {first} AND {quoted(today)}"
        f" AND p.original_amount >= {quoted(threshold)}"
    )


def _condition(rule: Rule, today: date, zone: str) -> str:
    writer = WRITERS.get(rule.field)
    if writer is not None:
        return writer(rule, today, zone)
    return f"{COLUMNS[rule.field]} {_comparison(rule)}"


def _comparison(rule: Rule) -> str:
    operator = PLAIN.get(rule.op, rule.op)
    if isinstance(rule.value, list):
        return f"{operator} ({', '.join(quoted(value) for value in rule.value)})"
    return f"{operator} {quoted(rule.value)}"


COLUMNS = {
    "level": "m.level",
    "store": "m.store_id",
    "city": "s.city",
    "orders_count": "COALESCE(o.orders_count, 0)",
    "total_spent": "m.total_spent",
}


def _days_since_last_order(rule: Rule, today: date, _zone: str) -> str:
    """Who never ordered has no such day, so no comparison holds."""
    day = today - timedelta(days=_whole(rule.value))
    return f"o.last_day {MIRRORED[rule.op]} {quoted(day)}"


def _member_days(rule: Rule, today: date, zone: str) -> str:
    """Whole days since the business day of joining: a member for n days joined within that day."""
    day = today - timedelta(days=_whole(rule.value))
    start, end = utc_start(day, zone), utc_start(day + timedelta(days=1), zone)
    return {
        "==": f"m.created_at >= '{start}' AND m.created_at < '{end}'",
        "!=": f"(m.created_at < '{start}' OR m.created_at >= '{end}')",
        ">": f"m.created_at < '{start}'",
        ">=": f"m.created_at < '{end}'",
        "<": f"m.created_at >= '{end}'",
        "<=": f"m.created_at >= '{start}'",
    }[rule.op]


def _customer_type(rule: Rule, _today: date, _zone: str) -> str:
    """Returning members have paid twice or more; all others are new."""
    is_returning = (rule.value == "returning") == (rule.op == "==")
    return f"COALESCE(o.orders_count, 0) {'>=' if is_returning else '<'} 2"


def _category_bought(rule: Rule, _today: date, _zone: str) -> str:
    is_negated = rule.op in ("!=", "not_in")
    values = rule.value if isinstance(rule.value, list) else [rule.value]
    bought = BOUGHT.format(condition=f"IN ({', '.join(quoted(value) for value in values)})")
    return f"m.id {'NOT IN' if is_negated else 'IN'} ({bought})"


def _whole(value: Any) -> int:
    return int(value)


Writer = Callable[[Rule, date, str], str]
WRITERS: dict[str, Writer] = {
    "days_since_last_order": _days_since_last_order,
    "member_days": _member_days,
    "customer_type": _customer_type,
    "category_bought": _category_bought,
}
