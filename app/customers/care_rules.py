"""Choosing what a care plan holds: the best set of products that the budget pays for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_ITEMS = 6
# More of them are thinned out: the choice is then as good as the best, but for cents.
MAX_STATES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A product that helps with a goal. Of one `group` (goal and type of product) a plan holds one at most."""

    sku: str
    cost_cents: int
    value: float
    group: str


@dataclass(frozen=True, slots=True)
class _Set:
    cost: int
    value: float
    items: tuple[Candidate, ...]


def value_of(rank: int, *, is_owned: bool = False) -> float:
    """What the product at a place (from 0) of a goal's list is worth: 1, 1/2, 1/3 ...; half when they have it already.

    Reciprocal ranks, so that the first product of a second goal is worth more than the second of the first.
    """
    return (0.5 if is_owned else 1.0) / (1 + rank)


def choose(candidates: Iterable[Candidate], budget_cents: int, *, most: int = MAX_ITEMS) -> list[Candidate]:
    """The set of most value within the budget; of equal ones the cheaper.

    The multiple-choice knapsack problem, by dynamic programming over undominated sets (Nemhauser and Ullmann, "Discrete
    dynamic programming and capital allocation", Management Science 15, 1969).
    """
    sets = [_Set(0, 0.0, ())]
    for group in _groups(candidates):
        sets = _undominated([*sets, *_extended(sets, group, budget_cents, most)])
    return list(max(sets, key=lambda each: (each.value, -each.cost)).items)


def _groups(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    by_name: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_name.setdefault(candidate.group, []).append(candidate)
    return list(by_name.values())


def _extended(sets: Sequence[_Set], group: Sequence[Candidate], budget: int, most: int) -> list[_Set]:
    return [
        _Set(each.cost + item.cost_cents, each.value + item.value, (*each.items, item))
        for each in sets
        if len(each.items) < most
        for item in group
        if each.cost + item.cost_cents <= budget
    ]


def _undominated(sets: Sequence[_Set]) -> list[_Set]:
    """Those that no other beats: dearer ones must be worth more."""
    kept: list[_Set] = []
    for each in sorted(sets, key=lambda each: (each.cost, -each.value)):
        if not kept or each.value > kept[-1].value:
            kept.append(each)
    return kept[:: -(-len(kept) // MAX_STATES)]
