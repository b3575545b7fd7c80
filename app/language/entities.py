"""Prices, quantities, SKUs and cities in a text. All functions take normalised text (:func:`..normalise.normalise`)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from app.language.numbers import Number, find_numbers

MEASURES = "件支瓶盒个套片台只条包罐双对根把份枚袋桶盘管块组箱款样次张副粒颗提"
_MEASURE_EN = (
    r"(?:bottles?|boxes|box|tubes?|pieces?|pcs?|packs?|packets?|pots?|jars?|units?|sets?|pairs?|bags?|sticks?|cans?|copies|"
    r"sheets?|items?|x|of them|of those|of these|more|times)"
)
# What a number counts when it is neither a price nor a quantity.
_OTHER_UNIT = re.compile(
    r" ?(?:ml|毫升|克|g\b|kg|mg|分钟|小时|天|号|日|月|年|岁|折|点|%|percent|min|minutes?|hours?|days?|weeks?|months?|years?|in-\d|位|家店|家|号店|疗程|周期|步|级|档|倍|stores?|shops?)"
)
_YUAN_AFTER = re.compile(r" ?(?:元|块钱|块|rmb|yuan|kuai|cny|人民币|大洋|刀|bucks?)(?!装)")
_YUAN_BEFORE = re.compile(r"(?:[¥$]|rmb|cny|yuan) ?$")

_MAX_BEFORE = re.compile(
    r"(?:只有|手头有|不超过|不要超过|别超过|不超|不高于|不多于|不大于|(?<!不)低于|(?<!不)少于|(?<!不)小于|最多|至多|顶多|最高|预算(?:是|在|只有|大概|大约|就|为)?|控制在|便宜过|under|below|(?:only|just) (?:have|got)|i(?:'ve| have)(?: only| just)?(?: got)?|"
    r"(?<!no )(?<!not )less than|cheaper than|up to|at most|max(?:imum)?(?: of)?|no more than|not more than|not over|within|<=?|"
    r"budget(?: of| is|:)?(?: about| around)?|lower than|don't exceed|not exceeding|beneath) ?(?:[¥$]|rmb )?$"
)
_MAX_AFTER = re.compile(
    r" ?(?:以下|以内|之内|之下|以里|内(?!衣)|不到|封顶|or less|or under|or below|or cheaper|max\b|at most|tops|budget|预算|的预算|打住)"
)
_MIN_BEFORE = re.compile(
    r"(?:不低于|不少于|不小于|(?<!不)高于|(?<!不)大于|(?<![不别要])超过|(?<!不)多于|至少|最少|最低|起码|(?<!not )over|above|(?<!no )(?<!not )more than|at least|from|starting at|minimum(?: of)?|>=?|higher than|upwards of|"
    r"no less than|not less than) ?(?:[¥$]|rmb )?$"
)
_MIN_AFTER = re.compile(r" ?(?:以上|之上|往上|起(?!来)|or more|or above|and up|and above|plus\b|upwards|\+)")
_ABOUT_BEFORE = re.compile(
    r"(?:大概|大约|差不多|约|around|about|roughly|approximately|approx\.?|some|circa|~) ?(?:[¥$]|rmb )?$"
)
_ABOUT_AFTER = re.compile(r" ?(?:左右|上下|出头|or so|ish\b|-ish)")
_RANGE = re.compile(r" ?(?:到|至|-|~|and|to|和) ?(?:[¥$]|rmb )?$")
_ABOUT_SPREAD = 0.2
_NEIGHBOURS = re.compile(
    r"([一二两三四五六七八])([二三四五六七八九])([百千])(?:元|块钱|块)?(?:左右|上下|之间|以内|的)?"
)  # 两三百
_COUPON = re.compile(
    r"满? ?\d+ ?(?:元|块)? ?减 ?\d+|\d+ (?:yuan )?off \d+|spend \d+ (?:and )?(?:save|get) \d+"
)

_SKU = re.compile(
    r"(?<![a-z0-9])([a-z]{2,6})-(\d{2,6})(?![a-z0-9])|(?<![a-z0-9])([a-z]{3}) ?(\d{3})(?![a-z0-9])"
)
_NOT_A_SKU = {"spf", "top", "buy", "add", "get", "rmb", "cny", "max", "the", "for", "and"}


@dataclass(frozen=True, slots=True)
class PriceRange:
    """A price condition in cents, and which part of the text says it."""

    min_cents: int | None
    max_cents: int | None
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A count of pieces, and which part of the text says it (measure word included)."""

    value: float
    start: int
    end: int
    has_measure: bool


def find_skus(normalised: str) -> list[tuple[str, int, int]]:
    """Article codes (SKN-001, skn001) in upper case with their hyphen, and where they stand."""
    found = []
    for match in _SKU.finditer(normalised):
        letters, digits = match[1] or match[3], match[2] or match[4]
        if letters not in _NOT_A_SKU:
            found.append((f"{letters}-{digits}".upper(), match.start(), match.end()))
    return found


# A wish has two; each is looked at with all that stands around it.
_MOST_NUMBERS = 12


def find_price_range(normalised: str) -> PriceRange | None:
    """The price condition of a wish ("200元以下", "between 100 and 200", "about 200 yuan"), or None.

    "About" means 20 % either way; a bare amount of money ("50块能买什么") is all they want to spend.
    """
    if neighbours := _NEIGHBOURS.search(normalised):
        bounds = [_cents(find_numbers(neighbours[i] + neighbours[3])[0].value) for i in (1, 2)]
        return PriceRange(bounds[0], bounds[1], (neighbours.span(),))
    normalised = _COUPON.sub(lambda match: "#" * len(match[0]), normalised)
    numbers = [number for number in find_numbers(normalised) if number.value >= 0][:_MOST_NUMBERS]
    for first, second in pairwise(numbers):
        if found := _between(normalised, first, second):
            return found
    parts = [found for number in numbers if (found := _one_bound(normalised, number))]
    if not parts:
        return None
    low = next((part.min_cents for part in parts if part.min_cents is not None), None)
    high = next((part.max_cents for part in parts if part.max_cents is not None), None)
    return PriceRange(low, high, tuple(span for part in parts for span in part.spans))


def _between(text: str, first: Number, second: Number) -> PriceRange | None:
    middle = text[first.end : second.start]
    yuan_middle = _YUAN_AFTER.match(text, first.end)
    if not _RANGE.fullmatch(middle[yuan_middle.end() - first.end :] if yuan_middle else middle):
        return None
    end = _money_end(text, second)
    after = re.compile(r" ?(?:之间|区间|的)?").match(text, end)
    told = end > second.end or yuan_middle or _YUAN_BEFORE.search(text, 0, first.start)
    between = text[: first.start].endswith(("between ", "from ")) or (
        after and after[0].strip() in ("之间", "区间")
    )
    if not (told or between) and (
        _is_counted(text, second) or second.value < 50 or first.value >= second.value
    ):
        return None
    low, high = sorted((first.value, second.value))
    if first.value < 10 <= second.value / 10 and re.search("[百千]$", text[second.start : second.end]):
        low = first.value * (100 if second.value < 1_000 else 1_000)  # 一二百, 三到五百
    stop = after.end() if after else end
    return PriceRange(_cents(low), _cents(high), ((_money_start(text, first), stop),))


def _one_bound(text: str, number: Number) -> PriceRange | None:
    start, end = _money_start(text, number), _money_end(text, number)
    told = start < number.start or end > number.end
    if not told and _is_counted(text, number):
        return None
    for before, after, kind in (
        (_ABOUT_BEFORE, _ABOUT_AFTER, "about"),
        (_MIN_BEFORE, _MIN_AFTER, "min"),
        (_MAX_BEFORE, _MAX_AFTER, "max"),
    ):
        head, tail = before.search(text, 0, start), after.match(text, end)
        if (head or tail) and (told or number.value >= 20):
            span = (head.start() if head else start, tail.end() if tail else end)
            return _bounded(kind, number.value, span)
    return _bounded("max", number.value, (start, end)) if told else None


def _bounded(kind: str, value: float, span: tuple[int, int]) -> PriceRange:
    if kind == "about":
        return PriceRange(_cents(value * (1 - _ABOUT_SPREAD)), _cents(value * (1 + _ABOUT_SPREAD)), (span,))
    return PriceRange(
        _cents(value) if kind == "min" else None, _cents(value) if kind == "max" else None, (span,)
    )


def _money_start(text: str, number: Number) -> int:
    sign = _YUAN_BEFORE.search(text, 0, number.start)
    return sign.start() if sign else number.start


def _money_end(text: str, number: Number) -> int:
    unit = _YUAN_AFTER.match(text, number.end)
    return unit.end() if unit else number.end


def _is_counted(text: str, number: Number) -> bool:
    """Whether the number counts pieces, minutes, millilitres ... and so is no price."""
    rest = text[number.end : number.end + 12]
    return (
        bool(rest[:1] and rest[0] in MEASURES)
        or bool(_OTHER_UNIT.match(rest))
        or bool(re.match(rf" ?{_MEASURE_EN}\b", rest))
    )


def _cents(yuan: float) -> int:
    return round(yuan * 100)


_QUANTITY_TAIL = re.compile(rf" ?(?:[{MEASURES}](?![装套]组?)|{_MEASURE_EN}(?![a-z])(?: of\b)?)")
_TIMES_BEFORE = re.compile(r"(?:[*×]|(?<![a-z])x) ?$")


def find_quantities(normalised: str) -> list[Quantity]:
    """Counts of pieces ("两支", "x3", "a couple of", "5"); prices, volumes and minutes are left out."""
    normalised = _COUPON.sub(lambda match: "#" * len(match[0]), normalised)
    priced = find_price_range(normalised)
    taken = priced.spans if priced else ()
    found = []
    for number in find_numbers(normalised):
        if any(start <= number.start < end for start, end in taken) or _OTHER_UNIT.match(
            normalised, number.end
        ):
            continue
        tail = _QUANTITY_TAIL.match(normalised, number.end)
        times = _TIMES_BEFORE.search(normalised, 0, number.start)
        start = times.start() if times else number.start
        found.append(Quantity(number.value, start, tail.end() if tail else number.end, bool(tail or times)))
    return [*found, *_single_ones(normalised, found)]


_SINGLE = re.compile(rf"\b(?:a|an) {_MEASURE_EN} of\b")  # a bottle of


def _single_ones(text: str, counted: list[Quantity]) -> list[Quantity]:
    starts = {quantity.end for quantity in counted}
    return [Quantity(1, m.start(), m.end(), True) for m in _SINGLE.finditer(text) if m.end() not in starts]


@cache
def _cities() -> dict[str, str]:
    data: dict[str, list[str]] = json.loads(
        files("app.language").joinpath("data/cities.json").read_text("utf-8")
    )
    return {alias: city for city, aliases in data.items() for alias in (city, *aliases)}


@cache
def _city_pattern() -> re.Pattern[str]:
    names = sorted(_cities(), key=len, reverse=True)
    return re.compile("|".join(rf"\b{re.escape(name)}\b" if name.isascii() else name for name in names))


def find_cities(normalised: str) -> list[tuple[str, int, int]]:
    """Cities by their Chinese name, and where they stand."""
    return [
        (_cities()[match[0]], match.start(), match.end()) for match in _city_pattern().finditer(normalised)
    ]
