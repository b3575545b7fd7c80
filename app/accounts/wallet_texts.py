"""What each reason in the wallet's ledger is called (msgids)."""

from __future__ import annotations

from app.core.errors import N_

REASONS: dict[str, str] = {
    "welcome_gift": N_("Welcome gift"),
    "order_placed": N_("Used for an order"),
    "order_paid": N_("Earned with an order"),
    "order_cancelled": N_("Returned: order cancelled"),
    "order_refunded": N_("Refund of an order"),
    "points_taken_back": N_("Points of a refunded order"),
    "adjustment": N_("Correction by the store"),
}
OTHER = N_("Other")


def reason_text(reason: str) -> str:
    """The msgid of a reason."""
    return REASONS.get(reason, OTHER)
