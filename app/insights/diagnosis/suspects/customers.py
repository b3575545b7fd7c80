"""New against returning customers: how many, how often they order, what an order is worth, in both periods.

A customer's group is what they were when the period began: `new` had no paid order yet, `once` had one, `regular` two or more;
guests have no history. How often a group orders is its orders by its members, buying or not; whether that is unusual is
judged against its own trend in the periods before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.insights.compiling.literals import quoted
from app.insights.compiling.select import Select
from app.insights.diagnosis.model import Cause, Column, Direction, Figure, Value
from app.insights.diagnosis.statistics import NOISE_Z, SMALL, Sums, critical, z_of, z_of_counts
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding
from app.insights.question import Filter
from app.language.periods import Span, between, resolve

# What a customer's orders are worth has nothing to do with these.
WITHOUT_VALUE = (
    "repeat_rate",
    "new_buyer_rate",
    "returning_buyer_rate",
    "orders_per_buyer",
    "orders",
    "buyers",
    "new_buyers",
    "returning_buyers",
)
GROUPS = ("new", "once", "regular", "guest")
NAMES = {
    "new": ("新客（首次购买）", "New customers (first purchase)"),
    "once": ("一单老客（此前 1 单）", "Customers with 1 earlier order"),
    "regular": ("老客（此前 2 单及以上）", "Returning customers (2+ earlier orders)"),
    "guest": ("散客", "Guests"),
}
HISTORY = 4
# A trend explains at most so much of a change, as a logarithm.
MOST_DRIFT = 0.15
HOME_FILTERS = ("store", "city", "level")
# Counts: new and returning buyers' numbers and frequency, and order values: so many comparisons.
COMPARISONS = 8
LEAST_CHANGE = 0.08


@dataclass(frozen=True, slots=True)
class Segment:
    """A group in one period: members of it, those who bought, their orders, money, and squares of both for their errors."""

    pool: int = 0
    people: int = 0
    orders: int = 0
    orders_squared: float = 0.0
    amount: float = 0.0
    amount_squared: float = 0.0

    @property
    def value(self) -> float | None:
        return self.amount / self.orders if self.orders else None

    @property
    def rate(self) -> float | None:
        return self.orders / self.pool if self.pool else None


Segments = dict[str, Segment]


def check_customers(subject: Subject) -> Finding:
    """The groups in both periods, and which of them came less, came more, or bought otherwise."""
    spans = [subject.span, subject.base]
    # A Monday against a Sunday: what counts is the Monday before.
    twin = subject.weekday_twin
    spans += [twin] if twin is not None else subject.earlier(HISTORY)
    periods, sql = _count(subject, spans)
    figure = _figure(subject, periods, sql)
    return Finding("customers", figure, tuple(_causes(subject, periods, figure)))


def _count(subject: Subject, spans: Sequence[Span]) -> tuple[list[Segments], tuple[str, ...]]:
    """The groups of each span, from two queries."""
    fetch = subject.gatherer.fetch
    orders, pools = fetch(_orders_sql(subject, spans)), fetch(_pools_sql(subject, spans))
    found: list[Segments] = [{} for _ in spans]
    row = pools.rows[0] if pools.rows else []
    sizes = (
        [{"once": int(row[2 * i] or 0), "regular": int(row[2 * i + 1] or 0)} for i in range(len(spans))]
        if row
        else [{} for _ in spans]
    )
    for period, group, people, count, squared, amount, amount_squared in orders.rows:
        if period is not None:
            found[int(period)][str(group)] = Segment(
                sizes[int(period)].get(str(group), 0),
                int(people or 0),
                int(count or 0),
                float(squared or 0),
                float(amount or 0),
                float(amount_squared or 0),
            )
    for place, segments in enumerate(found):
        for group in GROUPS:
            segments.setdefault(group, Segment(sizes[place].get(group, 0)))
    return found, (orders.sql, pools.sql)


def _bucket(spans: Sequence[Span]) -> str:
    cases = " ".join(
        f"WHEN o.paid_on BETWEEN {quoted(s.start)} AND {quoted(s.end)} THEN {i}" for i, s in enumerate(spans)
    )
    return f"CASE {cases} END"


def _life(spans: Sequence[Span]) -> str:
    """Each member's paid orders before each span."""
    counts = ", ".join(
        f"SUM(CASE WHEN paid_on < {quoted(s.start)} THEN 1 ELSE 0 END) AS k{i}" for i, s in enumerate(spans)
    )
    end = max(span.end for span in spans)
    return (
        f"life_before AS (\nSELECT member_id, {counts}\nFROM orders\n"
        f"WHERE pay_status = 1 AND member_id IS NOT NULL AND paid_on <= {quoted(end)}\nGROUP BY member_id\n)"
    )


def _orders_sql(subject: Subject, spans: Sequence[Span]) -> str:
    whole = Span(min(span.start for span in spans), max(span.end for span in spans))
    goods = any(part.dimension in ("category", "product") for part in subject.question.filters)
    select = subject.gatherer.select("items" if goods else "orders", whole)
    tables = select.tables.replace(
        "\nWHERE ", "\nLEFT JOIN life_before k ON k.member_id = o.member_id\nWHERE ", 1
    )
    earlier = (
        "CASE "
        + " ".join(
            f"WHEN o.paid_on BETWEEN {quoted(s.start)} AND {quoted(s.end)} THEN k.k{i}"
            for i, s in enumerate(spans)
        )
        + " END"
    )
    group = f"CASE WHEN o.member_id IS NULL THEN 'guest' WHEN {earlier} = 0 THEN 'new' WHEN {earlier} = 1 THEN 'once' ELSE 'regular' END"
    count, amount = ("COUNT(DISTINCT o.id)", "i.qty * i.price") if goods else ("COUNT(*)", "o.amount")
    ctes = ",\n".join(part for part in (select.ctes, _life(spans)) if part)
    inner = (
        f"SELECT {_bucket(spans)} AS period_no, {group} AS grp, o.member_id AS member_id, {count} AS c, SUM({amount}) AS a, SUM({amount} * {amount}) AS aa\n"
        f"{tables}\nGROUP BY {_bucket(spans)}, {group}, o.member_id"
    )
    return (
        f"WITH {ctes}\nSELECT u.period_no, u.grp, COUNT(u.member_id) AS people, SUM(u.c) AS order_count, SUM(u.c * u.c) AS squared, "
        f"SUM(u.a) AS amount, SUM(u.aa) AS amount_squared\nFROM (\n{inner}\n) u\nGROUP BY u.period_no, u.grp"
    )


def _pools_sql(subject: Subject, spans: Sequence[Span]) -> str:
    """How many members had one, and two or more, paid orders when each span began; those of the stores and levels asked for."""
    parts = tuple(part for part in subject.question.filters if part.dimension in HOME_FILTERS)
    counts = ", ".join(
        f"SUM(CASE WHEN k.k{i} = 1 THEN 1 ELSE 0 END) AS once_{i}, SUM(CASE WHEN k.k{i} >= 2 THEN 1 ELSE 0 END) AS regular_{i}"
        for i in range(len(spans))
    )
    return f"WITH {_life(spans)}\nSELECT {counts}\nFROM life_before k{_members(subject, parts)}"


def _members(subject: Subject, parts: tuple[Filter, ...]) -> str:
    if not parts:
        return ""
    ever = resolve(between(subject.context.today.replace(year=2000, day=1)), subject.context.today)
    select = Select("members", (), (), parts, ever, subject.context.timezone)
    tables = select.tables.removeprefix("FROM members m")
    return f"\nJOIN members m ON m.id = k.member_id{tables}"


def _figure(subject: Subject, periods: list[Segments], sql: tuple[str, ...]) -> Figure:
    english = subject.context.locale == "en"

    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("客群", "Customers"), "text", "label"),
        Column("pool_then", said("对比期人群规模", "In the group before"), "count", "sample"),
        Column("pool_now", said("本期人群规模", "In the group now"), "count", "sample"),
        Column("people_then", said("对比期购买人数", "Buyers before"), "count", "then"),
        Column("people_now", said("本期购买人数", "Buyers now"), "count", "now"),
        Column("people_change", said("人数变化率", "Change in buyers"), "ratio", "change"),
        Column("orders_then", said("对比期订单数", "Orders before"), "count", "then"),
        Column("orders_now", said("本期订单数", "Orders now"), "count", "now"),
        Column("orders_change", said("订单变化率", "Change in orders"), "ratio", "change"),
        Column("rate_then", said("对比期每百人订单数", "Orders per 100 before"), "number", "then"),
        Column("rate_now", said("本期每百人订单数", "Orders per 100 now"), "number", "now"),
        Column("rate_change", said("下单频次变化率", "Change in frequency"), "ratio", "change"),
        Column("value_then", said("对比期客单价", "AOV before"), "yuan", "then"),
        Column("value_now", said("本期客单价", "AOV now"), "yuan", "now"),
        Column("value_change", said("客单价变化率", "Change in AOV"), "ratio", "change"),
        Column("gmv_then", said("对比期成交额", "GMV before"), "yuan", "then"),
        Column("gmv_now", said("本期成交额", "GMV now"), "yuan", "now"),
        Column("gmv_change", said("成交额变化", "Change in GMV"), "yuan", "change"),
    )
    rows = tuple(_row(NAMES[group][english], group, periods[0][group], periods[1][group]) for group in GROUPS)
    return Figure("customers", said("新客与老客", "New and returning customers"), columns, rows, sql)


def _row(label: str, group: str, now: Segment, then: Segment) -> tuple[Value, ...]:
    has_pool = group in ("once", "regular")
    is_guest = group == "guest"
    return (
        label,
        then.pool if has_pool else None,
        now.pool if has_pool else None,
        None if is_guest else then.people,
        None if is_guest else now.people,
        None if is_guest else _relative(now.people, then.people),
        then.orders,
        now.orders,
        _relative(now.orders, then.orders),
        _hundredfold(then.rate if has_pool else None),
        _hundredfold(now.rate if has_pool else None),
        _relative(now.rate, then.rate) if has_pool else None,
        then.value,
        now.value,
        _relative(now.value, then.value),
        round(then.amount, 2),
        round(now.amount, 2),
        round(now.amount - then.amount, 2),
    )


def _relative(now: float | None, then: float | None) -> float | None:
    return None if now is None or not then else now / then - 1


def _hundredfold(rate: float | None) -> float | None:
    return None if rate is None else rate * 100


def _causes(subject: Subject, periods: list[Segments], figure: Figure) -> list[Cause]:
    limit = critical(COMPARISONS)
    found = []
    for row, group in enumerate(GROUPS):
        history = [period[group] for period in periods]
        now, then = history[0], history[1]
        kind, score, size = _came(group, history[:2] if subject.weekday_twin is not None else history)
        if subject.weekday_twin is not None:
            again = _came(group, [history[0], history[2]])[1]
            score = min(score, again, key=abs) if score * again > 0 else 0.0
        if (
            abs(score) >= limit
            and abs(size or 0) >= LEAST_CHANGE
            and min(now.orders + then.orders, 2 * SMALL) >= 2 * SMALL
        ):
            found.append(Cause(kind, group, _way(score), figure.key, row, score))
        if subject.metric in WITHOUT_VALUE:
            continue
        score, size = _value_score(now, then), _relative(now.value, then.value)
        if abs(score) >= limit and abs(size or 0) >= LEAST_CHANGE and min(now.orders, then.orders) >= SMALL:
            found.append(Cause("order_value", group, _way(score), figure.key, row, score))
    return found


def _way(score: float) -> Direction:
    return "up" if score > 0 else "down"


def _came(group: str, history: list[Segment]) -> tuple[str, float, float | None]:
    """Whether the group came more or less: returning customers by their frequency, the others by their number."""
    now, then = history[0], history[1]
    if group in ("once", "regular"):
        drift = _drift(history[1:])
        spread = max(1.0, (now.orders_squared + then.orders_squared) / max(1, now.orders + then.orders))
        score = z_of_counts(now.orders, then.orders, now.pool, then.pool * math.exp(drift)) / math.sqrt(
            spread
        )
        return "frequency", score, _relative(now.rate, then.rate)
    counts = [each.people if group == "new" else each.orders for each in history]
    score = z_of_counts(counts[0], counts[1], 1.0, 1.0)
    if abs(score) >= NOISE_Z and len(counts) > 2:
        # More periods before tell better what is usual.
        longer = z_of_counts(counts[0], sum(counts[1:]), 1.0, len(counts) - 1)
        score = max(score, longer, key=abs) if score * longer > 0 else min(score, longer, key=abs)
    return "people" if group == "new" else "orders", score, _relative(counts[0], counts[1])


def _drift(history: list[Segment]) -> float:
    """The usual change of a group's frequency from one period to the next, as a logarithm; latest period first."""
    steps = [math.log(a.rate / b.rate) for a, b in itertools.pairwise(history) if a.rate and b.rate]
    return max(-MOST_DRIFT, min(MOST_DRIFT, median(steps))) if len(steps) >= 3 else 0.0


def _value_score(now: Segment, then: Segment) -> float:
    """Welch's test of the mean order."""
    sums = [Sums(s.orders, s.amount, s.amount_squared, s.orders, s.amount, s.orders) for s in (now, then)]
    return z_of(sums[0], sums[1], is_ratio=True)
