"""The desk's pages: without JavaScript, by htmx, and what they must not let through."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook

from app.core.actor import Role
from app.core.clock import frozen
from app.db import db
from app.operations.exports import to_csv, to_xlsx
from app.operations.schemas import ColumnOut, DefinitionOut, PeriodOut, ReportOut
from tests.browsing import PARTIAL, counted_statements, post_form, sign_in
from tests.builders import make_user
from tests.insights.shop_data import NOON, demo_file, open_app  # noqa: F401

pytestmark = pytest.mark.redis
REPORT = "最近7天各门店成交额环比"


@pytest.fixture(scope="module")
def shop(demo_file: Path, redis_url: str) -> Iterator[Flask]:  # noqa: F811
    app = open_app(demo_file.parent, redis_url)
    with frozen(NOON):
        yield app
    with app.app_context():
        db.engine.dispose()


def browser_of(shop: Flask, name: str, role: Role = Role.OPERATOR, locale: str = "zh") -> FlaskClient:
    client = shop.test_client()
    with shop.app_context():
        user = make_user(name, roles=(Role.CUSTOMER, role))
    sign_in(client, user)
    client.set_cookie("locale", locale)
    return client


@pytest.fixture(scope="module")
def desk(shop: Flask) -> FlaskClient:
    return browser_of(shop, "olga")


@pytest.fixture(scope="module")
def other(shop: Flask) -> FlaskClient:
    return browser_of(shop, "otto", locale="en")


def ask(client: FlaskClient, query: str, session_id: str = "") -> str:
    """Ask with a plain form; returns the address of the page that shows the answer."""
    answer = post_form(client, "/ops/ask", query=query, session_id=session_id)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def session_of(address: str) -> str:
    return address.partition("session=")[2]


def run_of(page: str) -> str:
    found = re.search(r'id="run-(\w{32})"', page)
    assert found
    return found[1]


def test_an_empty_desk_says_what_to_do_and_has_the_four_examples(other: FlaskClient) -> None:
    page = other.get("/ops").text
    assert "Ask in one sentence" in page
    assert len(re.findall(r'name="example"', page)) == 3 and 'href="/ops/plans/newest"' in page
    assert 'aria-current="page"' in page


@pytest.mark.parametrize(
    ("role", "status"), [(Role.CONSULTANT, 403), (Role.CUSTOMER, 403), (Role.ADMIN, 200)]
)
def test_only_operators_and_admins_have_a_desk(shop: Flask, role: Role, status: int) -> None:
    assert browser_of(shop, f"some-{role}", role).get("/ops").status_code == status
    assert shop.test_client().get("/ops").status_code in (302, 303)


def test_a_report_without_javascript_survives_a_reload(desk: FlaskClient) -> None:
    address = ask(desk, REPORT)
    page = desk.get(address).text
    table = re.search(r"<tbody>.*</tbody>", page, re.DOTALL)
    assert table and table[0] in desk.get(address).text
    for part in (
        "理解为",
        "2026-11-15 至 2026-11-21",
        "对比 2026-11-08 至 2026-11-14",
        "合计",
        "实付金额之和",
        "SELECT",
    ):
        assert part in page, part
    assert page.count("<tr>") > 5 and 'data-chart="{&#34;kind&#34;: &#34;rows&#34;' in page
    assert re.search(r'class="num is-(up|down)"', page)


def test_follow_ups_go_on_across_reloads_and_the_newest_is_on_top(desk: FlaskClient) -> None:
    session = session_of(ask(desk, "最近30天各门店成交额"))
    page = desk.get(ask(desk, "只看上海", session)).text
    assert page.index("只看上海") < page.index("最近30天各门店成交额", page.index("desk-log"))
    assert "成交额 · 按门店 · 上海" in page
    # The earlier answer is folded, and opens by its own address.
    earlier = re.search(r'href="(/ops/answers/\w+)" hx-get', page)
    assert earlier and "<table" in desk.get(earlier[1]).text
    assert "<table" in desk.get(earlier[1], headers=PARTIAL).text


def test_a_question_back_has_its_choices_as_buttons(desk: FlaskClient) -> None:
    address = ask(desk, "最近怎么样")
    page = desk.get(address).text
    choices = [unescape(text) for text in re.findall(r'name="query" value="([^"]+)"', page)]
    assert 2 <= len(choices) <= 4
    assert "stat-value" in desk.get(ask(desk, choices[1], session_of(address))).text


def test_a_refusal_says_why(desk: FlaskClient) -> None:
    page = desk.get(ask(desk, "客户手机号")).text
    assert "没有作答" in page and "<table" not in page


def test_the_answer_streams_as_html_and_ends(desk: FlaskClient) -> None:
    asked = post_form(desk, "/ops/ask", partial=True, query=REPORT)
    run = run_of(asked.text)
    assert asked.headers["HX-Replace-Url"].startswith("/ops?session=") and 'id="desk-fields"' in asked.text
    stream = desk.get(f"/ops/runs/{run}/events").text
    assert stream.count("desk-step-title") >= 8 and "event: desk-end" in stream
    assert "<table" in stream and f'hx-target="#run-{run}"' in stream


def test_what_is_too_long_or_empty_is_told_beside_the_field(desk: FlaskClient) -> None:
    for query in ("", "问" * 501):
        refused = post_form(desk, "/ops/ask", partial=True, query=query)
        assert refused.status_code == 422 and "1 到 500" in refused.text
        assert post_form(desk, "/ops/ask", query=query).status_code == 303


def test_a_plan_is_a_draft_that_can_be_changed_or_published(desk: FlaskClient, other: FlaskClient) -> None:
    page = desk.get(ask(desk, "给60天没下单的会员做一个满300减50的活动，预算8000元，两周")).text
    run = run_of(page)
    assert "执行上架" in page and f'action="/ops/answers/{run}/publish"' in page
    assert desk.get("/ops/plans/newest").headers["Location"] == f"/ops/answers/{run}/plan"
    form = desk.get(f"/ops/answers/{run}/plan").text
    assert 'id="plan-form"' in form and 'value="8000' in form
    assert other.get("/ops/plans/newest").headers["Location"] == "/ops/campaigns/new"
    assert post_form(other, f"/ops/answers/{run}/publish").status_code == 404
    published = post_form(desk, f"/ops/answers/{run}/publish")
    assert re.fullmatch(r"/ops/campaigns/\d+", published.headers["Location"])


def test_files_are_for_their_owner_alone(desk: FlaskClient, other: FlaskClient) -> None:
    run = run_of(desk.get(ask(desk, REPORT)).text)
    table = list(csv.reader(StringIO(desk.get(f"/ops/answers/{run}.csv").data.decode("utf-8-sig"))))
    assert table[0] == ["门店", "成交额", "成交额（对比期）", "成交额变化"] and float(table[1][1]) > 0
    file = desk.get(f"/ops/answers/{run}.xlsx")
    sheet = load_workbook(BytesIO(file.data))["report"]
    assert [cell.value for cell in sheet[1]] == table[0] and sheet["B2"].value == float(table[1][1])
    assert "attachment" in file.headers["Content-Disposition"]
    for path in (
        f"/ops/answers/{run}",
        f"/ops/answers/{run}.csv",
        f"/ops/answers/{run}.xlsx",
        f"/ops/runs/{run}/events",
    ):
        assert other.get(path).status_code == 404
    assert post_form(other, f"/ops/runs/{run}/stop").status_code == 404


def hostile(name: str) -> ReportOut:
    columns = [
        ColumnOut(key="store", name="门店", role="dimension", of="store", unit="text"),
        ColumnOut(key="gmv", name="成交额", role="metric", of="gmv", unit="yuan"),
    ]
    period = PeriodOut(start=NOON.date(), end=NOON.date())
    text = DefinitionOut(metric="gmv", name="=1+1", text="@SUM(A1)", unit="yuan")
    return ReportOut(
        columns=columns, rows=[[name, -5.5]], chart=None, definitions=[text], period=period, sql="-- x"
    )


@pytest.mark.parametrize(
    "name", ["=HYPERLINK('x')", "+1", "-1", "@SUM(A1)", "\t=1", "{=1}", "https://x.example"]
)
def test_no_name_becomes_a_formula(name: str) -> None:
    cells = list(csv.reader(StringIO(to_csv(hostile(name)).decode("utf-8-sig"))))[1]
    assert cells[0][0] not in "=+-@\t" and cells[1] == "-5.5"
    book = load_workbook(BytesIO(to_xlsx(hostile(name))))
    for sheet in book:
        assert all(cell.data_type in ("s", "n") for row in sheet for cell in row)
        assert all(cell.hyperlink is None for row in sheet for cell in row)
    assert book["report"]["A2"].value == name and book["report"]["B2"].value == -5.5


def test_markup_in_names_and_sentences_stays_text(shop: Flask, desk: FlaskClient) -> None:
    from app.members.models import Store

    with shop.app_context():
        store = db.session.get(Store, 2)
        assert store is not None
        old, store.name = store.name, "<img src=x onerror=alert(1)>店"
        db.session.commit()
    try:
        page = desk.get(ask(desk, REPORT)).text
        assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;店" in page
        said = desk.get(ask(desk, "<script>alert(1)</script>最近7天成交额")).text
        assert "<script>alert(1)" not in said
    finally:
        with shop.app_context():
            db.session.get(Store, 2).name = old  # type: ignore[union-attr]
            db.session.commit()


def test_pages_ask_the_database_little(shop: Flask, desk: FlaskClient) -> None:
    session = session_of(ask(desk, REPORT))
    for query in ("按渠道", "按天", "只看上海"):
        ask(desk, query, session)
    with counted_statements(shop) as page:
        assert desk.get(f"/ops?session={session}").status_code == 200
    with counted_statements(shop) as empty:
        assert desk.get("/ops").status_code == 200
    assert len(page) <= 8 and len(empty) <= 4, (page, empty)
