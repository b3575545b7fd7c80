"""When a report is due, and what its name, schedule and alert may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.errors import InvalidParam
from app.insights.question import Question
from app.insights.saved.rules import (
    Alert,
    Schedule,
    check_alert,
    check_name,
    check_schedule,
    from_micros,
    next_due,
    to_micros,
)

SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
MORNING = Schedule("daily", 8 * 60 + 30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "zone", "due"),
    [
        (MORNING, "2026-11-21T00:29:59", SHANGHAI, "2026-11-21T00:30"),
        (MORNING, "2026-11-21T00:30", SHANGHAI, "2026-11-22T00:30"),
        # It is the next day in Shanghai already.
        (Schedule("daily", 5), "2026-11-21T16:04", SHANGHAI, "2026-11-21T16:05"),
        (Schedule("weekly", 0, 0), "2026-11-21T00:00", SHANGHAI, "2026-11-22T16:00"),
        (Schedule("weekly", 0, 0), "2026-11-22T16:00", SHANGHAI, "2026-11-29T16:00"),
        (Schedule("weekly", 23 * 60 + 59, 6), "2026-11-22T15:58", SHANGHAI, "2026-11-22T15:59"),
        # The clocks go forward at two o'clock on 29 March 2026, and back at three on 25 October.
        (Schedule("daily", 150), "2026-03-29T00:00", BERLIN, "2026-03-29T01:30"),
        (Schedule("daily", 150), "2026-03-29T01:30", BERLIN, "2026-03-30T00:30"),
        (Schedule("daily", 150), "2026-10-25T00:00", BERLIN, "2026-10-25T00:30"),
        (Schedule("daily", 150), "2026-10-25T00:30", BERLIN, "2026-10-26T01:30"),
    ],
)
def test_a_schedule_goes_by_the_shops_clock(schedule: Schedule, after: str, zone: str, due: str) -> None:
    assert next_due(schedule, at(after), zone) == at(due)


def test_a_year_of_days_is_due_once_a_day() -> None:
    moment, seen = at("2026-01-01T00:00"), []
    for _ in range(365):
        following = next_due(Schedule("daily", 150), moment, BERLIN)
        assert timedelta(0) < following - moment <= timedelta(hours=25)
        moment = following
        seen.append(following)
    assert len(set(seen)) == 365 and seen[-1] < at("2027-01-01T00:00")


@pytest.mark.parametrize("name", ["", "   ", "\x00\u200b", "x" * 81])
def test_a_name_has_one_to_eighty_letters(name: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        check_name(name)
    assert "name" in refused.value.fields


def test_a_name_is_one_line_that_can_be_seen() -> None:
    assert check_name("  门店 \n 周报\u202e ") == "门店 周报"


@pytest.mark.parametrize(
    ("rhythm", "time", "weekday", "field"),
    [
        ("hourly", "08:30", 0, "rhythm"),
        ("daily", "8:30", 0, "at"),
        ("daily", "24:00", 0, "at"),
        ("daily", "08:30:11", 0, "at"),
        ("daily", "", 0, "at"),
        ("weekly", "08:30", 7, "weekday"),
    ],
)
def test_wrong_schedules_are_named(rhythm: str, time: str, weekday: int, field: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        check_schedule(rhythm, time, weekday)
    assert list(refused.value.fields) == [field]


def test_schedules_are_read() -> None:
    assert check_schedule("", "", 0) is None
    assert check_schedule("daily", "00:05", 3) == Schedule("daily", 5)
    assert check_schedule("weekly", "23:59", 6) == Schedule("weekly", 1439, 6)
    assert Schedule("daily", 5).clock_text == "00:05"


@pytest.mark.parametrize(
    ("metric", "comparator", "value", "field"),
    [
        ("orders", "lt", 1, "alert_metric"),
        ("gmv", "eq", 1, "alert_comparator"),
        ("gmv", "lt", "much", "alert_value"),
        ("gmv", "lt", "NaN", "alert_value"),
        ("gmv", "lt", "Infinity", "alert_value"),
        ("gmv", "lt", "1e999", "alert_value"),
        ("gmv", "lt", None, "alert_value"),
        ("gmv", "lt", "1" * 13, "alert_value"),
    ],
)
def test_wrong_alerts_are_named(metric: str, comparator: str, value: Any, field: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        check_alert(metric, comparator, value, Question(metrics=("gmv",)))
    assert list(refused.value.fields) == [field]


def test_alerts_compare_exactly() -> None:
    assert check_alert("", "lt", "", Question(metrics=("gmv",))) is None
    alert = check_alert("gmv", "le", "10,000.10", Question(metrics=("gmv",)))
    assert alert == Alert("gmv", "le", Decimal("10000.1"))
    assert from_micros(to_micros(alert.value)) == alert.value
    crossed = {
        sign: Alert("gmv", sign, Decimal("0.3")).is_crossed(Decimal("0.3"))
        for sign in ("lt", "le", "gt", "ge")
    }
    assert crossed == {"lt": False, "le": True, "gt": False, "ge": True}
