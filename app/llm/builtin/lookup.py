"""From what the customer points at to a product that a tool has just reported."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from app.language.concepts import analyse
from app.language.normalise import normalise
from app.llm.builtin.desk import Call, Desk, Result, error_of, products_in, search_call
from app.llm.builtin.intents import SORTS, Item
from app.llm.builtin.products import Choice, Product, best_tier, choose, rank
from app.llm.builtin.shelves import on_shelf

# "that lipstick": one that was just shown, if one of those it is.
AGAIN = re.compile(r"再|多(?:来|加|要|拿|买)|都加|\b(?:another|more|extra|again|plus)\b")
_THE_ONE = re.compile(r"\bthe\b.+\bones?\b|那[个款支瓶盒]")
_DEFINITE = re.compile(r"那|这|刚才|刚刚|\b(?:the|that|this)\b")


@dataclass(frozen=True, slots=True)
class Found:
    """An item and what it came down to; ``is_vague``: they named no product at all."""

    item: Item
    choice: Choice
    is_vague: bool = False


def look_up(desk: Desk, items: Sequence[Item], text: str) -> Generator[list[Call], list[Result], list[Found]]:
    """Find every item; what has to be searched for is searched side by side in one round."""
    items = [on_shelf(item) if item.extreme else item for item in items]
    known = [_from_thread(desk, item, text) for item in items]
    calls = [_call(desk, item) for item, found in zip(items, known, strict=True) if found is None]
    results = iter((yield calls) if calls else [])
    return [found or _from_result(item, next(results)) for item, found in zip(items, known, strict=True)]


def _from_thread(desk: Desk, item: Item, text: str) -> Found | None:
    """What the thread alone can tell; None when a tool has to be asked."""
    shown = desk.memory.shown
    if item.sku:
        return None
    if item.ordinal:
        return Found(item, _nth(shown, item.ordinal), is_vague=not shown)
    if item.every and not item.phrase:
        meant = desk.memory.added if AGAIN.search(text) or not shown else shown
        return Found(item, Choice("all", meant) if meant else Choice("none"), is_vague=not meant)
    if item.phrase or item.category_id is not None:
        return _among_shown(desk, item, text)
    if item.relative or item.extreme:
        return _by_price(desk, item)
    return (
        None
        if _focus(desk)
        else Found(item, Choice("many", shown) if len(shown) > 1 else Choice("none"), is_vague=True)
    )


def _nth(products: Sequence[Product], ordinal: int) -> Choice:
    position = ordinal - 1 if ordinal > 0 else len(products) + ordinal
    return Choice("one", (products[position],)) if 0 <= position < len(products) else Choice("none")


def _focus(desk: Desk) -> Product | None:
    memory = desk.memory
    return memory.focus or memory.touched or (memory.shown[0] if len(memory.shown) == 1 else None)


def _among_shown(desk: Desk, item: Item, text: str) -> Found | None:
    """One of the products on the table, when the words fit just one of them and only describe or point."""
    shown = desk.memory.shown
    if not shown or not item.phrase or item.extreme or item.relative:
        return None
    describes = not analyse(item.phrase).of_kind("product")
    if not (describes or _DEFINITE.search(text)):
        return None
    choice = choose(item.phrase, shown)
    if choice.kind == "one":
        return Found(item, choice)
    called = [product for product in shown if _is_called(product, item.phrase)]
    return Found(item, Choice("one", tuple(called))) if _THE_ONE.search(text) and len(called) == 1 else None


def _is_called(product: Product, phrase: str) -> bool:
    """Whether its name holds the words themselves: "the vitamin one" of the serums."""
    return phrase in normalise(f"{product.name_zh} {product.name_en}")


def _by_price(desk: Desk, item: Item) -> Found | None:
    shown = desk.memory.shown
    if len(shown) < 2:
        return None if item.extreme else Found(item, Choice("none"), is_vague=True)
    if item.extreme in ("best_selling", "newest"):
        return None
    dear = item.relative == "dearer" or item.extreme == "dearest"
    return Found(
        item, Choice("one", tuple(sorted(shown, key=lambda product: product.price_cents, reverse=dear)))
    )


def _call(desk: Desk, item: Item) -> Call:
    if item.sku:
        return Call("get_product", {"sku": item.sku})
    if item.phrase or item.category_id is not None or item.extreme:
        sort = SORTS[item.extreme] if item.extreme else "price" if item.relative == "cheaper" else "relevance"
        return search_call(item, sort=sort)
    focus = _focus(desk)
    return Call("get_product", {"sku": focus.sku if focus else ""})


def _from_result(item: Item, result: Result) -> Found:
    products = products_in(result)
    if error_of(result) is not None or not products:
        return Found(item, Choice("none"))
    if item.sku or not (item.phrase or item.category_id is not None or item.extreme):
        return Found(item, Choice("one", (products[0],)))
    if item.extreme or item.relative:
        fitting = best_tier(item.phrase, products)
        return Found(item, Choice("one", tuple(fitting)) if fitting else Choice("none"))
    if not item.phrase:
        return Found(item, Choice("many", tuple(products[:5])))
    return Found(item, choose(item.phrase, products))


def in_cart(items: Sequence[Product], item: Item) -> Choice:
    """Which line of the cart an item means."""
    if item.sku:
        return _exactly([line for line in items if line.sku == item.sku])
    if item.ordinal:
        return _nth(items, item.ordinal)
    if item.relative or item.extreme:
        dear = item.relative == "dearer" or item.extreme == "dearest"
        lines = rank(item.phrase, items)
        return (
            Choice("one", tuple(sorted(lines, key=lambda line: line.price_cents, reverse=dear)))
            if lines
            else Choice("none")
        )
    fitting = rank(item.phrase, items)
    choice = choose(item.phrase, items)
    # In a cart of few things a vague word is enough, as long as it fits one line only.
    return Choice("one", tuple(fitting)) if choice.kind == "near" and len(fitting) == 1 else choice


def _exactly(lines: Sequence[Product]) -> Choice:
    return Choice("one", tuple(lines)) if lines else Choice("none")
