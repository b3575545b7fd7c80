"""Filters by a closed value: channels, member levels, new and returning customers, members and guests."""

from __future__ import annotations

import re
from functools import cache

from app.insights.metrics.catalogue import catalogue
from app.insights.parsing.draft import Draft
from app.insights.parsing.entities import merge_filter
from app.insights.parsing.negation import is_excluded
from app.insights.parsing.text import Text, any_of
from app.insights.question import Filter, Operator
from app.language.numbers import parse_number

_D = r"(\d|[一二三四五])"
_LEVEL = r"(?:(?:会员|顾客|客户)?(?:等级|级别)|(?<![a-z])(?:lv\.?|vip|v) ?(?=\d))"
_UP = r"(?:及|或|和)?(?:其)?(?:以上|更高|往上)|\+"
_DOWN = r"(?:及|或|和)?(?:其)?(?:以下|更低|往下)"
_TAIL = r"(?:的)?(?:会员|顾客|客户|用户)?"
_EN_LEVEL = r"(?<![a-z])(?:(?:member(?:ship)?|loyalty|customer) )?(?:level|tier)s? "
_EN_WHO = r"(?: (?:members|customers|buyers|shoppers|member|customer|buyer))?"
_EN_TAIL = r"(?: (?:members|customers|member|customer|buyers))?"
# The order matters: the longer forms first.
_LEVELS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (rf"{_LEVEL}(?:为|是|在)?{_D}(?:级)?(?:到|至|-|~)(?:等级)?{_D}(?:级)?(?:之间)?{_TAIL}", "range"),
        (rf"{_D}(?:级)?(?:到|至|-|~){_D}级{_TAIL}", "range"),
        (rf"{_LEVEL}(?:为|是|在)?{_D}(?:级)?(?:,|和|与|及|或)(?:等级)?{_D}(?:级)?(?!以){_TAIL}", "both"),
        (rf"{_D}级(?:,|和|与|及|或){_D}级{_TAIL}", "both"),
        (rf"{_LEVEL}(?:不低于|不小于|大于等于|至少(?:为)?|达到|>=) ?{_D}(?:级)?{_TAIL}", "ge"),
        (rf"{_LEVEL}(?:不高于|不超过|不大于|小于等于|至多|<=) ?{_D}(?:级)?{_TAIL}", "le"),
        (rf"{_LEVEL}(?:高于|大于|超过|>) ?{_D}(?:级)?{_TAIL}", "gt"),
        (rf"{_LEVEL}(?:低于|小于|不到|不足|<) ?{_D}(?:级)?{_TAIL}", "lt"),
        (rf"(?:高于|超过|大于)(?:等级{_D}|{_D}级){_TAIL}", "gt"),
        (rf"(?:低于|小于|不到)(?:等级{_D}|{_D}级){_TAIL}", "lt"),
        (rf"{_LEVEL}(?:为|是|在|=)? ?{_D}(?:级)?(?:{_UP}){_TAIL}", "ge"),
        (rf"{_D}级(?:会员)?(?:{_UP}){_TAIL}", "ge"),
        (rf"{_LEVEL}(?:为|是|在|=)? ?{_D}(?:级)?(?:{_DOWN}){_TAIL}", "le"),
        (rf"{_D}级(?:会员)?(?:{_DOWN}){_TAIL}", "le"),
        (rf"{_LEVEL}(?:为|是|在|=)? ?{_D}(?:级)?{_TAIL}", "in"),
        (rf"(?<![0-9]){_D}级{_TAIL}", "in"),
        (rf"{_EN_LEVEL}(\d) ?(?:to|through|-|~) ?(\d){_EN_TAIL}", "range"),
        (rf"{_EN_LEVEL}(\d) ?(?:and|or|&|,) ?(?:level )?(\d){_EN_TAIL}", "both"),
        (
            rf"{_EN_LEVEL}(\d){_EN_WHO}(?:,? (?:and|or) (?:above|higher|up|over|more)|\+| upwards| plus){_EN_TAIL}",
            "ge",
        ),
        (rf"{_EN_LEVEL}(\d){_EN_WHO}(?:,? (?:and|or) (?:below|lower|under|less|down)){_EN_TAIL}", "le"),
        (rf"(?:at least|minimum|>=) {_EN_LEVEL}(\d){_EN_TAIL}", "ge"),
        (rf"{_EN_LEVEL}(?:of )?(?:at least|>=|no lower than|not below) ?(\d){_EN_TAIL}", "ge"),
        (rf"(?:at most|up to|<=) {_EN_LEVEL}(\d){_EN_TAIL}", "le"),
        (rf"{_EN_LEVEL}(?:of )?(?:at most|<=|up to) ?(\d){_EN_TAIL}", "le"),
        (rf"(?:above|over|higher than|beyond|>) {_EN_LEVEL}(\d){_EN_TAIL}", "gt"),
        (rf"{_EN_LEVEL}(?:above|over|higher than|greater than|>) ?(\d){_EN_TAIL}", "gt"),
        (rf"(?:below|under|lower than|<) {_EN_LEVEL}(\d){_EN_TAIL}", "lt"),
        (rf"{_EN_LEVEL}(?:below|under|lower than|less than|<) ?(\d){_EN_TAIL}", "lt"),
        (rf"{_EN_LEVEL}(?:=|is |of )?(\d){_EN_TAIL}", "in"),
        (rf"(?<![a-z0-9])l(\d){_EN_TAIL}(?![a-z0-9])", "in"),
    )
)


def take_levels(text: Text, draft: Draft) -> None:
    """等级3以上, 2到4级会员, level 3 and above."""
    for pattern, kind in _LEVELS:
        for match in text.take(pattern):
            levels = [int(parse_number(part) or 0) for part in match.groups() if part]
            merge_filter(draft.filters, _level_filter(kind, levels))


def _level_filter(kind: str, levels: list[int]) -> Filter:
    first, last = levels[0], levels[-1]
    if kind == "range":
        return Filter(dimension="level", values=tuple(range(min(first, last), max(first, last) + 1)))
    if kind in ("both", "in"):
        return Filter(dimension="level", values=tuple(levels))
    operator: Operator = "ge" if kind in ("ge", "gt") else "le"
    step = {"gt": 1, "lt": -1}.get(kind, 0)
    return Filter(dimension="level", operator=operator, values=(first + step,))


_NOUN = re.compile(r" ?(?:渠道|端|channels?(?![a-z]))")


@cache
def _values(dimension: str) -> tuple[re.Pattern[str], dict[str, str]]:
    entry = catalogue().dimensions[dimension].values
    meanings = {word: key for key, value in entry.items() for word in (*value.words_zh, *value.words_en)}
    return re.compile(any_of(meanings)), meanings


def take_values(text: Text, draft: Draft, *dimensions: str) -> None:
    """Take the words for the values of closed dimensions: 线上, guests, 新客."""
    for dimension in dimensions:
        pattern, meanings = _values(dimension)
        for match in list(pattern.finditer(text.left)):
            # 外卖渠道 is a value, not a split by channel.
            noun = _NOUN.match(text.left, match.end()) if dimension == "channel" else None
            operator: Operator = "not_in" if is_excluded(text, *match.span()) else "in"
            value = meanings.get(match[0]) or meanings[match[0].replace("-", " ")]
            text.blank(match.start(), noun.end() if noun else match.end())
            merge_filter(draft.filters, Filter(dimension=dimension, operator=operator, values=(value,)))
