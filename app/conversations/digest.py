"""Our own summary of a talk, without a model: what was asked, which products were shown, the cart, the orders.

Its text has one line for each of them, so that the next summary can be made from this one and what came after it.
A model's notes take the place of what was asked; codes, numbers and prices come from the tools' results either way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.conversations.models import Message as Row
from app.llm.tokens import count_tokens, fitting
from app.tools.limits import clip, to_json

NOTES, ASKED, PRODUCTS, CART, ORDERS = "Notes", "Asked", "Products", "Cart", "Orders"
BETWEEN = "; "
MAX_ASKED_CHARS, MAX_RESULT_CHARS, MAX_TEXT_CHARS = 100, 600, 1_500
MAX_PRODUCTS, MAX_ORDERS = 40, 10
# Of the room for a summary; what it leaves is for the facts.
NOTES_SHARE = 0.6


@dataclass(slots=True)
class Digest:
    """The parts of a summary; `products` and `orders` by SKU and number, the latest last."""

    notes: str = ""
    asked: list[str] = field(default_factory=list)
    products: dict[str, str] = field(default_factory=dict)
    cart: str = ""
    orders: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Digest:
        """A summary that `text` has written; what has no such form is notes."""
        lines = dict(line.split(": ", 1) for line in text.split("\n") if _label(line))
        notes = lines.get(NOTES) or (text if text and not lines else "")
        return cls(
            _line(notes),
            _items(lines.get(ASKED)),
            {item.split(" ", 1)[0]: item for item in _items(lines.get(PRODUCTS))},
            lines.get(CART, ""),
            {item.split(" ", 1)[0]: item for item in _items(lines.get(ORDERS))},
        )

    def add(self, rows: Iterable[Row]) -> None:
        """Take in what was said and found since, in its order."""
        for row in rows:
            if row.role == "user" and row.content:
                self.asked.append(_item(clip(_line(row.content), MAX_ASKED_CHARS)))
            elif row.role == "tool" and row.status == "ok":
                self._add_result(_read(row.content))

    def _add_result(self, result: dict[str, Any]) -> None:
        for product in products_of(result):
            _put(self.products, str(product["sku"]), f"{_name(product)} {_money(product.get('price_cents'))}")
        if isinstance(cart := result.get("cart"), dict):
            self.cart = _cart(cart)
        for order in _orders(result):
            said = f"{order.get('status', '')} {_money(order.get('total_cents'))}"
            _put(self.orders, str(order["order_id"]), said)

    def retell(self, notes: str) -> None:
        """A model's notes: they tell what was asked too."""
        self.notes, self.asked = _line(notes), []

    def text(self, most_tokens: int) -> str:
        """The summary in at most so many tokens: the oldest products and questions give way first."""
        notes = fitting(self.notes, int(most_tokens * NOTES_SHARE))
        asked, products = list(self.asked), list(self.products.values())[-MAX_PRODUCTS:]
        orders = list(self.orders.values())[-MAX_ORDERS:]
        while True:
            text = _written(notes, asked, products, self.cart, orders)
            if count_tokens(text) <= most_tokens:
                return text
            longest = max((asked, products, orders), key=lambda items: len(to_json(items)))
            if not longest:
                return fitting(text, most_tokens)
            del longest[: max(1, len(longest) // 4)]


def products_of(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The products in a result, none when there are none."""
    found = result.get("products")
    if isinstance(found, list):
        return tuple(item for item in found if isinstance(item, dict) and "sku" in item)
    one = result.get("product")
    return (one,) if isinstance(one, dict) and "sku" in one else ()


def transcript(summary: str, rows: Sequence[Row]) -> str:
    """What a model makes notes from: the old summary and all rows since, long results shortened."""
    lines = [f"NOTES SO FAR:\n{summary}\n\nSAID SINCE:"] if summary else []
    for row in rows:
        lines += [f"assistant calls {call['name']} {to_json(call['arguments'])}" for call in row.tool_calls]
        if row.role == "tool":
            lines.append(f"{row.tool_name} {row.status}: {clip(row.content, MAX_RESULT_CHARS)}")
        elif row.content:
            lines.append(f"{row.role}: {clip(row.content, MAX_TEXT_CHARS)}")
    return "\n".join(lines)


def _written(notes: str, asked: list[str], products: list[str], cart: str, orders: list[str]) -> str:
    parts = ((NOTES, notes), (ASKED, asked), (PRODUCTS, products), (CART, cart), (ORDERS, orders))
    told = ((label, BETWEEN.join(part) if isinstance(part, list) else part) for label, part in parts)
    return "\n".join(f"{label}: {text}" for label, text in told if text)


def _label(line: str) -> bool:
    return line.split(": ", 1)[0] in (NOTES, ASKED, PRODUCTS, CART, ORDERS) and ": " in line


def _line(text: str) -> str:
    return " ".join(text.split())


def _item(text: str) -> str:
    """A text that can stand in a list of ours."""
    return _line(text).replace(BETWEEN.strip(), ",")


def _items(line: str | None) -> list[str]:
    return [item for item in (line or "").split(BETWEEN) if item]


def _put(into: dict[str, str], key: str, said: str) -> None:
    """The newest of the same key, at the end."""
    key = _item(key).replace(" ", "_")
    into.pop(key, None)
    into[key] = _item(f"{key} {said}")


def _read(content: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(thing: Mapping[str, Any]) -> str:
    return clip(str(thing.get("name", "")), MAX_ASKED_CHARS)


def _money(cents: Any) -> str:
    return f"¥{cents / 100:.2f}" if isinstance(cents, int) else ""


def _cart(cart: Mapping[str, Any]) -> str:
    lines = [item for item in cart.get("items") or () if isinstance(item, dict)]
    said = [_item(f"{item.get('sku', '')} {_name(item)} × {item.get('qty', '')}") for item in lines]
    total = _money(cart.get("total_cents"))
    return BETWEEN.join([*said, *([f"total {total}"] if total else [])]) if said else "empty"


def _orders(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = result.get("orders")
    orders = found if isinstance(found, list) else [result.get("order")]
    return [order for order in orders if isinstance(order, dict) and order.get("order_id") is not None]
