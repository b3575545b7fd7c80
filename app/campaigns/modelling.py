"""A plan that a language model drafts: over what the sentence says, checked like anybody's plan, counted by the server.

What the sentence states (budget, days, offer, a limit on uses) stays as it is stated. The model chooses what was left open: whom
to address, the offer, goal, figure of success, channels, controls. Who is meant is said in our own words, from the rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.campaigns.drafting import MAX_BRIEF, Draft, Facts, draft_plan
from app.campaigns.plans import MAX_BUDGET, MAX_DAYS, Plan, Rule, affordable, complete
from app.campaigns.purposes import definition_of
from app.campaigns.rules import FIELDS, MAX_VALUES
from app.insights.metrics.catalogue import catalogue
from app.insights.modelling.asking import Asker
from app.insights.modelling.literals import numbers_in
from app.insights.modelling.tasks import Task, Wrong, problems_of
from app.language.normalise import normalise

# Numbers that are no figures of the shop: days, levels, per cents in words.
SMALL = 31
STATED = ("budget", "duration_days", "offer")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleReply(_Part):
    field: str = Field(description=", ".join(FIELDS))
    op: str = Field(description="== != > >= < <=, with one value; in not_in, with a list")
    value: int | float | str | list[int | str]


class SegmentReply(_Part):
    rules: list[RuleReply] = Field(max_length=12, description="all must hold; empty for all members")


class OfferReply(_Part):
    type: Literal["full_reduction", "discount", "points"]
    threshold: float | None = Field(default=None, description="yuan that the goods must come to; 0 without")
    value: float | None = Field(
        default=None, description="yuan off; the per cent still paid (85 is 15% off); points"
    )
    max_redemptions: int | None = None


class KpiReply(_Part):
    primary: str | None = Field(default=None, description="a metric of the catalogue")
    targets: list[str] | None = Field(default=None, max_length=6)


class PlanReply(_Part):
    """The plan's schema; null is a gap."""

    goal: str | None = None
    duration_days: int | None = None
    budget: float | None = Field(default=None, description="yuan")
    target_segment: SegmentReply | None = None
    offer: OfferReply | None = None
    channels: list[str] | None = Field(default=None, max_length=6)
    kpi: KpiReply | None = None
    risk_controls: list[str] | None = Field(default=None, max_length=8)


PROMPT = """You draft a coupon campaign for a retail chain from one sentence of a store manager, as JSON. The shop's server counts the segment, estimates cost and checks everything; you never estimate and never state figures of the shop.

Keep what the sentence states (it was read as below); choose sensibly what it leaves open. Segment rules, all of which must hold:
{fields}
Cities and categories by their Chinese name, stores by their number. A discount's value is the per cent still paid.
kpi.primary is one of: {metrics}.
Write goal, channels, targets and risk_controls in {language}, short and plain, without figures that are not in the sentence or the plan."""


def draft_with_model(brief: str, asker: Asker, facts: Facts | None = None, locale: str = "") -> Draft:
    """A plan for a brief: a model's where one is there and gives a sound one, else that of the rules."""
    facts = facts or Facts()
    own = draft_plan(brief, facts, locale)
    if not asker.is_there:
        return own
    outcome = asker.ask(plan_task(brief[:MAX_BRIEF], own, facts, locale or asker.actor.locale))
    if outcome.value is None:
        return own
    plan, fixed = outcome.value
    return Draft(plan, fixed, asker.model_name)


def plan_task(brief: str, own: Draft, facts: Facts, locale: str) -> Task[PlanReply, tuple[Plan, list[str]]]:
    """The task; its value is the plan and which of its parts were gaps. `own` is what the rules read of the brief."""
    stated = {
        name: value
        for name, value in own.plan.as_json().items()
        if name in STATED and name not in own.plan_fixed
    }
    names = {
        "cities": sorted(set(facts.names.cities.values())),
        "categories": sorted(set(facts.names.categories.values())),
    }
    prompt = PROMPT.format(
        fields="\n".join(_fields()),
        metrics=", ".join(catalogue().metrics),
        language="English" if locale == "en" else "Chinese",
    )
    data = [
        ("sentence", brief),
        ("stated", json.dumps(stated, ensure_ascii=False)),
        ("names of the shop", json.dumps(names, ensure_ascii=False)),
    ]

    def check(reply: PlanReply) -> tuple[Plan, list[str]]:
        return _checked(reply, brief, own, facts, locale)

    return Task(name="campaign_plan", prompt=prompt, data=data, reply=PlanReply, check=check)


def _fields() -> Iterable[str]:
    for name, field in FIELDS.items():
        values = " | ".join(field.words) or (f"{field.least} to {field.most}" if field.most else "a name")
        yield f"- {name}: {field.label} ({values}), operators {' '.join(field.operators)}"


def _checked(reply: PlanReply, brief: str, own: Draft, facts: Facts, locale: str) -> tuple[Plan, list[str]]:
    raw = reply.model_dump(exclude_none=True)
    mine = own.plan.as_json()
    for name in STATED:
        if name not in own.plan_fixed:
            raw[name] = mine[name]
    if reply.target_segment is not None:
        rules = _joined(
            mine["target_segment"]["rules"], [_named(rule, facts) for rule in raw["target_segment"]["rules"]]
        )
        raw["target_segment"] = {
            "rules": rules,
            "definition": definition_of(rules, locale, facts.names.english)[:300],
        }
    _bound(raw, facts)
    try:
        plan, fixed = complete(raw, mine)
    except ValidationError as error:
        raise Wrong(code="PLAN", problems=problems_of(error)) from error
    plan = _affordable(plan, facts)
    _check_words(plan, brief)
    # A gap of the model that the sentence fills is none of the plan's.
    said = {*STATED, "target_segment"} - set(own.plan_fixed)
    return plan, [name for name in fixed if name.partition(".")[0] not in said]


def _joined(stated: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules that the sentence states, and the model's on other properties."""
    fields = {rule["field"] for rule in stated}
    return [*stated, *(rule for rule in more if rule["field"] not in fields)]


def _bound(raw: dict[str, Any], facts: Facts) -> None:
    """A segment's names are the shop's; amounts that no plan may have are refused before anything is counted with them."""
    if not 0 < float(raw.get("budget", 1)) <= MAX_BUDGET or not 1 <= raw.get("duration_days", 1) <= MAX_DAYS:
        raise Wrong(code="PLAN", problem="budget or duration_days out of bounds")
    kpi = raw.get("kpi", {}).get("primary")
    if kpi is not None and kpi not in catalogue().metrics:
        raise Wrong(code="PLAN", problem="kpi.primary is no metric of the catalogue", what=str(kpi)[:60])
    known = {normalise(str(number)) for number in facts.names.stores.values()}
    for rule in raw.get("target_segment", {}).get("rules", ()):
        values = rule["value"] if isinstance(rule["value"], list) else [rule["value"]]
        if rule["field"] == "store" and known and not {normalise(str(each)) for each in values} <= known:
            raise Wrong(code="NAME", problem="there is no such store", what=str(values)[:60])


def _named(rule: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """A rule with the shop's own names. Raises Wrong for one that makes no sense."""
    try:
        rule = Rule.model_validate(rule).model_dump()
    except ValidationError as error:
        raise Wrong(code="RULE", problems=problems_of(error)) from error
    names = {"city": facts.names.cities, "category_bought": facts.names.categories}.get(rule["field"])
    if names is None:
        return dict(rule)
    many = isinstance(rule["value"], list)
    values = [
        names.get(normalise(str(each))) for each in (rule["value"][:MAX_VALUES] if many else [rule["value"]])
    ]
    if None in values:
        raise Wrong(
            code="NAME",
            problem="the shop has no such name",
            field=rule["field"],
            known=sorted(set(names.values())),
        )
    return {**rule, "value": values if many else values[0]}


def _affordable(plan: Plan, facts: Facts) -> Plan:
    """The plan with no more uses than its budget pays for."""
    offer = plan.offer.model_dump()
    most = affordable(offer, plan.budget, facts.basket)
    if plan.offer.max_redemptions <= most:
        return plan
    return Plan.model_validate({**plan.as_json(), "offer": {**offer, "max_redemptions": most}})


def _check_words(plan: Plan, brief: str) -> None:
    """No figure in the plan's words that is neither in the sentence nor in the plan; targets are aims, and may hold any."""
    known = numbers_in(brief) | numbers_in(
        json.dumps({**plan.as_json(), "goal": "", "risk_controls": [], "channels": [], "kpi": {}})
    )
    known |= {100 - plan.offer.value, plan.offer.value / 10}
    for text in (plan.goal, *plan.channels, *plan.risk_controls):
        for number in numbers_in(text) - known:
            if number > SMALL:
                raise Wrong(
                    code="FIGURE",
                    problem="a figure that is neither in the sentence nor in the plan",
                    what=text[:120],
                )
