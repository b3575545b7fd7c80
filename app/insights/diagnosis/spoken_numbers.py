"""Numbers in a sentence, with the unit they are said in: 1,234.5 · 12.3% · ¥3.2万 · +5个百分点 · 三成 · "thirty percent" · dates.

What is written with other digits (full-width, Arabic, circled, bold) or with invisible characters in between is read as the number a
reader sees. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from app.language.numbers import parse_number

Kind = Literal["percent", "points", "yuan", "count", "plain", "times", "date"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A number as said. Per cent and points are in hundredths (30 % is 30). `tolerance`: half of its last digit.

    `sign` is -1 or +1 where one is written, else 0. A date has `date` "2026-11-30" or, without a year, "-11-30".
    """

    text: str
    start: int
    end: int
    kind: Kind
    value: float = 0.0
    tolerance: float = 0.0
    sign: int = 0
    date: str = ""
    # Doubled, 翻番: a change, never a share.
    is_change: bool = False


def readable(text: str) -> str:
    """The text with every digit an ASCII one and nothing invisible."""
    return "".join(_plain(char) for char in text)


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category in ("No", "Nl"):
        return f"{unicodedata.numeric(char):g}"
    return unicodedata.normalize("NFKC", char) if category != "Lo" else char


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATES = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?:(?P<y>\d{4}) ?年 ?)?(?P<m>\d{1,2}) ?月 ?(?P<d>\d{1,2}) ?[日号]"),
    re.compile(
        rf"(?<![a-z]){_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?(?![\d%])", re.IGNORECASE
    ),
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH}(?:,? (?P<y>\d{{4}}))?(?![a-z\d])", re.IGNORECASE
    ),
)
_PERCENT = r"%|percent(?!age)|per cent|pct\.?(?![a-z])"
_POINTS = r"个?百分点|percentage[- ]points?|%[- ]?points?|(?:p\.?p\.?|pts?|points?)(?![a-z])"
_YUAN = r"元|块钱?|人民币|yuan(?![a-z])|rmb(?![a-z])|cny(?![a-z])"
_COUNT = (
    r"单|笔|件|人|名|位|家|天|日|次|款|种|条|张|瓶|盒|周"
    r"|(?:new |paid |returning |failed |fewer |more )*(?:orders?|buyers?|customers?|members?|units?|pieces?|payments?|failures?|stores?|days?|products?|people|guests?|attempts?|coupons?)(?![a-z])"
)
_SCALES = {
    "万": 1e4,
    "亿": 1e8,
    "千": 1e3,
    "百万": 1e6,
    "k": 1e3,
    "m": 1e6,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "mn": 1e6,
}
_SCALE = r"百万|万|亿|千|(?:thousand|million|billion|bn|mn|k|m)(?![a-z])"
_TIMES = r"倍|times(?![a-z])|-?fold(?![a-z])|x(?![a-z])"
_UNIT = rf"(?P<times>{_TIMES})|(?P<points>{_POINTS})|(?P<percent>{_PERCENT})|(?P<yuan>{_YUAN})|(?P<count>个?(?:{_COUNT}))"
_MONEY = r"¥|￥|\$|€|(?:rmb|cny) ?"
_DIGITS = re.compile(
    rf"(?:(?<![\w.,)])|(?<=[\u4e00-\u9fff]))(?P<sign>[-+\u2212\u2013]) ?(?P<cur1>{_MONEY})?(?P<n1>\d[\d,]*(?:\.\d+)?)"
    rf"|(?P<cur2>{_MONEY}) ?(?P<sign2>[-+\u2212])?(?P<n2>\d[\d,]*(?:\.\d+)?)|(?P<n3>\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"(?: ?(?P<scale>{_SCALE}))? ?(?:{_UNIT})?", re.IGNORECASE)
_ZH = "零〇一二两三四五六七八九十百千万亿"
_ZH_DIGIT = "一二两三四五六七八九十"
_CHINESE: tuple[tuple[re.Pattern[str], Kind, Callable[[re.Match[str]], tuple[float, float]]], ...] = (
    (re.compile(rf"百分之(?P<n>[{_ZH}]+)(?:点(?P<f>[{_ZH}]+))?"), "percent", lambda m: _decimal(m)),
    (re.compile(rf"(?P<n>[{_ZH}]+)(?:点(?P<f>[{_ZH}]+))?个?百分点"), "points", lambda m: _decimal(m)),
    (
        re.compile(rf"(?P<n>[{_ZH_DIGIT}])成(?P<half>半)?(?![为了功立本交员长都果])"),
        "percent",
        lambda m: (_number(m["n"]) * 10 + (5 if m["half"] else 0), 2.5),
    ),
    (re.compile("一半|半数"), "percent", lambda _: (50.0, 2.5)),
    (re.compile("翻(?:了)?(?:一)?[倍番]"), "percent", lambda _: (100.0, 2.5)),
    (re.compile(rf"(?P<n>[{_ZH_DIGIT}][{_ZH}]*)(?:点(?P<f>[{_ZH}]+))?倍"), "times", lambda m: _decimal(m)),
    (re.compile(rf"(?P<n>[{_ZH_DIGIT}][{_ZH}]*)(?:多)?(?:元|块)"), "yuan", lambda m: (_number(m["n"]), 0.5)),
    (
        re.compile(
            rf"(?P<n>(?:[二两三四五六七八九十][{_ZH}]*|一[{_ZH}]+))个?(?:{'单|笔|件|人|名|位|家|天|次|款|种|条|张|瓶|盒|成员'})"
        ),
        "count",
        lambda m: (_number(m["n"]), 0.5),
    ),
    (
        re.compile(rf"(?P<n>[{_ZH_DIGIT}][{_ZH}]*[百千万亿][{_ZH}]*)"),
        "plain",
        lambda m: (_number(m["n"]), 0.5),
    ),
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ONES = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_SMALL = rf"(?:(?:{_TENS})(?:[- ](?:one|{_ONES}))?|{_ONES})"
_WORDS = re.compile(
    rf"(?<![a-z])(?P<n>(?:(?:a |one |{_SMALL} )(?:hundred|thousand|million)(?: and)?(?: {_SMALL})?|{_SMALL}))(?![a-z-])(?! (?:or more|parts?|sections?)(?![a-z])) ?(?:{_UNIT})?",
    re.IGNORECASE,
)
_SHARES: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(rf"(?<![a-z])(?:{pattern})(?![a-z])", re.IGNORECASE), value)
    for pattern, value in (
        (r"two[- ]thirds?", 200 / 3),
        (r"three[- ]quarters?", 75.0),
        (r"(?:a|one)[- ]third", 100 / 3),
        (r"(?:a|one)[- ]quarter|a fourth", 25.0),
        (r"(?:a|one)[- ]fifth", 20.0),
        (r"(?:a|one)[- ]tenth", 10.0),
        (r"half|halved|halves", 50.0),
        (r"doubled?|twice|twofold", 100.0),
        (r"tripled?|threefold", 200.0),
    )
)


def numbers_in(text: str) -> list[Spoken]:
    """All numbers of a text that `readable` made, in order."""
    left, found = text, []
    for reader in (_dates, _chinese, _shares, _words, _digits):
        for spoken in reader(left):
            found.append(spoken)
        for spoken in found:
            left = left[: spoken.start] + "\x00" * (spoken.end - spoken.start) + left[spoken.end :]
    return sorted(found, key=lambda spoken: spoken.start)


def _dates(text: str) -> Iterator[Spoken]:
    taken = 0
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            month = _MONTHS.index(parts["month"].lower()) + 1 if parts.get("month") else int(parts["m"])
            year = parts["y"] or ""
            taken += 1
            yield Spoken(
                match[0], match.start(), match.end(), "date", date=f"{year}-{month:02d}-{int(parts['d']):02d}"
            )


def _chinese(text: str) -> Iterator[Spoken]:
    taken: list[tuple[int, int]] = []
    for pattern, kind, read in _CHINESE:
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            # 3万 and 1.5倍 are read with their digits.
            if match.start() and (text[match.start() - 1].isdigit() or text[match.start() - 1] == "第"):
                continue
            taken.append(match.span())
            value, tolerance = read(match)
            yield Spoken(
                match[0], match.start(), match.end(), kind, value, tolerance, is_change="翻" in match[0]
            )


def _number(text: str) -> float:
    # 亿 is beyond the shared parser: read by halves.
    head, hundred_millions, tail = text.partition("亿")
    if hundred_millions:
        return (parse_number(head) or 1) * 1e8 + (_number(tail) if tail else 0)
    return float(parse_number(text.replace("〇", "零")) or 0.0)


def _decimal(match: re.Match[str]) -> tuple[float, float]:
    value, fraction = _number(match["n"]), match["f"]
    if not fraction:
        return value, 0.5
    digits = "".join(str(int(_number(char))) if char not in "零〇" else "0" for char in fraction)
    return float(f"{value:.0f}.{digits}"), 0.5 * 10 ** -len(digits)


def _shares(text: str) -> Iterator[Spoken]:
    taken: list[tuple[int, int]] = []
    for pattern, value in _SHARES:
        for match in pattern.finditer(text):
            if not any(start < match.end() and match.start() < end for start, end in taken):
                taken.append(match.span())
                yield Spoken(
                    match[0],
                    match.start(),
                    match.end(),
                    "percent",
                    value,
                    2.5,
                    is_change=value >= 100 or "halv" in match[0].lower(),
                )


def _words(text: str) -> Iterator[Spoken]:
    for match in _WORDS.finditer(text):
        value = parse_number(match["n"].lower().replace("-", " "))
        if value is None:
            value = parse_number(match["n"].lower().replace(" and ", " ")) or -1.0
        yield Spoken(match[0].strip(), match.start(), match.end(), _kind(match, ""), float(value), 0.5)


def _digits(text: str) -> Iterator[Spoken]:
    for match in _DIGITS.finditer(text):
        said = match["n1"] or match["n2"] or match["n3"]
        sign = match["sign"] or match["sign2"] or ""
        money = match["cur1"] or match["cur2"] or ""
        after = _AFTER.match(text, match.end())
        assert after is not None  # noqa: S101 - all of it is optional
        scale = _SCALES[after["scale"].lower()] if after["scale"] else 1.0
        plain = said.rstrip(",").replace(",", "")
        decimals = len(plain.partition(".")[2])
        yield Spoken(
            (match[0] + after[0]).strip(),
            match.start(),
            after.end(),
            _kind(after, money),
            float(plain) * scale,
            0.5 * 10**-decimals * scale,
            0 if not sign else 1 if sign == "+" else -1,
        )


def _kind(unit: re.Match[str], money: str) -> Kind:
    if unit["times"]:
        return "times"
    if unit["points"]:
        return "points"
    if unit["percent"]:
        return "percent"
    if money or unit["yuan"]:
        return "yuan"
    return "count" if unit["count"] else "plain"
