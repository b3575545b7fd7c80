"""One clause: its intent, by its cues, and the slots of that intent."""

from __future__ import annotations

import re
from dataclasses import replace

from app.language.concepts import analyse
from app.language.entities import find_cities
from app.llm.builtin import cues
from app.llm.builtin.doubts import counts_something, is_mistaken, wants_something
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.slots import mask, product_words, read_item, read_items

LISTING = frozenset(
    {
        "add",
        "remove",
        "keep",
        "compare",
        "price",
        "stock",
        "detail",
        "replace",
        "set_qty",
        "less",
        "find",
        "bare",
    }
)
_COUPON_CODE = re.compile(
    r"(?<![a-z0-9])(?=[a-z0-9_-]*[a-z])(?=[a-z0-9_-]*\d)[a-z][a-z0-9_-]{3,}(?![a-z0-9])"
)
_COUPON_NAME = re.compile(
    r"满? ?\d+(?:元|块)? ?减 ?\d+(?:元|块)?|(?:\d+(?:\.\d)?|[一二三四五六七八九]) ?折|\d+ ?% off|(?:¥|rmb )?\d+ (?:yuan )?off(?: (?:¥)?\d+)?|新人券|新客券|生日券|无门槛"
)
_USE_COUPON = re.compile(
    r"(?:用|使用|叠加|搭配|拿|以)(?:上|了|掉)?.{0,14}(?:券|减|折|优惠)|(?:use|using|with|apply|applying|redeem)\b.{0,40}\b(?:coupon|voucher|code|discount|off)|(?:best|最(?:好|优|划算)的?).{0,6}(?:coupon|券|优惠)"
)
_ORDER_ID = re.compile(
    r"(?:订单号?|单号|第|order|number|#|no\.?|取消|cancel)[ #:号是]*(\d{1,9})(?!\d)(?! ?[减%折])"
)
_COMPARED_WITH = re.compile(r"(?<=[a-z]) (?:with|to) (?=[a-z])")
_WHERE = re.compile(r"哪里|哪儿|在哪|\bwhere\b")
_HAVE_YOU = re.compile(r"有(?:吗|没|货|么)|还有|\b(?:have|got|carry|sell)\b")
_POINTLESS = re.compile(r"^[\s\d\W_]*$")


def read_clause(clause: str) -> list[Intent]:
    """The intent of a clause; two when it orders what it adds."""
    name = _name_of(clause)
    if name == "place_order":
        return _checkout(clause)
    if name in ("set_qty", "less", "double"):
        return [_quantity_intent(name, clause)]
    if name == "replace":
        return [_replacement(clause)]
    if name == "similar":
        return [Intent(name, clause, items=_one(cues.without(name, clause)))]
    if name == "service" and _BOOKING.search(clause) and (booked := _named(clause)):
        return _booking(clause, booked)
    items = _items(name, clause)
    intent = Intent(name, clause, items=items, city=_city(clause), in_stock=_wants_stock(clause))
    return [with_codes(_refined(intent))]


def _items(name: str, clause: str) -> tuple[Item, ...]:
    if name == "find":
        # One search, however many words: "a serum with vitamin C", "面霜和精华".
        item = read_item(clause)
        return () if item.is_empty and item.price is None else (item,)
    if name == "compare":
        return read_items(_COMPARED_WITH.sub(" and ", clause))
    return read_items(clause) if name in LISTING else ()


def _name_of(clause: str) -> str:
    for name in cues.intent_names():
        if name != "hostile" and cues.says(name, clause) and not is_mistaken(name, clause):
            return name
    return "bare"


def _checkout(clause: str) -> list[Intent]:
    """An order, after what is to be added first ("两支护手霜下单")."""
    order = with_codes(Intent("place_order", clause))
    rest = mask(clause, [match.span() for match in _COUPON_NAME.finditer(clause)])
    items = (
        read_items(re.sub(r"(?:优惠)?券|coupons?|vouchers?|code", " ", rest))
        if not order.coupon or counts_something(rest)
        else ()
    )
    wanted = tuple(item for item in items if item.sku or _is_product(item.phrase))
    return [Intent("add", clause, items=wanted), order] if wanted else [order]


_BOOKING = re.compile(r"预约|\b(?:book|booking|appointments?|reserve|reservation)\b")
_ASKS = re.compile(r"吗|么|怎么|如何|是否|要不要|\?|\b(?:do|does|how|need|should|is|are|can i|must)\b")


def _named(clause: str) -> tuple[Item, ...]:
    items = read_items(
        re.sub(r"(?:需要|要不要|可以|提前)?预约|\b(?:book|booking|appointments?|reserve)\b", " ", clause)
    )
    return tuple(item for item in items if item.sku or _is_product(item.phrase))


def _booking(clause: str, booked: tuple[Item, ...]) -> list[Intent]:
    """A service is booked by buying it; asked whether it has to be, its description says so."""
    name = "detail" if _ASKS.search(clause) else "add"
    return [Intent(name, clause, items=booked), Intent("service", clause)]


def _is_product(phrase: str) -> bool:
    return bool(analyse(phrase).required)


def _quantity_intent(name: str, clause: str) -> Intent:
    items = read_items(clause)
    qty = next((item.qty for item in reversed(items) if item.qty is not None), None)
    target = tuple(replace(item, qty=None) for item in items if item.phrase or item.sku or item.ordinal)[:1]
    if name == "double":
        return Intent("double", clause, items=target)
    if name == "less":
        return Intent("less", clause, items=target, delta=-(qty or 1))
    return Intent("set_qty", clause, items=target, qty=qty)


_SWAP = re.compile(r"换成|换为|改成|改为|替换成|替换为|替成|换(?=那|这|便|贵|别)|\b(?:for|with|to|into|by)\b")
_INSTEAD = re.compile(r"\binstead of\b|\brather than\b|\bnot\b|[,而]?不要|而不是")


def _replacement(clause: str) -> Intent:
    """Old and new: "把A换成B", "swap A for B", "B instead of A"; either may be missing."""
    new, *old = _INSTEAD.split(clause, maxsplit=1)
    if old:
        return Intent("replace", clause, items=_one(old[0]), new=read_item(new))
    head, *tail = _SWAP.split(clause, maxsplit=1)
    if not tail:
        return Intent("replace", clause, new=read_item(clause))
    return Intent("replace", clause, items=_one(head), new=read_item(tail[0]))


def _one(part: str) -> tuple[Item, ...]:
    item = read_item(part)
    return (item,) if item.phrase or item.sku or item.ordinal else ()


def _city(clause: str) -> str | None:
    return next((city for city, _, _ in find_cities(clause)), None)


def _wants_stock(clause: str) -> bool:
    return cues.pattern("in_stock").search(clause) is not None


def with_codes(intent: Intent) -> Intent:
    """The intent with the coupon or the order number that its words name."""
    if intent.name in ("place_order", "claim", "list_coupons"):
        return replace(intent, coupon=coupon_in(intent.text))
    if intent.name in ("cancel_order", "order_status"):
        found = _ORDER_ID.search(intent.text)
        return replace(intent, order_id=int(found[1]) if found else None)
    return intent


def coupon_in(clause: str) -> str | None:
    """A coupon's code or name; "best" when they only say that one is to be used."""
    if name := _COUPON_NAME.search(clause):
        return name[0].replace(" ", "")
    code = _COUPON_CODE.search(clause)
    if code:
        return code[0].upper()
    return "best" if _USE_COUPON.search(clause) else None


def _refined(intent: Intent) -> Intent:
    """Second thoughts once the slots are known."""
    name, text, items = intent.name, intent.text, intent.items
    if name == "bare" and not (intent.city and _WHERE.search(text)):
        return _bare(intent)
    if (
        name in ("find", "stock")
        and _ONE_MORE_COUNTED.match(text)
        and all(item.qty for item in read_items(text))
    ):
        return replace(intent, name="add", items=read_items(text))
    if name == "add" and not items:
        return replace(intent, items=(Item(pronoun=True),))
    if name in ("thanks", "bye", "small_talk") and wants_something(text):
        return replace(intent, name="find", items=read_items(text))
    if name == "find" and items and items[0].sku and not items[0].phrase:
        return replace(intent, name="stock" if _HAVE_YOU.search(text) else "detail")
    if name == "find" and items and not items[0].phrase and items[0].category_id is None:
        return _pointing(intent)
    if name in ("find", "bare") and intent.city and not _is_product(text) and _WHERE.search(text):
        return replace(intent, name="list_stores")
    if name == "find" and intent.city and not _is_product(text):
        return replace(intent, name="list_stores")
    return intent


def _pointing(intent: Intent) -> Intent:
    """A search without words: for something cheaper, for the second one."""
    item = intent.items[0]
    if item.relative and not item.ordinal:
        return replace(intent, name="refine")
    if item.ordinal or (item.pronoun and not item.price and not item.extreme):
        return replace(intent, name="detail")
    return intent


_TAKES = re.compile(r"^(?:那)?就|吧$|\bplease\b|^(?:ok |yes |just )+the\b|\bthanks$")


_ONE_MORE_THING = re.compile(r"(?:also|plus|and also) (?:a|an|one|some|the|my)\b|and an? .+ (?:too|as well)$")
_ONE_MORE_COUNTED = re.compile(r"^还有 ?[一两二三四五六七八九十\d]+ ?[^吗么没\d]+$")


def _takes(intent: Intent) -> bool:
    """ "The second one please", "就第一个吧": a choice, where the bare words would only ask to hear more."""
    item = intent.items[0]
    return bool((item.ordinal or item.extreme) and item.category_id is None and _TAKES.search(intent.text))


def _bare(intent: Intent) -> Intent:
    """A clause without a cue: a follow-up ("那干皮呢"), a count, a city, or just a product."""
    follow = cues.pattern("follow").match(intent.text)
    if follow:
        rest = follow["rest"] or follow["rest_en"]
        return replace(intent, name="follow", items=read_items(rest), city=_city(rest))
    if intent.city and not product_words(mask(intent.text, [(s, e) for _, s, e in find_cities(intent.text)])):
        return replace(intent, name="city")
    items = intent.items
    if not items:
        return replace(intent, name="nothing" if _POINTLESS.match(intent.text) else "unknown")
    if all(item.is_empty and item.price is None for item in items):
        return replace(intent, name="count", qty=items[0].qty)
    counted = any(item.qty is not None and (item.phrase or item.sku) for item in items)
    if counted and not items[0].price and not cues.pattern("wh").search(intent.text):
        return replace(intent, name="add")
    if len(items) == 1 and not items[0].phrase and (items[0].every or _takes(intent)):
        return replace(intent, name="add")
    if _ONE_MORE_THING.match(intent.text) and all(item.phrase or item.sku for item in items):
        return replace(intent, name="add")
    if len(items) == 1 and items[0].pronoun and items[0].qty is not None and not items[0].ordinal:
        return replace(intent, name="count", qty=items[0].qty)
    return intent
