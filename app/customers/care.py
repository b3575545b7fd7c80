"""Care plans: real products and services that help with what somebody wants, within a budget, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask_babel import gettext
from pydantic import BaseModel, Field

from app.catalogue import queries as catalogue
from app.catalogue.filters import ProductFilter
from app.catalogue.records import ProductView, service_category_id
from app.core.clock import business_day, now
from app.core.errors import N_, InvalidParam
from app.core.money import MAX_CENTS, cents, yuan
from app.customers.care_rules import Candidate, choose, value_of
from app.customers.history import get_person, list_lines, list_purchases
from app.customers.texts import label_of
from app.language.concepts import analyse, concepts_of_product, own_concepts
from app.language.lexicon import lexicon
from app.runtime import settings

MAX_GOALS, GOAL_CHARS, MAX_PLAN_ITEMS = 5, 80, 20
LOOKED_AT = 8
OWNED_DAYS = 60
# What is in a plan already stays unless another is much better.
KEPT_BONUS = 0.6
NO_GOAL = N_("Say what the plan is for: dry skin, hair loss, better sleep ...")


class PlanItem(BaseModel, extra="ignore"):
    """One product of a plan that is given back; what else it says is worked out anew."""

    sku: str = Field(min_length=1, max_length=32)
    quantity: int = Field(default=1, ge=1, le=20)


class Plan(BaseModel, extra="ignore"):
    """A plan as `generate_plan` has made it; `budget` in yuan."""

    user_id: int | None = Field(default=None, ge=1, le=2**31 - 1)
    goals: list[str] = Field(min_length=1, max_length=MAX_GOALS)
    budget: float = Field(gt=0, le=MAX_CENTS / 100, allow_inf_nan=False)
    items: list[PlanItem] = Field(default_factory=list, max_length=MAX_PLAN_ITEMS)


@dataclass(slots=True)
class _Offer:
    """A product that may go into the plan, and for what."""

    product: ProductView
    goals: list[str] = field(default_factory=list)
    value: float = 0.0
    group: str = ""
    quantity: int = 1

    def candidate(self) -> Candidate:
        cost = self.product.price_cents * self.quantity
        return Candidate(sku=self.product.sku, cost_cents=cost, value=self.value, group=self.group)


def clean_goals(goals: str | Sequence[str]) -> list[str]:
    """The goals one by one, in their order. Raises InvalidParam without any."""
    given = [goals] if isinstance(goals, str) else list(goals)
    parts = (part for text in given for part in text.replace("、", "\n").replace("；", "\n").split("\n"))
    cleaned = list(dict.fromkeys(" ".join(part.split())[:GOAL_CHARS] for part in parts if part.strip()))
    if not cleaned:
        raise InvalidParam(NO_GOAL, fields={"goals": NO_GOAL})
    return cleaned[:MAX_GOALS]


def make_plan(user_id: int, goals: str | Sequence[str], budget: float, locale: str) -> dict[str, Any]:
    """A plan for a customer. Raises NotFound, InvalidParam."""
    wanted, limit = clean_goals(goals), cents(budget)
    offers = _offers(wanted, limit, _owned(user_id))
    chosen = choose([offer.candidate() for offer in offers.values()], limit)
    return _told(user_id, wanted, limit, [offers[each.sku] for each in chosen], locale)


def improve_plan(plan: Plan, budget: float | None, locale: str) -> dict[str, Any]:
    """The plan as it should be today: what is gone or too dear replaced, room in the budget used; with what changed.

    Raises NotFound, InvalidParam.
    """
    wanted, limit = clean_goals(plan.goals), cents(budget if budget is not None else plan.budget)
    owned = _owned(plan.user_id) if plan.user_id is not None else frozenset()
    offers = _offers(wanted, limit, owned)
    before = {item.sku.strip().upper(): item.quantity for item in plan.items}
    products = {product.sku: product for product in catalogue.list_by_sku(list(before)) if before}
    for sku, product in products.items():
        if product.stock >= before[sku]:
            kept = offers.setdefault(sku, _Offer(product, [_goal_of(product, wanted)], 0.0, f"kept:{sku}"))
            kept.quantity = before[sku]
            kept.value += KEPT_BONUS
    chosen = choose([offer.candidate() for offer in offers.values()], limit, most=max(len(before), 6))
    told = _told(plan.user_id, wanted, limit, [offers[each.sku] for each in chosen], locale)
    return {**told, "changes": _changes(before, products, told, limit, locale)}


def _owned(user_id: int) -> frozenset[str]:
    """What the customer has bought lately and need not buy again yet. Raises NotFound."""
    today = business_day(now(), settings().shop_timezone)
    lately = [
        each for each in list_purchases(get_person(user_id)) if today - each.day <= timedelta(OWNED_DAYS)
    ]
    return frozenset(line.sku for line in list_lines(lately))


def _offers(goals: Sequence[str], limit: int, owned: frozenset[str]) -> dict[str, _Offer]:
    """What the shop has for the goals, by SKU; one product may help with several."""
    offers: dict[str, _Offer] = {}
    for goal in goals:
        for products in (_found(goal, limit), _found(goal, limit, service_category_id())):
            for rank, product in enumerate(products):
                offer = offers.setdefault(product.sku, _Offer(product, group=_group(goal, product)))
                if goal not in offer.goals:
                    offer.goals.append(goal)
                    offer.value += value_of(rank, is_owned=product.sku in owned)
    return offers


def _found(goal: str, limit: int, category_id: int | None = None) -> list[ProductView]:
    """The best fits that can be had and paid: goods, or those of a category."""
    if not analyse(goal).tokens:
        return []
    page = catalogue.find_products(
        ProductFilter(
            q=goal,
            in_stock=True,
            max_price_cents=limit,
            category_id=category_id,
            limit=LOOKED_AT,
            best_only=True,
        )
    )
    services = service_category_id()
    return [each for each in page.items if category_id is not None or each.category_id != services]


def _group(goal: str, product: ProductView) -> str:
    """Goal and type of product: two serums for the same thing are one too many."""
    types = sorted(
        concept.key
        for concept in own_concepts(product.name, product.name_en)
        if concept.kind == "product" and not concept.is_shelf
    )
    return f"{goal}:{types[0] if types else product.category_id}"


def _goal_of(product: ProductView, goals: Sequence[str]) -> str:
    """The goal that a product of an older plan is for: the one it shares most with."""
    about = concepts_of_product(product.name, product.name_en, product.description, product.description_en)
    return max(
        goals, key=lambda goal: len(about.intersection(concept.key for concept in analyse(goal).concepts))
    )


def _told(
    user_id: int | None, goals: Sequence[str], limit: int, chosen: Sequence[_Offer], locale: str
) -> dict[str, Any]:
    items = [_item(offer, locale) for offer in chosen]
    total = sum(item["line_total_cents"] for item in items)
    served = {goal for offer in chosen for goal in offer.goals}
    return {
        "user_id": user_id,
        "goals": list(goals),
        "budget": limit / 100,
        "budget_cents": limit,
        "items": items,
        "total": yuan(total),
        "total_cents": total,
        "left": yuan(limit - total),
        "left_cents": limit - total,
        "unmet_goals": [goal for goal in goals if goal not in served],
        "note": gettext("No medical advice. With allergies, pregnancy or illness ask a doctor first."),
    }


def _item(offer: _Offer, locale: str) -> dict[str, Any]:
    product = offer.product
    total = product.price_cents * offer.quantity
    is_service = product.category_id == service_category_id()
    return {
        "sku": product.sku,
        "name": product.title(locale),
        "kind": "service" if is_service else "product",
        "quantity": offer.quantity,
        "price": yuan(product.price_cents),
        "price_cents": product.price_cents,
        "line_total": yuan(total),
        "line_total_cents": total,
        "image_url": product.image_url,
        "goals": offer.goals,
        "reason": _reason(offer, locale),
    }


def _reason(offer: _Offer, locale: str) -> str:
    """For what, by which of its own words it fits, and what the shop says of it."""
    product = offer.product
    about = concepts_of_product(product.name, product.name_en, product.description, product.description_en)
    wanted = dict.fromkeys(concept.key for goal in offer.goals for concept in analyse(goal).concepts)
    known = lexicon().concepts
    fits = [label_of(known[key], locale) for key in wanted if key in about]
    comma, dot = ("、", "。") if locale != "en" else (", ", ". ")
    goals = comma.join(offer.goals)
    head = (
        gettext("For %(goals)s: it is about %(words)s", goals=goals, words=comma.join(fits))
        if fits
        else gettext("For %(goals)s", goals=goals)
    )
    return f"{head}{dot}{product.text(locale)}"


def _changes(
    before: dict[str, int],
    products: dict[str, ProductView],
    told: dict[str, Any],
    limit: int,
    locale: str,
) -> list[dict[str, str]]:
    after = {item["sku"]: item for item in told["items"]}
    gone = [sku for sku in before if sku not in after]
    return [
        *(
            {
                "sku": sku,
                "name": products[sku].title(locale) if sku in products else sku,
                "change": "removed",
                "reason": _why_gone(products.get(sku), before[sku], limit),
            }
            for sku in gone
        ),
        *(
            {"sku": sku, "name": item["name"], "change": "added", "reason": item["reason"]}
            for sku, item in after.items()
            if sku not in before
        ),
    ]


def _why_gone(product: ProductView | None, quantity: int, limit: int) -> str:
    if product is None:
        return str(gettext("It is not sold any more."))
    if product.stock < quantity:
        return str(gettext("There is not enough of it in stock."))
    if product.price_cents * quantity > limit:
        return str(gettext("It alone costs more than the budget."))
    return str(gettext("The others do more for the goals within the budget."))
