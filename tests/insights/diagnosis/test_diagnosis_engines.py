"""Every metric of the catalogue can be diagnosed, on both engines alike, under filters too, and its parts add up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.insights.connection import QueryTimedOut
from app.insights.diagnosis.anatomy import anatomy
from app.insights.diagnosis.model import Diagnosis
from app.insights.diagnosis.service import BEARING, diagnose
from app.insights.diagnosis.subject import Subject
from app.insights.metrics.catalogue import OWN_SOURCES, catalogue
from app.insights.queries import current_context
from app.insights.question import Comparison, Filter, Question
from app.insights.steps import Steps
from app.language.periods import calendar, rolling
from tests.databases import empty_tables
from tests.insights.diagnosis.worlds import World, shop_of

WORLD = World(
    happens=lambda s: 0.6 if s.is_last_week and s.city == "上海" else 1.0,
    fails=lambda s: 0.2 if s.is_last_week and s.channel == "online" else 0.03,
    out_of_stock=(6,),
)
_seen: dict[str, Any] = {}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    redis_url: str,
    sqlite_template: Path,
) -> Iterator[Flask]:
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    with shop_of(
        WORLD, tmp_path_factory.mktemp("engine"), redis_url, sqlite_template, database_url=url
    ) as app:
        yield app
        db.session.remove()
        if url:
            empty_tables(db.engine)


def why(**question: Any) -> Diagnosis:
    return diagnose(Question(**question), current_context("Asia/Shanghai", "en"), Steps())


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-5)
    return bool(one == other)


def figures(found: Diagnosis) -> list[tuple[str, Any]]:
    """Every value of every figure, in an order that does not depend on ties."""
    return [
        (figure.key, sorted(figure.rows, key=lambda row: json.dumps([str(value) for value in row[:1]])))
        for figure in found.figures
    ]


@pytest.mark.parametrize("metric", sorted(catalogue().metrics))
def test_each_metric_is_taken_apart_alike_on_both_engines(world: Flask, metric: str) -> None:
    found = why(metrics=(metric,))
    assert found.dropped == ()
    change = found.figure("premise").value(0, "change")
    assert isinstance(change, int | float)
    is_ratio = catalogue().metrics[metric].kind == "ratio"
    for figure in found.figures:
        if figure.key == "formula" or figure.key.startswith("by_"):
            place = figure.place("contribution")
            parts = math.fsum(float(row[place] or 0) for row in figure.rows)
            assert parts == pytest.approx(change, abs=1e-9 if is_ratio else 0.005), figure.key
    first = _seen.setdefault(metric, figures(found))
    for (key, rows), (other, others) in zip(figures(found), first, strict=True):
        assert key == other and len(rows) == len(others)
        for row, same in zip(rows, others, strict=True):
            assert all(alike(a, b) for a, b in zip(row, same, strict=True)), (key, row, same)


FILTERS = {
    "a city": ("gmv", (Filter(dimension="city", values=("上海",)),)),
    "a store": ("repeat_rate", (Filter(dimension="store", values=("北京店",)),)),
    "a channel": ("aov", (Filter(dimension="channel", values=("online",)),)),
    "a category": ("category_sales", (Filter(dimension="category", values=("护肤",)),)),
    "a category of a ratio": ("repeat_rate", (Filter(dimension="category", values=("护肤",)),)),
    "a level": ("gmv", (Filter(dimension="level", operator="ge", values=(2,)),)),
    "new customers": ("aov", (Filter(dimension="customer", values=("new",)),)),
    "guests": ("orders", (Filter(dimension="membership", values=("guest",)),)),
    "without a city": ("units", (Filter(dimension="city", operator="not_in", values=("北京",)),)),
    "two at once": (
        "orders_per_buyer",
        (
            Filter(dimension="city", values=("上海",)),
            Filter(dimension="channel", values=("online", "delivery")),
        ),
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_hold_on_both_engines(world: Flask, name: str) -> None:
    metric, filters = FILTERS[name]
    found = why(metrics=(metric,), filters=filters)
    assert found.dropped == () and found.premise != "unknown"
    assert isinstance(found.figure("premise").value(0, "now"), int | float)
    assert found.question.filters == filters


@pytest.mark.parametrize(
    ("metric", "values", "premise"),
    [
        ("gmv", {"period": rolling(30)}, {"holds", "noise", "wrong"}),
        ("payment_success_rate", {"period": calendar("week")}, {"holds", "noise", "wrong"}),
        (
            "orders",
            {
                "period": calendar("month"),
                "comparison": Comparison(kind="period", period=calendar("month", 1)),
            },
            {"holds", "noise", "wrong"},
        ),
        ("repeat_rate", {"comparison": Comparison(kind="year")}, {"unknown"}),
        ("gmv", {"period": calendar("month", 3)}, {"unknown"}),
    ],
)
def test_any_period_can_be_asked_about(
    world: Flask, metric: str, values: dict[str, Any], premise: set[str]
) -> None:
    found = why(metrics=(metric,), **values)
    assert found.premise in premise
    assert found.span.days == found.base.days
    assert found.dropped == ()
    if premise == {"unknown"}:
        assert found.causes == () and len(found.claims) == 1 and "no data" in found.claims[0].text


def test_a_check_that_takes_too_long_is_left_out_and_said(
    world: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(_subject: Subject) -> None:
        raise QueryTimedOut(seconds=10)

    monkeypatch.setitem(BEARING, "aov", (late,))
    found = why(metrics=("aov",))
    assert any("could not be checked in time" in note for note in found.notes)
    assert found.of("finding")


def test_every_formula_has_units_to_count() -> None:
    for metric in catalogue().metrics.values():
        # Sums kept by day have no units any more; diagnoses count the rows themselves.
        for source in metric.formulas.keys() & set(OWN_SOURCES):
            assert anatomy(metric.key, source).x
