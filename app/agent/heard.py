"""What a conversation's rows tell about the customer: their words, what they were shown, what was changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.agent.results import CART_TOOLS, ToolCard, tool_card
from app.conversations.models import Message as Row

Change = tuple[str, dict[str, Any]]
# A page shows so many products of one answer.
SHOWN = 6
DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Heard:
    """A conversation up to a run.

    `words` are the customer's messages, oldest first; the last one is what the run answers, or what led to the
    question that it settles with a button. `last_answer` is what the assistant said before the run. `shown` are
    the products of the latest answer that showed any, in the order in which it spoke of them. `touched` are the
    SKUs of its latest changes of the cart.
    """

    words: tuple[str, ...]
    was_denied: bool
    last_answer: str
    shown: tuple[str, ...]
    touched: frozenset[str]
    changes: tuple[tuple[Change, ...], ...]

    def changes_since(self, back: int) -> Iterator[Change]:
        """What was changed since the message that is `back` before the last."""
        for made in self.changes[len(self.changes) - 1 - back :]:
            yield from made


def hear(rows: Sequence[Row], run_id: str) -> Heard:
    """Read the rows, oldest first; those of the run's own calls count only as changes."""
    asked = [row for row in rows if row.role == "user"]
    own = [row for row in rows if row.run_id == run_id]
    before = [row for row in rows if row.run_id != run_id]
    cards = [card for row in before for card in _cards_of(row, before)]
    answer = next((row.content for row in reversed(before) if row.role == "assistant" and row.content), "")
    return Heard(
        words=tuple(row.content for row in asked),
        was_denied=any(row.role == "tool" and row.status == DENIED for row in own),
        last_answer=answer,
        shown=_shown(cards, answer),
        touched=_touched(cards),
        changes=tuple(_changes(rows, asked)),
    )


def _cards_of(row: Row, rows: Sequence[Row]) -> Iterator[ToolCard]:
    """The calls of an assistant's row with their results."""
    for call in row.tool_calls if row.role == "assistant" else ():
        found = next((r for r in rows if r.tool_call_id == call["id"] and r.run_id == row.run_id), None)
        if found is not None and found.status == "ok":
            yield tool_card(run_id=row.run_id or "", call=call, status=found.status, content=found.content)


def _shown(cards: Sequence[ToolCard], answer: str) -> tuple[str, ...]:
    """Products that the answer names, in its order; when it names none, those of the latest call that found any."""
    names = {
        str(product["sku"]): [str(product[key]) for key in ("name", "name_zh", "name_en") if product.get(key)]
        for card in cards
        for product in card.products
    }
    places = {sku: max(answer.find(name) for name in found or [""]) for sku, found in names.items()}
    named = sorted((sku for sku, place in places.items() if place >= 0), key=places.__getitem__)
    latest = next((card.products for card in reversed(cards) if card.products), ())
    return tuple(named or [str(product["sku"]) for product in latest])[:SHOWN]


def _touched(cards: Sequence[ToolCard]) -> frozenset[str]:
    latest = next(
        (card.run_id for card in reversed(cards) if card.changes_cart and card.given.get("sku")), ""
    )
    return frozenset(
        str(card.given["sku"]) for card in cards if card.run_id == latest and card.given.get("sku")
    )


def _changes(rows: Sequence[Row], asked: Sequence[Row]) -> Iterator[tuple[Change, ...]]:
    """For each message of the customer, what was changed between it and the next."""
    bounds = [rows.index(row) for row in asked]
    for start, end in zip(bounds, [*bounds[1:], len(rows)], strict=True):
        part = rows[start:end]
        yield tuple(
            (card.name, dict(card.given))
            for row in part
            for card in _cards_of(row, part)
            if card.name in CART_TOOLS or card.name == "claim_coupon"
        )
