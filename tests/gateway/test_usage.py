"""Usage figures: what adds up to what, percentiles, few statements, fast at 100,000 runs."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import text

from app.conversations.models import Run
from app.core import clock
from app.db import db
from app.gateway.usage import get_usage, list_day_lines
from app.gateway.usage_figures import Times
from app.gateway.usage_text import charts_of, csv_of, seconds_of, yuan_of
from tests.browsing import counted_statements
from tests.builders import make_user
from tests.gateway.usage_rows import fill, make_agent, make_run
from tests.parallel import crowd

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)


def test_figures_add_up_by_day_source_purpose_and_person(each_app: Flask) -> None:
    with each_app.app_context(), clock.frozen(NOW):
        alice = make_user("alice")
        mine = f"user:{alice.id}"
        one, two = make_agent("Fast", versions=2)
        (desk,) = make_agent("Desk", purpose="consultant")
        make_run(
            mine, agent_version_id=one, model="m1", prompt_tokens=10, completion_tokens=2, cost_micros=30
        )
        make_run(mine, agent_version_id=two, model="m2", prompt_tokens=5, cost_micros=100, attempts=2)
        make_run("guest:x", agent_version_id=desk, model="m3", status="error", prompt_tokens=1, cost_micros=1)
        make_run("guest:x", status="interrupted", model="m", prompt_tokens=7)
        make_run(mine, provider="builtin", model="built-in", status="aborted", prompt_tokens=100)
        make_run(mine, cost_micros=5, started_at=NOW - timedelta(days=3))
        make_run(mine, cost_micros=9_999, started_at=NOW - timedelta(days=7))
        db.session.rollback()
        usage = get_usage(7)
    total = usage.total.figures
    assert (usage.first, usage.last, len(usage.days)) == (TODAY - timedelta(days=6), TODAY, 7)
    assert (total.runs, total.errors, total.failovers, total.cost_micros) == (6, 2, 1, 136)
    assert (total.prompt_tokens, total.completion_tokens) == (123, 2)
    assert [line.figures.runs for line in usage.days] == [0, 0, 0, 1, 0, 0, 5]
    assert sum(line.figures.cost_micros for line in usage.days) == total.cost_micros
    assert [(each.key.agent, each.key.version, each.figures.runs) for each in usage.sources] == [
        ("Fast", 2, 1), ("Fast", 1, 1), ("", None, 2), ("Desk", 1, 1), ("", None, 1),
    ]  # fmt: skip
    assert {each.key: each.figures.runs for each in usage.purposes} == {"shop": 5, "consultant": 1}
    assert [(person.name, person.runs, person.cost_micros) for person in usage.people] == [
        ("alice", 3, 135), (None, 2, 1),
    ]  # fmt: skip


def test_a_run_belongs_to_the_day_of_the_shop_on_which_it_began(each_app: Flask) -> None:
    with each_app.app_context():
        for hour, minute in ((15, 59), (16, 0)):
            with clock.frozen(datetime(2026, 11, 20, hour, minute, tzinfo=UTC)):
                make_run(model=f"at {hour}")
        with clock.frozen(NOW):
            found = {line.source.model: line.day for line in list_day_lines(7)}
    assert found == {"at 15": date(2026, 11, 20), "at 16": TODAY}


def test_percentiles_are_of_all_values_by_nearest_rank(each_app: Flask) -> None:
    (one,) = _versions(each_app)
    with each_app.app_context(), clock.frozen(NOW):
        for number in range(1, 101):
            make_run(
                agent_version_id=one if number % 2 else None,
                first_token_ms=number * 10,
                duration_ms=number * 1_000,
            )
        make_run(status="error")
        waits = get_usage(7).total.waits
    assert (waits.first_word_p50, waits.first_word_p95) == (500, 950)
    assert (waits.duration_p50, waits.duration_p95) == (50_000, 95_000)


def test_times_are_rounded_to_their_step(each_app: Flask) -> None:
    with each_app.app_context(), clock.frozen(NOW):
        make_run(first_token_ms=1_234, duration_ms=2_250)
        waits = get_usage(7).total.waits
    assert (waits.first_word_p50, waits.duration_p95) == (1_230, 2_300)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], [None, None]),
        (["5"], [5, 5]),
        (["1,2", "3,4"], [2, 4]),
        (["9,1,1,1"], [1, 9]),
        (["7,7,7"], [7, 7]),
    ],
)
def test_percentiles_of_few_values(texts: list[str], expected: list[int | None]) -> None:
    assert Times(list(texts)).percentiles(50, 95) == expected


def test_times_of_groups_add_up_before_and_after_they_are_counted() -> None:
    first, second = Times(["1,2"]), Times(["3"])
    assert second.percentiles(50) == [3]
    first.add(second)
    assert first.percentiles(50, 95) == [2, 3]
    third = Times()
    third.add(first)
    third.add(Times(["4,4,4,4"]))
    assert third.percentiles(50) == [4]


def test_what_has_no_price_is_said_so(each_app: Flask) -> None:
    with each_app.app_context(), clock.frozen(NOW):
        make_run(model="a", prompt_tokens=5)
        make_run(model="b")
        make_run(model="c", provider="builtin", prompt_tokens=5)
        assert {each.key.model: each.figures.is_unpriced for each in get_usage(7).sources} == {
            "a": True, "b": False, "c": False,
        }  # fmt: skip


def test_the_csv_has_every_day_and_source_and_no_formulas(app: Flask) -> None:
    with app.app_context(), clock.frozen(NOW):
        make_run(model='=HYPERLINK("http://x")', prompt_tokens=3, cost_micros=1_500_007, first_token_ms=120)
        make_run(model="m", started_at=NOW - timedelta(days=1))
        written = csv_of(list_day_lines(7))
    rows = list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"))))
    assert [row["day"] for row in rows] == ["2026-11-20", "2026-11-21"]
    assert rows[1]["model"] == '\'=HYPERLINK("http://x")'
    assert (rows[1]["cost_yuan"], rows[1]["first_word_p50_ms"], rows[1]["duration_p95_ms"]) == (
        "1.500007",
        "120",
        "",
    )


def test_charts_have_a_value_for_every_day(app: Flask) -> None:
    with app.test_request_context(), force_locale("en"), clock.frozen(NOW):
        make_run(first_token_ms=900)
        charts = charts_of(get_usage(7))
    assert [chart["title"] for chart in charts] == [
        "Answers per day", "Time to the first word", "Tokens per day", "Cost per day",
    ]  # fmt: skip
    for chart in charts:
        assert chart["categories"][-1] == "11-21"
        assert all(len(series["values"]) == 7 for series in chart["series"])
    assert charts[1]["series"][0]["values"] == [None] * 6 + [0.9]


def test_money_and_time_are_written_for_reading() -> None:
    written = [yuan_of(value) for value in (0, 5, 150, 20_000, 1_000_000, 1_234_567_890, 9_995_000)]
    assert written == ["¥0.00", "¥0.0001", "¥0.0001", "¥0.0200", "¥1.00", "¥1,234.57", "¥10.00"]
    assert [seconds_of(None), seconds_of(840), seconds_of(12_300)] == ["–", "0.84 s", "12.30 s"]


def test_the_statements_are_few_whatever_there_is(each_app: Flask) -> None:
    with each_app.app_context():
        fill(300, days=7)
        with counted_statements(each_app) as statements:
            get_usage(90)
    assert len(statements) == 6, statements


def test_figures_are_read_from_an_index_in_its_order(app: Flask) -> None:
    with app.app_context():
        fill(300, days=7)
        with counted_statements(app) as statements:
            list_day_lines(7)
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {statements[0].replace('?', '1')}")).all()
    assert [row[3] for row in plan] == ["SEARCH runs USING COVERING INDEX ix_runs_usage (day>?)"]


def test_a_hundred_thousand_runs_are_added_up_quickly(each_app: Flask) -> None:
    with each_app.app_context():
        fill(100_000, days=90)
        assert db.session.query(Run).count() == 100_000
        took = {days: min(_seconds(days) for _ in range(5)) for days in (30, 90)}
        assert get_usage(90).total.figures.runs == 100_000
    print({days: f"{seconds * 1000:.0f} ms" for days, seconds in took.items()})
    # 60 and 150 ms on an idle machine.
    assert took[30] < 0.2 * crowd()
    assert took[90] < 0.4 * crowd()


def _seconds(days: int) -> float:
    db.session.rollback()
    begun = time.perf_counter()
    get_usage(days)
    return time.perf_counter() - begun


def _versions(app: Flask) -> list[int]:
    with app.app_context():
        return make_agent("Fast")
