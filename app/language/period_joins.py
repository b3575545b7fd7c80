"""Periods that belong together: Monday to Wednesday, last year's Singles' Day, the first ten days of a month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from app.language.numbers import parse_number
from app.language.periods import Period, Unit, beginning, between, resolve, shift


@dataclass(frozen=True, slots=True)
class FoundPeriod:
    """A period and where the text says it."""

    period: Period
    start: int
    end: int


_RANGE = re.compile(r" ?(?:到|至|-|~|to|through|until|till|and) ?")
_SINCE_BEFORE = re.compile(r"(?:since|starting(?: from| on)?|自从?|从) ?(?:the )?$")
_SINCE_AFTER = re.compile(r" ?(?:以来|至今|到现在|到今天|起|开始|onwards?|to date|until now)")
_BETWEEN = re.compile(r"(?:between|from) (?:the )?$")


def joined(found: list[FoundPeriod], text: str, today: date) -> list[FoundPeriod]:
    """ "Monday to Wednesday" is one period, "since Monday" lasts until today."""
    items: list[FoundPeriod] = []
    for item in found:
        if items and item.start < items[-1].end:
            continue  # 前10天 of 上个月前10天: a part of the month, and read with it
        item = _part(item, text, today)
        while items and items[-1].end > item.start:
            items.pop()  # "the last 10 days" of "the last 10 days of October"
        if items and (whole := _pair(items[-1], item, text, today)):
            items[-1] = whole
        else:
            items.append(item)
    return [_open_ended(item, text, today) for item in items]


def _pair(first: FoundPeriod, second: FoundPeriod, text: str, today: date) -> FoundPeriod | None:
    """What two of them that belong together say as one."""
    readings = (_range, _in_year, _up_to)
    return next((whole for read in readings if (whole := read(first, second, text, today))), None)


_COUNT = r"(?P<n>\d{1,2}|[一两二三四五六七八九十]{1,3})"
_PART_AFTER = re.compile(
    rf"(?:的|里|中)?(?:(?P<head>前|头|最初|开头)|(?P<tail>最后|末尾|后)){_COUNT}(?:个)?(?P<u>天|日|周|星期)(?!\d)"
)
_PART_BEFORE = re.compile(
    r"(?<![a-z])(?:the )?(?:(?P<head>first)|(?P<tail>last|final)) (?:(?P<n>\d{1,2}|two|three|four|five|seven|ten) )?"
    r"(?P<u>day|week)s? (?:of|in) (?:the )?$"
)
_AROUND = re.compile(r"(?:的)?(?:那|当|所在的?)(?:一|个)*(?P<u>周|星期|月)(?!环|同)")
_WEEK_OF = re.compile(r"(?<![a-z])(?:the |in the )?(?P<u>week|month) of (?:the )?$")


def _part(item: FoundPeriod, text: str, today: date) -> FoundPeriod:
    """上个月前10天, 11月最后一周, "the last 10 days of October"; 双十一那周, "the week of November 11"."""
    span = resolve(item.period, today)
    if item.period.kind == "dates" and span.start == span.end:
        after, before = _AROUND.match(text, item.end), _WEEK_OF.search(text, 0, item.start)
        if match := after or before:
            unit: Unit = "month" if match["u"] in ("月", "month") else "week"
            start = beginning(span.start, unit)
            whole = between(start, shift(start, unit, 1) - timedelta(days=1))
            return FoundPeriod(
                whole, before.start() if before else item.start, after.end() if after else item.end
            )
    after, before = _PART_AFTER.match(text, item.end), _PART_BEFORE.search(text, 0, item.start)
    match = after or before
    if not match or not _can_be_cut(item, text):
        return item
    count = int(parse_number(match["n"]) or 0) if match["n"] else 1
    days = count * (7 if match["u"] in ("周", "星期", "week") else 1)
    first, last = _whole_span(item, today)
    cut = (
        between(first, min(first + timedelta(days=days - 1), last))
        if match["head"]
        else between(max(last - timedelta(days=days - 1), first), last)
    )
    return FoundPeriod(cut, before.start() if before else item.start, after.end() if after else item.end)


def _can_be_cut(item: FoundPeriod, text: str) -> bool:
    """A calendar month, quarter or year, however it is named."""
    if item.period.kind == "calendar":
        return item.period.unit in ("month", "quarter", "year")
    return item.period.kind == "dates" and bool(re.search(r"[月季年a-z]$", text[item.start : item.end]))


def _whole_span(item: FoundPeriod, today: date) -> tuple[date, date]:
    """The days of the whole month, the future ones too: "the last week of this month" is not over."""
    span = resolve(item.period, today)
    if item.period.kind != "calendar":
        return span.start, item.period.end or span.end
    return span.start, shift(span.start, item.period.unit, item.period.count) - timedelta(days=1)


def _range(first: FoundPeriod, second: FoundPeriod, text: str, today: date) -> FoundPeriod | None:
    connector = _RANGE.fullmatch(text, first.end, second.start)
    head = _BETWEEN.search(text, 0, first.start)
    if not connector or ("and" in connector[0] and not (head and "between" in head[0])):
        return None
    start, end = resolve(first.period, today).start, resolve(second.period, today).end
    if start - timedelta(days=7) < end < start:
        start -= timedelta(days=7)  # Monday to Friday, said on a Tuesday: last week's
    return FoundPeriod(between(start, end), first.start, second.end)


def _in_year(first: FoundPeriod, second: FoundPeriod, text: str, today: date) -> FoundPeriod | None:
    """去年双11, 今年双11, "Singles' Day last year": the day of that year."""
    if not re.fullmatch(r" ?(?:的|'s|of|in)? ?", text[first.end : second.start]):
        return None
    year, day = (first, second) if first.period.unit == "year" else (second, first)
    if (year.period.kind, year.period.unit, day.period.kind) != (
        "calendar",
        "year",
        "dates",
    ) or year.period.back < 0:
        return None
    span, wanted = resolve(day.period, today), today.year - year.period.back
    moved = [
        each.replace(year=wanted, day=min(each.day, 28) if each.month == 2 else each.day)
        for each in (span.start, span.end)
    ]
    return FoundPeriod(between(*moved), first.start, second.end)


_UP_TO = re.compile(r"(?:截至|截止到?|直到|(?<![a-z])(?:up to|up until|until|through|as of) )$")


def _up_to(first: FoundPeriod, second: FoundPeriod, text: str, today: date) -> FoundPeriod | None:
    """本月截至昨天, 截至昨天的本月, "this month up to yesterday": the one period as far as the other's end."""
    last, whole = (first, second) if _UP_TO.search(text, 0, first.start) else (second, first)
    head = _UP_TO.search(text, 0, last.start)
    if head is None:
        return None
    start, end = resolve(whole.period, today).start, resolve(last.period, today).end
    if end < start:
        return None
    return FoundPeriod(between(start, end), min(first.start, head.start()), second.end)


def _open_ended(item: FoundPeriod, text: str, today: date) -> FoundPeriod:
    head, tail = _SINCE_BEFORE.search(text, 0, item.start), _SINCE_AFTER.match(text, item.end)
    if item.period.kind in ("rolling", "all") or not (tail or (head and head[0].strip() != "从")):
        return item
    start = resolve(item.period, today).start
    return FoundPeriod(between(start), head.start() if head else item.start, tail.end() if tail else item.end)
