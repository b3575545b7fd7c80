"""What an order costs: the coupon first, then points, then store credit; and each line's share of it.

Pure arithmetic on integer cents. The shares of the discount are fixed when the order is placed, so that a
refund of one line pays back exactly what was paid for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import N_, InvalidParam
from app.core.money import allocate
from app.coupons.rules import Offer

POINTS_PER_YUAN = 100
MAX_POINTS_SHARE = 2  # points pay for at most one half of what the coupon leaves


@dataclass(frozen=True, slots=True)
class Price:
    """The sums of an order, in cents, and each line's share of the discount in the order of the lines."""

    original_cents: int
    coupon_cents: int
    points: int
    points_cents: int
    credit_cents: int
    shares: tuple[int, ...]

    @property
    def discount_cents(self) -> int:
        return self.coupon_cents + self.points_cents

    @property
    def amount_cents(self) -> int:
        """What the customer owes: store credit pays a part of it, the provider the rest."""
        return self.original_cents - self.discount_cents

    @property
    def due_cents(self) -> int:
        return self.amount_cents - self.credit_cents


def max_points(remaining_cents: int) -> int:
    """The most points that may be used on what the coupon leaves: half of it at 100 points a yuan."""
    return remaining_cents // MAX_POINTS_SHARE * POINTS_PER_YUAN // 100


def points_value(points: int) -> int:
    """Cents that points pay for; a fraction of a cent is the shop's."""
    return points * 100 // POINTS_PER_YUAN


def points_earned(amount_cents: int) -> int:
    """One point for every whole yuan paid, by the provider or from store credit."""
    return amount_cents // 100


def price(
    subtotals: Sequence[int], offer: Offer | None = None, points: int = 0, credit_cents: int = 0
) -> Price:
    """Price the lines. Raises InvalidParam when points or credit go beyond what may be used."""
    original = sum(subtotals)
    coupon = min(offer.discount_cents, original) if offer else 0
    _check_points(points, max_points(original - coupon))
    remaining = original - coupon - points_value(points)
    _check_credit(credit_cents, remaining)
    return Price(
        original_cents=original,
        coupon_cents=coupon,
        points=points,
        points_cents=points_value(points),
        credit_cents=credit_cents,
        shares=_shares(subtotals, coupon, offer, points_value(points)),
    )


def _check_points(points: int, most: int) -> None:
    if points < 0:
        raise InvalidParam(fields={"points": N_("Enter zero or more.")})
    if points > most:
        message = N_("You can use at most %(most)s points on this order.")
        raise InvalidParam(message, fields={"points": N_("Use fewer points.")}, most=most)


def _check_credit(credit_cents: int, most: int) -> None:
    if credit_cents < 0:
        raise InvalidParam(fields={"credit_cents": N_("Enter zero or more.")})
    if credit_cents > most:
        message = N_("The store credit is more than the order costs.")
        raise InvalidParam(message, fields={"credit_cents": message})


def _shares(subtotals: Sequence[int], coupon: int, offer: Offer | None, points_cents: int) -> tuple[int, ...]:
    """The coupon goes over the lines in its scope, the points over what is then left of every line."""
    scope = set(offer.in_scope) if offer else set()
    weights = [cents if index in scope else 0 for index, cents in enumerate(subtotals)]
    from_coupon = allocate(coupon, weights if sum(weights) >= coupon else subtotals)
    left = [cents - part for cents, part in zip(subtotals, from_coupon, strict=True)]
    from_points = allocate(points_cents, left)
    return tuple(a + b for a, b in zip(from_coupon, from_points, strict=True))
