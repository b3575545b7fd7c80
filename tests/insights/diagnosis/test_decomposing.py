"""Parts of a change add up to it, and say what each part did."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.insights.diagnosis.decomposing import log_mean_factors, rounded_to, shift_share

groups = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.integers(0, 10**6), st.integers(0, 10**4)), min_size=1
)


def rate(cells: dict[str, tuple[float, float]]) -> float:
    return sum(x for x, _ in cells.values()) / sum(y for _, y in cells.values())


@given(now=groups, then=groups)
def test_behaviour_and_mix_add_up_to_the_change_of_a_ratio(
    now: dict[str, tuple[float, float]], then: dict[str, tuple[float, float]]
) -> None:
    if not sum(y for _, y in now.values()) or not sum(y for _, y in then.values()):
        assert shift_share(now, then) == {}
        return
    parts = shift_share(now, then)
    change = rate(now) - rate(then)
    assert math.fsum(part.total for part in parts.values()) == pytest.approx(change, rel=1e-9, abs=1e-9)


def test_a_change_of_rates_alone_is_behaviour() -> None:
    parts = shift_share({"a": (50, 100), "b": (20, 100)}, {"a": (70, 100), "b": (20, 100)})
    assert parts["a"].behaviour == pytest.approx(-0.1)
    assert all(part.mix == pytest.approx(0) for part in parts.values())


def test_a_change_of_weights_alone_is_mix() -> None:
    parts = shift_share({"new": (0, 200), "old": (100, 100)}, {"new": (0, 100), "old": (200, 200)})
    assert all(part.behaviour == pytest.approx(0) for part in parts.values())
    assert sum(part.mix for part in parts.values()) == pytest.approx(1 / 3 - 2 / 3)


def test_a_group_that_came_has_no_behaviour() -> None:
    parts = shift_share({"a": (10, 100), "b": (90, 100)}, {"a": (10, 100)})
    assert parts["b"].behaviour == 0
    assert parts["a"].total + parts["b"].total == pytest.approx(0.5 - 0.1)


positive = st.floats(0.01, 1e6)


@given(now=st.tuples(positive, positive, positive), then=st.tuples(positive, positive, positive))
def test_the_factors_of_a_product_add_up_to_its_change(
    now: tuple[float, float, float], then: tuple[float, float, float]
) -> None:
    parts = log_mean_factors(now, then)
    assert parts is not None
    change = math.prod(now) - math.prod(then)
    assert math.fsum(parts) == pytest.approx(change, rel=1e-6, abs=1e-6 * math.prod(then))


def test_a_factor_that_stayed_did_nothing() -> None:
    parts = log_mean_factors((100, 2, 30), (100, 3, 30))
    assert parts is not None
    assert parts[0] == pytest.approx(0)
    assert parts[1] == pytest.approx(-3_000)


def test_a_factor_of_nothing_cannot_be_taken_apart() -> None:
    assert log_mean_factors((0, 2), (1, 2)) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_rounded_parts_still_add_up_to_the_cent(parts: list[float]) -> None:
    whole = math.fsum(parts)
    assert round(math.fsum(rounded_to(parts, whole, 2)), 2) == round(whole, 2)
