"""What a coupon is worth for given goods, and who it is for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Protocol

from app.core.errors import N_

FULL_REDUCTION, DISCOUNT, POINTS = "full_reduction", "discount", "points"
PUBLISHED = "published"


class Terms(Protocol):
    """What the rules read of a coupon (`app.coupons.models.Coupon` has it)."""

    @property
    def id(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def name_en(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def threshold_cents(self) -> int: ...
    @property
    def benefit(self) -> int: ...
    @property
    def max_discount_cents(self) -> int | None: ...
    @property
    def max_redemptions(self) -> int | None: ...
    @property
    def redeemed_count(self) -> int: ...
    @property
    def category_id(self) -> int | None: ...
    @property
    def start_at(self) -> datetime: ...
    @property
    def end_at(self) -> datetime: ...
    @property
    def status(self) -> str: ...


class Reason(StrEnum):
    """Why a coupon cannot be used."""

    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    OUT_OF_SCOPE = "out_of_scope"
    BELOW_THRESHOLD = "below_threshold"

    @property
    def error_code(self) -> str:
        """The code of the error that it becomes when somebody insists."""
        return _ERROR_CODES.get(self, NOT_APPLICABLE)


NOT_APPLICABLE = "COUPON_NOT_APPLICABLE"
_ERROR_CODES = {Reason.EXPIRED: "COUPON_EXPIRED", Reason.EXHAUSTED: "COUPON_EXHAUSTED"}


REASON_TEXTS = {
    Reason.NOT_STARTED: N_("This coupon cannot be used yet."),
    Reason.EXPIRED: N_("This coupon has expired."),
    Reason.EXHAUSTED: N_("This coupon has been used up."),
    Reason.OUT_OF_SCOPE: N_("Nothing in the cart is covered by this coupon."),
    Reason.BELOW_THRESHOLD: N_("¥%(missing)s more is needed for this coupon."),
}


@dataclass(frozen=True, slots=True)
class Goods:
    """One line of a cart as coupons see it; `subtotal_cents` = quantity x price."""

    sku: str
    category_id: int
    subtotal_cents: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a coupon does for certain goods.

    `discount_cents` and `points` are 0 unless `applicable`. `missing_cents` is what the goods in scope lack
    of the threshold. `in_scope` are the indexes of the goods that count and that share the discount.
    `reason` is a `Reason` when it is not applicable.
    """

    coupon_id: int
    code: str
    name: str
    applicable: bool
    discount_cents: int
    points: int
    missing_cents: int
    reason: Reason | None
    in_scope: tuple[int, ...]
    name_en: str = ""

    def title(self, locale: str) -> str:
        """The coupon's name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name


def evaluate(coupon: Terms, goods: Sequence[Goods], *, at: datetime) -> Offer:
    """The coupon's offer for these goods at a moment (aware, UTC)."""
    in_scope = tuple(i for i, line in enumerate(goods) if coupon.category_id in (None, line.category_id))
    amount = sum(goods[i].subtotal_cents for i in in_scope)
    missing = max(0, coupon.threshold_cents - amount)
    reason = availability(coupon, at=at) or _applicability(amount, missing)
    applicable = reason is None
    return Offer(
        coupon_id=coupon.id,
        code=coupon.code,
        name=coupon.name,
        applicable=applicable,
        discount_cents=discount_on(coupon, amount) if applicable else 0,
        points=coupon.benefit if applicable and coupon.type == POINTS else 0,
        missing_cents=missing,
        reason=reason,
        in_scope=in_scope,
        name_en=coupon.name_en,
    )


def availability(coupon: Terms, *, at: datetime) -> Reason | None:
    """Why the coupon is out of use at a moment, whatever the goods; None when it is in use.

    It is valid from `start_at`, and until just before `end_at`.
    """
    if coupon.status != PUBLISHED or at < coupon.start_at:
        return Reason.NOT_STARTED
    if at >= coupon.end_at:
        return Reason.EXPIRED
    if coupon.max_redemptions is not None and coupon.redeemed_count >= coupon.max_redemptions:
        return Reason.EXHAUSTED
    return None


def _applicability(amount: int, missing: int) -> Reason | None:
    if amount <= 0:
        return Reason.OUT_OF_SCOPE
    return Reason.BELOW_THRESHOLD if missing else None


def discount_on(coupon: Terms, amount: int) -> int:
    """Cents off goods in scope worth `amount` cents that reach the threshold; 0 <= discount <= amount.

    full_reduction: `benefit` cents. discount: the customer pays `benefit` percent, `amount * benefit / 100`
    rounded down to the cent, so that rounding is never at the customer's cost (8.5折 of 99 cents: pays 84,
    15 off). Neither is more than `max_discount_cents`. points: nothing off.
    """
    if coupon.type == FULL_REDUCTION:
        off = coupon.benefit
    elif coupon.type == DISCOUNT:
        off = amount - amount * coupon.benefit // 100
    else:
        return 0
    if coupon.max_discount_cents is not None:
        off = min(off, coupon.max_discount_cents)
    return max(0, min(off, amount))


def rank(offer: Offer, end_at: datetime) -> tuple[int, int, datetime, int]:
    """Sorting key, best first: most money off, then most points, then the one that ends first."""
    return (-offer.discount_cents, -offer.points, end_at, offer.coupon_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFacts:
    """What segments may ask of a customer; `days_since_last_order` is None before the first paid order."""

    level: int = 1
    paid_orders: int = 0
    total_spent_cents: int = 0
    member_days: int = 0
    days_since_last_order: int | None = None
    # True of nobody who comes for a coupon: such a one is put into customers' hands (`ISSUED_ONLY`).
    issued: bool = False

    @property
    def has_ordered(self) -> bool:
        return self.paid_orders > 0


SEGMENT_FIELDS = frozenset(
    {
        "level",
        "paid_orders",
        "total_spent_cents",
        "member_days",
        "days_since_last_order",
        "has_ordered",
        "issued",
    }
)
# The segment of a coupon that nobody can claim: customers have it by being issued it.
ISSUED_ONLY: tuple[dict[str, Any], ...] = ({"field": "issued", "op": "==", "value": True},)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_SETS: Mapping[str, Callable[[Any, Any], bool]] = {
    "in": lambda fact, values: fact in values,
    "not_in": lambda fact, values: fact not in values,
}
_EQUALITIES: Mapping[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne}
_ALIASES = {"=": "==", "eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
SEGMENT_OPS = frozenset({*_COMPARISONS, *_SETS, *_EQUALITIES, *_ALIASES})


def matches_segment(rules: Sequence[Mapping[str, Any]], facts: CustomerFacts) -> bool:
    """True when every rule `{field, op, value}` holds. A rule that makes no sense holds for nobody."""
    return all(is_sound_rule(rule) and _holds(rule, facts) for rule in rules)


def _holds(rule: Mapping[str, Any], facts: CustomerFacts) -> bool:
    fact, value = getattr(facts, rule["field"]), rule["value"]
    op = _ALIASES.get(rule["op"], rule["op"])
    if op in _COMPARISONS:
        return fact is not None and _COMPARISONS[op](fact, value)
    return (_SETS.get(op) or _EQUALITIES[op])(fact, value)


def is_sound_rule(rule: object) -> bool:
    """True for a rule of a known field and operator with a value that fits it."""
    if not isinstance(rule, Mapping) or set(rule) != {"field", "op", "value"}:
        return False
    field, op, value = rule["field"], rule["op"], rule["value"]
    if not isinstance(field, str) or field not in SEGMENT_FIELDS:
        return False
    if not isinstance(op, str) or op not in SEGMENT_OPS:
        return False
    if op in _SETS:
        return isinstance(value, list) and bool(value) and all(isinstance(item, int) for item in value)
    return isinstance(value, int) or (value is None and _ALIASES.get(op, op) in _EQUALITIES)
