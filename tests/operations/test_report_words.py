"""What a report says in words, figures and charts: only what its rows hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale

from app.insights.question import Comparison, Question, Threshold, Top
from app.operations.charts import charts_of
from app.operations.formats import figure, money_or_figure
from app.operations.page_model import show_report
from app.operations.schemas import Cell, ColumnOut, PeriodOut, ReportOut
from app.operations.summary import summarise
from tests.insights.shop_data import NOON

UNITS = {"gmv": "yuan", "aov": "yuan", "orders": "count", "repeat_rate": "ratio", "buyers": "count"}


def column(key: str, role: Any = "metric", unit: str = "") -> ColumnOut:
    of = key.split("_base")[0].split("_change")[0].split("_share")[0] if role != "dimension" else key
    return ColumnOut(key=key, name=key, role=role, of=of, unit=unit or UNITS.get(of, "text"))


def dimension(key: str) -> ColumnOut:
    return column(key, "dimension", "date" if key in ("day", "week", "month") else "text")


def report(columns: Sequence[ColumnOut], *rows: Sequence[Cell], truncated: bool = False) -> ReportOut:
    period = PeriodOut(start=NOON.date(), end=NOON.date())
    return ReportOut(
        columns=list(columns),
        rows=[list(row) for row in rows],
        chart=None,
        definitions=[],
        period=period,
        sql="",
        truncated=truncated,
    )


@pytest.fixture
def say(ctx: None) -> Any:
    def said(shown: ReportOut, question: Question) -> str:
        with force_locale("en"):
            return summarise(shown, question)

    return said


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234.5, "yuan", "1,234.50"),
        (-0.004, "yuan", "0.00"),
        (0.3141, "ratio", "31.4%"),
        (0.0042, "ratio", "0.42%"),
        (12345, "count", "12,345"),
        (2.50, "number", "2.5"),
        (None, "yuan", "–"),
        (-3, "count", "−3"),
    ],
)
def test_figures_follow_their_unit(value: Cell, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def test_money_in_a_sentence_has_its_sign() -> None:
    assert (money_or_figure(5.0, "yuan"), money_or_figure(-5.0, "yuan")) == ("¥5.00", "−¥5.00")
    assert figure(0.021, "ratio", sign=True) == "+2.1%"


def test_a_total_is_told_where_figures_add_up(say: Any) -> None:
    split = report([dimension("store"), column("gmv")], ["A", 30.0], ["B", 70.0])
    text = say(split, Question(metrics=("gmv",), dimensions=("store",)))
    assert text == "gmv: ¥100.00 in all, highest B with ¥70.00, lowest A with ¥30.00."


@pytest.mark.parametrize(
    "question",
    [
        Question(metrics=("gmv",), dimensions=("store",), top=Top(metric="gmv", count=2)),
        Question(
            metrics=("gmv",),
            dimensions=("store",),
            thresholds=(Threshold(metric="gmv", comparator="gt", value=1),),
        ),
        Question(metrics=("gmv",), dimensions=("store",), daily=True),
    ],
)
def test_no_total_is_made_up_of_some_groups(say: Any, question: Question) -> None:
    split = report([dimension("store"), column("gmv")], ["A", 30.0], ["B", 70.0])
    assert "in all" not in say(split, question)


def test_no_total_of_rows_that_were_cut_nor_of_people_nor_of_ratios(say: Any) -> None:
    for metric in ("gmv", "buyers", "repeat_rate", "aov"):
        split = report(
            [dimension("store"), column(metric)], ["A", 0.3], ["B", 0.7], truncated=metric == "gmv"
        )
        assert "in all" not in say(split, Question(metrics=(metric,), dimensions=("store",)))


def test_a_change_is_by_per_cent_and_of_a_ratio_by_points(say: Any) -> None:
    against = Comparison()
    money = report(
        [column("gmv"), column("gmv_base", "base", "yuan"), column("gmv_change", "change", "ratio")],
        [90.0, 100.0, -0.1],
    )
    assert (
        say(money, Question(metrics=("gmv",), comparison=against)) == "gmv: ¥90.00, 10.0% less than ¥100.00."
    )
    rate = report(
        [
            column("repeat_rate"),
            column("repeat_rate_base", "base", "ratio"),
            column("repeat_rate_change", "change", "ratio"),
        ],
        [0.716, 0.809, -0.115],
    )
    text = say(rate, Question(metrics=("repeat_rate",), comparison=against))
    assert text == "repeat_rate: 71.6%, 9.3 points lower than 80.9%."
    without = report(money.columns, [90.0, 0.0, None])
    assert "nothing to compare with" in say(without, Question(metrics=("gmv",), comparison=against))


def test_a_split_series_is_added_up_by_group(say: Any) -> None:
    series = report(
        [dimension("store"), dimension("day"), column("orders")],
        ["A", "2026-11-20", 1],
        ["B", "2026-11-20", 5],
        ["A", "2026-11-21", 6],
    )
    text = say(series, Question(metrics=("orders",), dimensions=("store", "day")))
    assert text == "orders: 12 in all, highest A with 7, lowest B with 5."


def test_nothing_found_is_said(say: Any) -> None:
    question = Question(metrics=("gmv",), dimensions=("store",))
    assert say(report([dimension("store"), column("gmv")]), question).startswith("Nothing was found")
    assert say(report([column("aov")], [None]), Question(metrics=("aov",))).startswith("Nothing was found")


def charts(shown: ReportOut) -> list[tuple[str, int, int]]:
    return [(chart.kind, len(chart.categories), len(chart.series)) for chart in charts_of(shown)]


def test_the_chart_follows_the_roles_of_the_columns(ctx: None) -> None:
    days = [f"2026-11-{day:02d}" for day in range(1, 8)]
    assert charts(report([dimension("day"), column("gmv")], *[[day, 1.0] for day in days])) == [
        ("line", 7, 1)
    ]
    assert charts(report([dimension("store"), column("gmv")], *[[f"S{n}", 1.0] for n in range(30)])) == [
        ("bar", 20, 1)
    ]
    shares = report(
        [dimension("channel"), column("gmv"), column("gmv_share", "share", "ratio")],
        ["a", 1.0, 0.25],
        ["b", 3.0, 0.75],
    )
    assert charts(shares) == [("share", 2, 1)]
    split = report(
        [dimension("store"), dimension("day"), column("gmv")],
        *[[f"S{n}", day, 1.0] for n in range(9) for day in days],
    )
    assert charts(split) == [("line", 7, 6)]
    assert charts(report([column("gmv")], [1.0])) == []


def test_overlapping_or_partial_groups_are_no_shares_of_a_whole(ctx: None) -> None:
    columns = [dimension("channel"), column("gmv"), column("gmv_share", "share", "ratio")]
    for shares in ((0.5, 0.7), (0.2, 0.3)):
        assert charts(report(columns, *[[str(n), 1.0, share] for n, share in enumerate(shares)])) == [
            ("bar", 2, 1)
        ]


def test_figures_of_other_units_or_sizes_get_charts_of_their_own(ctx: None) -> None:
    columns = [dimension("store"), column("gmv"), column("aov"), column("orders"), column("repeat_rate")]
    shown = charts_of(report(columns, ["A", 90_000.0, 300.0, 300, 0.4], ["B", 80_000.0, 310.0, 250, 0.5]))
    assert [chart.unit for chart in shown] == ["yuan", "yuan", "count"]


def test_a_page_says_how_many_rows_it_leaves_out(app: Flask) -> None:
    with app.test_request_context():
        shown = show_report(
            report([dimension("store"), column("gmv")], *[[f"S{n}", float(n)] for n in range(80)])
        )
    assert (len(shown.rows), shown.hidden, shown.total) == (50, 30, 80)
    assert shown.rows[3][1].text == "3.00" and shown.rows[3][1].sort == 3.0


def test_whether_a_change_is_good_news_depends_on_the_metric(app: Flask) -> None:
    worse = ColumnOut(key="c", name="c", role="change", of="discount", unit="ratio", higher_is_better=False)
    with app.test_request_context():
        for cell, tone in ((0.2, "down"), (-0.2, "up"), (0.0, ""), (None, "")):
            shown = show_report(report([dimension("store"), worse], ["A", cell]))
            assert shown.rows[0][1].tone == tone
