"""What a refund pays back, worked out from what is already refunded. Pure; cents, pieces and points.

Every figure is cumulative: the amount for n pieces is the line's paid amount times n over its quantity,
rounded down, less what was refunded before. So any sequence of partial refunds ends at exactly what was paid.
The provider's part comes back first, then store credit. Points that were used return, and points that were
awarded are taken back, in proportion to the value (before discounts) of the goods that came back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import N_, InvalidParam
from app.core.money import share


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it stands: `paid_cents` is its subtotal less its share of the discount."""

    item_id: int
    sku: str
    quantity: int
    subtotal_cents: int
    paid_cents: int
    refunded_quantity: int = 0
    refunded_cents: int = 0

    @property
    def left(self) -> int:
        """Pieces that can still be refunded."""
        return self.quantity - self.refunded_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """How the order was paid and what has come back so far."""

    due_cents: int
    refunded_cents: int
    points_used: int
    points_awarded: int


@dataclass(frozen=True, slots=True)
class LineRefund:
    """Pieces of one line that come back now, and the money for them."""

    item_id: int
    sku: str
    quantity: int
    amount_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPlan:
    """One refund; `points_taken` is before the floor at the customer's balance."""

    lines: tuple[LineRefund, ...]
    amount_cents: int
    provider_cents: int
    credit_cents: int
    points_returned: int
    points_taken: int
    is_complete: bool


def plan_refund(lines: Sequence[Line], wanted: Mapping[str, int] | None, paid: Paid) -> RefundPlan:
    """Plan the refund of `wanted` pieces by SKU, or of everything left. Raises InvalidParam."""
    quantities = _quantities(lines, wanted)
    refunds = tuple(
        _refund_line(line, quantities[line.item_id]) for line in lines if quantities[line.item_id]
    )
    amount = sum(refund.amount_cents for refund in refunds)
    provider = min(amount, max(0, paid.due_cents - paid.refunded_cents))
    whole = sum(line.subtotal_cents for line in lines)
    before = sum(_value(line, line.refunded_quantity) for line in lines)
    after = sum(_value(line, line.refunded_quantity + quantities[line.item_id]) for line in lines)
    return RefundPlan(
        lines=refunds,
        amount_cents=amount,
        provider_cents=provider,
        credit_cents=amount - provider,
        points_returned=_between(before, after, whole, paid.points_used),
        points_taken=_between(before, after, whole, paid.points_awarded),
        is_complete=all(line.left == quantities[line.item_id] for line in lines),
    )


def _refund_line(line: Line, quantity: int) -> LineRefund:
    reached = share(line.refunded_quantity + quantity, line.quantity, line.paid_cents)
    return LineRefund(line.item_id, line.sku, quantity, reached - line.refunded_cents)


def _value(line: Line, quantity: int) -> int:
    return share(quantity, line.quantity, line.subtotal_cents)


def _between(before: int, after: int, whole: int, total: int) -> int:
    return share(after, whole, total) - share(before, whole, total)


def _quantities(lines: Sequence[Line], wanted: Mapping[str, int] | None) -> dict[int, int]:
    """Pieces per line; a SKU that is on several lines is taken from the first ones."""
    chosen = {line.item_id: line.left for line in lines} if wanted is None else _choose(lines, wanted)
    if not any(chosen.values()):
        raise InvalidParam(N_("There is nothing left to refund."), code="NOTHING_TO_REFUND")
    return chosen


def _choose(lines: Sequence[Line], wanted: Mapping[str, int]) -> dict[int, int]:
    if any(quantity < 0 for quantity in wanted.values()):
        raise InvalidParam(fields={"items": N_("Enter one or more.")})
    left, chosen = dict(wanted), {}
    for line in lines:
        chosen[line.item_id] = min(left.get(line.sku, 0), line.left)
        left[line.sku] = left.get(line.sku, 0) - chosen[line.item_id]
    short = next((sku for sku, quantity in left.items() if quantity), None)
    if short is not None:
        message = N_("There are not that many pieces of %(sku)s left to refund.")
        raise InvalidParam(message, fields={"items": N_("Too many pieces.")}, sku=short)
    return chosen
