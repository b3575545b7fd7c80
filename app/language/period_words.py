"""Finding periods in a sentence: 最近7天, 上周五, 10月1日到7日, last week, since October 1, Q3."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from app.language.dates import DATES
from app.language.numbers import parse_number
from app.language.period_joins import FoundPeriod, joined
from app.language.periods import (
    EVERYTHING,
    Period,
    Unit,
    beginning,
    between,
    calendar,
    rolling,
    shift,
)

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], date], Period | None]]

_NUMBER = (
    r"(?P<n>\d{1,4}|[一二两三四五六七八九十百]{1,5}|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|"
    r"twelve|fourteen|fifteen|twenty|thirty|sixty|ninety)|a couple of|couple of)"
)
_ZH_UNIT = r"(?:个|整)?(?P<u>天|日|周|星期|礼拜|月|季度|季|年)(?!内?环|店|同)"
_EN_UNIT = r"(?:full |whole |calendar )?(?P<u>day|week|month|quarter|year)s?"
_UNITS: dict[str, Unit] = {
    "天": "day",
    "日": "day",
    "周": "week",
    "星期": "week",
    "礼拜": "week",
    "月": "month",
    "季度": "quarter",
    "季": "quarter",
    "年": "year",
    "day": "day",
    "week": "week",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
}
_WEEKDAYS = {
    **{char: index for index, char in enumerate("一二三四五六")},
    **dict.fromkeys(("日", "天", "末"), 6),
    **{
        name: index
        for index, names in enumerate(
            (
                ("monday", "mon"),
                ("tuesday", "tue", "tues"),
                ("wednesday", "wed"),
                ("thursday", "thu", "thurs"),
                ("friday", "fri"),
                ("saturday", "sat"),
                ("sunday", "sun"),
            )
        )
        for name in names
    },
}
_EN_WEEKDAY = r"(?P<day>monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thurs?|fri|sat|sun|weekend)"


def find_periods(normalised: str, today: date) -> list[FoundPeriod]:
    """Every period in an already normalised text, in order; of overlapping readings the more explicit."""
    found: list[FoundPeriod] = []
    taken = normalised
    for pattern, build in _RULES:
        for match in list(pattern.finditer(taken)):
            if period := build(match, today):
                found.append(FoundPeriod(period, match.start(), match.end()))
                taken = taken[: match.start()] + "\0" * (match.end() - match.start()) + taken[match.end() :]
    return joined(sorted(found, key=lambda item: item.start), normalised, today)


def _number(match: re.Match[str]) -> int:
    said = match["n"]
    return int(parse_number("two" if "couple" in said else said) or 0)


def _last_n(match: re.Match[str], _today: date) -> Period | None:
    count = _number(match)
    return rolling(count, _UNITS[match["u"]]) if count else None


def _whole(match: re.Match[str], _today: date) -> Period | None:
    count = _number(match)
    return calendar(_UNITS[match["u"]], 1, count) if count else None


def _ago(match: re.Match[str], _today: date) -> Period:
    return calendar(_UNITS[match["u"]], _number(match))


def _half(match: re.Match[str], _today: date) -> Period:
    return rolling(15) if "月" in match[0] or "month" in match[0] else rolling(182)


def _zh_calendar(match: re.Match[str], _today: date) -> Period:
    said = match["which"]
    back = said.count("上") - said.count("下")
    return calendar(_UNITS[match["u"]], back)


_EN_WHICH = {"last": 1, "previous": 1, "prior": 1, "this": 0, "current": 0, "next": -1, "coming": -1}


def _en_calendar(match: re.Match[str], _today: date) -> Period:
    return calendar(_UNITS[match["u"]], _EN_WHICH[match["which"]])


def _zh_weekday(match: re.Match[str], today: date) -> Period:
    said = match["which"] or ""
    monday = shift(beginning(today, "week"), "week", said.count("下") - said.count("上"))
    return _weekday(monday, match["day"], today, is_plain=not said)


def _en_weekday(match: re.Match[str], today: date) -> Period | None:
    which, this = match["which"] or "", beginning(today, "week")
    monday = shift(this, "week", -_EN_WHICH.get(which, 0))
    if which == "last" and match["day"] != "weekend":  # last Friday: the latest one that is over
        day = this + timedelta(days=_WEEKDAYS[match["day"]])
        return between(*[day if day < today else day - timedelta(days=7)] * 2)
    return _weekday(monday, match["day"], today, is_plain=not which)


def _weekday(monday: date, said: str, today: date, *, is_plain: bool) -> Period:
    """A day or weekend of the week; a plain "Friday" is the latest that has begun."""
    first = monday + timedelta(days=5 if said in ("末", "weekend") else _WEEKDAYS[said])
    if is_plain and first > today:
        first -= timedelta(days=7)
    return between(first, first + timedelta(days=1 if said in ("末", "weekend") else 0))


def _fixed(period: Period) -> Callable[[re.Match[str], date], Period]:
    return lambda _match, _today: period


def _rule(pattern: str, build: Callable[[re.Match[str], date], Period | None]) -> Rule:
    return re.compile(pattern), build


def _plain(match: re.Match[str], _today: date) -> Period | None:
    """7天 with nothing before it: the last 7 days. 一天 and 一周 are more often "one of the days"."""
    count = _number(match)
    return rolling(count, _UNITS[match["u"].removeprefix("个")]) if count >= 2 else None


def _past_unit(match: re.Match[str], _today: date) -> Period:
    return rolling(1, _UNITS[match["u"]])


def _before_last(match: re.Match[str], _today: date) -> Period:
    return calendar(_UNITS[match["u"]], 2)


_FUTURE = calendar("day", -1)
_LAST = r"(?:最近|过去|近|前|这|往前|近来)(?:的|了)?"
_LAST_EN = r"(?:the |our )?(?:last|past|previous|recent|trailing|latest|prior|most recent)"
_WITHIN = r"(?:以?内|之内|以来|里)?"
_RULES: tuple[Rule, ...] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (rf"(?:未来|接下来|今后|往后|下面|之后)(?:的)?{_NUMBER}{_ZH_UNIT}", _fixed(_FUTURE)),
        (rf"(?:next|coming|following) {_NUMBER} {_EN_UNIT}", _fixed(_FUTURE)),
        (r"明天|明日|大?后天|未来|将来|接下来|今后|(?<![a-z])tomorrow(?:'s)?(?![a-z])", _fixed(_FUTURE)),
        (r"明年|来年", _fixed(calendar("year", -1))),
        (rf"(?:上|之前){_NUMBER}(?:个|整)?(?P<u>周|星期|礼拜|月|季度)", _whole),
        (rf"{_LAST} ?{_NUMBER} ?{_ZH_UNIT}{_WITHIN}", _last_n),
        (r"(?:最近|过去|近|前|这)?(?:的)?半(?:个月|年)(?:以?内|以来)?", _half),
        (rf"{_LAST_EN} half(?: a)? (?:month|year)", _half),
        (rf"{_LAST_EN} {_NUMBER}[ -]{_EN_UNIT}", _last_n),
        (rf"{_NUMBER} ?{_ZH_UNIT}(?:之?前|以前)(?![0-9一二三四五六七八九十])", _ago),
        (rf"(?<![a-z]){_NUMBER} {_EN_UNIT} ago", _ago),
        (r"大前天", _fixed(calendar("day", 3))),
        (r"前天|(?:the )?day before yesterday", _fixed(calendar("day", 2))),
        (r"昨天|昨日|昨晚|(?<![a-z])yesterday(?:'s)?(?![a-z])", _fixed(calendar("day", 1))),
        (
            r"今天|今日|(?<![日号天一二三四五六末节1])当天|今晚|(?<![a-z])today(?:'s)?(?![a-z])",
            _fixed(calendar("day", 0)),
        ),
        *DATES,
        (
            r"(?P<which>上{1,3}|下{1,2}|本|这|当)?(?:个)?(?:周|星期|礼拜)(?P<day>[一二三四五六日天末])(?!天|个|周|月|共)",
            _zh_weekday,
        ),
        (
            r"(?P<which>上{1,3}|下{1,2}|本|这|当|今)(?:一|个|1)?(?:整)?个?(?P<u>周|星期|礼拜|月|季度|季|年)(?:度)?"
            r"(?:至今|到现在|以来|份)?(?!店|末)",
            _zh_calendar,
        ),
        (r"去年(?:全年)?", _fixed(calendar("year", 1))),
        (r"前年", _fixed(calendar("year", 2))),
        (r"年初至今|年初到现在|year[- ]to[- ]date|\bytd\b", _fixed(calendar("year", 0))),
        (r"month[- ]to[- ]date|\bmtd\b|月初至今|月初到现在", _fixed(calendar("month", 0))),
        (r"week[- ]to[- ]date|\bwtd\b", _fixed(calendar("week", 0))),
        (r"(?:the )?(?P<u>week|month|quarter|year) before last", _before_last),
        (r"(?:the |our )(?:last|past) (?P<u>week|month|quarter|year)(?![a-z])", _past_unit),
        (r"(?<![a-z])(?:past|recent|trailing) (?P<u>week|month|quarter|year)(?![a-z])", _past_unit),
        (
            r"(?:so far )?(?<![a-z])(?P<which>last|previous|prior|this|current|next|coming) (?:full |whole |calendar )?"
            r"(?P<u>week|month|quarter|year)(?:'s|s')?(?: so far| to date)?(?![a-z])",
            _en_calendar,
        ),
        (
            rf"(?<![a-z])(?:on )?(?:(?P<which>last|this|previous|next) )?{_EN_WEEKDAY}(?:'s)?(?![a-z])",
            _en_weekday,
        ),
        (rf"(?<![a-z\d])(?<!top )(?<!best )(?<!worst )(?<!bottom ){_NUMBER}[ -]{_EN_UNIT}(?![a-z])", _last_n),
        (
            rf"(?<![\d月年第每的哪几]){_NUMBER} ?(?P<u>天|日|周|星期|礼拜|个月|个季度|个星期){_WITHIN}(?![0-9])",
            _plain,
        ),
        (r"有史以来|历史(?:累计|以来|全部)?|全部时间|开业以来|所有时间|累计至今", _fixed(EVERYTHING)),
        (
            r"all[- ]time|since (?:the )?(?:beginning|opening|we opened|launch)|(?:of|for) all time",
            _fixed(EVERYTHING),
        ),
    )
)
