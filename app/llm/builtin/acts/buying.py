"""Putting things into the cart, and answering "which one?"."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from app.language.normalise import normalise
from app.llm.builtin.acts.asking import offer_alternatives, remember_choice
from app.llm.builtin.acts.finding import find, more
from app.llm.builtin.desk import Act, Call, Desk, Result, cart_lines, error_of
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.lookup import AGAIN, Found, look_up
from app.llm.builtin.products import Choice, Product, choose, is_named
from app.llm.builtin.replies import yuan

Wish = tuple[Product, int]


def add(desk: Desk, intent: Intent) -> Act:
    """Add every item that is clear; ask about, or decline, each that is not."""
    if not desk.can("add_to_cart"):
        return
    if desk.pending and (yield from pick(desk, intent)):
        return
    if _wants_to_see_more(desk, intent):
        yield from more(desk, intent)
        return
    founds = yield from look_up(desk, _pointed(desk, intent), intent.text)
    wishes: list[Wish] = []
    for found in founds:
        wishes += _wishes(desk, intent, found)
    yield from put_in(desk, wishes)


def want(desk: Desk, intent: Intent) -> Act:
    """Put in what is called by its name; show what fits a mere description."""
    if desk.pending and (yield from pick(desk, intent)):
        return
    founds = yield from look_up(desk, intent.items, intent.text)
    choice = founds[0].choice
    if choice.kind == "one" and desk.can("add_to_cart") and is_named(intent.items[0].phrase, choice.best):
        yield from put_in(desk, [(choice.best, 1)])
    else:
        yield from find(desk, replace(intent, name="find"))


def _wants_to_see_more(desk: Desk, intent: Intent) -> bool:
    """ "Another one" right after a search, with nothing in the cart yet, asks for another suggestion."""
    memory = desk.memory
    names = any(item.phrase or item.sku or item.ordinal for item in intent.items)
    return (
        bool(AGAIN.search(intent.text))
        and not names
        and memory.touched is None
        and memory.focus is None
        and memory.search is not None
    )


def _pointed(desk: Desk, intent: Intent) -> list[Item]:
    """ "Another one" means what was last put in, not what was last talked of."""
    touched = desk.memory.touched
    first = intent.items[0]
    names_none = len(intent.items) == 1 and not first.phrase and (first.is_empty or first.pronoun)
    if touched and names_none and AGAIN.search(intent.text):
        return [replace(first, sku=touched.sku)]
    return list(intent.items)


def _wishes(desk: Desk, intent: Intent, found: Found) -> list[Wish]:
    """The product and how many, when the item is clear; otherwise the question goes into the answer."""
    item, choice = found.item, found.choice
    qty = _quantity(desk, item, choice)
    if choice.kind == "none":
        desk.say("add_what") if found.is_vague or not item.phrase else desk.say(
            "add_not_found", q=desk.quote(item.phrase)
        )
        return []
    if choice.kind == "all" or (choice.kind == "many" and item.every):
        return [(product, qty) for product in choice.products]
    if choice.kind == "one":
        return [(choice.best, qty)]
    _ask_which(desk, intent, found, qty)
    return []


def _ask_which(desk: Desk, intent: Intent, found: Found, qty: int) -> None:
    item, choice = found.item, found.choice
    if choice.kind == "near":
        best = choice.best
        desk.say("offer", q=desk.quote(item.phrase), name=desk.name(best), price=yuan(best.price_cents))
    else:
        desk.say("choose_for" if item.phrase else "choose", q=desk.quote(item.phrase))
        desk.rows(choice.products, numbered=True)
    desk.memory.show(choice.products)
    remember_choice(desk, intent, choice.products, qty)


def _quantity(desk: Desk, item: Item, choice: Choice) -> int:
    """One when nothing was said; a count that belongs to the product's own name ("10 pcs") is no wish."""
    if item.qty is None:
        return 1
    if choice.kind == "one" and _is_in_name(desk.message, choice.best, item.qty):
        return 1
    return item.qty


def _is_in_name(message: str, product: Product, qty: int) -> bool:
    spoken = re.sub(r"\s", "", message)
    for name in (product.name_zh, product.name_en):
        written = re.sub(r"\s", "", normalise(name))
        if str(qty) in written and written in spoken:
            return not re.search(rf"(?<!\d){qty}(?!\d)", spoken.replace(written, ""))
    return False


def put_in(desk: Desk, wishes: Sequence[Wish]) -> Act:
    """Call add_to_cart for what can be had, side by side, and report all of it."""
    clear = [wish for wish in wishes if _can_be_had(desk, *wish)]
    if clear:
        results = yield [Call("add_to_cart", {"sku": product.sku, "qty": qty}) for product, qty in clear]
        _report(desk, clear, results)
    gone = [product for product, _ in wishes if product.stock == 0]
    if gone and len(wishes) == 1:
        yield from offer_alternatives(desk, gone[0])


def _can_be_had(desk: Desk, product: Product, qty: int) -> bool:
    name = desk.name(product)
    if qty < 1:
        desk.say("qty_ask", name=name)
    elif product.stock == 0:
        desk.say("out_of_stock", name=name)
    elif 0 < product.stock < qty:
        desk.say("not_enough", name=name, stock=product.stock)
    else:
        return True
    desk.memory.focus = product
    return False


def _report(desk: Desk, wishes: Sequence[Wish], results: Sequence[Result]) -> None:
    added = [wish for wish, result in zip(wishes, results, strict=True) if error_of(result) is None]
    if added:
        lines = [desk.phrase("added_line", name=desk.name(product), qty=qty) for product, qty in added]
        desk.say("added", lines=desk.join(lines))
        desk.memory.touched = desk.memory.focus = added[-1][0]
        desk.memory.added = tuple(product for product, _ in added)
        desk.memory.undo = tuple(_taking_back(*wish, results) for wish in added)
    for result in results:
        desk.fail(result)
    say_total(desk, [result for result in results if error_of(result) is None])


def _taking_back(product: Product, qty: int, results: Sequence[Result]) -> Call:
    """The call that undoes an addition: the line goes back to what it was before."""
    counts = [line.qty for result in results for line in cart_lines(result) if line.sku == product.sku]
    before = max(counts, default=qty) - qty
    if before < 1:
        return Call("remove_from_cart", {"sku": product.sku})
    return Call("update_cart", {"sku": product.sku, "qty": before})


def say_total(desk: Desk, results: Sequence[Result]) -> None:
    """How many pieces the cart holds now and what they cost, from the fullest of the answers."""
    carts: list[dict[str, Any]] = [
        result["cart"] for result in results if isinstance(result.get("cart"), dict)
    ]
    if not carts:
        return
    last = max(carts, key=lambda cart: int(cart.get("count") or 0))
    desk.say("cart_now", count=last.get("count"), total=yuan(int(last.get("total_cents") or 0)))


def pick(desk: Desk, intent: Intent) -> Generator[list[Call], list[Result], bool]:
    """Take the message as the answer to "which one?"; False when it is about something else."""
    pending = desk.pending
    if pending is None:
        return False
    item = intent.items[0] if intent.items else Item(every=True)
    chosen = _picked(item, pending.products)
    if not chosen:
        return False
    qty = item.qty if item.qty is not None else (pending.qty or 1)
    desk.pending = None
    yield from put_in(desk, [(product, qty) for product in chosen])
    return True


def _picked(item: Item, products: Sequence[Product]) -> list[Product]:
    if item.sku:
        return [product for product in products if product.sku == item.sku]
    if item.every:
        return list(products)
    if item.ordinal:
        position = item.ordinal - 1 if item.ordinal > 0 else len(products) + item.ordinal
        return [products[position]] if 0 <= position < len(products) else []
    if item.phrase:
        choice = choose(item.phrase, products)
        return [choice.best] if choice.kind == "one" else []
    if item.relative or item.extreme:
        dear = item.relative == "dearer" or item.extreme == "dearest"
        return [sorted(products, key=lambda product: product.price_cents, reverse=dear)[0]]
    return list(products) if len(products) == 1 else []


ACTS = {"add": add, "want": want}
