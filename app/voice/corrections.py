"""Changes of mind about what was read out: 不对，是三件; the other one; make it the big one; 不是，是口红; 再加一支口红."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.catalogue.filters import ProductFilter
from app.catalogue.queries import find_products, find_view, list_by_sku
from app.catalogue.records import ProductView
from app.language.concepts import analyse
from app.language.confirmation import read_answer
from app.language.normalise import normalise
from app.llm.builtin import cues
from app.llm.builtin.intents import Intent, Item, Plan
from app.llm.builtin.slots import read_item
from app.llm.builtin.understand import understand
from app.voice.dialogue import Asked, Step

_PREFIX = re.compile(
    r"^(?:(?:不对|不是|错了|说错了|搞错了|等一下|等等|不要这个|我是说|我说的是|应该是|改一下|换一下|还是|no|nope|wait|sorry|actually|not that|i mean|i meant|rather)[,，。.! ]*)+"
)
# 不是三支是两支: what is not meant, then what is.
_NOT_BUT = re.compile(r"^(?:不对|错了)?[,，。 ]*不是.{1,20}?[,，。 ]*(?:而)?是(?P<rest>.+)$")
_CHANGE = re.compile(
    r"^(?:还是)?(?:换成|改成|换为|改为|change (?:it|that) (?:to|for)|make (?:it|that)|switch (?:it )?to|swap (?:it )?for)\s*"
)
_OTHER = re.compile(
    r"^(?:是|要|换)?(?:成|个)?(?:另外?(?:的)?(?:一|那)?(?:个|款|种|支|瓶|盒)|别的|其他的|下一个|换一个|换一款|换别的)(?:吧|的)?$|"
    r"^(?:give me |take |i want |make it |use )?(?:the )?(?:other|another|next|different)(?: one)?(?: please| instead)?$"
)
_BIG = re.compile(
    r"^(?:是|要|换)?(?:成)?(?:那个|那款|那)?大(?:一点|点)?(?:的|瓶|支|盒|号|份|装|包装)+(?:那个|那款|吧)*$|^(?:make it |i want |take |give me )?(?:the )?(?:big|bigger|large|larger|biggest|largest)(?: one| size| bottle| box| pack)?(?: please| instead)?$"
)
_SMALL = re.compile(
    r"^(?:是|要|换)?(?:成)?(?:那个|那款|那)?小(?:一点|点)?(?:的|瓶|支|盒|号|份|装|包装)+(?:那个|那款|吧)*$|^(?:make it |i want |take |give me )?(?:the )?(?:small|smaller|smallest|mini|travel)(?: one| size| bottle| box| pack)?(?: please| instead)?$"
)
_MAKE_IT = re.compile(
    r"^(?:make it|make that|change (?:it|that) to|改成|改为|换成|要|就要|是|来|set it to)\s*"
)
_SIZE = re.compile(
    r"(\d+(?:\.\d+)?) ?(ml|毫升|g|克|片|支|条|瓶|双|包|分钟|min|pcs|vials|sticks|jars|pairs|bags|件套|set)"
)
_WITH_QTY = ("add_to_cart", "update_cart")
# What is done to a product, as the intent that does it to another one.
_AS_INTENT = {"add_to_cart": "add", "update_cart": "set_qty", "remove_from_cart": "remove"}
# How one says that another product is meant, before its name.
_IT_IS = re.compile(
    r"^(?:我?(?:说|要|想要)的?是|是|我?(?:想)?要|换成?|改成?|it's|it is|it was|i (?:want|need|meant?|said)|i'd like|i would like|make (?:it|that)|give me)\s*"
)
# Intents of words that only name a product.
_NAMING = frozenset({"find", "bare", "want", "follow"})


# Yeses that name what they agree to: to an order, to a cancellation.
_TO_AN_ORDER = re.compile(r"下单|下吧|付款|提交|订单|\b(?:order|submit|place it)\b")
_TO_CANCELLING = re.compile(r"取消|\bcancel")


def answer_to(said: str, asked: Asked) -> Literal["yes", "no"] | None:
    """The yes or no to what was read out, if the utterance is one: "place the order" agrees to an order and to nothing else."""
    answer = read_answer(said)
    actions = {step.action for step in asked.steps}
    if answer == "yes" and _TO_CANCELLING.search(said) and "cancel_order" not in actions:
        return "no"
    if answer == "yes" and _TO_AN_ORDER.search(said) and "place_order" not in actions:
        return None
    return answer


def asks_to_order(said: str, asked: Asked) -> bool:
    """Whether an order is wanted beside what was read out, in words that would be a yes to it."""
    return read_answer(said) == "yes" and answer_to(said, asked) is None


@dataclass(frozen=True, slots=True)
class Corrected:
    """The steps as they are meant now; `is_without_other` when there is nothing else to take."""

    steps: tuple[Step, ...] = ()
    is_without_other: bool = False


def corrected(said: str, asked: Asked) -> Corrected | None:
    """What the utterance makes of what was read out; None when it is no correction but something else."""
    rest = _without_what_is_not(said)
    if not rest:
        return None
    place = _last_with(asked.steps, "sku")
    if place is not None and (found := _other_product(rest, asked, place)):
        return found
    qty = _only_quantity(rest)
    place = _last_with(asked.steps, "qty")
    if qty is not None and place is not None and 0 < qty <= 999:
        return Corrected(_changed(asked.steps, place, qty=qty))
    return None


@dataclass(frozen=True, slots=True)
class Swap:
    """Another product in place of the one in the step at `place`: the plan that does to it what was to be done."""

    place: int
    plan: Plan


def swapped(said: str, asked: Asked, language: str) -> Swap | None:
    """ "No, the body lotion": the same with another product; None when the utterance is no correction that names one."""
    rest = _without_what_is_not(said)
    place = _last_with(asked.steps, "sku")
    if place is None or (rest == said and not _CHANGE.match(said)):
        return None
    step, rest = asked.steps[place], _IT_IS.sub("", _CHANGE.sub("", rest))
    item = named_product(rest)
    if item is None or step.action not in _AS_INTENT:
        return None
    intents = understand(rest, language).intents
    if len(intents) != 1 or intents[0].name not in _NAMING:
        return None
    qty = item.qty or step.params.get("qty")
    name = _AS_INTENT[step.action]
    items = (replace(item, qty=qty if name == "add" else None, pronoun=False),)
    return Swap(place, Plan(language, (Intent(name, rest, items=items, qty=qty),)))


def named_product(said: str) -> Item | None:
    """The one product that the words name, and nothing else but how many; None when they ask or compare."""
    item = read_item(said)
    is_kind = bool(analyse(item.phrase).of_kind("product"))
    asks = any(cues.pattern(name).search(said) for name in ("searches", "wh"))
    if not is_kind or asks or item.price or item.extreme or item.relative:
        return None
    return item


def is_addition(said: str) -> bool:
    """再加一支口红, "and also a lipstick": more, not something else."""
    return bool(re.match(r"^(?:还要|还有|再|另外|顺便|同时|然后|接着|并且|and |also |plus |then )", said))


def without_prefix(said: str) -> str:
    """The utterance without the words that only say that the last one was wrong."""
    return _PREFIX.sub("", said).strip(" ,，。.!") or said


def _without_what_is_not(said: str) -> str:
    """The utterance without the words that only say that the last one was wrong."""
    if found := _NOT_BUT.match(said):
        return found["rest"].strip(" ,，。.!")
    return without_prefix(said) if _PREFIX.sub("", said).strip(" ,，。.!") else ""


def _only_quantity(rest: str) -> int | None:
    """A count and nothing else: 三件, "make it three"."""
    item = read_item(_MAKE_IT.sub("", rest))
    if item.qty is not None and not (item.phrase or item.sku or item.ordinal or item.price):
        return item.qty
    plain = read_item(_MAKE_IT.sub("", rest) + "件")
    return plain.qty if plain.qty is not None and not plain.phrase else None


def _other_product(rest: str, asked: Asked, place: int) -> Corrected | None:
    is_size = bool(_BIG.match(rest) or _SMALL.match(rest))
    if not (is_size or _OTHER.match(rest)):
        return None
    others = list_by_sku(asked.others) or _siblings(str(asked.steps[place].params["sku"]))
    if not others:
        return Corrected(is_without_other=True)
    chosen = others[0]
    if is_size:
        chosen = sorted(others, key=_size, reverse=bool(_BIG.match(rest)))[0]
    return Corrected(_changed(asked.steps, place, sku=chosen.sku))


def _siblings(sku: str) -> list[ProductView]:
    """What else answers to the product's name without its size: "the other one" of what was named exactly."""
    product = find_view(sku)
    if product is None:
        return []
    name = _SIZE.sub("", normalise(product.name)).strip()
    found = find_products(ProductFilter(q=name, category_id=product.category_id, in_stock=True, limit=6))
    return [each for each in found.items if each.sku != sku]


def _size(product: ProductView) -> tuple[float, int]:
    """How big it is by its name, then by its price in cents."""
    found = _SIZE.search(normalise(f"{product.name} {product.name_en}"))
    return (float(found[1]) if found else 0.0, product.price_cents)


def _last_with(steps: Sequence[Step], key: str) -> int | None:
    wanted = [
        place
        for place, step in enumerate(steps)
        if key in step.params or (key == "qty" and step.action in _WITH_QTY)
    ]
    return wanted[-1] if wanted else None


def _changed(steps: Sequence[Step], place: int, **params: object) -> tuple[Step, ...]:
    return tuple(
        step.model_copy(update={"params": {**step.params, **params}, "fingerprint": None})
        if index == place
        else step
        for index, step in enumerate(steps)
    )
