"""Money is integer cents everywhere; yuan appear only in text and at the API's edge."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

MAX_CENTS = 100_000_000_00


def yuan(cents: int) -> str:
    """Cents as yuan with two decimals: 13900 -> "139.00"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def cents(value: str | int | float | Decimal) -> int:
    """Yuan as cents, half up: "139.5" -> 13950. Raises ValueError or ArithmeticError on what is no number."""
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError("not a finite amount")
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def share(part: int, whole: int, total: int) -> int:
    """`total * part / whole` rounded down; 0 when whole is 0. All in cents or pieces."""
    return total * part // whole if whole else 0


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` cents over `weights` so that the parts add up exactly.

    Largest-remainder method (Hamilton): floors first, then one cent each to the largest remainders,
    earlier lines first. No part exceeds its weight when total <= sum(weights).
    """
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts
