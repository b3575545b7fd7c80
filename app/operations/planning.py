"""The campaign plan of a sentence: drafted from what it says, estimated by the server, published by nobody yet."""

from __future__ import annotations

from flask_babel import gettext

from app.campaigns.counting import drafting_facts, estimate_plan
from app.campaigns.drafting import Draft
from app.campaigns.estimates import Estimate
from app.campaigns.modelling import draft_with_model
from app.campaigns.presentation import GAPS, risk_text
from app.campaigns.purposes import offer_label
from app.core.errors import DomainError
from app.core.money import yuan
from app.insights.modelling.asking import Asker
from app.insights.steps import Steps


def plan_for(query: str, locale: str, steps: Steps, asker: Asker) -> Draft:
    """The plan of the sentence: a language model's where one is asked and gives a sound one, else that of the rules."""
    with steps.step("compose", query=query) as step:
        drafted = draft_with_model(query, asker, drafting_facts(), locale)
        step.result = {"goal": drafted.plan.goal, "filled": drafted.plan_fixed, "source": drafted.source}
    return drafted


def estimate_for(drafted: Draft, steps: Steps) -> Estimate | None:
    """What the plan would reach and cost; None where it cannot be counted."""
    with steps.step("run_sql", rules=len(drafted.plan.target_segment.rules)) as step:
        try:
            found = estimate_plan(drafted.plan)
        except DomainError as error:
            step.result = {"error": error.text()}
            return None
        step.result = {"members": found.counts.members, "cost_cents": found.cost_cents}
    return found


def say_plan(drafted: Draft, estimate: Estimate | None, locale: str) -> str:
    """The plan in a few sentences, with its figures."""
    plan = drafted.plan
    said = [
        gettext(
            "A draft for %(days)s days: %(offer)s, budget ¥%(budget)s. Nothing is published yet.",
            days=plan.duration_days,
            offer=offer_label(plan, locale),
            budget=f"{plan.budget:,.0f}",
        )
    ]
    if estimate is not None:
        said.append(
            gettext(
                "%(members)s members are in the segment; about %(uses)s redemptions, cost about ¥%(cost)s.",
                members=f"{estimate.counts.members:,}",
                uses=f"{estimate.redemptions:,}",
                cost=yuan(estimate.cost_cents),
            )
        )
    return " ".join(str(each) for each in said)


def plan_notes(drafted: Draft, estimate: Estimate | None) -> list[str]:
    """What defaults filled, and the risks."""
    notes = []
    if drafted.plan_fixed:
        parts = ", ".join(str(gettext(GAPS[name])) if name in GAPS else name for name in drafted.plan_fixed)
        notes.append(
            str(gettext("Not in your sentence, so filled with usual values: %(parts)s.", parts=parts))
        )
    return notes + [risk_text(risk) for risk in (estimate.risks if estimate else ())]
