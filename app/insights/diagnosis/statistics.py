"""Whether a change is more than chance. Pure.

Units (orders, members) are taken to come independently, so a total over them is a compound Poisson sum whose variance is
estimated by the sum of squares, and a ratio of two totals has the variance of its linearisation (the delta method; Cochran,
"Sampling Techniques", 1977, section 2.11). Real shops vary more than that: `dispersion` says by how much, from the periods before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

# Of a chi-squared variable with one degree of freedom; of a normal one's absolute deviation.
_MEDIAN_CHI2, _MAD = 0.4549, 1.4826
# A group with fewer units than this in either period is named as small, and nothing is concluded from it.
SMALL = 30
# Chances of crying wolf in a whole family of comparisons.
FAMILY_RISK = 0.01
NOISE_Z = 2.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals over the units of one group in one period: how many, of x, of y, of their squares and product."""

    n: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    y: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def __sub__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))

    def value(self, *, is_ratio: bool) -> float | None:
        """The metric: the total of x, or x over y."""
        if not is_ratio:
            return self.x
        return self.x / self.y if self.y else None

    def variance(self, *, is_ratio: bool) -> float:
        """Of `value`, in its unit squared; infinite where there is nothing to judge by."""
        if not is_ratio:
            return self.xx
        if not self.y:
            return math.inf
        rate = self.x / self.y
        spread = max(0.0, self.xx - 2 * rate * self.xy + rate * rate * self.yy) / (self.y * self.y)
        # All alike (none failed, all paid): as if one unit had differed, so that a difference is never certain.
        return spread or (1 / (self.y * self.y) if rate in (0.0, 1.0) else 0.0)


def z_of(now: Sums, then: Sums, *, is_ratio: bool, dispersion: float = 1.0) -> float:
    """Standard deviations between two periods; 0 where either cannot be judged."""
    first, second = now.value(is_ratio=is_ratio), then.value(is_ratio=is_ratio)
    if first is None or second is None:
        return 0.0
    variance = now.variance(is_ratio=is_ratio) + then.variance(is_ratio=is_ratio)
    if not math.isfinite(variance) or variance <= 0:
        return 0.0
    return (first - second) / math.sqrt(variance * dispersion)


def critical(comparisons: int, risk: float = FAMILY_RISK) -> float:
    """The z that one of so many comparisons passes by chance with probability `risk` at most (Bonferroni, two-sided)."""
    return NormalDist().inv_cdf(1 - risk / (2 * max(1, comparisons)))


def dispersion(history: Sequence[Sums], *, is_ratio: bool) -> float:
    """How much more than chance the figure moves from period to period (1: no more); periods in order, oldest first.

    Robust: of the changes' z values, their median absolute deviation, so that neither a trend nor one campaign counts.
    """
    steps = [z_of(b, a, is_ratio=is_ratio) for a, b in itertools.pairwise(history)]
    if len(steps) < 4:
        return 1.0
    centre = median(steps)
    spread = _MAD * median(abs(step - centre) for step in steps)
    return max(1.0, spread * spread)


def poisson_silence(expected: float) -> float:
    """How unlikely it is that nothing happens where so much was to be expected, as a z."""
    chance = max(math.exp(-min(expected, 700.0)), 1e-300)
    return -NormalDist().inv_cdf(chance) if chance > 1e-16 else 8.2


def z_of_counts(now: float, then: float, exposure_now: float, exposure_then: float) -> float:
    """Two Poisson rates compared, conditionally on their sum (Przyborowski and Wilenski 1940), by its normal form."""
    total, exposure = now + then, exposure_now + exposure_then
    if not total or exposure_now <= 0 or exposure_then <= 0:
        return 0.0
    share = exposure_now / exposure
    return (now - total * share) / math.sqrt(total * share * (1 - share))
