"""The console's pages of calls: filters, one call, statistics, overview; few statements, both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.actor import Actor
from app.db import db, in_transaction
from app.mcp.queries import get_group_by_id
from app.tools import servers
from app.tools.models import ToolCallLog
from app.tools.servers import Server
from tests.browsing import PARTIAL, counted_statements, sign_in
from tests.builders import make_user
from tests.mcp.log_rows import admin_of, make_group, row, write_rows

pytestmark = pytest.mark.redis
LOGS, STATISTICS, OVERVIEW = "/admin/mcp/logs", "/admin/mcp/statistics", "/admin/mcp"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    return admin_of(app)


def words(text: str) -> str:
    """What one reads of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def tools_in(text: str) -> list[str]:
    """The tools in the list, from top to bottom."""
    return re.findall(r'<td data-label="Tool"><code>([^<]+)</code>', text)


def some_calls() -> int:
    group = make_group()
    write_rows(
        [
            row("list_stores", 2 * MINUTE, group_id=group, caller_app_id="mcp:partner"),
            row("get_product", MINUTE, error_code="TIMEOUT"),
            row("get_product", 3 * DAY, error_code="NOT_FOUND"),
            row("list_products", request_data='{"q":"Serum"}'),
        ]
    )
    return group


def test_the_list_filters_by_its_form(desk: FlaskClient) -> None:
    with desk.application.app_context():
        group = some_calls()
    assert tools_in(desk.get(LOGS).text) == ["list_products", "get_product", "list_stores", "get_product"]
    for query, expected in {
        "tool=get_product": ["get_product", "get_product"],
        f"group={group}": ["list_stores"],
        "group=none": ["list_products", "get_product", "get_product"],
        "outcome=ok": ["list_products", "list_stores"],
        "outcome=error": ["get_product", "get_product"],
        "outcome=TIMEOUT": ["get_product"],
        "caller=mcp:partner": ["list_stores"],
        "q=serum": ["list_products"],
        "since=nonsense&group=x&outcome=%00": ["list_products", "get_product", "list_stores", "get_product"],
    }.items():
        assert tools_in(desk.get(f"{LOGS}?{query}").text) == expected, query
    kept = desk.get(f"{LOGS}?tool=get_product&outcome=TIMEOUT&since=2026-01-02T03:04&q=a%22b").text
    for part in (
        "<option selected>get_product",
        'value="TIMEOUT" selected',
        'value="2026-01-02T03:04"',
        "a&#34;b",
    ):
        assert part in kept


def test_a_part_of_the_page_is_enough_for_htmx(desk: FlaskClient) -> None:
    with desk.application.app_context():
        some_calls()
    part = desk.get(f"{LOGS}?tool=get_product", headers=PARTIAL).text
    assert part.lstrip().startswith('<section id="calls"') and "<html" not in part
    assert tools_in(part) == ["get_product", "get_product"]


def test_one_pages_back_and_to_the_newest_again(desk: FlaskClient) -> None:
    with desk.application.app_context():
        write_rows(row("list_products", number * MINUTE) for number in range(120))
    first = desk.get(f"{LOGS}?tool=list_products").text
    second = desk.get(_next(first)).text
    third = desk.get(_next(second)).text
    assert [len(tools_in(text)) for text in (first, second, third)] == [50, 50, 20]
    assert 'rel="next"' not in third
    assert f'href="{LOGS}?tool=list_products"' in third
    assert "data-chart" in first and "data-chart" not in second


def _next(text: str) -> str:
    found = re.search(r'rel="next" href="([^"]+)"', text)
    assert found
    return unescape(found[1])


def test_the_chart_has_its_figures_in_a_table_too(desk: FlaskClient) -> None:
    with desk.application.app_context():
        some_calls()
    text = desk.get(LOGS).text
    chart = json.loads(unescape(re.search(r'data-chart="([^"]+)"', text)[1]))  # type: ignore[index]
    assert [sum(each["values"]) for each in chart["series"]] == [2, 1]
    assert len(chart["categories"]) == 24
    table = re.search(r"<tbody>(.*?)</tbody>", text, re.S)
    assert table and sum(int(cell) for cell in re.findall(r'<td class="num">(\d+)</td>', table[1])[::2]) == 3
    assert "data-chart" not in desk.get(f"{LOGS}?caller=assistant").text


def test_empty_lists_say_what_to_do(desk: FlaskClient) -> None:
    assert "No tool has been called yet" in words(desk.get(LOGS).text)
    assert "No such calls" in words(desk.get(f"{LOGS}?tool=get_product").text)
    assert "Nothing older" in words(desk.get(f"{LOGS}?after=1-1").text)
    assert "No calls in this period" in words(desk.get(STATISTICS).text)
    assert "No group yet" in words(desk.get(OVERVIEW).text)


def test_one_call_shows_request_and_answer_to_read(desk: FlaskClient) -> None:
    hostile = '<script>alert("x")</script>'
    with desk.application.app_context():
        group = make_group()
        write_rows(
            [
                row(
                    "get_product",
                    group_id=group,
                    caller_app_id="mcp:partner",
                    request_data=json.dumps({"sku": hostile}),
                    response_data='{"cut in the mid…',
                    error_code="INTERNAL",
                )
            ]
        )
        call_id = db.session.scalar(select(ToolCallLog.id))
    text = desk.get(f"{LOGS}/{call_id}").text
    assert hostile not in text
    read = unescape(text)
    assert '{\n  "sku": "<script>' in read and '{"cut in the mid…' in read
    for part in ("Fault of ours (INTERNAL)", "told of INTERNAL", "mcp:partner", "Partner", "12 ms"):
        assert part in words(text)
    assert desk.get(f"{LOGS}/999999").status_code == 404


def test_statistics_of_each_period(desk: FlaskClient) -> None:
    with desk.application.app_context():
        some_calls()
    day, week = (words(desk.get(f"{STATISTICS}?period={period}").text) for period in ("24h", "7d"))
    assert "NOT_FOUND" not in day and "NOT_FOUND" in week
    for part in ("list_stores", "Partner", "Without a key", "Timed out TIMEOUT", "33.3%", "12 ms"):
        assert part in day
    assert words(desk.get(f"{STATISTICS}?period=never").text) == day


@pytest.fixture
def attached() -> Iterator[None]:
    """Two servers of others, one of them away."""

    def source(_actor: Actor) -> list[Server]:
        return [
            Server(code="far", name="Far away", transport="http", status="down", tools=[]),
            Server(code="near", name="Near by", transport="stdio", status="ok", tools=["near_a", "near_b"]),
        ]

    servers.SOURCES.append(source)
    yield
    servers.SOURCES.remove(source)


@pytest.mark.usefixtures("attached")
def test_the_overview_has_servers_groups_and_errors(desk: FlaskClient) -> None:
    with desk.application.app_context():
        group = some_calls()
        off = make_group("silent")
        in_transaction(lambda: setattr(get_group_by_id(off), "enabled", False))
    text = desk.get(OVERVIEW).text
    read = words(text)
    assert "http://localhost/mcp" in read
    for part in ("Far away far Streamable HTTP Not reachable 0", "Near by near stdio Connected 2"):
        assert part in read
    assert re.search(r"Partner partner On 2 1 0 \w", read)
    assert re.search(r"Silent silent Off 2 0 0 –", read)
    assert "Timed out TIMEOUT 1 get_product" in read
    assert "NOT_FOUND" not in read
    assert f'href="{LOGS}?group={group}"' in text
    assert f'href="{LOGS}?outcome=TIMEOUT"' in text


def test_pages_speak_both_languages_and_have_no_template_left(app: Flask) -> None:
    client = admin_of(app, "zh")
    with app.app_context():
        some_calls()
    for path in (LOGS, STATISTICS, OVERVIEW):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "%(" not in words(answer.text) and "{{" not in answer.text


def test_nobody_but_an_admin_gets_in(app: Flask) -> None:
    guest, customer = app.test_client(), app.test_client()
    with app.app_context():
        sign_in(customer, make_user("bob"))
    for path in (LOGS, f"{LOGS}/1", STATISTICS, OVERVIEW):
        assert guest.get(path).status_code == 303
        assert customer.get(path).status_code == 403


@pytest.mark.parametrize(
    ("path", "statements"),
    [(LOGS, 3), (f"{LOGS}?q=x", 3), (f"{LOGS}?after=9999999999999999-1", 2), (STATISTICS, 2), (OVERVIEW, 2)],
)
def test_a_page_takes_few_statements_however_much_there_is(
    desk: FlaskClient, path: str, statements: int
) -> None:
    with desk.application.app_context():
        some_calls()
        write_rows(row("list_products", number * MINUTE) for number in range(60))
        for number in range(8):
            make_group(f"more-{number}")
    desk.get(path)
    with counted_statements(desk.application) as ran:
        desk.get(path)
    ours = [one for one in ran if "login_sessions" not in one and "FROM users" not in one]
    assert len(ours) == statements, ours
