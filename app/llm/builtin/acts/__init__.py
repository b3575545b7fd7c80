"""What the built-in model does for each intent: one generator per intent, in ``ACTS`` by the intent's name."""

from __future__ import annotations

from collections.abc import Callable

from app.llm.builtin.acts import asking, buying, cart, finding, orders, talking
from app.llm.builtin.desk import Act, Desk
from app.llm.builtin.intents import Intent

ACTS: dict[str, Callable[[Desk, Intent], Act]] = {
    **finding.ACTS,
    **asking.ACTS,
    **buying.ACTS,
    **cart.ACTS,
    **orders.ACTS,
    **talking.ACTS,
}
