"""When a cue misleads: for each intent, what in the clause speaks against it."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.language.concepts import analyse, find_concepts
from app.language.entities import find_cities, find_price_range
from app.llm.builtin import cues
from app.llm.builtin.slots import extreme_of, read_item, read_items

_MY_ORDER = re.compile(
    r"\b(?:my|the|last) (?:orders?|package|parcel|delivery|stuff)\b|我的?(?:订单|快递|包裹|货)|(?:上次|昨天|之前|刚刚?)买的"
)
_ABOUT_RULES = re.compile(
    r"return|refund|exchange|退|换货|怎么|如何|how (?:do|can|to)|运费|invoice|发票|policy"
)


def is_mistaken(name: str, clause: str) -> bool:
    """Whether ``clause`` does not mean the intent ``name`` although it holds one of its cues."""
    check = _DOUBTS.get(name)
    return check is not None and check(clause)


def _not_service(clause: str) -> bool:
    asks_for_order = _MY_ORDER.search(clause) and not _ABOUT_RULES.search(clause)
    swap = re.search(r"\b(?:exchange|return)\b.+\bfor\b", clause)
    return bool(asks_for_order or swap) or (cues.says("add", clause) and cues.says("view_cart", clause))


def _not_coupons(clause: str) -> bool:
    return bool(wants_something(clause) and re.search(r"折扣|打折|on sale|deals?\b|offers?\b", clause))


def _not_stores(clause: str) -> bool:
    if extreme_of(clause) and not find_cities(clause):
        return True
    query = analyse(clause)
    kind = {concept.kind for concept in query.concepts}
    if any(concept.key == "category_service" for concept in query.of_kind("category")):
        return True
    return "product" in kind and not re.search(r"门店|分店|实体店|几家|哪家|stores?|branch|shops?", clause)


def _not_add(clause: str) -> bool:
    """A wish to see: a question word, or wanting a kind of thing without saying how many."""
    strong = cues.pattern("strong_add").search(clause)
    if cues.pattern("wh").search(clause) and not counts_something(clause):
        return not (strong and _can_you(clause))
    return (
        bool(cues.pattern("weak_add").search(clause))
        and not strong
        and not counts_something(clause)
        and not _points(clause)
    )


def _can_you(clause: str) -> bool:
    return bool(re.search(r"can|could|能不能|可以|帮我|请|please", clause)) and not re.search(
        r"什么|哪|what|which|any\b", clause
    )


def counts_something(clause: str) -> bool:
    return any(item.qty is not None for item in read_items(clause))


def _points(clause: str) -> bool:
    item = read_item(clause)
    return bool(item.sku or item.ordinal or item.extreme or (item.pronoun and not item.phrase))


def _not_compare(clause: str) -> bool:
    return extreme_of(clause) is not None or find_price_range(clause) is not None


def _not_product_question(clause: str) -> bool:
    """ "X under 200" is a search whatever else it says; so are superlatives, save for a plain "how much"."""
    item = read_item(clause)
    return item.price is not None or item.extreme is not None


_ONLY_IF = re.compile(r"\bif\b|的话|如果|要是")


def _not_stock(clause: str) -> bool:
    if _ONLY_IF.search(clause) and cues.says("add", clause):
        return True
    asks_variety = (
        re.search(r"什么|哪些|哪款|推荐|\b(?:what|which|any)\b(?! stock| left| more left)", clause)
        and "left" not in clause
    )
    return _not_product_question(clause) or bool(asks_variety)


def _not_order_status(clause: str) -> bool:
    """ "Order 1 brush" buys; it asks after no order."""
    return bool(re.match(r"(?:[a-z' ]+ )?order (?:me )?(?:an? |one |\d)", clause)) and wants_something(clause)


def _not_total(clause: str) -> bool:
    names_product = bool(analyse(read_item(clause).phrase).of_kind("product"))
    return names_product and not re.search(r"购物车|cart|basket|\bbag\b|owe|pay|付", clause)


def _not_more(clause: str) -> bool:
    return bool(read_item(clause).phrase) and counts_something(clause)


def _not_clear(clause: str) -> bool:
    return "订单" in clause or "order" in clause


def _not_view_cart(clause: str) -> bool:
    if _WHAT_I_ADDED.search(clause):
        return False
    names = any(item.phrase and item.qty is not None for item in read_items(clause))
    return names or cues.says("add", clause) or cues.says("remove", clause)


_WHAT_I_ADDED = re.compile(
    r"(?:加|选|挑|买|放)了(?:些)?(?:什么|哪些|啥|多少)|what (?:have|did|'ve) i (?:\w+ )?(?:add|put|pick|cho)"
)
_DESCRIBES = re.compile(
    r"how (?:do|can|to|should|would)\b|不要太|不要有|不要含|不想要太|推荐|有没有|有什么|without (?:fragrance|alcohol)|don't want to|\b(?:something|anything|what)\b"
)


def _not_remove(clause: str) -> bool:
    """ "不要太油的" and "remove make-up" describe what is wanted; they take nothing away."""
    products = [
        clause[match.start : match.end] for match in find_concepts(clause) if match.concept.kind == "product"
    ]
    return _DESCRIBES.search(clause) is not None or any(cues.says("remove", words) for words in products)


def _not_human(clause: str) -> bool:
    return bool(
        re.search(r"你是(?:真人|人)|are you (?:a )?(?:real|human)|给别人|talk about|talk me through", clause)
    )


_ABOUT_THE_SHOP = ("order_status", "list_stores", "list_coupons", "view_cart", "human")


def _not_small_talk(clause: str) -> bool:
    return wants_something(clause) or any(cues.says(name, clause) for name in _ABOUT_THE_SHOP)


def wants_something(clause: str) -> bool:
    """Whether a product or a need is named; a season or a person is talked of outside the shop as well."""
    return bool(analyse(clause).of_kind("product", "category", "concern", "ingredient"))


def _not_less(clause: str) -> bool:
    return cues.says("list_coupons", clause) or bool(re.search(r"满.*减", clause))


def _not_claim(clause: str) -> bool:
    return bool(re.search(r"怎么|如何|\bhow\b", clause))


_DOUBTS: dict[str, Callable[[str], bool]] = {
    "service": _not_service,
    "list_coupons": _not_coupons,
    "list_stores": _not_stores,
    "add": _not_add,
    "compare": _not_compare,
    "price": _not_product_question,
    "stock": _not_stock,
    "detail": _not_product_question,
    "cart_total": _not_total,
    "more": _not_more,
    "clear": _not_clear,
    "view_cart": _not_view_cart,
    "remove": _not_remove,
    "human": _not_human,
    "small_talk": _not_small_talk,
    "less": _not_less,
    "claim": _not_claim,
    "order_status": _not_order_status,
}
