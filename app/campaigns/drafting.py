"""From one sentence to a plan: what the sentence says, and sensible values for the rest.

A language model may fill the plan instead (`draft` with a `filler`): what it gives is checked like anybody's plan, it gets
one more try with what was wrong, and after that the rules here write the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from logging import getLogger
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

log = getLogger(__name__)
MAX_BRIEF = 500
# An offer of our own: from a fifth above the usual basket, a sixth of that off.
THRESHOLD_STEP, VALUE_STEP = 50, 5
ABOVE_BASKET, SHARE_OFF = 1.2, 6

# Asked with the brief and what was wrong with the last answer ("" at first); gives the plan's JSON as a dict or raises.
Filler = Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What drafting needs to know of the shop. `basket` is the average order before discounts, in yuan."""

    names: ShopNames = field(default_factory=lambda: ShopNames({}, {}, {}))
    basket: float = USUAL_BASKET


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, which of its parts were gaps filled with defaults, and who wrote it: rules or model.

    `rejected` says what was wrong with a model's answers that were not used.
    """

    plan: Plan
    plan_fixed: list[str]
    source: str = "rules"
    rejected: list[str] = field(default_factory=list)


def draft(brief: str, filler: Filler | None = None, facts: Facts | None = None, locale: str = "") -> Draft:
    """A plan for a brief of at most MAX_BRIEF characters, in the brief's own language unless `locale` says otherwise."""
    facts = facts or Facts()
    own = draft_plan(brief, facts, locale)
    rejected: list[str] = []
    for _attempt in range(2 if filler else 0):
        try:
            assert filler is not None  # noqa: S101 - range(0) without one
            plan, fixed = complete(
                _as_object(filler(brief[:MAX_BRIEF], rejected[-1] if rejected else "")), own.plan.as_json()
            )
            return Draft(plan, fixed, "model", rejected)
        except ValidationError as error:
            rejected.append(
                "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())[:1_000]
            )
        except Exception as error:
            # A model that is away or talks nonsense must not keep the operator from a plan.
            log.warning("plan_filler_failed error=%s", error)
            rejected.append(str(error)[:1_000])
    return Draft(own.plan, own.plan_fixed, "rules", rejected)


def _as_object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("the answer is not a JSON object")
    return value


def draft_plan(text: str, facts: Facts | None = None, locale: str = "") -> Draft:
    """The plan that our own rules read from a sentence."""
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
