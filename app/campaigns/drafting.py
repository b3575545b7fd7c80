"""From one sentence to a plan: what the sentence says, and sensible values for the rest.

A language model may write it instead (`app.campaigns.modelling`), over what is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.campaigns.audience import RuleJson, ShopNames, read_audience
from app.campaigns.plans import (
    DEFAULT_BUDGET,
    DEFAULT_DAYS,
    MAX_BUDGET,
    MAX_DAYS,
    USUAL_BASKET,
    Plan,
    affordable,
    complete,
)
from app.campaigns.purposes import CAPPED, CONTROLS, channels_of, definition_of, purpose_of
from app.campaigns.reading import (
    FULL,
    Brief,
    read_budget,
    read_days,
    read_offer,
    read_redemptions,
)
from app.coupons.rules import DISCOUNT
from app.language.normalise import detect_language, normalise

MAX_BRIEF = 500
RULES = "rules"
# An offer of our own: from a fifth above the usual basket, a sixth of that off.
THRESHOLD_STEP, VALUE_STEP = 50, 5
ABOVE_BASKET, SHARE_OFF = 1.2, 6


@dataclass(frozen=True, slots=True)
class Facts:
    """What drafting needs to know of the shop. `basket` is the average order before discounts, in yuan."""

    names: ShopNames = field(default_factory=lambda: ShopNames({}, {}, {}))
    basket: float = USUAL_BASKET


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, which of its parts were gaps filled with defaults, and who wrote it: rules or the name of a model."""

    plan: Plan
    plan_fixed: list[str]
    source: str = RULES


def draft_plan(text: str, facts: Facts | None = None, locale: str = "") -> Draft:
    """The plan that our own rules read from a sentence, in the sentence's language unless `locale` says otherwise."""
    facts = facts or Facts()
    sentence = normalise(text[:MAX_BRIEF])
    locale = locale or detect_language(text[:MAX_BRIEF])
    said = _read(sentence, facts)
    fixed = [name for name in ("budget", "duration_days", "target_segment", "offer") if not said[name]]
    budget = min(said["budget"] or DEFAULT_BUDGET, MAX_BUDGET)
    offer = said["offer"] or usual_offer(facts.basket)
    most = affordable(offer, budget, facts.basket)
    offer = {**offer, "max_redemptions": min(said["max_redemptions"] or most, most)}
    plan = Plan.model_validate(
        {
            "duration_days": min(said["duration_days"] or DEFAULT_DAYS, MAX_DAYS),
            "budget": budget,
            "offer": offer,
            "target_segment": {
                "definition": definition_of(said["target_segment"], locale, facts.names.english)[:300],
                "rules": said["target_segment"],
            },
            **_words(sentence, locale),
            "risk_controls": _controls(offer, locale),
        }
    )
    return Draft(plan, fixed)


def _read(sentence: str, facts: Facts) -> dict[str, Any]:
    """What the sentence says, each part taken out before the next is read: 满300减50 names no budget."""
    brief = Brief(sentence)
    reduction = read_offer(brief, facts.basket) if any(_has(sentence, pattern) for pattern in FULL) else {}
    rules: list[RuleJson] = read_audience(brief, facts.names)
    offer = _sound(reduction or read_offer(brief, facts.basket))
    return {
        "target_segment": rules,
        "offer": offer,
        "max_redemptions": read_redemptions(brief),
        "duration_days": read_days(brief),
        "budget": read_budget(brief),
    }


def _has(sentence: str, pattern: str) -> bool:
    return Brief(sentence).take(pattern) is not None


def _sound(offer: dict[str, Any]) -> dict[str, Any]:
    """The offer, or nothing where it makes no sense, such as 满50减300."""
    if not offer:
        return {}
    try:
        complete({"offer": {**offer, "max_redemptions": 1}})
    except ValidationError:
        return {}
    return offer


def usual_offer(basket: float) -> dict[str, Any]:
    """An amount off from a little above the usual basket, in round figures."""
    threshold = max(THRESHOLD_STEP, round(basket * ABOVE_BASKET / THRESHOLD_STEP) * THRESHOLD_STEP)
    value = max(VALUE_STEP, round(threshold / SHARE_OFF / VALUE_STEP) * VALUE_STEP)
    return {"type": "full_reduction", "threshold": threshold, "value": value}


def _words(sentence: str, locale: str) -> dict[str, Any]:
    english = locale == "en"
    purpose = purpose_of(sentence)
    return {
        "goal": purpose.en if english else purpose.zh,
        "channels": channels_of(sentence, locale),
        "kpi": {
            "primary": purpose.metric,
            "targets": [purpose.target_en if english else purpose.target_zh],
        },
    }


def _controls(offer: Mapping[str, Any], locale: str) -> list[str]:
    lines = (*CONTROLS, CAPPED) if offer["type"] == DISCOUNT else CONTROLS
    return [pair[locale == "en"] for pair in lines]
