"""Superlatives and "top n": 前10, 最高的3个, 倒数第二, top 5, the worst store, best-selling, 增长最快."""

from __future__ import annotations

import re

from app.insights.parsing.draft import Rank, Said
from app.insights.parsing.metric_words import nearest
from app.insights.parsing.text import Text
from app.insights.question import By
from app.language.numbers import parse_number

_N = r"(?P<n>\d{1,3}|[一二两三四五六七八九十]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty)"
_TIME = r"(?!\d|[个]?(?:天|日|周|星期|月|季|年)(?!里)|[ -]?(?:day|week|month|year)s?(?! (?:with|by)))"
_MEASURE = r"(?:名|位|个|家|款|种|大|强|件|样|条)?"
_HIGH = r"最高|最多|最好|最大|最强|最佳|最畅销|最热销|最热门|最火|最热|最受欢迎|第一|领先|最优|居首|榜首|冠军|销冠|最贵|最旺"
_LOW = r"最低|最少|最差|最小|最弱|最滞销|垫底|倒数|末尾|最冷门|最后|末位|最不好|最惨|最不畅销"
_GROWTH = r"(?:增长|增速|增幅|涨幅|涨|上升|提升|增加)(?:得|的)?(?:最快|最多|最大|最高|最明显|最猛)"
_FALL = (
    r"(?:下降|下滑|下跌|跌幅|降幅|跌|降|减少|回落)(?:得|的)?(?:最快|最多|最大|最高|最明显|最厉害|最严重|最狠)"
)
_EN_HIGH = r"highest|most|best|largest|biggest|top|greatest|strongest|leading|maximum|max"
_EN_LOW = r"lowest|least|fewest|worst|smallest|weakest|bottom|poorest|slowest|minimum"
_DE = r"(?:的|是|为)?(?:是)?(?:哪|前)?"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (
            r"从低到高|由低到高|升序|从小到大|从少到多|(?<![a-z])ascending|lowest first|lowest to highest",
            "asc",
        ),
        (
            r"(?<![a-z])(?:worst|lowest|smallest|least) first",
            "asc",
        ),
        (
            r"(?<![a-z])(?:best|highest|largest|biggest|most) first",
            "desc",
        ),
        (
            rf"(?<![a-z])(?P<nth>second|third|fourth|fifth|2nd|3rd|4th|5th)[- ](?:{_EN_LOW})(?![a-z])",
            "low",
        ),
        (
            rf"(?<![a-z])(?P<nth>second|third|fourth|fifth|2nd|3rd|4th|5th)[- ](?:{_EN_HIGH})(?![a-z])",
            "high",
        ),
        (
            r"从高到低|由高到低|降序|从大到小|从多到少|(?<![a-z])descending|highest first|highest to lowest",
            "desc",
        ),
        (rf"{_GROWTH}(?:的)?(?:(?:前)?{_N}{_TIME}{_MEASURE})?", "growth"),
        (rf"{_FALL}(?:的)?(?:(?:前)?{_N}{_TIME}{_MEASURE})?", "fall"),
        (rf"(?<![a-z])(?:fastest|quickest|strongest)[- ]growing(?: {_N})?", "growth"),
        (
            r"(?<![a-z])grew (?:the )?(?:most|fastest)|(?<![a-z])(?:biggest|largest|highest|most) (?:growth|increase|rise|gain)|(?<![a-z])increased (?:the )?most",
            "growth",
        ),
        (
            r"(?<![a-z])(?:fell|dropped|declined|decreased|lost) (?:the )?(?:most|fastest)|(?<![a-z])(?:biggest|largest|steepest|sharpest|most) (?:drop|decline|decrease|fall|loss)",
            "fall",
        ),
        (
            rf"(?:排名|排行|排|位列)?(?:最后|倒数|末尾|末|后|垫底的?|最低的?|最差的?|最少的?)(?:的)?第?{_N}{_TIME}{_MEASURE}",
            "low",
        ),
        (rf"(?:{_LOW}){_DE}{_N}(?!\d){_MEASURE}", "low"),
        (rf"(?:{_HIGH}){_DE}{_N}(?!\d){_MEASURE}", "high"),
        (rf"(?:排名|排行|排在|位列|居)?前(?:的)?{_N}{_TIME}{_MEASURE}", "high"),
        (rf"(?<![a-z])top[ -]?{_N}(?!\d)", "high"),
        (
            rf"(?<![a-z])(?:the )?{_N} (?:of the )?(?:{_EN_LOW})(?:[- ](?:performing|ranked|ranking))?(?![a-z])",
            "low",
        ),
        (
            rf"(?<![a-z])(?:the )?{_N} (?:of the )?(?:{_EN_HIGH})(?:[- ](?:performing|ranked|ranking))?(?![a-z])",
            "high",
        ),
        (rf"(?<![a-z])(?:{_EN_LOW})[ -]{_N}{_TIME}(?![a-z0-9])", "low"),
        (rf"(?<![a-z])(?:{_EN_HIGH})[ -]{_N}{_TIME}(?![a-z0-9])", "high"),
        (r"(?:卖|销售|销)(?:得|的)?最(?:差|少|慢|不好)|滞销", "unsold"),
        (r"(?:卖|销售|销)(?:得|的)?最(?:好|多|火|快)|热销|畅销|热卖|爆款|最受欢迎", "sold"),
        (rf"(?:{_LOW})", "low"),
        (rf"(?:{_HIGH})(?!天)", "high"),
        (r"(?<![a-z])(?:worst|slowest)(?:[- ]performing)?(?![a-z])", "worst"),
        (r"(?<![a-z])best(?:[- ]performing)?(?![a-z])", "best"),
        (rf"(?<![a-z])(?:{_EN_LOW})(?![a-z])(?! than)", "low"),
        (rf"(?<![a-z])(?:at )?(?:the )?(?<!at )(?:{_EN_HIGH})(?![a-z])(?! of the time)", "high"),
        (
            r"排名|排行榜?|排序|榜单|(?<![a-z])rank(?:ed|ing|ings|s)?(?![a-z])|leaderboard|league table|(?<![a-z])sort(?:ed)?(?![a-z])",
            "desc",
        ),
    )
)
_SOLD_EN = re.compile(
    r"(?<![a-z])(?:(?P<low>worst|slowest|least|poorest)|(?P<high>best|top|most|hottest))[- ]?(?:sell(?:ing|ers?)|sold)(?![a-z])|"
    r"(?<![a-z])(?:sell(?:s|ing)?|sold) (?:the )?(?:(?P<low2>worst|least|slowest)|(?P<high2>best|most))(?![a-z])|"
    r"(?<![a-z])(?:(?P<low3>least|less)|(?P<high3>most|more)) popular(?![a-z])"
)
_SOLD_ZH = re.compile(r"(?:卖|销售?)(?:得|的)(?:最|(?:比较|很|更)?(?:好|差))|热销|畅销|热卖|爆款|滞销")
_LISTS = re.compile(r"热销|畅销|热卖|爆款|滞销")
_GOOD = re.compile(r"最好|最差|最强|最弱|最佳")
# "the 5 best-selling products": a number that nothing else has taken.
_LONE_COUNT = re.compile(
    rf"(?<![\d.]){_N}(?:个|家|款|种|名|样|座)(?!月|星期|季|小时|百分)|(?<![a-z0-9.,%]){_N.replace('?P<n>', '?P<m>')}(?= [a-z¦])"
)


def take_rank(text: Text, metrics: list[Said]) -> Rank | None:
    """Take the superlative, if there is one; several ("前10名销量最高") are one. Its metric stands before it in Chinese."""
    parts: list[tuple[str, re.Match[str]]] = []
    for pattern, kind in _RULES:
        parts += [(kind, match) for match in text.take(pattern)]
    if sold := _SOLD_EN.search(text.said):
        text.blank(*sold.span())
        parts.append(("unsold" if any(sold[name] for name in ("low", "low2", "low3")) else "sold", sold))
    elif found := _SOLD_ZH.search(text.said):
        parts.append(("sold", found))
        text.take(_SELLS)
    return _joined(parts, metrics, text) if parts else None


_PLURAL = re.compile(
    r"哪些|哪几|有哪|排名|排行|榜|(?<![a-z])(?:stores|cities|channels|products|items|categories|shops|branches|days|weeks|months|skus|sellers|bestsellers|ones|levels|tiers)(?![a-z])"
)


def asks_for_several(left: str) -> bool:
    """Whether a superlative without a number wants a list."""
    return bool(_PLURAL.search(left))


_SELLS = re.compile(r"(?:卖|销售?)(?:得|的)")


def _joined(parts: list[tuple[str, re.Match[str]]], metrics: list[Said], text: Text) -> Rank:
    kinds = {kind for kind, _ in parts}
    is_order_only = kinds <= {"asc", "desc"}
    count = next((number for _, match in parts if (number := _count(match))), None)
    if count is None and not is_order_only:
        count = next((number for match in text.take(_LONE_COUNT) if (number := _count(match))), 0)
    by: By = "change" if kinds & {"growth", "fall"} else "value"
    # A superlative says more of where its metric is than a "top 10" does.
    match = next((m for _, m in parts if not _count(m)), parts[0][1])
    is_chinese = not match[0][:1].isascii()
    after = [said for said in metrics if said.start >= match.end()]
    said = (
        nearest(metrics, *match.span(), before_first=True)
        if is_chinese
        else next((m.metric for m in [*after, *metrics]), None)
    )
    return Rank(
        count=count,
        descending=not kinds & {"low", "worst", "unsold", "fall", "asc"},
        metric=said,
        by=by,
        best=bool(kinds & {"best", "worst"}) or bool(_GOOD.search(match[0])),
        sold=bool(kinds & {"sold", "unsold"}),
        is_list=bool(_LISTS.search(text.said)),
        start=min(m.start() for _, m in parts),
    )


_ORDINALS = {"second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5, "5th": 5}


def _count(match: re.Match[str]) -> int | None:
    groups = match.groupdict()
    if nth := groups.get("nth"):
        return _ORDINALS[nth]
    said = groups.get("n") or groups.get("m")
    return int(parse_number(said) or 0) or None if said else None
