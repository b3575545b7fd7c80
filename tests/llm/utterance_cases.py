"""Reading and judging the utterance files: what was expected, and what a session did instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.llm.fake_world import Session

_HERE = Path(__file__).parent


def load(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    return [json.loads(line) for line in (_HERE / name).read_text("utf-8").splitlines() if line.strip()]


def play(session: Session, case: dict[str, Any]) -> Session:
    """Say all turns of a case."""
    for turn in case["turns"]:
        session.say(turn)
    return session


def failures(session: Session, expect: dict[str, Any]) -> list[str]:
    """What does not hold, in words; empty when all does."""
    return list(_failures(session, expect))


def _failures(session: Session, expect: dict[str, Any]) -> Iterator[str]:
    unknown = set(expect) - set(_CHECKS)
    assert not unknown, f"unknown expectation {unknown}"
    for name, wanted in expect.items():
        if problem := _CHECKS[name](session, wanted):
            yield f"{name}: {problem}"


def _names(calls: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[str]:
    return [name for name, _, _ in calls]


def _skus(session: Session) -> list[str]:
    return [row["sku"] for row in session.listed()]


def _found(session: Session, wanted: list[str]) -> str:
    return "" if set(wanted) <= set(_skus(session)) else f"listed {_skus(session)}"


def _first(session: Session, wanted: str) -> str:
    return "" if _skus(session)[:1] == [wanted] else f"listed {_skus(session)}"


def _max_price(session: Session, wanted: int) -> str:
    prices = [row["price_cents"] for row in session.listed()]
    return "" if prices and max(prices) <= wanted else f"prices {prices}"


def _category(session: Session, wanted: int) -> str:
    categories = {row["category_id"] for row in session.listed()}
    return "" if categories == {wanted} else f"categories {categories}"


def _cart(session: Session, wanted: dict[str, int]) -> str:
    return "" if session.world.cart == wanted else f"cart {session.world.cart}"


def _cart_size(session: Session, wanted: int) -> str:
    """Any one product: the customer left the choice to the list."""
    return "" if sum(session.world.cart.values()) == wanted else f"cart {session.world.cart}"


def _order(session: Session, wanted: dict[str, int]) -> str:
    placed = [_items(order) for order in session.world.orders]
    return "" if wanted in placed else f"orders {placed}"


def _no_order(session: Session, wanted: bool) -> str:
    return "an order was placed" if session.world.orders and wanted else ""


def _no_tool(session: Session, wanted: bool) -> str:
    return f"called {_names(session.called_now)}" if session.called_now and wanted else ""


def _no_tool_of(session: Session, wanted: list[str]) -> str:
    called = set(wanted) & set(_names(session.called))
    return f"called {called}" if called else ""


def _confirm(session: Session, wanted: str) -> str:
    return "" if session.pending and session.pending[0] == wanted else f"pending {session.pending}"


def _tool(session: Session, wanted: str | list[str]) -> str:
    allowed = {wanted} if isinstance(wanted, str) else set(wanted)
    called = _names(session.called_now)
    return "" if allowed & set(called) else f"called {called}"


def _reply_has(session: Session, wanted: list[str]) -> str:
    missing = [pattern for pattern in wanted if not re.search(pattern, session.reply)]
    return f"no {missing} in {session.reply!r}" if missing else ""


_CHECKS: dict[str, Callable[[Session, Any], str]] = {
    "found": _found,
    "first": _first,
    "max_price_cents": _max_price,
    "category_id": _category,
    "cart": _cart,
    "cart_size": _cart_size,
    "order": _order,
    "no_order": _no_order,
    "no_tool": _no_tool,
    "no_tool_of": _no_tool_of,
    "confirm": _confirm,
    "tool": _tool,
    "reply_has": _reply_has,
}


def _items(order: dict[str, Any]) -> dict[str, int]:
    return {item["sku"]: item["quantity"] for item in order["items"]}
