"""Payment providers behind one protocol. The sandbox is the only one so far; it settles as it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from app.core.ids import new_id

Outcome = Literal["success", "failure"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a provider says of one attempt: its own reference and whether the money came."""

    reference: str
    succeeded: bool


class PaymentProvider(Protocol):
    """A provider takes `amount_cents` for an order and can pay back a part of it.

    A real one leaves the shop in `pay_url` and reports the outcome by a signed call; `settle` then checks it.
    `pay_back` is called within the refund's transaction, so a real provider puts its request into the outbox.
    """

    name: str

    def pay_url(self, order_id: int) -> str: ...

    def settle(self, order_id: int, amount_cents: int, outcome: Outcome) -> Settlement: ...

    def pay_back(self, reference: str, amount_cents: int) -> None: ...


class SandboxProvider:
    """No money moves: the person chooses the outcome on the shop's own payment page."""

    name = "sandbox"

    def pay_url(self, order_id: int) -> str:
        """The payment page of an order."""
        return f"/orders/{order_id}/pay"

    def settle(self, order_id: int, amount_cents: int, outcome: Outcome) -> Settlement:
        """One attempt with the outcome that was asked for."""
        return Settlement(reference=f"sandbox-{order_id}-{new_id()}", succeeded=outcome == "success")

    def pay_back(self, reference: str, amount_cents: int) -> None:
        """Nothing to do; the refund's own row is the record."""


provider: PaymentProvider = SandboxProvider()
