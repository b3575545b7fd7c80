"""Explicit dates in a sentence: 2026-10-01, 10月1日到7日, 国庆, Oct 1-7, Q3, 15号. Rules for `period_words`."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date

from app.language.numbers import parse_number
from app.language.periods import Period, between, calendar, shift

Build = Callable[[re.Match[str], date], Period | None]

_MONTHS = dict(
    zip(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        range(1, 13),
        strict=True,
    )
)
_EN_MONTH = r"(?P<mon>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
_SURE_MONTH = _EN_MONTH.replace("mar(?:ch)?", "march").replace("|may|", "|")
_N = r"[0-9]{1,2}|[一二三四五六七八九十]{1,3}"
_ZH_YEAR = r"(?:(?P<y>\d{4}年|\d{4}[-/.]|[今去前]年(?:的)?) ?)"
_TO = r" ?(?:到|至|-|~|to|through|until|till) ?"
_DAY = r"(?:st|nd|rd|th)?"
_FESTIVALS: dict[str, tuple[int, int, int]] = {
    "元旦|new year's day": (1, 1, 1),
    "情人节|valentine's day": (2, 14, 1),
    "三八(?:节|妇女节)|妇女节|女神节|women's day": (3, 8, 1),
    "五一(?:假期|劳动节|黄金周|期间)?|劳动节|labou?r day": (5, 1, 5),
    "618(?:大促|期间)?|六一八": (6, 18, 1),
    "国庆(?:节|假期|黄金周|期间)*|十一(?:假期|黄金周|期间)|(?:the )?(?:national day|golden week)(?: holidays?)?": (
        10,
        1,
        7,
    ),
    "双十一|双11|singles'? day|double (?:11|eleven)": (11, 11, 1),
    "双十二|双12|double (?:12|twelve)": (12, 12, 1),
    "圣诞(?:节)?|christmas(?: day)?": (12, 25, 1),
}
_FESTIVAL_DATES = list(_FESTIVALS.values())


def _int(said: str | None) -> int | None:
    return None if said is None else int(parse_number(said) or 0)


def _day(year: int, month: int, day: int) -> date | None:
    """The date, or None where the calendar has none (a 31 November is a slip, not a day)."""
    if not (2000 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return None
    return date(year, month, day)


def _year(said: str | None, today: date) -> int | None:
    if not said:
        return None
    relative = {"今": 0, "去": 1, "前": 2}.get(said[0])
    return today.year - relative if relative is not None else int(re.sub(r"\D", "", said))


def _latest(month: int, day: int, year: int | None, today: date) -> date | None:
    """The date in that year, or the latest one that is not in the future."""
    if year is not None:
        return _day(year, month, day)
    found = _day(today.year, month, day) or _day(today.year - 1, month, day)
    return _day(found.year - 1, month, day) if found and found > today else found


def _span(first: date | None, last: date | None) -> Period | None:
    if first is None or last is None:
        return None
    return between(first, last if last >= first else _next_year(last, first))


def _next_year(last: date, first: date) -> date:
    """12月20日到1月5日 ends in the year after it begins."""
    return _day(first.year + 1, last.month, last.day) or first


def _date_to_day(match: re.Match[str], today: date) -> Period | None:
    """10月1日(到7日)."""
    month, day, year = _int(match["m"]) or 0, _int(match["d"]) or 0, _year(match["y"], today)
    first = _latest(month, day, year, today)
    last = _int(match["d2"])
    return _span(first, first if last is None or first is None else _day(first.year, month, last))


def _numeric_range(match: re.Match[str], today: date) -> Period | None:
    months = [int(part) for part in match.group("m", "d", "m2", "d2")]
    first = _latest(months[0], months[1], None, today)
    return None if first is None else _span(first, _day(first.year, months[2], months[3]))


def _numeric(match: re.Match[str], today: date) -> Period | None:
    found = _latest(int(match["m"]), int(match["d"]), None, today)
    return _span(found, found)


def _english(match: re.Match[str], today: date) -> Period | None:
    month = _MONTHS[match["mon"][:3]]
    year = int(match["y"]) if match["y"] else None
    first = _latest(month, int(match["d"]), year, today)
    last = match["d2"]
    return _span(first, _day(first.year, month, int(last)) if last and first else first)


def _month(match: re.Match[str], today: date) -> Period | None:
    """A month, whole or a part of it."""
    groups = match.groupdict()
    name = groups.get("mon")
    month = _MONTHS[name[:3]] if name else _int(groups.get("m")) or 0
    year = groups.get("y")
    first = _latest(month, 1, _year(year, today) if year else None, today)
    return _part_of_month(first, groups.get("part") or "") if first else None


def _week_of_month(match: re.Match[str], today: date) -> Period | None:
    """11月第一周, the first week of October: its days 1 to 7, and so on."""
    name, said = match.groupdict().get("mon"), match["w"]
    month = _MONTHS[name[:3]] if name else _int(match["m"]) or 0
    number = _ORDINALS[said] if said in _ORDINALS else _int(said) or 0
    first = _latest(month, 1, None, today)
    if first is None or not 1 <= number <= 4:
        return None
    return between(first.replace(day=7 * number - 6), first.replace(day=7 * number))


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}


def _months(match: re.Match[str], today: date) -> Period | None:
    """8月到10月, 8-10月."""
    first = _latest(_int(match["m"]) or 0, 1, _year(match["y"], today), today)
    last = first and _latest(_int(match["m2"]) or 0, 1, None, today)
    if first is None or last is None or last < first:
        return None
    return between(first, shift(shift(last, "month", 1), "day", -1))


def _part_of_month(first: date, part: str) -> Period:
    last = monthrange(first.year, first.month)[1]
    parts = {
        "上旬": (1, 10),
        "中旬": (11, 20),
        "下旬": (21, last),
        "初": (1, 10),
        "底": (21, last),
        "上半月": (1, 15),
        "下半月": (16, last),
    }
    begin, end = parts.get(part, (1, last))
    return between(first.replace(day=begin), first.replace(day=end))


def _part_of_named_month(match: re.Match[str], today: date) -> Period:
    """上月中旬, 本月15号(到20号)."""
    first = shift(today.replace(day=1), "month", -match["which"].count("上"))
    if match["part"]:
        return _part_of_month(first, match["part"])
    begin = _day(first.year, first.month, _int(match["d"]) or 0) or first
    end = _day(first.year, first.month, _int(match["d2"]) or begin.day)
    return between(begin, end or begin)


def _day_of_month(match: re.Match[str], today: date) -> Period | None:
    """15号: of this month, or of the last while this one has not got there; 1号到15号 likewise."""
    wanted, last = _int(match["d"]) or 0, _int(match["d2"])
    found = _day(today.year, today.month, wanted)
    if found is None or found > today:
        month = shift(today.replace(day=1), "month", -1)
        found = _day(month.year, month.month, wanted)
    return None if found is None else _span(found, _day(found.year, found.month, last) if last else found)


def _quarter(match: re.Match[str], today: date) -> Period | None:
    number = _int(match["q"]) or 0
    year = next((value for key, value in match.groupdict().items() if key != "q" and value), None)
    first = _latest(number * 3 - 2, 1, _year(year, today), today) if 1 <= number <= 4 else None
    return None if first is None else between(first, shift(shift(first, "quarter", 1), "day", -1))


def _whole_year(match: re.Match[str], today: date) -> Period:
    return calendar("year", today.year - int(match["y"]))


def _festival(match: re.Match[str], today: date) -> Period | None:
    month, day, days = _FESTIVAL_DATES[(match.lastindex or 1) - 1]
    first = _latest(month, day, None, today)
    return None if first is None else between(first, shift(first, "day", days - 1))


def _half_of_month(match: re.Match[str], today: date) -> Period | None:
    first = _latest(_MONTHS[match["mon"][:3]], 1, None, today)
    return (
        None if first is None else _part_of_month(first, "上半月" if match["half"] == "first" else "下半月")
    )


_AFTER_WORD = (
    "(?:"
    + "|".join(
        f"(?<={word} )"
        for word in ("in", "of", "for", "during", "since", "from", "until", "to", "last", "this", "through")
    )
    + ")"
)
DATES: tuple[tuple[str, Build], ...] = (
    (rf"(?P<m>{_N})月(?:份)?的?第(?P<w>[一二三四1-4])(?:个)?(?:周|星期)", _week_of_month),
    (rf"(?:the )?(?P<w>first|second|third|fourth) week (?:of|in) (?:last )?{_EN_MONTH}", _week_of_month),
    (
        rf"(?P<y>\d{{4}}[-/.年])(?P<m>\d{{1,2}})[-/.月](?P<d>\d{{1,2}})[日号]?(?:{_TO}(?P<d2>\d{{1,2}})[日号])?(?!\d)",
        _date_to_day,
    ),
    (
        rf"{_ZH_YEAR}?(?P<m>{_N})月(?P<d>{_N})[日号]?(?:{_TO}(?P<d2>{_N})[日号])?(?![一二三四五六七八九十\d店])",
        _date_to_day,
    ),
    (
        r"(?<![\d.])(?P<m>\d{1,2})[./](?P<d>\d{1,2}) ?(?:-|~|到|至) ?(?P<m2>\d{1,2})[./](?P<d2>\d{1,2})(?![\d.])",
        _numeric_range,
    ),
    (r"(?P<y>\d{4})[-/](?P<m>\d{1,2})(?![-/\d])", _month),
    (rf"{_ZH_YEAR}?(?<![\d.])(?P<m>{_N})月?份? ?(?:到|至|-|~) ?(?P<m2>{_N})月(?:份)?(?!\d)", _months),
    (
        rf"{_ZH_YEAR}?(?<![\d.])(?P<m>{_N})月(?:份)?(?P<part>上旬|中旬|下旬|上半月|下半月|初|底)?(?!\d)",
        _month,
    ),
    (
        rf"(?P<which>上个?|本|这个?|当)月(?:份)?(?:的)?(?:(?P<part>上旬|中旬|下旬|上半月|下半月|初|底)|(?P<d>{_N})[日号](?:{_TO}(?P<d2>{_N})[日号])?)",
        _part_of_named_month,
    ),
    (rf"(?P<half>first|second) half of (?:last )?{_EN_MONTH}", _half_of_month),
    (
        rf"(?<![a-z]){_EN_MONTH} (?P<d>\d{{1,2}}){_DAY}(?:{_TO}(?P<d2>\d{{1,2}}){_DAY}(?! ?[a-z]{{3,}} ?\d))?(?:,? (?P<y>20\d\d))?(?!\d)",
        _english,
    ),
    (
        rf"(?<![\d.])(?P<d>\d{{1,2}}){_DAY}(?:{_TO}(?P<d2>\d{{1,2}}){_DAY})? (?:of )?{_EN_MONTH}(?:,? (?P<y>20\d\d))?(?!\d)",
        _english,
    ),
    (rf"(?<![a-z]){_EN_MONTH},? (?P<y>20\d\d)(?!\d)", _month),
    (rf"{_AFTER_WORD}{_EN_MONTH}", _month),
    (rf"(?<![a-z]){_SURE_MONTH}(?:'s)?", _month),
    (rf"{_ZH_YEAR}?第?(?P<q>[一二三四1-4])季度", _quarter),
    (r"(?<![a-z\d])(?:(?P<y>20\d\d)年? ?)?q(?P<q>[1-4])(?: ?(?P<y2>20\d\d))?(?!\d)", _quarter),
    (
        r"(?<![\d.,近月])(?P<d>\d{1,2})(?:号|日)(?: ?(?:到|至|-|~) ?(?P<d2>\d{1,2})(?:号|日))?(?!店|门店|码|单|会员|店铺)",
        _day_of_month,
    ),
    (r"(?<![\d.-])(?P<m>0?[1-9]|1[0-2])/(?P<d>0?[1-9]|[12]\d|3[01])(?![\d%/])", _numeric),
    (r"(?<![\d.-])(?P<m>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])(?![\d%-])", _numeric),
    (r"(?<![\d-])(?P<y>20\d\d)(?:年(?:全年)?|(?![\d-]))(?!\d)(?! ?(?:元|单|个|件|yuan|orders))", _whole_year),
    ("|".join(f"({words})" for words in _FESTIVALS), _festival),
)
