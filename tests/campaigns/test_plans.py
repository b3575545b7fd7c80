"""The plan's form: strict, bounded, completed where it has gaps."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.campaigns.plans import Plan, complete, key_of
from tests.campaigns.campaign_rows import PLAN, plan_with

OFFER, SEGMENT = PLAN["offer"], PLAN["target_segment"]


def rule(**changes: Any) -> dict[str, Any]:
    return {"definition": "x", "rules": [{"field": "level", "op": ">=", "value": 2, **changes}]}


def test_the_key_is_the_hash_of_the_plan_as_a_client_has_it() -> None:
    text = json.dumps(PLAN, sort_keys=True, ensure_ascii=False)
    assert key_of(Plan.model_validate(PLAN)) == hashlib.sha256(text.encode()).hexdigest()


def test_two_ways_to_write_one_plan_have_one_key() -> None:
    other = plan_with(
        budget=30_000.0,
        goal=" 提升复购率 ",
        target_segment={**SEGMENT, "rules": [{**SEGMENT["rules"][0], "op": "gte"}]},
    )
    assert key_of(Plan.model_validate(other)) == key_of(Plan.model_validate(PLAN))
    assert key_of(Plan.model_validate(plan_with(budget=30_001))) != key_of(Plan.model_validate(PLAN))


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"offer": {**OFFER, "surprise": 1}},
        {"target_segment": {**SEGMENT, "sql": "DROP TABLE members"}},
        {"budget": "30000"},
        {"budget": 0},
        {"budget": -5},
        {"budget": 10.001},
        {"budget": float("nan")},
        {"budget": 1e12},
        {"budget": True},
        {"duration_days": 0},
        {"duration_days": 366},
        {"duration_days": 7.5},
        {"goal": "x" * 201},
        {"offer": {**OFFER, "type": "gift"}},
        {"offer": {**OFFER, "value": 301}},
        {"offer": {**OFFER, "value": 0}},
        {"offer": {**OFFER, "threshold": -1}},
        {"offer": {**OFFER, "max_redemptions": 0}},
        {"offer": {**OFFER, "max_redemptions": 2_000_000}},
        {"offer": {**OFFER, "type": "discount", "value": 100}},
        {"offer": {**OFFER, "type": "discount", "value": 8.5}},
        {"offer": {**OFFER, "type": "points", "value": 1.5}},
        {"channels": ["x"] * 13},
        {"channels": "app"},
        {"risk_controls": ["x" * 301]},
        {"kpi": {"primary": "", "targets": [], "more": 1}},
        {"sql_preview": "x" * 8_001},
        {"target_segment": rule(field="password_hash")},
        {"target_segment": rule(op="LIKE")},
        {"target_segment": rule(value="2 OR 1=1")},
        {"target_segment": rule(value=6)},
        {"target_segment": rule(value=True)},
        {"target_segment": rule(value=[1, 2])},
        {"target_segment": rule(op="in", value=3)},
        {"target_segment": rule(op="in", value=[])},
        {"target_segment": rule(field="city", op=">", value="上海")},
        {"target_segment": rule(field="city", op="==", value="上海\\")},
        {"target_segment": rule(field="customer_type", op="==", value="rich")},
        {"target_segment": {**SEGMENT, "rules": SEGMENT["rules"] * 13}},
    ],
)
def test_what_is_no_plan_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        complete(plan_with(**change))


def test_gaps_are_completed_and_named() -> None:
    plan, fixed = complete(
        {"goal": "g", "offer": {"type": "full_reduction", "threshold": 200, "value": 20}, "budget": None}
    )
    assert (plan.budget, plan.duration_days, plan.offer.max_redemptions) == (30_000, 7, 1_500)
    assert fixed == [
        "duration_days", "budget", "target_segment", "channels", "kpi", "risk_controls", "offer.max_redemptions",
    ]  # fmt: skip
    assert complete(PLAN)[1] == []


def test_a_gap_in_an_offer_of_another_kind_is_not_filled_with_yuan() -> None:
    with pytest.raises(ValidationError):
        complete(plan_with(offer={"type": "discount", "threshold": 100}))
