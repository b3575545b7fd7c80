"""What a plan reads and writes, and the reading of it: outside of any transaction, several calls at a time, each once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from app.core.actor import Actor
from app.tools.executor import execute
from app.tools.registry import registry
from app.tools.rehearsal import Rehearsal, has_side_effect
from app.voice.side_by_side import side_by_side

CALLER = "voice"
CART, COUPONS, ORDERS = "cart", "coupons", "orders"
_ALL = frozenset({CART, COUPONS, ORDERS})
# What the customer's own tools read and change, beside the catalogue, which none of them changes.
_READS: Mapping[str, frozenset[str]] = {
    "view_cart": frozenset({CART}),
    "list_coupons": frozenset({COUPONS, CART}),
    "list_orders": frozenset({ORDERS}),
    "get_order": frozenset({ORDERS}),
}
_WRITES: Mapping[str, frozenset[str]] = {
    "add_to_cart": frozenset({CART}),
    "update_cart": frozenset({CART}),
    "remove_from_cart": frozenset({CART}),
    "clear_cart": frozenset({CART}),
    "claim_coupon": frozenset({COUPONS}),
    "cancel_order": frozenset({ORDERS, COUPONS}),
}


class Wanted(NamedTuple):
    """A call that is to be made."""

    name: str
    arguments: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.name} {json.dumps(self.arguments, sort_keys=True, ensure_ascii=False, default=str)}"


class Read(NamedTuple):
    """A reading call's result, what became of it, and how long it took."""

    result: dict[str, Any]
    status: str
    milliseconds: float


def changes(name: str) -> bool:
    """Whether a tool has side effects."""
    spec = registry.find(name)
    return spec is not None and has_side_effect(spec)


def written_by(name: str) -> frozenset[str]:
    """What a tool with side effects may change; of one that is not known here, everything."""
    return _WRITES.get(name, _ALL)


def depends_on(name: str, written: Iterable[str]) -> bool:
    """Whether a reading call says something else after such changes."""
    return not _READS.get(name, frozenset()).isdisjoint(written)


def is_of_the_catalogue(name: str) -> bool:
    """Whether a reading call says the same whatever its caller does: it may be made before anything is rehearsed."""
    spec = registry.find(name)
    return spec is not None and spec.category == "shop" and not has_side_effect(spec)


class Reads:
    """The reading calls of one utterance, each made once: for an answer as tool calls like any other, logged and bounded."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._made: dict[str, Read] = {}

    def find(self, wanted: Wanted) -> Read | None:
        """What was read already."""
        return self._made.get(wanted.key)

    def read(self, wanted: Iterable[Wanted], *, is_answer: bool = True) -> None:
        """Make those calls that were not made yet, side by side. Outside of any transaction.

        What is looked up only to find out what somebody means is part of a rehearsal, and not logged.
        """
        call = self._call if is_answer else self._look_up
        new = {each.key: each for each in wanted if each.key not in self._made}
        made = side_by_side([lambda each=each: call(each) for each in new.values()], self._actor.locale)  # type: ignore[misc]
        self._made |= dict(zip(new, made, strict=True))

    def _call(self, wanted: Wanted) -> Read:
        started = time.perf_counter()
        made = execute(self._actor, wanted.name, wanted.arguments, caller=CALLER)
        return Read(made.result, made.status, (time.perf_counter() - started) * 1_000)

    def _look_up(self, wanted: Wanted) -> Read:
        started = time.perf_counter()
        result = Rehearsal(self._actor).call(wanted.name, wanted.arguments)
        status = "error" if "error" in result else "ok"
        return Read(result, status, (time.perf_counter() - started) * 1_000)
