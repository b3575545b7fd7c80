"""Whether the customer has asked for a change that a model wants to make; what they have not is asked first.

A model reads texts that anybody may have written, and may obey them. So a tool that changes something runs at once
only if the customer's own words ask for that change: the kind of change (`app.agent.wishes`), a product that these
words name, or that "it" can mean among those they were shown (`app.agent.meant`), and no more pieces than they said,
all calls of the answer together. Everything else becomes a question to the customer, as with orders. Tools that
this module does not know are always asked about. The built-in model needs no judge: it acts on the customer's
words alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from app.agent.heard import Change, hear
from app.agent.meant import Meant, is_coupon
from app.agent.wishes import Deed, Said, Want, read
from app.catalogue.queries import ProductView, find_product
from app.conversations.models import Message as Row
from app.conversations.queries import list_messages
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.db import db
from app.llm.client import Message
from app.tools.spec import ToolSpec

ROWS = 60
# So many messages back a wish may lie that the last ones only go on with.
LOOK_BACK = 3
GROWING: tuple[Deed, ...] = ("more", "set", "double", "order")
SHRINKING: tuple[Deed, ...] = ("less", "set", "keep", "clear")
CART_CHANGES = frozenset({"add_to_cart", "update_cart", "remove_from_cart"})
DEEDS: dict[str, tuple[Deed, ...]] = {
    "add_to_cart": GROWING,
    "update_cart": (*GROWING, *SHRINKING),
    "remove_from_cart": SHRINKING,
    "clear_cart": ("clear",),
    "claim_coupon": ("claim",),
    "place_order": ("order",),
    "cancel_order": ("cancel",),
    "talk_to_consultant": ("person",),
}


@dataclass(slots=True)
class Consent:
    """The judge of one run; not for several threads at once.

    `told` are the messages of a caller that keeps them (app.agent.direct): they hold the customer's words then.
    """

    run: RunKey
    actor: Actor
    told: Sequence[Message] | None = None
    _open: _Wishes | None = None

    def allows(self, call_id: str, spec: ToolSpec, arguments: Mapping[str, Any]) -> bool:
        """True when the tool may run without a question; it uses up the wish that it fulfils.

        Opens and closes the thread's database session.
        """
        try:
            checked = spec.arguments.model_validate({k: v for k, v in arguments.items() if v is not None})
        except ValidationError:
            # It will be refused for that.
            return True
        try:
            return self._wishes().take(call_id, spec.name, checked.model_dump())
        finally:
            db.session.remove()

    def expects(self, name: str, arguments: Mapping[str, Any]) -> bool:
        """True when the customer's words are about such a call, if not to that extent: its question is no surprise."""
        try:
            return self._wishes().are_about(name, arguments)
        finally:
            db.session.remove()

    def settle(self, call_id: str, *, is_done: bool) -> None:
        """A call has ended; what was not done may be tried once more."""
        if self._open is not None:
            self._open.settle(call_id, is_done=is_done)

    def _wishes(self) -> _Wishes:
        if self._open is None:
            self._open = _open_wishes(Meant(self.actor, hear(self._rows(), self.run.id)))
        return self._open

    def _rows(self) -> list[Row]:
        rows = list_messages(self.run.conversation_id, ROWS)
        if self.told is None:
            return rows
        told = [Row(role=each["role"], content=each["content"], tool_calls=[]) for each in self.told]
        before = [row for row in rows if row.role != "user" and row.run_id != self.run.id]
        return [*before, *told, *(row for row in rows if row.run_id == self.run.id)]


@dataclass(slots=True)
class _Wishes:
    """What was asked for and is still open."""

    meant: Meant
    wants: list[Want]
    _used: dict[str, tuple[Want, int]] = field(default_factory=dict)

    def take(self, call_id: str, name: str, given: Mapping[str, Any]) -> bool:
        """True when a wish covers the call."""
        for want, amount in self._fitting(name, given):
            want.left -= amount
            self._used[call_id] = (want, amount)
            return True
        return False

    def are_about(self, name: str, given: Mapping[str, Any]) -> bool:
        """True when a wish is for such a deed with such a thing, however much of it; for unknown tools too."""
        wants = [want for want in self.wants if want.deed in DEEDS.get(name, ())]
        if name == "claim_coupon":
            return any(is_coupon(want, str(given.get("code"))) for want in wants)
        if name in CART_CHANGES:
            product = _find(given.get("sku"))
            return product is not None and any(self.meant.is_meant(want, product) for want in wants)
        return bool(wants) or name not in DEEDS

    def settle(self, call_id: str, *, is_done: bool) -> None:
        found = self._used.pop(call_id, None)
        if found is not None and not is_done:
            found[0].left += found[1]

    def use_up(self, change: Change) -> None:
        """A change that was made before: whatever it was about is done as far as it goes."""
        name, given = change
        if name == "claim_coupon":
            self.take("", name, given)
            return
        product = _find(given.get("sku"))
        if product is None:
            return
        for want in self._of(*GROWING, *SHRINKING):
            if self.meant.is_meant(want, product):
                want.left -= int(given.get("qty", 1)) if name == "add_to_cart" else want.left
                return

    def _fitting(self, name: str, given: Mapping[str, Any]) -> Iterator[tuple[Want, int]]:
        """The wishes that the call fulfils, with how much of each it uses up."""
        if name == "claim_coupon":
            yield from ((want, 1) for want in self._of("claim") if is_coupon(want, str(given["code"])))
        elif name == "talk_to_consultant":
            yield from ((want, 0) for want in self._of("person"))
        elif name == "clear_cart":
            yield from ((want, 0) for want in self._of("clear"))
        elif name in CART_CHANGES:
            yield from self._fitting_cart(name, given)

    def _fitting_cart(self, name: str, given: Mapping[str, Any]) -> Iterator[tuple[Want, int]]:
        product = _find(given["sku"])
        if product is None:
            return
        before = self.meant.pieces().get(product.sku, 0)
        after = before + given["qty"] if name == "add_to_cart" else given.get("qty", 0)
        for want in self._of(*(GROWING if after > before else SHRINKING)):
            amount = _amount(want, before, after)
            if amount is not None and self.meant.is_meant(want, product):
                yield want, amount

    def _of(self, *deeds: Deed) -> Iterator[Want]:
        yield from (want for want in self.wants if want.deed in deeds and want.left > 0)


def _open_wishes(meant: Meant) -> _Wishes:
    """What the last message asks for, or what an earlier one asked for that it goes on with."""
    heard = meant.heard
    if not heard.words or heard.was_denied:
        return _Wishes(meant, [])
    said = read(heard.words[-1])
    if said.wants or not said.goes_on:
        return _left(meant, said.wants, 0)
    offered = _left(meant, _proposed(heard.last_answer), 0).wants if said.agrees else []
    return _Wishes(meant, [*offered, *_earlier(meant, said)])


def _earlier(meant: Meant, said: Said) -> list[Want]:
    """The open wish that the last messages narrow down: "the light one", "two"."""
    words = meant.heard.words
    for back in range(1, min(LOOK_BACK, len(words) - 1) + 1):
        before = read(words[-1 - back])
        if before.wants:
            return [_narrowed(want, said) for want in _left(meant, before.wants, back).wants]
        if not before.goes_on:
            break
    return []


def _left(meant: Meant, wants: Iterable[Want], back: int) -> _Wishes:
    """The wishes less what was done about them since the message that lies `back` before the last."""
    wishes = _Wishes(meant, list(wants))
    for change in meant.heard.changes_since(back):
        wishes.use_up(change)
    return wishes


def _narrowed(want: Want, said: Said) -> Want:
    items = [item for intent in said.plan.intents for item in intent.items]
    counts = [intent.qty for intent in said.plan.intents] + [item.qty for item in items]
    left = next((count for count in counts if count), want.left)
    text = " ".join([want.text, *(intent.text for intent in said.plan.intents)])
    return replace(want, left=left, text=text, also=tuple(item for item in items if not item.is_empty))


def _proposed(answer: str) -> tuple[Want, ...]:
    """What the assistant's last line offered, which a yes takes: the customer has read it."""
    line = answer.strip().rpartition("\n")[2].rstrip("*_ ")
    return read(line).wants if line.endswith(("?", "？")) else ()


def _amount(want: Want, before: int, after: int) -> int | None:
    """How much of the wish a change of pieces uses up; None when it goes beyond it."""
    if want.deed == "clear":
        return 0
    if want.deed in ("set", "double"):
        wanted = want.left if want.deed == "set" else 2 * before
        return want.left if after == wanted else None
    amount = abs(after - before)
    return amount if amount <= want.left else None


def _find(sku: Any) -> ProductView | None:
    product = find_product(str(sku or ""))
    if product is None:
        return None
    return ProductView(*(getattr(product, name) for name in ProductView.__dataclass_fields__))
