"""Figures about a customer, from the days and sums of their paid orders. Pure.

Recency, frequency and monetary value are those of RFM analysis (Hughes, "Strategic Database Marketing", 1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

NEW_DAYS = 30
AT_RISK, LAPSED = 0.5, 0.8
HORIZON_DAYS = 90
# Segments, in words of `texts.SEGMENTS`.
NEW, NEVER_BOUGHT, FIRST_BUYER, RETURNING, RISKY, GONE = (
    "new", "never_bought", "first_buyer", "returning", "at_risk", "lapsed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often somebody buys: the posterior of a rate of orders a day, a gamma distribution.

    Orders are taken as a Poisson process whose rate differs from person to person by a gamma distribution (Ehrenberg,
    "The pattern of consumer purchases", Applied Statistics 8, 1959). The prior has shape 1 and the shop's usual gap for
    its mean; after n orders over `span` days: shape = 1 + (n - 1), rate = usual gap + span.
    """

    shape: float
    rate: float

    @property
    def gap_days(self) -> float | None:
        """Expected days between two orders, the mean of the predictive (Lomax) distribution; None for one order."""
        return self.rate / (self.shape - 1) if self.shape > 1 else None

    def silence(self, days: int) -> float:
        """How likely somebody who still buys is to pause for longer than `days`: (rate / (rate + days)) ** shape.

        The survival function of the predictive distribution.
        """
        return float((self.rate / (self.rate + max(0, days))) ** self.shape)


def rhythm_of(days: Sequence[date], usual_gap: float | None) -> Rhythm | None:
    """The rhythm of orders on these days, oldest first; None without any, or while the shop has no usual gap."""
    if not days or not usual_gap:
        return None
    return Rhythm(shape=float(len(days)), rate=usual_gap + (days[-1] - days[0]).days)


def churn_risk(rhythm: Rhythm | None, silent_days: int | None) -> float | None:
    """1 - the chance of a pause as long as the present one: near 0 just after an order, near 1 long after.

    None for somebody who has not bought: there is nothing to lose yet.
    """
    if rhythm is None or silent_days is None:
        return None
    return round(1 - rhythm.silence(silent_days), 3)


def expected_orders(rhythm: Rhythm | None, risk: float | None, days: int = HORIZON_DAYS) -> float | None:
    """Orders to expect in the next `days`: the mean rate (shape / rate) times days, times the chance not to be lost."""
    if rhythm is None or risk is None:
        return None
    return round(rhythm.shape / rhythm.rate * days * (1 - risk), 2)


def next_order_on(rhythm: Rhythm | None, last: date | None) -> date | None:
    """The last order's day plus the expected gap; None before the second order."""
    if rhythm is None or last is None or rhythm.gap_days is None:
        return None
    return last + timedelta(days=round(rhythm.gap_days))


def segment_of(orders: int, days_since_registration: int, risk: float | None) -> str:
    """One word for where a customer stands."""
    if not orders:
        return NEW if days_since_registration <= NEW_DAYS else NEVER_BOUGHT
    if risk is not None and risk >= AT_RISK:
        return GONE if risk >= LAPSED else RISKY
    return RETURNING if orders > 1 else FIRST_BUYER


def level_of_risk(risk: float | None) -> str | None:
    """low, medium or high."""
    if risk is None:
        return None
    return "high" if risk >= LAPSED else "medium" if risk >= AT_RISK else "low"


def quantile(values: Sequence[int], share: float) -> int:
    """The value below which `share` of the values lie, interpolated linearly (Hyndman and Fan's type 7)."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low))
