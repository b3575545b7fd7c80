"""What a customer's own words ask to be changed, read by our own grammar and by no language model.

A model may be talked into anything by a text that it reads, a product's description for example. Whether the
customer asked for a change is therefore judged from the customer's messages alone, in both languages, by the
reader of the built-in model. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.llm.builtin.intents import Intent, Item, Plan
from app.llm.builtin.understand import understand

Deed = Literal["more", "less", "keep", "set", "double", "clear", "claim", "order", "cancel", "person"]
IT = Item(pronoun=True)
# As many as one likes: taking things out is bounded by what is in the cart.
ANY = 10_000
# Messages that only go on with the one before: an answer, a choice, a count, a word that says nothing by itself.
CONTINUING = frozenset({"yes", "count", "bare", "follow", "unknown", "nothing", "thanks", "greet"})
# What is quoted is somebody else's: in quotation marks, code, quoted lines.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"]*\"|“[^”]*”|「[^」]*」|『[^』]*』|«[^»]*»|^[ \t]*>[^\n]*", re.S | re.M
)
# What follows a colon, or a mark as of another speaker ("<system>", "[SYSTEM]", "### System"), may be pasted.
_PASTED = re.compile(
    r"(?<!\d)[:：](?!\d)|[<\[#*|【（(]\s*/?\s*(?:system|assistant|developer|user|tool|admin|inst|im_start|系统|助手|管理员)",
    re.I,
)
_ALL = re.compile(r"\b(?:all|every|each|both)\b|所有|全部|都|每")
_BUYS = re.compile(r"买|购(?!物车)|拍下|订|下单|\b(?:buy|purchase|order)\b")
_ONE = re.compile(r"\b(?:it|that|this|one|an?|the)\b|它|[这那一第].{0,2}张")


@dataclass(slots=True)
class Want:
    """One change that was asked for: of what, and how many pieces of it are left to be changed.

    `left` is the wanted number itself when the deed is `set`. `also` are further descriptions of the same thing;
    `named` is what else the message speaks of: what an "it" in it may mean.
    """

    deed: Deed
    item: Item
    left: int
    text: str
    coupon: str | None = None
    also: tuple[Item, ...] = ()
    named: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A message, read: the changes it asks for, and what it says besides."""

    wants: tuple[Want, ...]
    plan: Plan

    @property
    def goes_on(self) -> bool:
        """True when it only means something after what was said before."""
        return all(intent.name in CONTINUING for intent in self.plan.intents)

    @property
    def agrees(self) -> bool:
        """True for a yes, also one with a number ("yes, two")."""
        return {intent.name for intent in self.plan.intents} <= {"yes", "count"}


def read(text: str) -> Said:
    """A customer's message. What is quoted or pasted in it names things, but asks for nothing."""
    plan = understand(text)
    wants = tuple(_wants(plan))
    outside = _PASTED.split(_QUOTED.sub(" ", text), maxsplit=1)[0]
    if wants and outside != text:
        asked = {want.deed for want in _wants(understand(outside))}
        wants = tuple(want for want in wants if want.deed in asked)
    return Said(wants, plan)


def _wants(plan: Plan) -> Iterator[Want]:
    named = tuple(
        item
        for intent in plan.intents
        for item in intent.items
        if item.phrase or item.sku or item.category_id
    )
    for intent in plan.intents:
        for want in _wants_of(intent):
            want.named = tuple(item for item in named if item not in intent.items)
            yield want


def _wants_of(intent: Intent) -> Iterator[Want]:
    if intent.name in ("add", "want", "count"):
        yield from _more(intent)
    elif intent.name in _CHANGES:
        deed, left = _CHANGES[intent.name]
        amount = intent.qty or 0 if deed == "set" else -(intent.delta or -left)
        yield from (Want(deed, item, amount, intent.text) for item in intent.items or (IT,))
    elif intent.name == "replace":
        yield from (Want("less", item, ANY, intent.text) for item in intent.items or (IT,))
        new = intent.new if intent.new is not None and not intent.new.is_empty else IT
        yield Want("more", new, new.qty or 1, intent.text)
    elif intent.name in ("claim", "place_order"):
        yield from _order_or_coupon(intent)
    elif intent.name in ("human", "cancel_order"):
        yield Want("person" if intent.name == "human" else "cancel", IT, 1, intent.text)


_CHANGES: dict[str, tuple[Deed, int]] = {
    "set_qty": ("set", 0),
    "double": ("double", 1),
    "remove": ("less", ANY),
    "less": ("less", 1),
    "undo": ("less", ANY),
    "keep": ("keep", ANY),
    "clear": ("clear", 1),
}


def _more(intent: Intent) -> Iterator[Want]:
    if _BUYS.search(intent.text):
        # An order will not surprise them; it puts nothing more into the cart.
        yield Want("order", IT, 0, intent.text)
    for item in intent.items or (IT,):
        is_all = item.every and not item.ordinal
        yield Want("more", item, ANY if is_all else item.qty or intent.qty or 1, intent.text)


def _order_or_coupon(intent: Intent) -> Iterator[Want]:
    if intent.name == "place_order":
        yield Want("order", IT, 1, intent.text)
    if intent.name == "claim" or intent.coupon:
        is_one = intent.coupon or _ONE.search(intent.text)
        count = 1 if is_one and not _ALL.search(intent.text) else ANY
        yield Want("claim", IT, count, intent.text, coupon=intent.coupon)
