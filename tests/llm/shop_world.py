"""The real tools behind the same face as the fake world: executor, search, cart and orders of one customer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.cart.queries import get_cart
from app.core.actor import Actor
from app.orders.queries import list_orders
from app.tools.executor import execute
from tests.llm.fake_world import Refusal, Result


class ShopWorld:
    """One customer of the application whose context is active."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._asked: dict[str, str] = {}
        self.language = "zh"

    def _execute(self, name: str, arguments: dict[str, Any], approved: str | None = None) -> Any:
        actor = replace(self._actor, locale=self.language)
        return execute(actor, name, arguments, caller="test", approved=approved)

    def run(self, name: str, arguments: dict[str, Any]) -> Result:
        """Call a tool; one that was asked about runs with the yes."""
        result: Result = self._execute(name, arguments, self._asked.pop(name, None)).result
        return result

    def preview(self, name: str, arguments: dict[str, Any]) -> Result:
        """What a person is asked to confirm. Raises Refusal when it cannot be done."""
        outcome = self._execute(name, arguments)
        if outcome.status != "confirmation_required":
            error = outcome.result["error"]
            raise Refusal(error["code"], error["message"])
        self._asked[name] = outcome.fingerprint
        summary: Result = outcome.result["summary"]
        return summary

    @property
    def cart(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in get_cart(self._actor).lines}

    @property
    def orders(self) -> list[dict[str, Any]]:
        page = list_orders(self._actor, 20)
        return [{"items": [{"sku": i.sku, "quantity": i.qty} for i in order.items]} for order in page.items]
