"""The plan of a campaign: strict JSON, every part bounded; gaps are completed with defaults before it is checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.campaigns.rules import ALIASES, Operator, problem_of
from app.core.errors import N_
from app.core.money import cents
from app.coupons.rules import DISCOUNT, FULL_REDUCTION

DEFAULT_BUDGET = 30_000
DEFAULT_DAYS = 7
MAX_BUDGET = 100_000_000
MAX_DAYS = 365
MAX_REDEMPTIONS = 1_000_000
CENTS_PER_POINT = 1
USUAL_BASKET = 300.0


def _amount(value: float) -> float:
    """Whole yuan as integers, so that 300 and 300.0 are one plan; ValueError for fractions of a cent."""
    if round(value, 2) != value:
        raise ValueError(N_("At most two decimals."))
    return int(value) if value == int(value) else value


Amount = Annotated[float, AfterValidator(_amount)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Target = Line | int | float | dict[str, Line | int | float]


class Part(BaseModel):
    """Base of all parts: unknown keys are refused, types are taken as they are."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True, allow_inf_nan=False)


class Rule(Part):
    """One condition on a member; all of a segment's must hold."""

    field: Annotated[str, StringConstraints(max_length=40)]
    op: Operator
    value: int | float | str | list[int | str]

    @model_validator(mode="before")
    @classmethod
    def _take_alias(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("op"), str):
            return {**data, "op": ALIASES.get(data["op"], data["op"])}
        return data

    @model_validator(mode="after")
    def _check(self) -> Rule:
        problem = problem_of(self.field, self.op, self.value)
        if problem:
            raise ValueError(problem)
        return self


class Segment(Part):
    """Who is meant: in words, and as rules."""

    definition: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    rules: Annotated[list[Rule], Field(max_length=12)]


class Offer(Part):
    """What a coupon gives. `threshold` is yuan; `value` is yuan off, the percent still paid (85 = 8.5折), or points."""

    type: Literal["full_reduction", "discount", "points"]
    threshold: Amount = Field(ge=0, le=1_000_000)
    value: Amount = Field(gt=0, le=1_000_000)
    max_redemptions: int = Field(ge=1, le=MAX_REDEMPTIONS)

    @model_validator(mode="after")
    def _check(self) -> Offer:
        if self.type != FULL_REDUCTION and self.value != int(self.value):
            raise ValueError(N_("A percentage and points are whole numbers."))
        if self.type == DISCOUNT and self.value > 99:
            raise ValueError(N_("A discount's value is the percent still paid: 1 to 99."))
        if self.type == FULL_REDUCTION and 0 < self.threshold < self.value:
            raise ValueError(N_("More off than the goods must come to."))
        return self

    @property
    def threshold_cents(self) -> int:
        return cents(self.threshold)

    @property
    def benefit(self) -> int:
        """As `app.coupons.models.Coupon.benefit` has it."""
        return cents(self.value) if self.type == FULL_REDUCTION else int(self.value)

    @property
    def least_worth_cents(self) -> int:
        """What a redemption must be able to cost: the discount at the threshold; a point is a cent."""
        if self.type == FULL_REDUCTION:
            return self.benefit
        if self.type == DISCOUNT:
            return self.threshold_cents - self.threshold_cents * self.benefit // 100
        return self.benefit * CENTS_PER_POINT


class Kpi(Part):
    """What success is measured by."""

    primary: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    targets: Annotated[list[Target], Field(max_length=12)]


class Plan(Part):
    """A whole plan. `budget` is yuan."""

    goal: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    duration_days: int = Field(ge=1, le=MAX_DAYS)
    budget: Amount = Field(gt=0, le=MAX_BUDGET)
    target_segment: Segment
    offer: Offer
    channels: Annotated[list[Line], Field(max_length=12)]
    kpi: Kpi
    risk_controls: Annotated[list[Line], Field(max_length=20)]
    sql_preview: Annotated[str, StringConstraints(max_length=8_000)] | None = None

    @property
    def budget_cents(self) -> int:
        return cents(self.budget)

    @property
    def cap_cents(self) -> int:
        """The most that one redemption may cost, for the budget to hold whatever is bought."""
        return self.budget_cents // self.offer.max_redemptions

    def as_json(self) -> dict[str, Any]:
        """The plan as it is stored and told; without `sql_preview` where there is none."""
        return self.model_dump(exclude_none=True)


def key_of(plan: Plan) -> str:
    """SHA-256 of the plan's JSON with sorted keys."""
    text = json.dumps(plan.as_json(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


DEFAULTS: Mapping[str, Any] = {
    "goal": "提升销售额",
    "duration_days": DEFAULT_DAYS,
    "budget": DEFAULT_BUDGET,
    "target_segment": {"definition": "全部会员", "rules": []},
    "offer": {"type": FULL_REDUCTION, "threshold": 300, "value": 50},
    "channels": ["优惠券中心"],
    "kpi": {"primary": "gmv", "targets": []},
    "risk_controls": [],
}
NESTED = ("target_segment", "offer", "kpi")


def complete(raw: Mapping[str, Any], defaults: Mapping[str, Any] = DEFAULTS) -> tuple[Plan, list[str]]:
    """The checked plan, and which of its parts were gaps that defaults filled (dotted names).

    A part that is there is never replaced, however wrong: pydantic's ValidationError tells of it.
    """
    values, fixed = dict(raw), []
    for name, default in defaults.items():
        if _is_gap(values.get(name)):
            values[name] = deepcopy(default)
            fixed.append(name)
        elif name in NESTED and isinstance(values[name], Mapping):
            values[name], filled = _filled(values[name], default)
            fixed += [f"{name}.{part}" for part in filled]
    offer = values["offer"]
    if isinstance(offer, Mapping) and _is_gap(offer.get("max_redemptions")):
        values["offer"] = {**offer, "max_redemptions": affordable(offer, values["budget"])}
        fixed.append("offer.max_redemptions")
    return Plan.model_validate(values), fixed


def _is_gap(value: Any) -> bool:
    return value is None or value == ""


def _filled(given: Mapping[str, Any], default: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An offer of another kind than the default's takes none of its amounts, which would mean something else."""
    other = "type" in default and given.get("type", default["type"]) != default["type"]
    missing = [name for name in default if _is_gap(given.get(name)) and not (other and name == "value")]
    filled = {name: (0 if other and name == "threshold" else deepcopy(default[name])) for name in missing}
    return {**given, **filled}, missing


def affordable(offer: Mapping[str, Any], budget: Any, basket: float = USUAL_BASKET) -> int:
    """How many redemptions the budget (yuan) pays for, at least one; `basket` is the usual order in yuan.

    A discount costs more where more is bought: half as much again as on the usual order is set aside for each.
    """
    try:
        partial = Offer.model_validate({**offer, "max_redemptions": 1})
        worth = partial.least_worth_cents
        if partial.type == DISCOUNT:
            worth = max(worth, cents(basket * 1.5) * (100 - partial.benefit) // 100, 1)
        return max(1, min(MAX_REDEMPTIONS, cents(budget) // worth))
    except (ValueError, ArithmeticError, TypeError):
        # What is wrong with the offer or the budget is told when the plan is checked.
        return 1
