"""Numbers as people write them: 12, 2k, 3万, 十二, 两百五, twenty-five, a couple, half a dozen."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ZH_DIGIT: dict[str, int] = dict(
    zip(
        "零〇一二两三四五六七八九壹贰叁肆伍陆柒捌玖俩仨",
        (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, *range(1, 10), 2, 3),
        strict=True,
    )
)
_ZH_UNIT = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000}
_ZH = f"[{''.join(_ZH_DIGIT)}{''.join(_ZH_UNIT)}万]+"

_EN_SMALL = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_EN_TENS = {
    word: value * 10
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_EN_SCALE = {"hundred": 100, "thousand": 1_000, "dozen": 12, "dozens": 12, "grand": 1_000}
_EN_WORD = "|".join(sorted({*_EN_SMALL, *_EN_TENS}, key=len, reverse=True))
_EN_PHRASE = (
    r"half (?:a )?dozen|(?:a )?couple(?: of)?|a pair(?: of)?|both|"
    rf"(?:(?:{_EN_WORD}|a|\d+)[ -])?(?:{'|'.join(_EN_SCALE)})(?: and (?:{_EN_WORD})(?:-(?:{_EN_WORD}))?| (?:{_EN_WORD})(?:-(?:{_EN_WORD}))?)?|"
    rf"(?:{_EN_WORD})(?:[ -](?:{_EN_WORD}))?"
)
_EN_FIXED = {"half a dozen": 6, "half dozen": 6, "both": 2}

_NUMBER = re.compile(
    r"(?P<digits>(?<![a-wyz0-9.])(?<![a-z]x)-?\d+(?:,\d{3})*(?:\.\d+)?)(?P<scale> ?[kw](?![a-z])|[万千百]|(?= ?x(?![a-z]))|(?![a-z0-9]))"
    rf"|(?P<half>半)(?=[打])打|(?P<zhdozen>[一二两三四五])打|(?P<zh>{_ZH})|\b(?P<en>{_EN_PHRASE})\b"
)
# Exact as a float, and beyond all that a shop counts.
_LARGEST = 1e15
_LONGEST_CHINESE = 30
_SCALES = {"k": 1_000, "w": 10_000, "万": 10_000, "千": 1_000, "百": 100}


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a normalised text, between ``start`` and ``end``."""

    value: float
    start: int
    end: int

    @property
    def whole(self) -> int | None:
        """The value as an integer, or None when it has a fraction."""
        return int(self.value) if self.value == int(self.value) else None


def find_numbers(normalised: str) -> list[Number]:
    """Every number in an already normalised text, in order."""
    found = ((_bounded(match), match) for match in _NUMBER.finditer(normalised))
    return [Number(value, match.start(), match.end()) for value, match in found if value is not None]


def parse_number(text: str) -> float | None:
    """The number that ``text`` is as a whole, or None."""
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped)
    return _bounded(match) if match else None


def _bounded(match: re.Match[str]) -> float | None:
    """A row of 400 digits would be infinite, and no integer."""
    value = _value(match)
    return None if value is None else max(-_LARGEST, min(value, _LARGEST))


def _value(match: re.Match[str]) -> float | None:
    if digits := match["digits"]:
        return float(digits.replace(",", "")) * _SCALES.get(str(match["scale"]).strip(), 1)
    if match["half"]:
        return 6
    if dozens := match["zhdozen"]:
        return 12.0 * _ZH_DIGIT[dozens]
    if chinese := match["zh"]:
        return _chinese(chinese) if len(chinese) <= _LONGEST_CHINESE else None
    return _english(match["en"])


def _chinese(text: str) -> float | None:
    """三百五 is 350, 一千二 1,200, 两万五 25,000; a plain row of digits (二〇二六) reads as written."""
    if "万" in text:
        head, _, tail = text.partition("万")
        high, low = _chinese(head), _chinese(tail) if tail else 0
        if high is None or low is None:
            return None
        return high * 10_000 + (low * 1_000 if len(tail) == 1 and tail in _ZH_DIGIT else low)
    if not any(char in _ZH_UNIT for char in text):
        return float("".join(str(_ZH_DIGIT[char]) for char in text)) if text else None
    return _with_units(text)


def _with_units(text: str) -> float:
    total, digit, unit = 0, 0, 1
    for char in text:
        if char in _ZH_DIGIT:
            digit = _ZH_DIGIT[char]
            unit = 1 if char in "零〇" else unit
        else:
            unit = _ZH_UNIT[char]
            total += (digit or 1) * unit
            digit = 0
    shorthand = digit and text[-1] in _ZH_DIGIT and unit >= 100
    return total + (digit * unit // 10 if shorthand else digit)


def _english(text: str) -> float:
    if text in _EN_FIXED:
        return _EN_FIXED[text]
    if "couple" in text or "pair" in text:
        return 2
    total, current = 0, 0
    for word in re.split(r"[ -]", text):
        if word in _EN_SCALE:
            total += (current or 1) * _EN_SCALE[word]
            current = 0
        elif word.isdigit():
            current += int(word)
        else:
            current += _EN_SMALL.get(word, _EN_TENS.get(word, 0))
    return total + current
