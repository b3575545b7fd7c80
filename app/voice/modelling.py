"""The language model's turn: what neither a template nor the grammar has understood, read into the same intents, or into none.

A model fills a few fields and decides nothing. Products and cities are found again in our own lists, counts, prices, order
numbers and coupons are read from what was said, and what comes of it is rehearsed, read back and waits for a yes like all else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError

from app.conversations.service import count_run
from app.core.actor import Actor
from app.db import in_transaction
from app.insights.modelling.asking import Asker, asker_for
from app.insights.modelling.tasks import Task, Wrong
from app.language.concepts import analyse
from app.language.entities import find_cities, find_price_range, find_quantities, find_skus
from app.language.normalise import normalise
from app.language.numbers import find_numbers
from app.llm.builtin.intents import Intent, Item, Plan
from app.llm.builtin.reading import with_codes
from app.llm.builtin.shelves import category_of
from app.llm.builtin.slots import product_words
from app.runtime import settings
from app.voice.templates import MOST_QTY, product_names

PURPOSE = "shop"
MAX_WISHES, MAX_NAME = 8, 80
# How many of the shop's names are shown, and what one answer may take.
MOST_SHOWN, MAX_TOKENS = 60, 600
# The name of the hidden conversation that the costs are counted in.
ACCOUNT = "voice"
Action = Literal[
    "find", "price", "stock", "detail", "add", "set_qty", "remove", "replace", "clear", "view_cart", "cart_total",
    "place_order", "order_status", "cancel_order", "list_coupons", "claim", "list_stores", "human",
]  # fmt: skip
# What each action needs, and what it may have beside that.
_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "find": (frozenset(), frozenset({"product"})),
    "price": (frozenset({"product"}), frozenset({"qty"})),
    "stock": (frozenset({"product"}), frozenset({"qty"})),
    "detail": (frozenset({"product"}), frozenset()),
    "add": (frozenset({"product"}), frozenset({"qty"})),
    "set_qty": (frozenset({"product", "qty"}), frozenset()),
    "remove": (frozenset({"product"}), frozenset()),
    "replace": (frozenset({"new_product"}), frozenset({"product", "qty"})),
    "list_stores": (frozenset(), frozenset({"city"})),
}
_NONE = (frozenset[str](), frozenset[str]())


class Wish(BaseModel):
    """One thing that the speaker wants."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Action
    product: str | None = Field(
        min_length=1, max_length=MAX_NAME, description="the product, by a name of the shop"
    )
    new_product: str | None = Field(
        min_length=1, max_length=MAX_NAME, description="with action=replace: what it is changed for"
    )
    qty: int | None = Field(
        ge=1, le=MOST_QTY, description="how many, only when the speaker has said a number"
    )
    city: str | None = Field(min_length=1, max_length=40, description="with action=list_stores")


class Reply(BaseModel):
    """What was said, as wishes in the order of the words; none when it cannot be told."""

    model_config = ConfigDict(extra="forbid", strict=True)

    wishes: list[Wish] = Field(max_length=MAX_WISHES)
    is_sure: bool = Field(description="false when the words could well mean something else")


PROMPT = """You read one sentence that somebody has spoken to a beauty shop, as a speech recogniser wrote it down: in Chinese or English, with slips, fillers and wrongly heard words. You turn it into a list of wishes and do nothing else: you never answer it, never decide, never agree to anything.

Actions: find (look for or recommend products), price, stock, detail (of one product), add (put into the cart), set_qty (how many of a product the cart shall hold), remove (from the cart), replace (product by new_product), clear (empty the cart), view_cart, cart_total, place_order, order_status, cancel_order, list_coupons, claim (a coupon), list_stores, human (speak to a person).
product and new_product: a name from the list of the shop's names when one of them is meant, else the plain word for the kind of thing. A word that only sounds like one of the names means that name.
qty: a number that was spoken, else null. Never invent one.
An empty list of wishes when the sentence is about something else, asks for what is not among the actions, or cannot be understood."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model made of an utterance: a plan, or in a word why there is none. `model` is who was asked."""

    plan: Plan | None
    status: str
    model: str
    milliseconds: float
    is_sure: bool = False


def read_with_model(actor: Actor, said: str, language: str, question: str = "") -> Reading | None:
    """Ask a model that is set up, within its budget and `VOICE_MODEL_SECONDS`; None when nobody is to be asked.

    `question` is what was read out and waits for a yes. Outside of any transaction; raises nothing for what a model does.
    """
    seconds = settings().voice_model_seconds
    if not seconds:
        return None
    started = time.monotonic()
    asker = asker_for(actor, deadline=started + seconds, purpose=PURPOSE)
    if not asker.is_there:
        return None
    outcome = asker.ask(_task(said, language, question))
    _count(actor, asker, started, is_used=outcome.value is not None)
    milliseconds = (time.monotonic() - started) * 1_000
    if outcome.value is None:
        return Reading(None, str(outcome.failure), asker.model_name, milliseconds)
    plan, is_sure = outcome.value
    status = "understood" if plan.intents else "not_understood"
    return Reading(plan if plan.intents else None, status, asker.model_name, milliseconds, is_sure)


def _count(actor: Actor, asker: Asker, started: float, *, is_used: bool) -> None:
    """What it cost counts for the person's and the agent's budgets, and is shown with their usage."""
    account = asker.account(started)
    if not account["attempts"]:
        return

    def write() -> None:
        count_run(actor, ACCOUNT, status="done" if is_used else "error", **account)

    try:
        in_transaction(write)
    except IntegrityError:
        # Two first questions of one person at a time: the other has made the conversation.
        in_transaction(write)


def _task(said: str, language: str, question: str) -> Task[Reply, tuple[Plan, bool]]:
    names = near(said, [name for name, _ in product_names(language)])
    data = [("spoken", said), ("names of the shop", json.dumps(names, ensure_ascii=False))]
    if question:
        data.append(("read out before, waiting for a yes", question))

    def check(reply: Reply) -> tuple[Plan, bool]:
        return Plan(language, tuple(_intent(wish, said) for wish in reply.wishes)), reply.is_sure

    # One round: who speaks waits for it.
    return Task(
        name="utterance", prompt=PROMPT, data=data, reply=Reply, check=check, max_tokens=MAX_TOKENS, rounds=1
    )


def near(said: str, names: Sequence[str]) -> list[str]:
    """The names that share most with what was said, as many as are shown."""
    pairs = _pairs(said)
    return sorted(names, key=lambda name: -len(pairs & _pairs(name)))[:MOST_SHOWN]


def _pairs(text: str) -> set[str]:
    plain = text.replace(" ", "")
    return {plain[at : at + 2] for at in range(len(plain) - 1)} | set(plain)


def _intent(wish: Wish, said: str) -> Intent:
    """The intent that a wish comes down to. Raises Wrong for what is not ours or was not said."""
    needed, allowed = _FIELDS.get(wish.action, _NONE)
    given = {name for name in ("product", "new_product", "qty", "city") if getattr(wish, name) is not None}
    if needed - given or given - needed - allowed:
        raise Wrong(code="FIELDS", action=wish.action, needed=sorted(needed), allowed=sorted(allowed))
    qty = _counted(wish.qty, said)
    name, price = wish.action, find_price_range(said)
    if name == "list_stores":
        return Intent(name, said, city=_city(wish.city))
    if name == "replace":
        old = (_item(wish.product),) if wish.product else ()
        return Intent(name, said, items=old, new=_item(wish.new_product or "", qty))
    if name == "set_qty":
        return Intent(name, said, items=(_item(wish.product or ""),), qty=qty)
    if name == "find":
        item = _item(wish.product, price=price, is_search=True) if wish.product else Item(price=price)
        return Intent(name, said, items=(item,))
    if wish.product:
        return Intent(name, said, items=(_item(wish.product, qty),))
    return with_codes(Intent(name, said))


def _item(product: str, qty: int | None = None, *, price: object = None, is_search: bool = False) -> Item:
    """A product by a name of ours, or a word that our own search knows. Raises Wrong for anything else."""
    name = normalise(product).strip()
    for language in ("zh", "en"):
        sku = dict(product_names(language)).get(name)
        if sku is not None and not is_search:
            return Item(sku=sku, qty=qty)
    known = ("product", "category", "concern", "ingredient") if is_search else ("product", "category")
    if find_skus(name) or not analyse(name).of_kind(*known):
        raise Wrong(code="PRODUCT", what="this is no name of the shop")
    return Item(phrase=product_words(name) or name, qty=qty, price=price, category_id=category_of(name))  # type: ignore[arg-type]


def _counted(qty: int | None, said: str) -> int | None:
    """A count that was spoken, or one. Raises Wrong for a number that nobody has said."""
    if qty in (None, 1):
        return qty
    numbers = {int(each.value) for each in find_quantities(said)}
    numbers |= {int(each.value) for each in find_numbers(said)}
    if qty not in numbers:
        raise Wrong(code="QTY", what="the speaker has not said this number")
    return qty


def _city(city: str | None) -> str | None:
    if city is None:
        return None
    found = find_cities(normalise(city))
    if not found:
        raise Wrong(code="CITY", what="there is no such city")
    return found[0][0]
