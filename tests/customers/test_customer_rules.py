"""The figures about a customer follow their formulas."""

from datetime import date

import pytest

from app.customers import rules
from app.customers.care_rules import Candidate, choose, value_of


def test_churn_risk_is_the_tail_of_the_predictive_distribution() -> None:
    rhythm = rules.rhythm_of([date(2026, 1, 1), date(2026, 1, 31)], 30.0)
    assert rhythm == rules.Rhythm(shape=2.0, rate=60.0)
    assert rules.churn_risk(rhythm, 60) == pytest.approx(1 - (60 / 120) ** 2)
    assert rules.churn_risk(rhythm, 0) == 0.0
    assert rhythm.gap_days == 60.0


def test_nothing_is_said_of_somebody_who_never_bought() -> None:
    assert rules.rhythm_of([], 30.0) is None
    assert rules.churn_risk(None, None) is None
    assert rules.expected_orders(None, None) is None
    assert rules.segment_of(0, 3, None) == rules.NEW
    assert rules.segment_of(0, 300, None) == rules.NEVER_BOUGHT


def test_a_frequent_buyer_is_missed_sooner_than_a_rare_one() -> None:
    often = rules.rhythm_of([date(2026, 1, day) for day in range(1, 31, 3)], 30.0)
    rare = rules.rhythm_of([date(2025, 1, 1), date(2025, 6, 1), date(2026, 1, 28)], 30.0)
    assert (rules.churn_risk(often, 40) or 0) > (rules.churn_risk(rare, 40) or 0)


def test_quantiles_are_interpolated() -> None:
    assert [rules.quantile([1, 2, 3, 4], share) for share in (0, 0.5, 1)] == [1, 2, 4]
    assert rules.quantile([100, 200], 0.25) == 125


def item(sku: str, cost: int, value: float, group: str = "") -> Candidate:
    return Candidate(sku=sku, cost_cents=cost, value=value, group=group or sku)


def test_the_plan_is_the_best_that_the_budget_pays() -> None:
    candidates = [item("a", 60, 1.0), item("b", 50, 0.6), item("c", 50, 0.6)]
    assert {each.sku for each in choose(candidates, 100)} == {"b", "c"}
    assert {each.sku for each in choose(candidates, 60)} == {"a"}
    assert choose(candidates, 10) == []


def test_of_one_group_a_plan_holds_one() -> None:
    candidates = [item("a", 10, 1.0, "serum"), item("b", 10, 0.9, "serum"), item("c", 10, 0.1)]
    assert {each.sku for each in choose(candidates, 100)} == {"a", "c"}


def test_of_plans_that_are_as_good_the_cheaper_is_taken() -> None:
    assert [each.sku for each in choose([item("dear", 90, 1.0, "g"), item("cheap", 20, 1.0, "g")], 100)] == [
        "cheap"
    ]


def test_a_second_goal_is_worth_more_than_more_of_the_first() -> None:
    assert value_of(0) > value_of(1) > value_of(2)
    assert value_of(0, is_owned=True) == value_of(1)
