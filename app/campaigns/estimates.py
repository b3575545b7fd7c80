"""What a plan is likely to bring and cost, and what speaks against it. The server counts; assumptions are named as such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.campaigns.plans import CENTS_PER_POINT, Plan
from app.campaigns.segments import HISTORY_DAYS, Orders
from app.core.errors import N_
from app.core.money import yuan
from app.coupons.rules import DISCOUNT, FULL_REDUCTION

DEEP_PERCENT = 30
FREQUENT_DAYS = 14


@dataclass(frozen=True, slots=True)
class Counts:
    """What the server counted for a plan.

    `members` are in the segment, `accounts` of them can hold a coupon. `all_orders` are the segment's of the last 90 days,
    `reaching` those that come to the offer's threshold. `recently_issued` of the segment got another campaign's coupon in
    the last 14 days; `other_coupons` are published and valid while this one would be.
    """

    members: int
    accounts: int
    all_orders: Orders
    reaching: Orders
    recently_issued: int
    other_coupons: int


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Percentages from the settings: the gross margin of goods, and how many who would not have bought do."""

    margin_percent: float
    response_percent: float


@dataclass(frozen=True, slots=True)
class Risk:
    """Something to know before publishing. `text` is a msgid, `params` its figures; `level` is info, warn or stop."""

    code: str
    level: str
    text: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Amounts are cents, `depth_percent` is the discount's share of the order before it."""

    counts: Counts
    assumptions: Assumptions
    redemptions: int
    incremental: int
    basket_cents: int
    discount_cents: int
    cost_cents: int
    worst_cost_cents: int
    revenue_cents: int
    margin_cents: int
    depth_percent: float
    risks: tuple[Risk, ...]

    @property
    def is_publishable(self) -> bool:
        """False when a check says stop."""
        return all(risk.level != "stop" for risk in self.risks)


def estimate(plan: Plan, counts: Counts, assumptions: Assumptions) -> Estimate:
    """The figures of a plan.

    A holder buys anyway with the chance that a member of the segment had in as many days lately (buyers of a qualifying
    order per member, scaled from 90 days to the duration, at most 1); of the others `response_percent` come. Each
    redeems once. The basket is the average qualifying order; where there was none, the threshold.
    """
    anyway = _chance(counts, plan.duration_days)
    incremental = (1 - anyway) * assumptions.response_percent / 100
    most = min(plan.offer.max_redemptions, counts.accounts)
    redemptions = min(most, round(counts.accounts * (anyway + incremental)))
    basket = counts.reaching.basket_cents or max(
        plan.offer.threshold_cents, counts.all_orders.basket_cents, 1
    )
    discount = discount_on(plan, basket)
    goods_value = redemptions * basket
    paid_off = redemptions * discount
    margin = round(goods_value * assumptions.margin_percent / 100) - paid_off
    figures: dict[str, Any] = {
        "redemptions": redemptions,
        "incremental": min(redemptions, round(counts.accounts * incremental)),
        "basket_cents": basket,
        "discount_cents": discount,
        "cost_cents": paid_off,
        "worst_cost_cents": plan.offer.max_redemptions * worst_worth(plan),
        "revenue_cents": goods_value - (0 if plan.offer.type == "points" else paid_off),
        "margin_cents": margin,
        "depth_percent": round(100 * discount / basket, 1),
    }
    risks = tuple(_risks(plan, counts, assumptions, figures))
    return Estimate(counts=counts, assumptions=assumptions, risks=risks, **figures)


def _chance(counts: Counts, days: int) -> float:
    if not counts.members:
        return 0.0
    return min(1.0, counts.reaching.buyers / counts.members * min(days, HISTORY_DAYS) / HISTORY_DAYS)


def discount_on(plan: Plan, amount_cents: int) -> int:
    """What a redemption on goods of an amount costs the shop, points at a cent each."""
    offer = plan.offer
    if offer.type == FULL_REDUCTION:
        return min(offer.benefit, amount_cents)
    if offer.type == DISCOUNT:
        return min(amount_cents - amount_cents * offer.benefit // 100, plan.cap_cents)
    return offer.benefit * CENTS_PER_POINT


def worst_worth(plan: Plan) -> int:
    """The most that one redemption can cost; a discount is capped so that the budget holds."""
    offer = plan.offer
    if offer.type == DISCOUNT:
        return plan.cap_cents
    return offer.benefit * (1 if offer.type == FULL_REDUCTION else CENTS_PER_POINT)


def budget_problem(plan: Plan) -> Risk | None:
    """The check that a plan must pass: the budget pays for every redemption."""
    needed = plan.offer.max_redemptions * plan.offer.least_worth_cents
    if plan.budget_cents >= needed and plan.cap_cents >= 1:
        return None
    return Risk(
        "BUDGET",
        "stop",
        N_("The budget of ¥%(budget)s is less than %(uses)s redemptions of ¥%(worth)s: ¥%(needed)s."),
        {
            "budget": yuan(plan.budget_cents),
            "uses": plan.offer.max_redemptions,
            "worth": yuan(plan.offer.least_worth_cents),
            "needed": yuan(needed),
        },
    )


def _risks(plan: Plan, counts: Counts, assumptions: Assumptions, figures: dict[str, Any]) -> Iterator[Risk]:
    problem = budget_problem(plan)
    if problem:
        yield problem
    yield from _audience_risks(counts)
    yield from _offer_risks(plan, counts, assumptions, figures)
    if counts.other_coupons:
        yield Risk(
            "STACKING",
            "info",
            N_(
                "%(coupons)s other coupons are valid then. An order takes one coupon; points may pay half of the rest."
            ),
            {"coupons": counts.other_coupons},
        )


def _audience_risks(counts: Counts) -> Iterator[Risk]:
    if not counts.members:
        yield Risk("EMPTY", "warn", N_("Nobody is in the segment (0 members)."), {})
    elif counts.accounts < counts.members:
        yield Risk(
            "ACCOUNTS",
            "info" if counts.accounts else "warn",
            N_("Of %(members)s members in the segment, %(accounts)s have an account, which a coupon needs."),
            {"members": counts.members, "accounts": counts.accounts},
        )
    if counts.recently_issued:
        yield Risk(
            "FREQUENCY",
            "warn",
            N_("%(members)s of the segment got a campaign's coupon in the last %(days)s days."),
            {"members": counts.recently_issued, "days": FREQUENT_DAYS},
        )


def _offer_risks(
    plan: Plan, counts: Counts, assumptions: Assumptions, figures: dict[str, Any]
) -> Iterator[Risk]:
    depth = figures["depth_percent"]
    if depth > assumptions.margin_percent:
        text = N_(
            "The discount of %(depth)s%% is more than the assumed margin of %(margin)s%%: every order loses."
        )
        yield Risk("MARGIN", "warn", text, {"depth": depth, "margin": f"{assumptions.margin_percent:g}"})
    elif depth > DEEP_PERCENT:
        text = N_("The discount is deep: %(depth)s%% of the usual order of ¥%(basket)s.")
        yield Risk("DEPTH", "warn", text, {"depth": depth, "basket": yuan(figures["basket_cents"])})
    basket = counts.all_orders.basket_cents
    if counts.all_orders.count and plan.offer.threshold_cents > 2 * basket:
        text = N_(
            "The threshold of ¥%(threshold)s is more than twice the segment's usual order of ¥%(basket)s."
        )
        values = {"threshold": yuan(plan.offer.threshold_cents), "basket": yuan(basket)}
        yield Risk("THRESHOLD", "warn", text, values)
    if figures["redemptions"] >= plan.offer.max_redemptions < counts.accounts:
        text = N_("The %(uses)s redemptions will probably be used up before the end.")
        yield Risk("USED_UP", "info", text, {"uses": plan.offer.max_redemptions})
    if plan.offer.type == DISCOUNT:
        yield _cap_risk(plan, figures["basket_cents"])


def _cap_risk(plan: Plan, basket_cents: int) -> Risk:
    """What keeps the budget may make the promise hollow."""
    promised = basket_cents - basket_cents * plan.offer.benefit // 100
    if plan.cap_cents < promised:
        text = N_(
            "So that the budget holds, an order gets at most ¥%(cap)s off; the usual one is promised ¥%(promised)s."
        )
        return Risk("CAP", "warn", text, {"cap": yuan(plan.cap_cents), "promised": yuan(promised)})
    text = N_("An order gets at most ¥%(cap)s off, so that the budget holds.")
    return Risk("CAP", "info", text, {"cap": yuan(plan.cap_cents)})
