"""Coupons in words, in both languages. Pure: tools and pages need them without a request's translations."""

from __future__ import annotations

from typing import Protocol

from app.core.money import yuan
from app.coupons.rules import DISCOUNT, FULL_REDUCTION


class Worth(Protocol):
    """What a label tells."""

    @property
    def type(self) -> str: ...
    @property
    def benefit(self) -> int: ...
    @property
    def threshold_cents(self) -> int: ...
    @property
    def max_discount_cents(self) -> int | None: ...


def plain_yuan(cents: int) -> str:
    """Yuan without needless zeros: 5000 -> "50", 4950 -> "49.5"."""
    return yuan(cents).rstrip("0").rstrip(".")


def zhe(percent_paid: int) -> str:
    """The Chinese way to say what is still paid: 85 -> "8.5折", 80 -> "8折"."""
    return f"{percent_paid // 10}.{percent_paid % 10}".removesuffix(".0") + "折"


def label(coupon: Worth, locale: str) -> str:
    """满300减50 / 50 off 300 · 8.5折 最多减¥80 / 15% off, up to ¥80 · +200 积分 / +200 points."""
    parts = _english(coupon) if locale == "en" else _chinese(coupon)
    return "".join(parts)


def headline(coupon: Worth, locale: str) -> str:
    """The one figure of a ticket: ¥50, 8.5折 / 15% off, +200."""
    if coupon.type == FULL_REDUCTION:
        return f"¥{plain_yuan(coupon.benefit)}"
    if coupon.type == DISCOUNT:
        return f"{100 - coupon.benefit}% off" if locale == "en" else zhe(coupon.benefit)
    return f"+{coupon.benefit}"


def _chinese(coupon: Worth) -> list[str]:
    threshold = plain_yuan(coupon.threshold_cents) if coupon.threshold_cents else ""
    if coupon.type == FULL_REDUCTION:
        return [f"满{threshold}减" if threshold else "立减", plain_yuan(coupon.benefit)]
    if coupon.type != DISCOUNT:
        return [f"满{threshold} " if threshold else "", f"+{coupon.benefit} 积分"]
    parts = [f"满{threshold}享" if threshold else "", zhe(coupon.benefit)]
    if coupon.max_discount_cents is not None:
        parts.append(f" 最多减¥{plain_yuan(coupon.max_discount_cents)}")
    return parts


def _english(coupon: Worth) -> list[str]:
    threshold = plain_yuan(coupon.threshold_cents) if coupon.threshold_cents else ""
    if coupon.type == FULL_REDUCTION:
        return [f"{plain_yuan(coupon.benefit)} off", f" {threshold}" if threshold else ""]
    if coupon.type != DISCOUNT:
        return [f"+{coupon.benefit} points", f" from {threshold}" if threshold else ""]
    parts = [f"{100 - coupon.benefit}% off", f" from {threshold}" if threshold else ""]
    if coupon.max_discount_cents is not None:
        parts.append(f", up to ¥{plain_yuan(coupon.max_discount_cents)}")
    return parts
