"""The metric catalogue: nothing in it is wrong, what is wrong is found, and each way of counting holds where it is hard."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from sqlite3 import connect
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from app.insights.compiling.compiler import NotCountable, compile_question
from app.insights.compiling.literals import quoted
from app.insights.guard import check
from app.insights.metrics.catalogue import Catalogue, Metric, catalogue
from app.insights.metrics.checking import findings
from app.insights.question import Question
from app.language.periods import between
from tests.insights.demo_names import context


def test_nothing_is_wrong_with_the_catalogue(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["insights", "check-catalogue"])
    assert result.exit_code == 0, result.output
    assert "nothing wrong" in result.output


def with_metric(**changes: object) -> Catalogue:
    """The catalogue with a changed gmv."""
    entries = {**catalogue().metrics, "gmv": catalogue().metrics["gmv"].model_copy(update=changes)}
    return catalogue().model_copy(update={"metrics": entries})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"formulas": {"orders": "SUM(o.amount)", "nowhere": "1"}}, "no source nowhere"),
        ({"needs": ("nothing",)}, "no join nothing"),
        ({"words_zh": ("客单价", "成交额")}, "“客单价” is a word of aov and gmv"),
        ({"words_en": ("GMV",)}, "write “GMV” as “gmv”"),
        ({"words_zh": ("流水",)}, "its name “成交额” is none of its words"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, object], says: str) -> None:
    from app.insights.metrics.checking import _own_words, _references, _shared_words

    wrong = with_metric(**changes)
    found = [*_references(wrong), *_shared_words(wrong), *_own_words(wrong.metrics["gmv"])]
    assert any(says in finding for finding in found), found


def test_a_formula_that_reads_what_it_may_not_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = with_metric(formulas={"orders": "MAX(o.contact)"})
    monkeypatch.setattr("app.insights.compiling.select.catalogue", lambda: wrong)
    assert any("gmv by nothing" in finding for finding in findings(wrong))


def test_every_metric_says_what_it_counts_in_both_languages() -> None:
    for metric in catalogue().metrics.values():
        assert isinstance(metric, Metric)
        assert len(metric.definition_zh) > 4 and len(metric.definition_en) > 8


def test_a_metric_without_a_formula_for_a_split_is_not_compiled() -> None:
    with pytest.raises(NotCountable):
        compile_question(Question(metrics=("new_members",), dimensions=("channel",)), context())


def test_a_name_that_engines_read_differently_is_not_quoted() -> None:
    assert quoted("O'Neil") == "'O''Neil'"
    with pytest.raises(ValueError, match="cannot be quoted"):
        quoted("a\\' OR 1=1 -- ")


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", date(2026, 10, 24)),
        ("America/New_York", date(2026, 10, 31)),
        ("Asia/Kolkata", date(2026, 10, 24)),
    ],
)
def test_days_of_moments_are_the_zones_also_when_its_clocks_change(
    zone: str, start: date, tmp_path: Path
) -> None:
    """Registrations every 20 minutes for four days around a change of the clocks, counted by SQL and by Python."""
    begin = datetime.combine(start, datetime.min.time(), UTC) - timedelta(hours=12)
    moments = [begin + timedelta(minutes=20 * step) for step in range(5 * 72)]
    database = connect(tmp_path / "members.db")
    database.execute(
        "CREATE TABLE members (id INTEGER PRIMARY KEY, store_id INTEGER, created_at TEXT, level INTEGER)"
    )
    database.executemany(
        "INSERT INTO members (created_at) VALUES (?)", [(f"{m:%Y-%m-%d %H:%M:%S}.000000",) for m in moments]
    )
    end = start + timedelta(days=2)
    question = Question(metrics=("new_members",), dimensions=("day",), period=between(start, end))
    compiled = compile_question(question, context(timezone=zone))
    counted = dict(database.execute(check(compiled.statements[0].sql).sqlite).fetchall())
    local = [moment.astimezone(ZoneInfo(zone)).date() for moment in moments]
    assert counted == {day.isoformat(): local.count(day) for day in (start, start + timedelta(days=1), end)}
    database.close()
