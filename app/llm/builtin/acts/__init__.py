"""What the built-in model does for each intent: one generator per intent, in ``ACTS`` by the intent's name."""

from __future__ import annotations

from collections.abc import Callable

from app.llm.builtin.acts import asking, buying, cart, coupons, finding, orders, quantities, removing, talking
from app.llm.builtin.desk import Act, Desk
from app.llm.builtin.intents import Intent

ACTS: dict[str, Callable[[Desk, Intent], Act]] = {
    **finding.ACTS,
    **asking.ACTS,
    **buying.ACTS,
    **cart.ACTS,
    **quantities.ACTS,
    **removing.ACTS,
    **coupons.ACTS,
    **orders.ACTS,
    **talking.ACTS,
}
