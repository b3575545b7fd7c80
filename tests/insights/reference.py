"""What a question's figures are, counted in plain Python over the rows: product.md's definitions, no SQL of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.db import db
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.question import Filter, Question, Threshold
from app.language.periods import Span, before, beginning, resolve, year_before
from app.members.models import Member, Store
from app.orders.models import Order, OrderItem

GOODS = {"category", "product"}
ATTEMPTS = {"payment_success_rate", "payment_failure_rate", "failed_payments"}
ITEMS = {"units", "category_sales", "units_per_order", "unit_price"}
Key = tuple[Any, ...]


@dataclass(slots=True)
class Fact:
    """One order, order line or member, with all that it can be split by."""

    day: date
    store: str
    city: str
    channel: str | None = None
    member: int | None = None
    level: int | None = None
    order: int = 0
    amount: float = 0.0
    original: float = 0.0
    is_paid: bool = True
    sku: str = ""
    category: str = ""
    qty: int = 0
    sales: float = 0.0


class Shop:
    """All rows, read once."""

    def __init__(self, zone: str) -> None:
        stores = {store.id: store for store in db.session.scalars(select(Store))}
        members = {member.id: member for member in db.session.scalars(select(Member))}
        orders = db.session.execute(select(Order.__table__)).all()
        items = db.session.execute(select(OrderItem.__table__)).all()
        self.paid: list[Fact] = []
        self.attempts: list[Fact] = []
        self.items: list[Fact] = []
        self.history: dict[int, list[date]] = defaultdict(list)
        by_id: dict[int, Fact] = {}
        for row in orders:
            store, member = stores[row.store_id], members.get(row.member_id)
            fact = Fact(
                day=row.created_at.astimezone(ZoneInfo(zone)).date(),
                store=store.name,
                city=store.city,
                channel=row.channel,
                member=row.member_id,
                level=member.level if member else None,
                order=row.id,
                amount=row.amount_cents / 100,
                original=row.original_amount_cents / 100,
                is_paid=row.pay_status == 1,
            )
            if row.pay_status is not None:
                self.attempts.append(fact)
            if row.pay_status == 1:
                paid = _copy(fact, day=row.paid_on)
                self.paid.append(paid)
                by_id[row.id] = paid
                if row.member_id is not None:
                    self.history[row.member_id].append(row.paid_on)
        for row in items:
            if row.order_id in by_id:
                sales = row.qty * row.price_cents / 100
                self.items.append(
                    _copy(by_id[row.order_id], sku=row.sku, category=row.category, qty=row.qty, sales=sales)
                )
        self.members = [
            Fact(
                day=m.created_at.astimezone(ZoneInfo(zone)).date(),
                store=stores[m.store_id].name,
                city=stores[m.store_id].city,
                level=m.level,
            )
            for m in members.values()
        ]
        for days in self.history.values():
            days.sort()
        db.session.rollback()

    def figures(self, question: Question, context: Context) -> dict[Key, dict[str, float | None]]:
        """The figures of the question's own period by key, before thresholds and ranking."""
        return self.in_span(question, resolve(question.period, context.today, context.first_day))

    def base(self, question: Question, context: Context) -> dict[Key, dict[str, float | None]]:
        """The same in the period it is compared with."""
        span = resolve(question.period, context.today, context.first_day)
        assert question.comparison
        if question.comparison.period:
            return self.in_span(
                question, resolve(question.comparison.period, context.today, context.first_day)
            )
        return self.in_span(
            question, before(span) if question.comparison.kind == "previous" else year_before(span)
        )

    def in_span(
        self, question: Question, span: Span, dimensions: tuple[str, ...] | None = None
    ) -> dict[Key, dict[str, float | None]]:
        dimensions = question.dimensions if dimensions is None else dimensions
        found: dict[Key, dict[str, float | None]] = defaultdict(dict)
        reach = {*question.dimensions, *(part.dimension for part in question.filters)}
        for metric in question.metrics:
            groups: dict[Key, list[Fact]] = defaultdict(list)
            for fact in self._facts(metric, reach):
                if span.start <= fact.day <= span.end and self._passes(fact, question.filters, reach, span):
                    groups[tuple(self._part(fact, key, span) for key in dimensions)].append(fact)
            for key, facts in groups.items():
                found[key][metric] = self._measure(
                    metric, facts, span, question.grain if question.grain in dimensions else None, reach
                )
        return found

    def _facts(self, metric: str, reach: set[str]) -> list[Fact]:
        if metric == "new_members":
            return self.members
        if metric in ATTEMPTS:
            return self.attempts
        return self.items if metric in ITEMS or reach & GOODS else self.paid

    def _passes(self, fact: Fact, filters: Iterable[Filter], reach: set[str], span: Span) -> bool:
        if ("level" in reach and fact.level is None) or ("customer" in reach and fact.member is None):
            return False
        for part in filters:
            value = self._part(fact, part.dimension, span)
            ok = {
                "in": value in part.values,
                "not_in": value not in part.values,
                "ge": part.operator == "ge" and value >= part.values[0],
                "le": part.operator == "le" and value <= part.values[0],
            }[part.operator]
            if not ok:
                return False
        return True

    def _part(self, fact: Fact, dimension: str, span: Span) -> Any:
        if dimension == "day":
            return fact.day.isoformat()
        if dimension == "week":
            return max(beginning(fact.day, "week"), span.start).isoformat()
        if dimension == "month":
            return fact.day.isoformat()[:7]
        if dimension == "product":
            return fact.sku
        if dimension == "membership":
            return "guest" if fact.member is None else "member"
        if dimension == "customer":
            return "new" if self.history[fact.member or 0][0] >= span.start else "returning"
        return getattr(fact, dimension)

    def _measure(
        self, metric: str, facts: list[Fact], span: Span, grain: str | None, reach: set[str]
    ) -> float | None:
        of_items = metric in ITEMS or bool(reach & GOODS)
        orders = len({fact.order for fact in facts})
        sales = sum(fact.sales for fact in facts)
        amount = sales if of_items else sum(fact.amount for fact in facts)
        buyers = {fact.member for fact in facts if fact.member is not None}
        new: set[int | None] = set()
        again: set[int | None] = set()
        if "life" in catalogue().metrics[metric].needs:
            new = {
                fact.member for fact in facts if fact.member is not None and self._is_new(fact, span, grain)
            }
            again = {
                fact.member for fact in facts if fact.member is not None and self._has_two(fact, span, grain)
            }
        qty = sum(fact.qty for fact in facts)
        failed = sum(not fact.is_paid for fact in facts)
        of_members = [fact for fact in facts if fact.member is not None]
        original = sum(fact.original for fact in facts)
        measures: dict[str, Callable[[], float | None]] = {
            "gmv": lambda: amount,
            "orders": lambda: orders,
            "aov": lambda: amount / orders,
            "buyers": lambda: len(buyers),
            "repeat_rate": lambda: len(again) / len(buyers) if buyers else None,
            "repeat_buyers": lambda: len(again),
            "new_buyers": lambda: len(new),
            "returning_buyers": lambda: len(buyers - new),
            "new_buyer_rate": lambda: len(new) / len(buyers) if buyers else None,
            "returning_buyer_rate": lambda: len(buyers - new) / len(buyers) if buyers else None,
            "payment_success_rate": lambda: 1 - failed / len(facts),
            "payment_failure_rate": lambda: failed / len(facts),
            "failed_payments": lambda: failed,
            "units": lambda: qty,
            "category_sales": lambda: sales,
            "discount": lambda: original - amount,
            "discount_rate": lambda: (original - amount) / original,
            "list_sales": lambda: original,
            "new_members": lambda: len(facts),
            "units_per_order": lambda: qty / orders,
            "unit_price": lambda: sales / qty,
            "spend_per_buyer": lambda: (
                sum(f.sales if of_items else f.amount for f in of_members) / len(buyers) if buyers else None
            ),
            "orders_per_buyer": lambda: len(of_members) / len(buyers) if buyers else None,
        }
        return measures[metric]()

    def _bounds(self, fact: Fact, span: Span, grain: str | None) -> tuple[date, date]:
        if grain is None:
            return span.start, span.end
        last = max(
            (d for d in _days(span) if self._bucket(d, grain) == self._bucket(fact.day, grain)),
            default=span.end,
        )
        first = min(
            (d for d in _days(span) if self._bucket(d, grain) == self._bucket(fact.day, grain)),
            default=span.start,
        )
        return first, last

    def _bucket(self, day: date, grain: str) -> Any:
        return day if grain == "day" else beginning(day, "week") if grain == "week" else (day.year, day.month)

    def _is_new(self, fact: Fact, span: Span, grain: str | None) -> bool:
        first, last = self._bounds(fact, span, grain)
        days = self.history.get(fact.member or 0, [])
        return bool(days) and first <= days[0] <= last

    def _has_two(self, fact: Fact, span: Span, grain: str | None) -> bool:
        _, last = self._bounds(fact, span, grain)
        return sum(day <= last for day in self.history.get(fact.member or 0, [])) >= 2

    def expected(self, question: Question, context: Context) -> dict[Key, dict[str, float | None]]:
        """The rows that the report must show: figures after averages by day, thresholds and ranking."""
        figures = self.figures(question, context)
        span = resolve(question.period, context.today, context.first_day)
        if question.daily and not question.grain:
            figures = {
                key: {m: v if v is None or _is_ratio(m) else v / span.days for m, v in values.items()}
                for key, values in figures.items()
            }
        changes = self._changes(question, figures, context) if question.comparison else {}
        keys = [
            key
            for key in figures
            if all(self._holds(b, key, figures, changes, question, span) for b in question.thresholds)
        ]
        return {key: figures[key] for key in self._first(question, keys, figures, changes, context)}

    def _changes(
        self, question: Question, figures: dict[Key, dict[str, Any]], context: Context
    ) -> dict[Key, dict[str, float | None]]:
        base = self.base(question, context)
        return {
            key: {
                m: v / b - 1 if v is not None and (b := base.get(key, {}).get(m)) else None
                for m, v in values.items()
            }
            for key, values in figures.items()
        }

    def _holds(
        self, bound: Threshold, key: Key, figures: Any, changes: Any, question: Question, span: Span
    ) -> bool:
        value = changes[key][bound.metric] if bound.by == "change" else figures[key].get(bound.metric)
        if bound.by == "share" and value is not None:
            value /= self.in_span(question, span, ())[()][bound.metric]
        limit = bound.value
        if limit is None and _is_ratio(bound.metric):
            limit = self.in_span(question, span, ())[()][bound.metric]
        elif limit is None:
            limit = sum(values[bound.metric] for values in figures.values()) / len(figures)
        return (
            value is not None
            and {"gt": value > limit, "ge": value >= limit, "lt": value < limit, "le": value <= limit}[
                bound.comparator
            ]
        )

    def _first(
        self, question: Question, keys: list[Key], figures: Any, changes: Any, context: Context
    ) -> list[Key]:
        top = question.top
        if top is None or top.count is None:
            return keys
        table = changes if top.by == "change" else figures
        sign = -1 if top.descending else 1

        def rank(key: Key) -> tuple[float, list[str]]:
            value = table[key].get(top.metric)
            return (float("inf") if value is None else sign * value, [str(part) for part in key])

        if top.per:
            place = question.dimensions.index(top.per)
            groups: dict[Any, list[Key]] = defaultdict(list)
            for key in keys:
                groups[key[place]].append(key)
            return [key for group in groups.values() for key in sorted(group, key=rank)[: top.count]]
        if question.grain and question.groups:
            whole = question.model_copy(update={"dimensions": question.groups})
            leaders = self.expected(whole, context)
            places = [question.dimensions.index(name) for name in question.groups]
            return [key for key in keys if tuple(key[i] for i in places) in leaders]
        return sorted(keys, key=rank)[: top.count]


def _is_ratio(metric: str) -> bool:
    return catalogue().metrics[metric].kind == "ratio"


def _days(span: Span) -> list[date]:
    return [date.fromordinal(span.start.toordinal() + n) for n in range(span.days)]


def _copy(fact: Fact, **changes: Any) -> Fact:
    values = {name: getattr(fact, name) for name in Fact.__slots__}
    return Fact(**{**values, **changes})
