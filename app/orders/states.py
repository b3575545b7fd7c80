"""The life of an order as data: which action leads from which status to which."""

from __future__ import annotations

from enum import StrEnum

from app.core.errors import N_, Conflict


class Status(StrEnum):
    """PENDING -> PAID -> SHIPPED -> COMPLETED; CANCELLED and REFUNDED are ends."""

    PENDING = "PENDING"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


class Action(StrEnum):
    """What can be done with an order; also the second half of the code of a refusal."""

    PAY = "PAY"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    SHIP = "SHIP"
    COMPLETE = "COMPLETE"
    REFUND = "REFUND"


# Cancelling a paid order that was not shipped pays everything back; it ends as CANCELLED, so that its owner
# sees what they did. REFUNDED says that the shop took the goods back. A partial refund changes no status.
TRANSITIONS: dict[Action, dict[Status, Status]] = {
    Action.PAY: {Status.PENDING: Status.PAID},
    Action.CANCEL: {Status.PENDING: Status.CANCELLED, Status.PAID: Status.CANCELLED},
    Action.EXPIRE: {Status.PENDING: Status.CANCELLED},
    Action.SHIP: {Status.PAID: Status.SHIPPED},
    Action.COMPLETE: {Status.SHIPPED: Status.COMPLETED},
    Action.REFUND: {
        Status.PAID: Status.REFUNDED,
        Status.SHIPPED: Status.REFUNDED,
        Status.COMPLETED: Status.REFUNDED,
    },
}
REFUSALS = {
    Action.PAY: N_("This order can no longer be paid."),
    Action.CANCEL: N_("This order can no longer be cancelled."),
    Action.EXPIRE: N_("This order is not waiting for payment."),
    Action.SHIP: N_("Only a paid order can be shipped."),
    Action.COMPLETE: N_("Only a shipped order can be completed."),
    Action.REFUND: N_("Only a paid order can be refunded."),
}
LABELS = {
    Status.PENDING: N_("Waiting for payment"),
    Status.PAID: N_("Paid"),
    Status.SHIPPED: N_("Shipped"),
    Status.COMPLETED: N_("Completed"),
    Status.CANCELLED: N_("Cancelled"),
    Status.REFUNDED: N_("Refunded"),
}
# What a label looks like when a person is told why an order was cancelled.
REASONS = {
    "customer": N_("Cancelled by you"),
    "staff": N_("Cancelled by the shop"),
    "expired": N_("Not paid in time"),
}


def can(action: Action, status: str) -> bool:
    """True when the action leads somewhere from this status."""
    return status in TRANSITIONS[action]


def after(action: Action, status: str) -> Status:
    """The status that the action leads to. Raises Conflict with code CANNOT_<ACTION>."""
    if not can(action, status):
        raise refusal(action)
    return TRANSITIONS[action][Status(status)]


def refusal(action: Action) -> Conflict:
    """The error for an action that the order's status does not allow."""
    return Conflict(REFUSALS[action], code=f"CANNOT_{action}")
