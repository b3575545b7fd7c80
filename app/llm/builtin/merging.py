"""What neighbouring clauses mean together: "the hand cream, two please", "a gift for mum, under 400"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.language.concepts import analyse
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.reading import LISTING, coupon_in
from app.llm.builtin.slots import EACH

ABOUT_PRODUCTS = frozenset({"price", "stock", "detail", "compare", "bare"})
_POINTS_BACK = frozenset({"add", "price", "stock", "detail"})
MORE_OF_SAME = re.compile(r"^(?:再|多)|\bplus\b|\b(?:another|one more|more|extra|same again|once more)\b")


def merged(intents: Sequence[Intent]) -> list[Intent]:
    """The intents of a message, where clauses that belong together have become one."""
    done: list[Intent] = []
    for intent in intents:
        joined = _joined(done[-1], intent) if done else None
        if joined is None:
            done.append(intent)
        else:
            done[-1:] = joined
    return [_settled(intent) for intent in done]


def _joined(before: Intent, after: Intent) -> list[Intent] | None:
    """What two neighbouring clauses are when they belong together, or None when each stands alone."""
    for rule in _RULES:
        if (joined := rule(before, after)) is not None:
            return joined
    return None


def _count_after(before: Intent, after: Intent) -> list[Intent] | None:
    """ "The eye massager, two"."""
    return _counted(before, after.qty) if after.name == "count" and after.qty is not None else None


def _product_then_deed(before: Intent, after: Intent) -> list[Intent] | None:
    """ "The hand cream, how much is it"."""
    if before.name not in ("bare", "follow") or after.name not in LISTING - {"bare"} or _names_product(after):
        return None
    if after.name == "find" and before.items and after.items:
        return [replace(after, items=(_narrowed(before.items[0], after.items[0]),))]
    return [replace(after, items=_with_counts(before.items, after.items))]


def _count_before(before: Intent, after: Intent) -> list[Intent] | None:
    if before.name != "count" or after.name != "add":
        return None
    items = tuple(replace(item, qty=item.qty or before.qty) for item in after.items)
    return [replace(after, items=items)]


def _price_before(before: Intent, after: Intent) -> list[Intent] | None:
    """ "500 at most, show me devices"."""
    if not _only_price(before) or after.name not in ("find", "bare", "more") or not after.items:
        return None
    return [replace(after, name="find", items=(_narrowed(after.items[0], before.items[0]),))]


def _one_search(before: Intent, after: Intent) -> list[Intent] | None:
    if {before.name, after.name} - {"find", "bare"} or not _one_wish(before, after):
        return None
    return [replace(before, name="find", items=(_narrowed(before.items[0], after.items[0]),))]


def _one_addition(before: Intent, after: Intent) -> list[Intent] | None:
    """ "Put the sunscreen in my cart, I want two"."""
    if (
        before.name != "add"
        or after.name != "add"
        or _names_product(after)
        or MORE_OF_SAME.search(after.text)
    ):
        return None
    return [replace(before, items=_with_counts(before.items, after.items))]


def _more_additions(before: Intent, after: Intent) -> list[Intent] | None:
    """ "A lipstick, then a brow pencil and a powder, one each": one round, one answer."""
    if (
        before.name not in ("add", "bare")
        or after.name != "add"
        or not (_all_named(before) and _all_named(after))
    ):
        return None
    if before.name == "bare" and not all(item.sku or _kinds(item) for item in after.items):
        return None
    each = next((item.qty for item in after.items if item.qty), None) if EACH.search(after.text) else None
    return [
        replace(
            after, items=tuple(replace(item, qty=item.qty or each) for item in (*before.items, *after.items))
        )
    ]


def _all_named(intent: Intent) -> bool:
    return bool(intent.items) and all((item.phrase or item.sku) and not item.pronoun for item in intent.items)


def _described_again(before: Intent, after: Intent) -> list[Intent] | None:
    """ "A lipstick and a brow pencil, the lipstick in red": more words for what is in the list already."""
    if before.name != "add" or after.name not in ("add", "bare") or len(after.items) != 1:
        return None
    more = after.items[0]
    kinds = {concept.key for concept in analyse(more.phrase).of_kind("product")}
    if more.qty is not None or more.sku or not kinds or len(analyse(more.phrase).concepts) == len(kinds):
        return None
    items = [
        replace(item, phrase=more.phrase) if kinds & _kinds(item) and not item.sku else item
        for item in before.items
    ]
    return [replace(before, items=tuple(items))] if items != list(before.items) else None


def _kinds(item: Item) -> set[str]:
    return {concept.key for concept in analyse(item.phrase).of_kind("product")}


def _list_goes_on(before: Intent, after: Intent) -> list[Intent] | None:
    goes_on = after.name == "bare" or (after.name == "follow" and before.name == "add" and _all_named(after))
    if not goes_on or before.name not in LISTING or not after.items:
        return None
    return [replace(before, items=_extended(before.items, after.items))]


def _same_product(before: Intent, after: Intent) -> list[Intent] | None:
    """ "How much is the hair dryer, and is it in stock?": the second clause is about the first one's product."""
    about = before.name in ABOUT_PRODUCTS and after.name in LISTING and after.name != "find"
    if not about or not before.items or _names_product(after) or not _only_points(after):
        return None
    pointed = after.items or ((Item(pronoun=True),) if after.name in _POINTS_BACK else ())
    return [before, replace(after, items=_with_counts(before.items[-1:], pointed))]


def _replaced(before: Intent, after: Intent) -> list[Intent] | None:
    """ "Not the hair dryer, the eye massager instead"."""
    if before.name != "remove" or after.name != "replace" or after.items:
        return None
    return [replace(after, items=before.items)]


def _coupon_and_deed(before: Intent, after: Intent) -> list[Intent] | None:
    """ "Is there 50 off 300, then claim it", "check out, with NEW15"."""
    if (
        before.name in ("list_coupons", "claim")
        and after.name in ("claim", "place_order")
        and not after.coupon
    ):
        return [replace(after, coupon=before.coupon)] if before.coupon else None
    if before.name == "place_order" and after.name in ("list_coupons", "claim", "bare"):
        code = after.coupon or coupon_in(after.text)
        return [replace(before, coupon=code)] if code else None
    return None


def _city_and_stores(before: Intent, after: Intent) -> list[Intent] | None:
    if {before.name, after.name} != {"list_stores", "city"}:
        return None
    stores = before if before.name == "list_stores" else after
    return [replace(stores, city=stores.city or before.city or after.city)]


_RULES: tuple[Callable[[Intent, Intent], list[Intent] | None], ...] = (
    _count_after,
    _product_then_deed,
    _count_before,
    _price_before,
    _one_search,
    _one_addition,
    _described_again,
    _more_additions,
    _list_goes_on,
    _same_product,
    _replaced,
    _coupon_and_deed,
    _city_and_stores,
)


def _counted(before: Intent, qty: int) -> list[Intent] | None:
    if before.name == "set_qty":
        return [replace(before, qty=qty)]
    if before.name in ("add", "bare") and before.items:
        *rest, last = before.items
        return [replace(before, name="add", items=(*rest, replace(last, qty=qty)))]
    return None


def _one_wish(before: Intent, after: Intent) -> bool:
    """Two clauses about one search; two bare product names are a list, not a search."""
    if not before.items or not after.items or before.items[0].ordinal or after.items[0].ordinal:
        return False
    return "find" in (before.name, after.name)


def _only_price(intent: Intent) -> bool:
    return (
        intent.name in ("bare", "find")
        and len(intent.items) == 1
        and intent.items[0].is_empty
        and intent.items[0].price is not None
    )


def _names_product(intent: Intent) -> bool:
    return any(item.phrase or item.sku or item.category_id or item.ordinal for item in intent.items)


def _only_points(intent: Intent) -> bool:
    return all(not item.relative and not item.extreme and not item.every for item in intent.items)


def _with_counts(named: Sequence[Item], counted: Sequence[Item]) -> tuple[Item, ...]:
    """The products of one clause with the count of the next ("护手霜，来两支")."""
    qty = next((item.qty for item in counted if item.qty is not None), None)
    if qty is None or not named:
        return tuple(named) or tuple(counted)
    *rest, last = named
    return (*rest, replace(last, qty=qty))


def _narrowed(first: Item, second: Item) -> Item:
    """One search from two clauses ("送妈妈的礼物，400以内")."""
    return replace(
        first,
        phrase=" ".join(filter(None, (first.phrase, second.phrase))),
        price=second.price or first.price,
        extreme=first.extreme or second.extreme,
        category_id=first.category_id or second.category_id,
        relative=first.relative or second.relative,
    )


def _extended(items: Sequence[Item], more: Sequence[Item]) -> tuple[Item, ...]:
    """A list that goes on after a comma; words that only describe ("Lipstick, True Red") belong to the item before."""
    first = more[0]
    describes = (
        items
        and first.phrase
        and first.qty is None
        and not any(c.kind == "product" for c in analyse(first.phrase).concepts)
    )
    if items and describes and len(more) == 1:
        *rest, last = items
        return (
            *rest,
            replace(last, phrase=f"{last.phrase} {first.phrase}".strip(), price=last.price or first.price),
        )
    if items and first.is_empty and first.price:
        return tuple(replace(item, price=first.price) for item in items)
    return (*items, *more)


_WANTS = re.compile(
    r"(?:想|要)买|^我?(?:想)?要(?!求|找|看|送)|购买|\b(?:want|like|need) (?:to (?:buy|get|have|order|purchase) )?(?:the|that|this|your)\b"
)


def _is_wanted(intent: Intent) -> bool:
    """ "I want the aqua dew serum": to be bought when that is one product's name, else to be shown."""
    item = intent.items[0] if len(intent.items) == 1 else Item()
    only_named = bool(item.phrase) and replace(item, phrase="", category_id=None) == Item()
    return intent.name in ("find", "bare") and only_named and bool(_WANTS.search(intent.text))


def _settled(intent: Intent) -> Intent:
    if _is_wanted(intent):
        return replace(intent, name="want")
    if intent.name == "add" and not intent.items:
        return replace(intent, items=(Item(pronoun=True),))
    return intent
