"""The question lists on both engines: the sample as its own fields say, our own against plain Python over the rows."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.insights.answers import Clarify, Refused, Understood
from app.insights.compiling.report import Report
from app.insights.question import Question
from app.insights.reporting import make_report
from tests.insights.question_list import OWN, SAMPLE
from tests.insights.reference import Key, Shop
from tests.insights.shop_data import TODAY, ask, context_for, demo_file, demo_shop, report_of  # noqa: F401

Expected = dict[Key, dict[str, float | None]]
# Both engines hold the same rows, so what Python counts is counted once.
_counted: dict[str, Expected] = {}


def shape(entry: dict[str, Any], *, with_metrics: bool) -> str:
    """What two questions have in common that compile to the same SQL but for values."""
    kinds = [part[:2] for part in entry.get("filters", ())]
    top = sorted(name for name in entry.get("top", {}) if name != "count")
    bounds = [[bound.get("by"), "value" in bound] for bound in entry.get("thresholds", ())]
    flags = ["against" in entry, entry.get("share"), entry.get("daily")]
    return json.dumps(
        [entry["metrics"] if with_metrics else None, entry.get("by"), kinds, top, bounds, flags]
    )


def one_of_each(*, with_metrics: bool) -> list[str]:
    reports = [entry for entry in OWN if entry["expect"] == "report"]
    return [entry["question"] for entry in {shape(e, with_metrics=with_metrics): e for e in reports}.values()]


@pytest.fixture(scope="module")
def rows(demo_shop: Flask) -> Shop:  # noqa: F811
    return Shop("Asia/Shanghai")


def shown(report: Report, question: Question) -> Expected:
    """The report's metrics by the values of its dimensions."""
    places = [
        next(i for i, column in enumerate(report.columns) if column.of == key and column.role == "dimension")
        for key in question.dimensions
    ]
    metrics = [(i, column.of) for i, column in enumerate(report.columns) if column.role == "metric"]
    return {
        tuple(row[i] for i in places): {metric: row[i] for i, metric in metrics}  # type: ignore[misc]
        for row in report.rows
    }


def differences(sentence: str, rows: Shop) -> list[str]:
    found, context = ask(sentence), context_for(sentence)
    assert isinstance(found, Understood) and found.compiled and found.question, sentence
    have = shown(make_report(found.compiled, context).report, found.question)
    if sentence not in _counted:
        _counted[sentence] = rows.expected(found.question, context)
    want = _counted[sentence]
    # Days on which nothing happened are filled in; the reference has no row for them.
    extra = [key for key in have if key not in want and any(have[key].values())]
    wrong = [
        f"{sentence}: {key} {metric}: {have.get(key, {}).get(metric)} instead of {value}"
        for key, values in want.items()
        for metric, value in values.items()
        if not is_near(have.get(key, {}).get(metric), value)
    ]
    return [*wrong[:2], *(f"{sentence}: {key} should not be there" for key in extra[:2])]


def is_near(one: float | None, other: float | None) -> bool:
    return one == other or (
        one is not None and other is not None and abs(one - other) <= 2e-6 * max(1.0, abs(other))
    )


def test_reports_of_every_kind_show_what_the_rows_say(rows: Shop) -> None:
    is_sqlite = db.engine.dialect.name == "sqlite"
    wrong = [line for each in one_of_each(with_metrics=is_sqlite) for line in differences(each, rows)]
    assert wrong == []


def kind_of(sentence: str) -> str:
    found = ask(sentence)
    if isinstance(found, Understood):
        return found.intent
    return {Clarify: "clarify", Refused: "refuse"}[type(found)]


def holds(value: object, cell: object) -> bool:
    """A cell shows a value: ratios as 0..1 or as per cent, money to the cent."""
    if isinstance(value, str) or isinstance(cell, str) or value is None or cell is None:
        return str(value) == str(cell)
    near = 0.006 if abs(value) > 2 else 1e-4  # type: ignore[arg-type]
    return abs(value - cell) <= near or abs(100 * value - cell) <= 0.01  # type: ignore[operator]


def missing_rows(report: Report, truth: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    left, missing = list(report.rows), []
    for wanted in truth:
        row = next(
            (row for row in left if all(any(holds(value, cell) for cell in row) for value in wanted)), None
        )
        if row is None:
            missing.append(wanted)
        else:
            left.remove(row)
    return missing


def test_the_sample_is_answered_as_its_fields_say(demo_shop: Flask, demo_file: Any) -> None:  # noqa: F811
    truth, wrong = sqlite3.connect(demo_file), []
    for case in SAMPLE:
        if kind_of(case["question"]) != case["expect"]:
            wrong.append((case["question"], kind_of(case["question"])))
        elif case["expect"] == "report":
            report, want = (
                report_of(case["question"]),
                truth.execute(case["sql"], {"today": TODAY.isoformat()}).fetchall(),
            )
            if len(report.rows) != len(want) or missing_rows(report, want):
                wrong.append((case["question"], missing_rows(report, want)[:1] or len(report.rows)))
    truth.close()
    assert wrong == []


def test_a_change_is_against_the_days_before_and_a_share_of_the_whole(rows: Shop) -> None:
    context = context_for("最近7天各渠道成交额占比和环比")
    found = ask("最近7天各渠道成交额占比和环比")
    assert isinstance(found, Understood) and found.compiled and found.question
    report = make_report(found.compiled, context).report
    keys = [column.key for column in report.columns]
    assert keys == ["channel", "gmv", "gmv_base", "gmv_change", "gmv_share"]
    now, then = rows.figures(found.question, context), rows.base(found.question, context)
    whole = sum(values["gmv"] or 0 for values in now.values())
    for channel, gmv, base, change, share in report.rows:
        assert is_near(base, then[(channel,)]["gmv"])  # type: ignore[arg-type]
        assert is_near(change, gmv / base - 1)  # type: ignore[operator, arg-type]
        assert is_near(share, gmv / whole)  # type: ignore[operator, arg-type]


def test_the_share_of_a_city_is_of_all_cities(rows: Shop) -> None:
    report = report_of("上海成交额占全国的比例，最近30天")
    context = context_for("全国")
    whole = rows.figures(Question(metrics=("gmv",), period=report_period("最近30天成交额")), context)[()][
        "gmv"
    ]
    ((gmv, share),) = report.rows
    assert is_near(share, gmv / whole)  # type: ignore[operator, arg-type]
    assert 0 < share < 1  # type: ignore[operator]


def report_period(sentence: str) -> Any:
    found = ask(sentence)
    assert isinstance(found, Understood) and found.question
    return found.question.period


def test_days_without_orders_are_rows_of_zero(demo_shop: Flask) -> None:  # noqa: F811
    report = report_of("SRV-006最近30天每天的销量")
    assert len(report.rows) == 30
    assert [row[0] for row in report.rows] == sorted(row[0] for row in report.rows)  # type: ignore[type-var]
    assert any(row[1] == 0 for row in report.rows)


def test_products_are_shown_with_their_name_and_channels_by_code_with_a_label(demo_shop: Flask) -> None:  # noqa: F811
    products = report_of("top 3 products by units sold in the last 30 days")
    assert [column.role for column in products.columns] == ["dimension", "label", "metric"]
    assert all(str(row[0])[3] == "-" and row[1] != row[0] for row in products.rows)
    channels = report_of("最近7天各渠道订单数")
    assert channels.labels["channel"]["delivery"] == "外卖"


def test_a_year_before_there_was_a_shop_the_base_is_empty(demo_shop: Flask) -> None:  # noqa: F811
    assert report_of("最近7天GMV同比").base_is_empty
    assert not report_of("最近7天GMV环比").base_is_empty
