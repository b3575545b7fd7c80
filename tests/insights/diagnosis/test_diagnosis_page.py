"""A diagnosis on a page: four parts, each tag a link to its table or document, charts, and the same in tables."""

from __future__ import annotations

import json
from datetime import date
from html import unescape
from typing import Any

import pytest
from flask import Flask, render_template
from flask_babel import force_locale

from app.insights.diagnosis.model import (
    Chart,
    Claim,
    Column,
    Diagnosis,
    Document,
    Dropped,
    Figure,
    Premise,
    Ref,
)
from app.insights.diagnosis.page import show_diagnosis
from app.insights.question import Question
from app.language.periods import Span

FIGURE = Figure(
    "premise",
    "GMV: both periods",
    (
        Column("label", "<b>Store</b>", "text", "label"),
        Column("then", "Before", "yuan", "then"),
        Column("now", "Now", "yuan", "now"),
        Column("change", "Change", "yuan", "change"),
    ),
    (("<i>Jing'an</i>", 1_200.0, 900.5, -299.5),),
    ("SELECT 1 < 2",),
)
EMPTY = Figure("stock", "Stopped", (Column("label", "Product", "text", "label"),), (), ("SELECT 2",))
CLAIMS = (
    Claim("finding", "GMV fell to ¥900.50.", "data", (Ref("premise", 0, "now"), Ref("premise", 0, "then"))),
    Claim("hypothesis", "From <GMV>: “paid orders only”", "kb", (Ref("gmv"),)),
    Claim("check", "Nothing stopped.", "data", (Ref("stock"),)),
)


def diagnosis(premise: Premise = "holds", **values: Any) -> Diagnosis:
    given: dict[str, Any] = {
        "question": Question(metrics=("gmv",)),
        "metric": "gmv",
        "name": "GMV",
        "locale": "en",
        "understood_as": "GMV",
        "span": Span(date(2026, 11, 25), date(2026, 12, 1)),
        "base": Span(date(2026, 11, 18), date(2026, 11, 24)),
        "premise": premise,
        "asked": "down",
        "moved": "down",
        "claims": CLAIMS,
        "dropped": (Dropped(CLAIMS[0], "number", "17%"),),
        "figures": (FIGURE, EMPTY),
        "documents": (Document("gmv", "GMV: reading", "paid orders only"),),
        "causes": (),
        "charts": (
            Chart(
                "waterfall", "By store", "yuan", "premise", ("Before", "A", "Now"), (1_200.0, -299.5, 900.5)
            ),
        ),
    }
    return Diagnosis(**{**given, **values})


def page(app: Flask, found: Diagnosis, locale: str = "en", prefix: str = "") -> str:
    # Through JSON, as an answer is kept.
    told = json.loads(json.dumps(found.as_json()))
    with app.test_request_context(), force_locale(locale):
        return render_template("operations/_diagnosis.html", diagnosis=show_diagnosis(told, locale, prefix))


def test_each_claim_links_to_its_table_or_document(app: Flask) -> None:
    html = page(app, diagnosis())
    assert 'href="#figure-premise"' in html and 'id="figure-premise"' in html
    assert 'href="/ops/knowledge/gmv"' in html
    assert "(data)" in html and "(kb)" in html
    assert html.count('href="#figure-premise"') == 2, (
        "one tag for two cells of a table, and the chart's caption"
    )
    assert [title in html for title in ("Findings", "Possible causes", "Checks", "Next steps")] == [
        1,
        1,
        1,
        0,
    ]


def test_text_of_data_and_documents_is_escaped(app: Flask) -> None:
    html = page(app, diagnosis())
    assert "<i>Jing" not in html and "<b>Store" not in html and "&lt;GMV&gt;" in html and "1 &lt; 2" in html


def test_the_table_says_what_the_chart_shows(app: Flask) -> None:
    html = page(app, diagnosis())
    chart = json.loads(unescape(html.split('data-chart="')[1].split('"')[0]))
    assert chart["kind"] == "waterfall" and chart["series"][0]["values"] == [1200, -299.5, 900.5]
    assert chart["unit"] == "¥"
    assert "-¥299.50" in html and "¥1,200" in html


def test_an_empty_table_says_that_nothing_happened(app: Flask) -> None:
    assert "nothing of this kind happened" in page(app, diagnosis())


def test_what_was_left_out_is_counted(app: Flask) -> None:
    assert "One sentence had no source" in page(app, diagnosis())
    assert "had no source" not in page(app, diagnosis(dropped=()))


@pytest.mark.parametrize(
    ("premise", "locale", "said"),
    [
        ("wrong", "en", "GMV did not fall"),
        ("wrong", "zh", "前提不成立"),
        ("noise", "en", "Within the usual ups and downs"),
        ("unknown", "zh", "没有可对比的数据"),
    ],
)
def test_a_premise_that_does_not_hold_is_said_first(
    app: Flask, premise: Premise, locale: str, said: str
) -> None:
    html = page(app, diagnosis(premise), locale)
    assert said in html
    assert html.index(said) < html.index("diagnosis-body")


def test_several_answers_on_a_page_have_anchors_of_their_own(app: Flask) -> None:
    html = page(app, diagnosis(), prefix="run7")
    assert 'id="run7-figure-premise"' in html and 'href="#run7-figure-premise"' in html
    assert 'id="run7-diagnosis"' in html
