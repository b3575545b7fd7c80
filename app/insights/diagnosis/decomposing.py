"""Taking a change apart so that the parts add up to it exactly. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Part:
    """What one group did to a ratio: by its own rate, and by its weight."""

    behaviour: float
    mix: float

    @property
    def total(self) -> float:
        return self.behaviour + self.mix


def shift_share(now: Mapping[K, tuple[float, float]], then: Mapping[K, tuple[float, float]]) -> dict[K, Part]:
    """The change of a ratio, by group: `behaviour` (its rate changed) and `mix` (its weight changed).

    Groups are numerator and denominator, and make up the whole. With weights w and rates r, a group's behaviour is
    the mean weight times the change of rate, its mix the change of weight times how far the mean rate lies from
    the whole's mean rate; both summed over the groups are the change. Source: Kitagawa, "Components of a Difference Between
    Two Rates", JASA 50 (1955), the symmetric form without interaction. A group that is in one period only has no
    change of rate: all of it is mix.
    """
    whole_now, whole_then = (sum(y for _, y in each.values()) for each in (now, then))
    if not whole_now or not whole_then:
        return {}
    middle = (sum(x for x, _ in now.values()) / whole_now + sum(x for x, _ in then.values()) / whole_then) / 2
    found: dict[K, Part] = {}
    for key in {**then, **now}:
        x1, y1 = now.get(key, (0.0, 0.0))
        x0, y0 = then.get(key, (0.0, 0.0))
        w1, w0 = y1 / whole_now, y0 / whole_then
        r1, r0 = _rates(x1, y1, x0, y0)
        found[key] = Part(
            (w1 + w0) / 2 * (r1 - r0),
            (w1 - w0) * ((r1 + r0) / 2 - middle) + _stray(x1, y1, whole_now) - _stray(x0, y0, whole_then),
        )
    return found


def _rates(x1: float, y1: float, x0: float, y0: float) -> tuple[float, float]:
    now, then = (x1 / y1 if y1 else None), (x0 / y0 if y0 else None)
    return (now if now is not None else then or 0.0), (then if then is not None else now or 0.0)


def _stray(x: float, y: float, whole: float) -> float:
    """A numerator without a denominator of its own group still counts in the whole."""
    return 0.0 if y else x / whole


def log_mean(a: float, b: float) -> float:
    """The logarithmic mean of two positive numbers."""
    return a if math.isclose(a, b, rel_tol=1e-12) else (a - b) / math.log(a / b)


def log_mean_factors(now: Sequence[float], then: Sequence[float]) -> list[float] | None:
    """What each factor of a product did to its change; the parts add up to it. None where a factor is not positive.

    Source: Ang, "The LMDI approach to decomposition analysis: a practical guide", Energy Policy 33 (2005), additive LMDI-I:
    the logarithmic mean of the two products times the logarithm of the factor's quotient.
    """
    if any(value <= 0 for value in (*now, *then)):
        return None
    weight = log_mean(math.prod(now), math.prod(then))
    return [weight * math.log(a / b) for a, b in zip(now, then, strict=True)]


def rounded_to(parts: Sequence[float], whole: float, digits: int) -> list[float]:
    """The parts with so many decimals, adding up to `whole`: what rounding lost goes to the largest part."""
    found = [round(part, digits) for part in parts]
    if found:
        largest = max(range(len(found)), key=lambda place: abs(found[place]))
        found[largest] = round(found[largest] + round(whole, digits) - math.fsum(found), digits)
    return found
