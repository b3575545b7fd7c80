"""Finding and recommending: searches, superlatives, more of the same, cheaper ones."""

from __future__ import annotations

import re
from dataclasses import replace

from app.language.concepts import QueryTerms, analyse
from app.language.entities import PriceRange
from app.language.lexicon import lexicon
from app.llm.builtin.acts.telling import caution, describe
from app.llm.builtin.desk import Act, Desk, Search, products_in, search_call
from app.llm.builtin.doubts import wants_something
from app.llm.builtin.intents import SORTS, Intent, Item
from app.llm.builtin.products import Product, best_tier, choose, rank
from app.llm.builtin.replies import yuan
from app.llm.builtin.shelves import on_shelf

_SORTED_HEADS = {
    "price": "found_sorted_price",
    "-price": "found_sorted_dear",
    "-sales": "found_sorted_sales",
    "-created_at": "found_sorted_new",
}


def find(desk: Desk, intent: Intent) -> Act:
    """Search and list what fits; say so plainly when nothing does."""
    item = on_shelf(_in_context(desk, intent.items[0])) if intent.items else Item()
    if item.is_empty and item.price is None and not intent.in_stock:
        desk.say("what_to_find")
        return
    sort = SORTS[item.extreme] if item.extreme else "price" if item.relative == "cheaper" else "relevance"
    desk.memory.search = Search(item.phrase, item.category_id, item.price, sort)
    (result,) = yield [search_call(item, sort=sort, in_stock=intent.in_stock)]
    if desk.fail(result):
        return
    products = _fitting(item, products_in(result), sort)
    if not products:
        yield from _nothing_found(desk, item)
    elif item.extreme:
        _superlative(desk, item, products)
    else:
        _answer(desk, item, products, _SORTED_HEADS.get(sort, "found"))
    caution(desk)


_WHOLE_SHOP = re.compile(r"店|商城|shop|store|\byou (?:have|sell|got)|你们")


def _in_context(desk: Desk, item: Item) -> Item:
    """ "Which is the dearest?" after a list means of those; in the whole shop only when it is said."""
    search = desk.memory.search
    pointless = not (item.phrase or item.sku or item.price) and item.category_id is None
    if not (item.extreme and pointless and search) or _WHOLE_SHOP.search(desk.message):
        return item
    return replace(item, phrase=search.phrase, category_id=search.category_id, price=search.price)


def _fitting(item: Item, products: list[Product], sort: str) -> list[Product]:
    """The tool's order stands; what does not fit the words at all is left out of the answer."""
    if sort != "relevance":
        return best_tier(item.phrase, products)
    fitting = {product.sku for product in rank(item.phrase, products)}
    return [product for product in products if product.sku in fitting]


def _listing(desk: Desk, products: list[Product], head: str) -> None:
    if len(products) == 1 and head == "found":
        describe(desk, products[0])
    else:
        desk.say(head)
        desk.rows(products)
    desk.memory.show(products)


def _answer(desk: Desk, item: Item, products: list[Product], head: str) -> None:
    """The one product that answers exactly, with what it is, and the next best; else a list. "It" is the one."""
    choice = choose(item.phrase, products) if item.phrase and head == "found" else None
    if choice is None or choice.kind != "one":
        _listing(desk, products, head)
        return
    others = [product for product in products if product.sku != choice.best.sku]
    describe(desk, choice.best)
    if others:
        desk.say(
            "alternatives", names=desk.join([f"{desk.name(p)} {yuan(p.price_cents)}" for p in others[:3]])
        )
    desk.memory.show([choice.best, *others])
    desk.memory.focus = choice.best


def _superlative(desk: Desk, item: Item, products: list[Product]) -> None:
    first, *others = products
    desk.say(f"first_{item.extreme}", name=desk.name(first), price=yuan(first.price_cents))
    if others:
        desk.say("others", names=desk.join([f"{desk.name(p)} {yuan(p.price_cents)}" for p in others[:3]]))
    desk.memory.show(products)
    desk.memory.focus = first


def _nothing_found(desk: Desk, item: Item) -> Act:
    if item.phrase and (item.category_id or (item.price and _is_any_product(item.phrase))):
        yield from _without_the_words(desk, item)
        return
    if item.price is None:
        desk.memory.show(())
        if " " in item.phrase and desk.quote(item.phrase) != item.phrase and not wants_something(item.phrase):
            desk.say("unknown", text=desk.quote(item.phrase))
            return
        desk.say("not_found", q=desk.quote(item.phrase) if item.phrase else _category_words(desk, item))
        return
    if not item.phrase and item.category_id is None:
        desk.say("not_found_price_none")
        return
    (result,) = yield [search_call(replace(item, price=None), top_k=5, sort="price")]
    products = best_tier(item.phrase, products_in(result))
    if not products:
        desk.say("not_found", q=desk.quote(item.phrase))
        return
    desk.say(
        "not_found_price",
        q=f"“{_asked_for(desk, item)}”" if desk.language == "zh" else _asked_for(desk, item),
    )
    desk.rows(products, limit=3)
    desk.memory.show(products[:3])


def _is_any_product(phrase: str) -> bool:
    """Words that leave open what it is: a gift, for whom, for when; or that mean nothing here."""
    query = analyse(phrase)
    kinds = query.of_kind("product")
    return all(kind.key in ("gift", "gift_set") for kind in kinds) and not query.of_kind(
        "concern", "ingredient"
    )


def _without_the_words(desk: Desk, item: Item) -> Act:
    """Nothing says "for pregnant women": the shelf and the price stand, and the answer admits it."""
    (result,) = yield [search_call(replace(item, phrase=""))]
    products = products_in(result)
    if not products:
        desk.say("not_found", q=desk.quote(item.phrase))
        return
    desk.say("not_found_words", q=desk.quote(item.phrase))
    desk.rows(products)
    desk.memory.show(products)


def _asked_for(desk: Desk, item: Item) -> str:
    if not item.phrase:
        return _category_words(desk, item)
    return item.phrase if desk.quote(item.phrase) == item.phrase else desk.phrase("this_kind")


def _category_words(desk: Desk, item: Item) -> str:
    named = (c for c in lexicon().categories.values() if c.id == item.category_id)
    return next((c.name_zh if desk.language == "zh" else c.name_en for c in named), "")


def more(desk: Desk, intent: Intent) -> Act:
    """What the last search has beyond what was shown."""
    search = desk.memory.search
    if search is None:
        desk.say("what_to_find")
        return
    item = Item(phrase=search.phrase, category_id=search.category_id, price=search.price)
    (result,) = yield [search_call(item, top_k=20, sort=search.sort)]
    if desk.fail(result):
        return
    products = [
        product
        for product in _fitting(item, products_in(result), search.sort)
        if product.sku not in desk.memory.seen
    ]
    if not products:
        desk.say("nothing_more")
        return
    _listing(desk, products[:5], "more")


def refine(desk: Desk, intent: Intent) -> Act:
    """ "Anything cheaper?": the last search again, below (or above) what was shown."""
    memory = desk.memory
    cheaper = not (intent.items and intent.items[0].relative == "dearer")
    reference = ([memory.focus] if memory.focus else []) or list(memory.shown)
    search = memory.search or _search_like(memory.focus)
    if search is None or not reference:
        yield from find(desk, replace(intent, items=(Item(relative="cheaper"),) if cheaper else ()))
        return
    edge = (min if cheaper else max)(product.price_cents for product in reference)
    price = PriceRange(None, edge - 1, ()) if cheaper else PriceRange(edge + 1, None, ())
    item = Item(phrase=_kind_only(search.phrase), category_id=search.category_id, price=price)
    (result,) = yield [search_call(item, sort="price")]
    products = best_tier(item.phrase, products_in(result))
    if products:
        _listing(desk, products[:5], "cheaper" if cheaper else "dearer")
        return
    last = (min if cheaper else max)(reference, key=lambda product: product.price_cents)
    desk.say("no_cheaper" if cheaper else "no_dearer", name=desk.name(last), price=yuan(last.price_cents))


def _search_like(product: Product | None) -> Search | None:
    """A search for the kind of thing that ``product`` is."""
    if product is None:
        return None
    return Search(phrase=kind_of(product), category_id=product.category_id)


def kind_of(product: Product) -> str:
    """The word for what a product is (口红, shampoo); empty when the lexicon has none."""
    kinds = analyse(product.name_zh).of_kind("product") or analyse(product.name_en).of_kind("product")
    return kinds[0].terms_zh[0] if kinds else ""


def _kind_only(phrase: str) -> str:
    kinds = analyse(phrase).of_kind("product")
    return " ".join(kind.terms_zh[0] for kind in kinds) or phrase


# After something went into the cart, "and a brow pencil" wants it too, where "and the body scrub?" only asks.
_ADDING = frozenset({"add", "want", "set_qty", "count"})
_AND_ONE = re.compile(r"(?:and|also|plus|还有|以及) ?[^?？]+$")


def follow(desk: Desk, intent: Intent) -> Act:
    """ "And for dry hair?", "那面霜呢": the last question again, about something else."""
    from app.llm.builtin.acts import ACTS

    last = desk.memory.last
    item = intent.items[0] if intent.items else Item()
    if last and last.name == "list_stores" and intent.city:
        yield from ACTS["list_stores"](desk, replace(last, city=intent.city))
    elif last and last.name in ("price", "stock", "detail") and not item.is_empty:
        yield from ACTS[last.name](desk, replace(intent, name=last.name))
    elif last and last.name in _ADDING and _AND_ONE.match(desk.message.strip().lower()) and item.phrase:
        yield from ACTS["add"](desk, replace(intent, name="add"))
    elif item.is_empty and item.price is None:
        yield from ACTS["unknown"](desk, intent)
    elif item.ordinal or item.pronoun or (item.relative and not item.phrase):
        yield from ACTS["detail"](desk, intent)
    else:
        yield from find(desk, replace(intent, name="find", items=(_continued(desk.memory.search, item),)))


def _continued(search: Search | None, item: Item) -> Item:
    """A new concern keeps the old product type; a new product type starts anew, within the old price."""
    if search is None:
        return item
    price = item.price or search.price
    query = analyse(item.phrase)
    if query.of_kind("product") or item.category_id is not None:
        return replace(item, price=price)
    kept = [
        concept.terms_zh[0]
        for concept in analyse(search.phrase).of_kind("product")
        if _can_be(concept.key, query)
    ]
    category = (
        None if query.category_ids and search.category_id not in query.category_ids else search.category_id
    )
    return replace(item, phrase=" ".join([*kept, item.phrase]).strip(), price=price, category_id=category)


def _can_be(kind: str, query: QueryTerms) -> bool:
    """Shampoo for dry hair, but no shampoo for tired eyes: the concern has to belong to the same shelf."""
    shelves = set(lexicon().concepts[kind].category_ids)
    return not query.category_ids or bool(shelves & set(query.category_ids))


ACTS = {"find": find, "more": more, "refine": refine, "follow": follow}
