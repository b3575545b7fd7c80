"""Whom a sentence means, as a segment's rules. Pure; texts are normalised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.campaigns.reading import COUNT, NUMBER, SIGN, YUAN, Brief, number_of

RuleJson = dict[str, Any]
LAPSED_DAYS = 60
HIGH_LEVEL = 3
UNITS = {
    "天": 1,
    "日": 1,
    "day": 1,
    "周": 7,
    "星期": 7,
    "week": 7,
    "个月": 30,
    "月": 30,
    "month": 30,
    "年": 365,
    "year": 365,
}
UNIT = r"(?P<unit>天|日|周|星期|个月|月|年|days?|weeks?|months?|years?)"


@dataclass(frozen=True, slots=True)
class ShopNames:
    """Names in lower case -> what a rule says: cities and categories by their Chinese name, stores by number.

    `english` has the English names of the Chinese ones, for telling of them.
    """

    cities: Mapping[str, str]
    categories: Mapping[str, str]
    stores: Mapping[str, int]
    english: Mapping[str, str] = field(default_factory=dict)


def read_audience(brief: Brief, names: ShopNames) -> list[RuleJson]:
    """The rules that the sentence gives; what they are read from is taken out of it."""
    rules = [rule for read in READERS for rule in read(brief)]
    rules += _places(brief, names)
    rules += _categories(brief, names)
    seen: list[RuleJson] = []
    for rule in rules:
        if rule["field"] not in {other["field"] for other in seen}:
            seen.append(rule)
    return seen


def _rule(name: str, op: str, value: Any) -> RuleJson:
    return {"field": name, "op": op, "value": value}


def _days(match: re.Match[str]) -> int:
    unit = match["unit"].rstrip("s") if match["unit"].isascii() else match["unit"]
    return max(1, round(number_of(match["n"]) * UNITS[unit]))


NOT_BOUGHT = (
    rf"(?:超过|近|最近|过去|已经?|至少)? ?(?P<n>{NUMBER}) ?{UNIT}(?:以上|多|内|里|都|来|以来)*(?:没有?|未|不)(?:再)?(?:来|下过?单|购买|消费|买过?|复购|回购|光顾|到店)(?:过)?(?:东西)?",
    rf"(?:no (?:paid )?(?:orders?|purchases?)|(?:not|haven't|hasn't|have not|did not|didn't) (?:bought|ordered|buy|order|shopped|purchased|been)(?: anything| again| back)*)(?: (?:in|for|since|within|over))*(?: (?:the|last|past|at least|more than|over))* (?P<n>{COUNT})[ -]{UNIT}",
    rf"(?:inactive|lapsed|dormant|asleep|away|gone)(?: (?:for|since))?(?: (?:at least|more than|over|the|last|past))* (?P<n>{COUNT})[ -]{UNIT}",
    rf"(?:沉睡|流失|休眠)(?:超过|了|达)? ?(?P<n>{NUMBER}) ?{UNIT}(?:以上)?",
    rf"(?P<n>{NUMBER}) ?{UNIT}(?:以上)?(?:的)?(?:沉睡|流失|休眠)",
)
LAPSED = r"沉睡|流失|休眠|lapsed|dormant|inactive|win[- ]?back|win them back|召回|唤醒"
BOUGHT_LATELY = (
    rf"(?:最近|近|过去) ?(?P<n>{NUMBER}) ?{UNIT}(?:以?内|里)?(?:有)?(?:买过|下过单|购买过?|消费过?|来过)",
    rf"(?:bought|ordered|purchased|shopped)(?: something| anything)? (?:in|within|during) the (?:last|past) (?P<n>{COUNT})[ -]{UNIT}",
)


def _recency(brief: Brief) -> Iterator[RuleJson]:
    for pattern in NOT_BOUGHT:
        if match := brief.take(pattern):
            yield _rule("days_since_last_order", ">=", _days(match))
            return
    for pattern in BOUGHT_LATELY:
        if match := brief.take(pattern):
            yield _rule("days_since_last_order", "<=", _days(match))
            return
    if re.search(LAPSED, brief.text):
        yield _rule("days_since_last_order", ">=", LAPSED_DAYS)


MEMBER_DAYS = (
    (rf"(?:入会|注册|加入)(?:满|超过|不少于)? ?(?P<n>{NUMBER}) ?{UNIT}(?:以上)", ">="),
    (rf"(?:入会|注册|加入)(?:满|超过|不少于) ?(?P<n>{NUMBER}) ?{UNIT}", ">="),
    (rf"(?:最近|近|过去) ?(?P<n>{NUMBER}) ?{UNIT}(?:以?内)?(?:新?入会|新?注册|加入)(?:的)?", "<="),
    (
        rf"(?:joined|registered|signed up) (?:in|within|during) the (?:last|past) (?P<n>{COUNT})[ -]{UNIT}",
        "<=",
    ),
    (rf"members? for (?:at least|more than|over) (?P<n>{COUNT})[ -]{UNIT}", ">="),
)


def _membership(brief: Brief) -> Iterator[RuleJson]:
    for pattern, op in MEMBER_DAYS:
        if match := brief.take(pattern):
            yield _rule("member_days", op, _days(match))
            return


LEVELS = (
    (rf"(?:会员)?(?:等级|级别|level|lv) ?(?P<n>{NUMBER}) ?(?:级)?(?:及|或)?(?:以上|or above|and above|or higher|and up|\+)", ">="),
    (rf"(?P<n>{NUMBER}) ?级(?:会员)?(?:及|或)?以上", ">="),
    (rf"(?:等级|级别|level|lv) ?(?P<n>{NUMBER}) ?(?:级)?(?:及|或)?(?:以下|or below|and below|or lower)", "<="),
    (rf"(?P<n>{NUMBER}) ?级(?:会员)?(?:及|或)?以下", "<="),
    (rf"(?:等级|级别|level|lv) ?(?P<n>{NUMBER})", "=="),
    (rf"(?P<n>{NUMBER}) ?级(?:会员|顾客|客户)", "=="),
)  # fmt: skip
HIGH_LEVELS = r"高等级|高级别|高端会员|vips?(?![a-z])|贵宾|top[- ]tier|high[- ]level"


def _level(brief: Brief) -> Iterator[RuleJson]:
    for pattern, op in LEVELS:
        match = brief.take(pattern)
        if match and 1 <= number_of(match["n"]) <= 5:
            yield _rule("level", op, int(number_of(match["n"])))
            return
    if brief.take(HIGH_LEVELS):
        yield _rule("level", ">=", HIGH_LEVEL)


SPENT = (
    (rf"(?:累计|总共|一共|总)?(?:消费|花费|花了?|买了?)(?:总?额|金额)?(?:超过|高于|大于|达到?|多于){SIGN}(?P<n>{NUMBER}){YUAN}(?:以上)?", ">="),
    (rf"(?:累计|总共|一共|总)(?:消费|花费|花了?|买了?)(?:总?额|金额)?满?{SIGN}(?P<n>{NUMBER}){YUAN}(?:以上)?", ">="),
    (rf"(?:消费|花)过{SIGN}(?P<n>{NUMBER}){YUAN}(?:以上)", ">="),
    (rf"(?:spent|spending|have spent) (?:more than|over|at least|above|upwards of) {SIGN}(?P<n>{NUMBER}){YUAN}", ">="),
    (rf"(?:spent|spending) (?:less than|under|below|at most) {SIGN}(?P<n>{NUMBER}){YUAN}", "<="),
)  # fmt: skip


def _spending(brief: Brief) -> Iterator[RuleJson]:
    for pattern, op in SPENT:
        if match := brief.take(pattern):
            yield _rule("total_spent", _strict(match, op), int(number_of(match["n"])))
            return


ORDERS = (
    (r"从未下单|从没(?:下过单|买过)|没(?:下过单|买过)|未下过单|never (?:ordered|bought|purchased)|no orders? yet", "==", 0),
    (r"(?:只|仅)(?:买|下|购买|消费)过?(?:一|1) ?(?:次|单)(?:单)?|(?:ordered|bought) (?:only |just )?once|one[- ]time (?:buyers?|customers?)", "==", 1),
    (rf"(?:下单|购买|消费|买过?|下过)(?:至少|超过|满|不少于|了)? ?(?P<n>{NUMBER}) ?(?:次|单|笔)(?:单)?(?:及|或)?(?:以上)", ">=", None),
    (rf"(?:至少|不少于|超过)(?:下过|买过|购买|下单|消费)? ?(?P<n>{NUMBER}) ?(?:次|单|笔)", ">=", None),
    (rf"(?:ordered|bought|purchased) (?:at least |more than )?(?P<n>{COUNT}) (?:or more )?times", ">=", None),
    (rf"(?P<n>{COUNT}) or more (?:orders|purchases)|at least (?P<m>{COUNT}) (?:orders|purchases)", ">=", None),
)  # fmt: skip


def _orders(brief: Brief) -> Iterator[RuleJson]:
    for pattern, op, fixed in ORDERS:
        match = brief.take(pattern)
        if match:
            counted = match["n"] or match.groupdict().get("m") if fixed is None else None
            yield _rule(
                "orders_count", _strict(match, op), int(number_of(counted)) if counted else int(fixed or 0)
            )
            return


def _strict(match: re.Match[str], op: str) -> str:
    """More than 3 is not 3; 超过3次以上 is."""
    is_strict = op == ">=" and re.search(STRICTLY, match[0]) and "以上" not in match[0]
    return ">" if is_strict else op


STRICTLY = r"超过|高于|大于|多于|more than|over|above|upwards"
NEW = r"新客(?:户|人)?|新会员|新顾客|新用户|新人|拉新|new (?:customers?|members?|buyers?|users?|clients?)|newcomers?|first[- ]time (?:buyers?|customers?)"
RETURNING = r"老客(?:户)?|老会员|老顾客|老用户|回头客|复购客|(?:returning|existing|repeat|loyal|regular) (?:customers?|members?|buyers?|clients?)|regulars"


def _new_or_returning(brief: Brief) -> Iterator[RuleJson]:
    if brief.take(RETURNING):
        yield _rule("customer_type", "==", "returning")
    elif brief.take(NEW):
        yield _rule("customer_type", "==", "new")


READERS = (_recency, _membership, _level, _spending, _orders, _new_or_returning)


def _places(brief: Brief, names: ShopNames) -> Iterator[RuleJson]:
    """A store by its number or name is narrower than its city, so it is looked for first."""
    known = set(names.stores.values())
    match = re.search(rf"(?P<n>{NUMBER}) ?号店|(?:store|shop) (?:no\.? ?|number |#)?(?P<m>\d+)", brief.text)
    if match and int(number_of(match["n"] or match["m"])) in known:
        brief.take(re.escape(match[0]))
        yield _rule("store", "==", int(number_of(match["n"] or match["m"])))
        return
    found = [number for name, number in _longest_first(names.stores) if _names(brief, name)]
    if found:
        unique = list(dict.fromkeys(found))
        yield _rule("store", "==", unique[0]) if len(unique) == 1 else _rule("store", "in", unique)
        return
    yield from _one_of("city", [city for name, city in _longest_first(names.cities) if _names(brief, name)])


def _categories(brief: Brief, names: ShopNames) -> Iterator[RuleJson]:
    yield from _one_of(
        "category_bought", [each for name, each in _longest_first(names.categories) if _names(brief, name)]
    )


def _one_of(name: str, values: list[str]) -> Iterator[RuleJson]:
    unique = list(dict.fromkeys(values))
    if unique:
        yield _rule(name, "==", unique[0]) if len(unique) == 1 else _rule(name, "in", unique)


def _longest_first(names: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(names.items(), key=lambda item: -len(item[0]))


def _names(brief: Brief, name: str) -> bool:
    """Whether the sentence has the name; a Latin one as a word of its own. It is taken out."""
    pattern = rf"(?<![a-z]){re.escape(name)}(?![a-z])" if name.isascii() else re.escape(name)
    return bool(name) and brief.take(pattern) is not None
