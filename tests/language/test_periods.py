"""Periods as people say them, on Saturday 21 November 2026."""

from datetime import date

import pytest

from app.language.normalise import normalise
from app.language.period_words import find_periods
from app.language.periods import Period, Span, before, buckets, calendar, resolve, rolling, year_before

TODAY = date(2026, 11, 21)
SAID = """
最近7天 | 2026-11-15 | 2026-11-21
近一周 | 2026-11-15 | 2026-11-21
过去三个月 | 2026-08-24 | 2026-11-21
最近半个月 | 2026-11-07 | 2026-11-21
30天内 | 2026-10-23 | 2026-11-21
今天 | 2026-11-21 | 2026-11-21
昨天 | 2026-11-20 | 2026-11-20
前天 | 2026-11-19 | 2026-11-19
大前天 | 2026-11-18 | 2026-11-18
3天前 | 2026-11-18 | 2026-11-18
本周 | 2026-11-16 | 2026-11-21
上周 | 2026-11-09 | 2026-11-15
上上周 | 2026-11-02 | 2026-11-08
上周五 | 2026-11-13 | 2026-11-13
上周末 | 2026-11-14 | 2026-11-15
周一到周三 | 2026-11-16 | 2026-11-18
本月 | 2026-11-01 | 2026-11-21
上个月 | 2026-10-01 | 2026-10-31
上月中旬 | 2026-10-11 | 2026-10-20
本季度 | 2026-10-01 | 2026-11-21
上季度 | 2026-07-01 | 2026-09-30
第三季度 | 2026-07-01 | 2026-09-30
今年 | 2026-01-01 | 2026-11-21
去年 | 2025-01-01 | 2025-12-31
10月 | 2026-10-01 | 2026-10-31
十月 | 2026-10-01 | 2026-10-31
12月 | 2025-12-01 | 2025-12-31
8月到10月 | 2026-08-01 | 2026-10-31
11月的第一周 | 2026-11-01 | 2026-11-07
the second week of October | 2026-10-08 | 2026-10-14
10月上旬 | 2026-10-01 | 2026-10-10
10月1日到7日 | 2026-10-01 | 2026-10-07
10月1日到10月7日 | 2026-10-01 | 2026-10-07
10.1-10.7 | 2026-10-01 | 2026-10-07
2026-10-01至2026-10-07 | 2026-10-01 | 2026-10-07
2025年12月20日到2026年1月5日 | 2025-12-20 | 2026-01-05
1号到15号 | 2026-11-01 | 2026-11-15
25号 | 2026-10-25 | 2026-10-25
11月1日以来 | 2026-11-01 | 2026-11-21
自上周一起 | 2026-11-09 | 2026-11-21
国庆期间 | 2026-10-01 | 2026-10-07
双11 | 2026-11-11 | 2026-11-11
去年双11 | 2025-11-11 | 2025-11-11
11月11日当天 | 2026-11-11 | 2026-11-11
明天 | 2026-11-22 | 2026-11-22
下周 | 2026-11-23 | 2026-11-29
the last 7 days | 2026-11-15 | 2026-11-21
past two weeks | 2026-11-08 | 2026-11-21
last week | 2026-11-09 | 2026-11-15
the past week | 2026-11-15 | 2026-11-21
this month | 2026-11-01 | 2026-11-21
last month | 2026-10-01 | 2026-10-31
the week before last | 2026-11-02 | 2026-11-08
the day before yesterday | 2026-11-19 | 2026-11-19
last Friday | 2026-11-20 | 2026-11-20
since last Monday | 2026-11-16 | 2026-11-21
year to date | 2026-01-01 | 2026-11-21
Oct 1-7 | 2026-10-01 | 2026-10-07
from 1 October to 7 October | 2026-10-01 | 2026-10-07
between 2026-10-01 and 2026-10-07 | 2026-10-01 | 2026-10-07
November 3rd | 2026-11-03 | 2026-11-03
in May | 2026-05-01 | 2026-05-31
since October 1 | 2026-10-01 | 2026-11-21
first half of October | 2026-10-01 | 2026-10-15
Q3 | 2026-07-01 | 2026-09-30
next month | 2026-12-01 | 2026-12-31
two weeks ago | 2026-11-02 | 2026-11-08
"""
CASES = [tuple(part.strip() for part in line.split("|")) for line in SAID.strip().splitlines()]


@pytest.mark.parametrize(("said", "start", "end"), CASES)
def test_a_period_has_its_dates(said: str, start: str, end: str) -> None:
    found = find_periods(normalise(said), TODAY)
    assert [resolve(item.period, TODAY) for item in found] == [
        Span(date.fromisoformat(start), date.fromisoformat(end))
    ]


@pytest.mark.parametrize(
    "said",
    ["每天的订单", "GMV最高的一天", "每周", "2月30日", "3号店的客单价", "top 5 days", "maybe", "market"],
)
def test_what_only_looks_like_a_period_is_none(said: str) -> None:
    assert find_periods(normalise(said), TODAY) == []


def test_two_periods_stay_two() -> None:
    found = find_periods("本周和上周的gmv", TODAY)
    assert [item.period for item in found] == [calendar("week"), calendar("week", 1)]


def test_a_period_keeps_its_meaning_when_time_goes_on() -> None:
    (found,) = find_periods("上周的订单", TODAY)
    assert resolve(found.period, date(2026, 12, 2)) == Span(date(2026, 11, 23), date(2026, 11, 29))


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    assert before(Span(date(2026, 11, 1), date(2026, 11, 21))) == Span(date(2026, 10, 11), date(2026, 10, 31))


def test_a_year_before_a_leap_day_is_the_28th() -> None:
    assert year_before(Span(date(2028, 2, 29), date(2028, 2, 29))).start == date(2027, 2, 28)


def test_buckets_are_cut_to_the_period() -> None:
    weeks = buckets(Span(date(2026, 11, 10), date(2026, 11, 21)), "week")
    assert weeks == [
        Span(date(2026, 11, 10), date(2026, 11, 15)),
        Span(date(2026, 11, 16), date(2026, 11, 21)),
    ]


def test_counts_are_bounded() -> None:
    assert rolling(9_999_999).count < 4_000
    assert resolve(Period("all"), TODAY, date(2026, 8, 24)) == Span(date(2026, 8, 24), TODAY)
