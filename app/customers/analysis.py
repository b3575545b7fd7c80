"""What a customer's orders tell: recency, frequency, spending, and what is likely next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from flask_babel import gettext

from app.core.clock import business_day, now
from app.core.money import yuan
from app.customers import rules
from app.customers.history import (
    Line,
    Person,
    Purchase,
    get_person,
    list_lines,
    list_people,
    list_purchases,
    list_purchases_of,
    usual_gap_days,
)
from app.customers.preferences import by_category, by_product
from app.customers.texts import RISKS, SEGMENTS
from app.runtime import settings

Kind = Literal["basic", "detailed", "predictive"]
MOST_PRODUCTS, RECENT_DAYS = 5, 90
# How the figures are made, told with them.
FORMULAS = {
    "churn_risk": "1 - (b / (b + days since the last order)) ** a, a = orders, b = the shop's usual gap + days between first and last order",
    "expected_orders_90_days": "a / b * 90 * (1 - churn_risk)",
    "next_order_on": "last order + b / (a - 1) days",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer's orders with the figures that every analysis needs."""

    person: Person
    purchases: tuple[Purchase, ...]
    today: date
    rhythm: rules.Rhythm | None
    silent_days: int | None
    risk: float | None

    @property
    def spend_cents(self) -> int:
        return sum(purchase.paid_cents for purchase in self.purchases)

    @property
    def segment(self) -> str:
        registered = business_day(self.person.registered_at, settings().shop_timezone)
        return rules.segment_of(len(self.purchases), (self.today - registered).days, self.risk)


def standing_of(person: Person) -> Standing:
    """Read the orders and work the figures out."""
    return _standing(person, tuple(list_purchases(person)))


def _standing(person: Person, purchases: tuple[Purchase, ...]) -> Standing:
    today = business_day(now(), settings().shop_timezone)
    days = [purchase.day for purchase in purchases]
    # Only asked for those who have bought: it takes a look at all of a year's orders.
    rhythm = rules.rhythm_of(days, usual_gap_days() if days else None)
    silent = (today - days[-1]).days if days else None
    return Standing(person, purchases, today, rhythm, silent, rules.churn_risk(rhythm, silent))


def analyse_customer(user_id: int, kind: Kind, locale: str) -> dict[str, Any]:
    """The analysis as tools tell it. Raises NotFound."""
    standing = standing_of(get_person(user_id))
    told = _basic(standing)
    if kind != "basic":
        lines = list_lines(standing.purchases)
        told |= _detailed(standing, lines, locale)
        if kind == "predictive":
            told |= _predictive(standing, lines, locale)
    return {"user_id": user_id, "analysis_type": kind, "as_of": standing.today.isoformat(), **told}


def analyse_many(user_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The basic analysis of each, by user, in three statements at most; nothing for somebody who is not there."""
    people = list_people(user_ids)
    bought = list_purchases_of(people) if people else {}
    return {person.user_id: _basic(_standing(person, tuple(bought[person.user_id]))) for person in people}


def _basic(standing: Standing) -> dict[str, Any]:
    purchases, person = standing.purchases, standing.person
    recent = [each for each in purchases if (standing.today - each.day).days < RECENT_DAYS]
    return {
        "level": person.level,
        "registered_at": person.registered_at.isoformat(),
        "orders": len(purchases),
        "orders_90_days": len(recent),
        "recency_days": standing.silent_days,
        "first_order_on": purchases[0].day.isoformat() if purchases else None,
        "last_order_on": purchases[-1].day.isoformat() if purchases else None,
        "spend_cents": standing.spend_cents,
        "spend": yuan(standing.spend_cents),
        "segment": standing.segment,
        "segment_label": gettext(SEGMENTS[standing.segment]),
    }


def _detailed(standing: Standing, lines: Sequence[Line], locale: str) -> dict[str, Any]:
    purchases = standing.purchases
    average = standing.spend_cents // len(purchases) if purchases else None
    span = (purchases[-1].day - purchases[0].day).days if purchases else 0
    channels: dict[str, int] = {}
    for purchase in purchases:
        channels[purchase.channel] = channels.get(purchase.channel, 0) + 1
    return {
        "average_order_cents": average,
        "average_order": yuan(average) if average is not None else None,
        "average_gap_days": round(span / (len(purchases) - 1), 1) if len(purchases) > 1 else None,
        "discount_cents": sum(purchase.discount_cents for purchase in purchases),
        "orders_with_discount": sum(purchase.discount_cents > 0 for purchase in purchases),
        "channels": channels,
        "categories": by_category(lines, locale),
        "products": by_product(lines, locale)[:MOST_PRODUCTS],
    }


def _predictive(standing: Standing, lines: Sequence[Line], locale: str) -> dict[str, Any]:
    risk, purchases = standing.risk, standing.purchases
    level = rules.level_of_risk(risk)
    expected = rules.expected_orders(standing.rhythm, risk)
    following = rules.next_order_on(standing.rhythm, purchases[-1].day if purchases else None)
    value = round(expected * standing.spend_cents / len(purchases)) if expected is not None else None
    bought_again = [each for each in by_product(lines, locale) if each["orders"] > 1]
    return {
        "churn_risk": risk,
        "churn_level": level,
        "churn_label": gettext(RISKS[level]) if level else None,
        "next_order_on": following.isoformat() if following else None,
        "expected_orders_90_days": expected,
        "expected_spend_90_days_cents": value,
        "expected_spend_90_days": yuan(value) if value is not None else None,
        "buys_again": bought_again[:MOST_PRODUCTS],
        "formulas": FORMULAS,
    }
