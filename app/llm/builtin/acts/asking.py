"""Questions about products: price, stock, details, and how two compare."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from app.llm.builtin.acts.finding import find, follow, kind_of
from app.llm.builtin.acts.telling import caution, describe, sentence
from app.llm.builtin.desk import Act, Call, Desk, Pending, Result, products_in, search_call
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.lookup import Found, look_up
from app.llm.builtin.products import Product
from app.llm.builtin.replies import yuan
from app.llm.builtin.slots import merged_price


def ask(desk: Desk, intent: Intent) -> Act:
    """Answer a question about each product that was named, or about the one being talked of."""
    items = intent.items or (Item(pronoun=True),)
    founds = yield from look_up(desk, items, intent.text)
    told: list[Product] = []
    for found in founds:
        told += _tell(desk, intent, found)
    if told:
        _sum_up(desk, intent, founds)
        desk.memory.show(told)
        desk.memory.search = desk.memory.search if len(told) == 1 else None
        if intent.name == "stock" and told[0].stock == 0 and len(told) == 1:
            yield from offer_alternatives(desk, told[0])
        caution(desk)


_TOGETHER = re.compile(r"一起|一共|总共|合计|加起来|\b(?:together|in total|altogether|all in all|total)\b")


def _sum_up(desk: Desk, intent: Intent, founds: Sequence[Found]) -> None:
    """ "The hand cream and the lotion together": what all of it costs."""
    sure = [found for found in founds if found.choice.kind == "one"]
    if intent.name == "price" and len(sure) == len(founds) > 1 and _TOGETHER.search(intent.text):
        total = sum(found.choice.best.price_cents * (found.item.qty or 1) for found in sure)
        desk.say("price_sum", total=yuan(total))


def _tell(desk: Desk, intent: Intent, found: Found) -> list[Product]:
    choice = found.choice
    if choice.kind == "none":
        _not_found(desk, found)
        return []
    if choice.kind in ("many", "all"):
        desk.say("found")
        desk.rows(choice.products)
        return list(choice.products)
    product = choice.best
    if intent.name == "price":
        _price(desk, product, found.item.qty or 1)
    else:
        {"stock": _stock}.get(intent.name, describe)(desk, product)
    return [product]


def _not_found(desk: Desk, found: Found) -> None:
    if found.is_vague or not found.item.phrase:
        desk.say("which_product")
    else:
        desk.say("not_found", q=desk.quote(found.item.phrase))


def _price(desk: Desk, product: Product, qty: int) -> None:
    if qty > 1:
        total = yuan(product.price_cents * qty)
        desk.say("price_qty", name=desk.name(product), price=yuan(product.price_cents), qty=qty, total=total)
        return
    desk.say(
        "price_out" if product.stock == 0 else "price",
        name=desk.name(product),
        price=yuan(product.price_cents),
    )


def _stock(desk: Desk, product: Product) -> None:
    desk.say(
        "stock_no" if product.stock == 0 else "stock_yes",
        name=desk.name(product),
        stock=product.stock,
        price=yuan(product.price_cents),
    )


def offer_alternatives(desk: Desk, product: Product) -> Act:
    """Others of the same kind that are in stock."""
    (result,) = yield [
        search_call(Item(phrase=kind_of(product), category_id=product.category_id), top_k=5, in_stock=True)
    ]
    others = [other for other in products_in(result) if other.sku != product.sku and other.stock != 0][:3]
    if others:
        desk.say("alternatives", names=desk.join([f"{desk.name(p)} {yuan(p.price_cents)}" for p in others]))
        desk.memory.show(others)


def similar(desk: Desk, intent: Intent) -> Act:
    """Others of the kind of one product; the search itself when no single product was meant."""
    item = intent.items[0] if intent.items else Item(pronoun=True)
    (found,) = yield from look_up(desk, [item], intent.text)
    if found.choice.kind != "one":
        yield from find(desk, replace(intent, name="find"))
        return
    model = found.choice.best
    head = "similar"
    others = yield from _others(model, kind_of(model))
    if not others:
        head = "similar_shelf"
        others = yield from _others(model, "")
    if not others:
        desk.say("similar_none", name=desk.name(model))
        return
    desk.say(head, name=desk.name(model))
    desk.rows(others, limit=5)
    desk.memory.show(others[:5])


def _others(model: Product, phrase: str) -> Generator[list[Call], list[Result], list[Product]]:
    (result,) = yield [search_call(Item(phrase=phrase, category_id=model.category_id), in_stock=True)]
    return [product for product in products_in(result) if product.sku != model.sku]


def compare(desk: Desk, intent: Intent) -> Act:
    """Which is cheaper, and what each is; among what was shown when none is named."""
    items = [
        replace(item, relative=None, extreme=None)
        for item in intent.items
        if item.phrase or item.sku or item.ordinal
    ]
    if not items:
        _compared(desk, list(desk.memory.shown[:4]))
        return
    founds = yield from look_up(desk, items, intent.text)
    products = _distinct(founds)
    focus = desk.memory.focus
    if len(items) == 1 and focus and products and focus.sku != products[0].sku:
        products = [focus, products[0]]
    for found in founds:
        if found.choice.kind == "none":
            desk.say("not_found", q=desk.quote(found.item.phrase))
    _compared(desk, products)


def _distinct(founds: Sequence[Found]) -> list[Product]:
    """The best for each item; every candidate where only one vague item was named ("which face mask is cheaper")."""
    picked: dict[str, Product] = {}
    for found in founds:
        for product in found.choice.products[: 4 if len(founds) == 1 else 1]:
            picked.setdefault(product.sku, product)
    return list(picked.values())


def _compared(desk: Desk, products: list[Product]) -> None:
    if len(products) < 2:
        desk.say("compare_more" if products else "which_product")
        return
    ordered = sorted(products, key=lambda product: product.price_cents)
    cheap, dear = ordered[0], ordered[-1]
    if len(products) > 2:
        desk.say("compare_cheapest", name=desk.name(cheap), price=yuan(cheap.price_cents))
    else:
        _two(
            desk, cheap, dear, "compare_price_dear" if _ASKS_DEARER.search(desk.message) else "compare_price"
        )
    rows = [_row(desk, product) for product in products]
    desk.paragraphs.append("\n".join(f"- {row}" for row in rows))
    desk.memory.show(products)
    desk.memory.focus = None


_ASKS_DEARER = re.compile(r"贵(?!吗|不)|expensive|pricier|dearer|costlier|costs? more")


def _two(desk: Desk, cheap: Product, dear: Product, key: str) -> None:
    desk.say(
        "compare_same_price" if cheap.price_cents == dear.price_cents else key,
        cheap=desk.name(cheap),
        dear=desk.name(dear),
        cheap_price=yuan(cheap.price_cents),
        dear_price=yuan(dear.price_cents),
        difference=yuan(dear.price_cents - cheap.price_cents),
    )


def _row(desk: Desk, product: Product) -> str:
    text = desk.phrase(
        "compare_row",
        name=desk.name(product),
        price=yuan(product.price_cents),
        description=sentence(desk, product.description),
    )
    return text.strip()


def bare(desk: Desk, intent: Intent) -> Act:
    """Just a product's words: the answer to "which one?", or a search."""
    if desk.pending:
        from app.llm.builtin.acts.buying import pick

        if (yield from pick(desk, intent)):
            return
    item = intent.items[0]
    if item.is_empty:
        yield from follow(desk, intent)
    elif _points_at_one(item):
        yield from ask(desk, intent)
    elif len(intent.items) > 1:
        merged = " ".join(part.phrase for part in intent.items)
        wish = Item(phrase=merged, price=merged_price(intent.items))
        yield from find(desk, Intent("find", intent.text, items=(wish,)))
    else:
        yield from find(desk, intent)


def _points_at_one(item: Item) -> bool:
    """The second one, SKN-001, it, the cheaper one: a product on the table, not a search."""
    if item.ordinal or item.sku:
        return True
    return not item.phrase and item.category_id is None and bool(item.pronoun or item.relative)


def remember_choice(desk: Desk, intent: Intent, products: Sequence[Product], qty: int | None) -> None:
    """The answer ends in "which one?": the next message may just name it."""
    desk.memory.pending = Pending(intent, tuple(products), qty)


ACTS = {"price": ask, "stock": ask, "detail": ask, "compare": compare, "similar": similar, "bare": bare}
