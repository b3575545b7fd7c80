"""The pages of saved reports, as an operator uses them without JavaScript."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User
from app.core.actor import Role
from app.db import db
from app.insights.connection import QueryTimedOut
from app.insights.saved.models import ReportRun
from app.operations.saved import asking
from tests.browsing import counted_statements, post_form, sign_in
from tests.builders import make_user
from tests.builders import save as keep
from tests.insights.saved.report_rows import DUE
from tests.operations.desk_shop import ask, client_of, demo_file, desk_shop  # noqa: F401

pytestmark = pytest.mark.redis
LIST = "/ops/reports"


def browser_of(app: Flask, name: str, *roles: Role, locale: str = "en") -> FlaskClient:
    client = app.test_client()
    with app.app_context():
        user = db.session.query(User).filter_by(username=name).one_or_none()
        sign_in(client, user or make_user(name, roles=(Role.CUSTOMER, *roles)))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = locale
    return client


@pytest.fixture(scope="module")
def asked(desk_shop: Flask) -> dict[str, Any]:  # noqa: F811
    """An answer of Pia's."""
    return ask(client_of(desk_shop, "pia", Role.OPERATOR, locale="en"), "GMV by store for the last 7 days")


@pytest.fixture
def pia(desk_shop: Flask, asked: dict[str, Any]) -> FlaskClient:  # noqa: F811
    return browser_of(desk_shop, "pia", Role.OPERATOR)


@pytest.fixture
def paul(desk_shop: Flask) -> FlaskClient:  # noqa: F811
    return browser_of(desk_shop, "paul", Role.OPERATOR)


def save(client: FlaskClient, asked: dict[str, Any], name: str = "Stores") -> str:
    made = post_form(client, LIST, name=name, run_id=asked["run_id"])
    assert made.status_code == 303, made.text
    return str(made.location)


def test_without_reports_the_page_says_what_to_do(paul: FlaskClient) -> None:
    page = paul.get(LIST).text
    assert "No saved report yet" in page and 'href="/ops"' in page
    assert "还没有" in browser_text(paul, LIST)


def browser_text(client: FlaskClient, path: str) -> str:
    return client.get(path, headers={"Accept-Language": "zh"}).text


def test_an_answer_is_saved_from_its_page_and_run_again(pia: FlaskClient, asked: dict[str, Any]) -> None:
    answer = pia.get(f"/ops/answers/{asked['run_id']}").text
    link = f"{LIST}/new?run_id={asked['run_id']}"
    assert link in html.unescape(answer)
    form = pia.get(link).text
    assert 'value="GMV by store for the last 7 days"' in form
    url = save(pia, asked, "<b>Stores</b>")
    page = pia.get(url).text
    assert "&lt;b&gt;Stores&lt;/b&gt;" in page and "<b>Stores" not in page
    assert "2026-11-15 to 2026-11-21" in page and f"{url}.csv" in page
    listing = pia.get(LIST).text
    assert "&lt;b&gt;Stores" in listing and "When I open it" in listing
    for page in (browser_text(pia, url), browser_text(pia, LIST)):
        assert ("已存报表" in page and "上海" in page) or "各门店" in page or "按门店" in page
    assert post_form(pia, f"{url}/delete").location == LIST
    assert pia.get(url).status_code == 404


def test_files_hold_the_figures_of_today(pia: FlaskClient, asked: dict[str, Any]) -> None:
    url = save(pia, asked)
    csv = pia.get(f"{url}.csv")
    assert csv.mimetype == "text/csv" and len(csv.text.strip().splitlines()) == 11
    assert "attachment" in csv.headers["Content-Disposition"]
    assert pia.get(f"{url}.xlsx").data[:2] == b"PK"


def test_schedule_and_alert_are_set_in_the_form(pia: FlaskClient, asked: dict[str, Any]) -> None:
    url = save(pia, asked)
    wanted = {
        "name": "Mondays",
        "rhythm": "weekly",
        "at": "07:05",
        "weekday": "0",
        "alert_metric": "gmv",
        "alert_comparator": "lt",
        "alert_value": "¥10,000.50",
    }
    assert post_form(pia, url, **wanted).status_code == 303
    page = pia.get(url).text
    assert 'value="07:05"' in page and 'value="10000.5"' in page and "Next on" in page
    listing = pia.get(LIST).text
    assert "Every week on Monday at 07:05" in listing and "GMV below ¥10,000.50" in listing
    assert "每周星期一 07:05" in browser_text(pia, LIST)
    assert post_form(pia, url, **{**wanted, "rhythm": "", "alert_metric": ""}).status_code == 303
    assert "Every week" not in pia.get(LIST).text.split("Mondays")[1].split("</tr>")[0]


def test_ratios_are_typed_in_per_cent(desk_shop: Flask) -> None:  # noqa: F811
    mine = ask(client_of(desk_shop, "rita", Role.OPERATOR, locale="en"), "repeat rate for the last 7 days")
    rita = browser_of(desk_shop, "rita", Role.OPERATOR)
    url = save(rita, mine)
    alert = {"alert_metric": "repeat_rate", "alert_comparator": "le", "alert_value": "25.5%"}
    assert post_form(rita, url, name="R", rhythm="daily", at="08:30", **alert).status_code == 303
    assert 'value="25.5%"' in rita.get(url).text
    assert "Repeat rate at or below 25.5%" in rita.get(LIST).text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "at most 80 characters"),
        ({"rhythm": "hourly"}, "Choose daily or weekly"),
        ({"rhythm": "daily", "at": "late"}, "Write the time as 08:30"),
        ({"rhythm": "weekly", "at": "08:30", "weekday": "9"}, "Choose a day of the week"),
        ({"alert_metric": "gmv", "alert_comparator": "lt", "alert_value": "1"}, "choose when"),
        (
            {
                "rhythm": "daily",
                "at": "08:30",
                "alert_metric": "gmv",
                "alert_comparator": "lt",
                "alert_value": "x",
            },
            "Write a number",
        ),
        (
            {
                "rhythm": "daily",
                "at": "08:30",
                "alert_metric": "aov",
                "alert_comparator": "lt",
                "alert_value": "1",
            },
            "Choose a figure of this report",
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_form(
    pia: FlaskClient, asked: dict[str, Any], changes: dict[str, str], said: str
) -> None:
    url = save(pia, asked)
    refused = post_form(pia, url, **{"name": "Kept", "weekday": "0", **changes})
    assert refused.status_code == 422 and said in refused.text
    assert "Kept" not in pia.get(LIST).text
    post_form(pia, f"{url}/delete")


def test_another_operators_report_is_not_there(
    pia: FlaskClient, paul: FlaskClient, asked: dict[str, Any]
) -> None:
    url = save(pia, asked)
    for path in (url, f"{url}.csv", f"{url}.xlsx", f"{LIST}/new?run_id={asked['run_id']}", f"{LIST}/0"):
        assert paul.get(path).status_code == 404, path
    for path in ("", "/delete", "/share", "/withdraw"):
        assert post_form(paul, f"{url}{path}", name="Mine").status_code == 404
    assert post_form(paul, LIST, name="Mine", run_id=asked["run_id"]).status_code == 404
    assert pia.get(url).status_code == 200


def test_a_shared_report_is_opened_kept_and_withdrawn(
    desk_shop: Flask,  # noqa: F811
    pia: FlaskClient,
    paul: FlaskClient,
    asked: dict[str, Any],
) -> None:
    url = save(pia, asked, "For all")
    assert post_form(pia, f"{url}/share").location == f"{url}#share"
    found = re.search(r'value="https?://[^/]+(/ops/reports/shared/[\w-]{43})"', pia.get(url).text)
    assert found is not None
    link = found[1]
    seen = paul.get(link).text
    assert "Shared by pia." in seen and "2026-11-15 to 2026-11-21" in seen
    assert len(paul.get(f"{link}.csv").text.strip().splitlines()) == 11
    assert "This is how others see your report." in pia.get(link).text
    question = html.unescape(re.search(r'name="question"[^>]*value="([^"]*)"', seen)[1])  # type: ignore[index]
    copied = post_form(paul, LIST, name="For all", question=question)
    assert copied.status_code == 303 and paul.get(copied.location).status_code == 200
    customer = browser_of(desk_shop, "cora")
    assert customer.get(link).status_code == 403
    assert desk_shop.test_client().get(link).status_code in (302, 303, 401)
    post_form(pia, f"{url}/withdraw")
    assert paul.get(link).status_code == paul.get(f"{link}.csv").status_code == 404
    assert paul.get(copied.location).status_code == 200


def test_what_is_no_question_is_not_saved(pia: FlaskClient) -> None:
    for question in ("", "{", '{"metrics": ["password_hash"]}', "[" * 9_000):
        refused = post_form(pia, LIST, name="Wrong", question=question)
        assert refused.status_code == 422 and "not a question" in refused.text
    assert "Wrong" not in pia.get(LIST).text


def test_a_database_that_is_slow_leaves_the_settings(
    pia: FlaskClient, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = save(pia, asked)

    def too_slow(*_: object) -> None:
        raise QueryTimedOut(seconds=10)

    monkeypatch.setattr(asking, "answer_question", too_slow)
    page = pia.get(url)
    assert page.status_code == 200
    assert "could not be made just now" in page.text and 'name="rhythm"' in page.text
    assert pia.get(f"{url}.csv").status_code == 504


def test_the_list_asks_as_often_for_many_reports_as_for_few(
    desk_shop: Flask,  # noqa: F811
    pia: FlaskClient,
    asked: dict[str, Any],
) -> None:
    save(pia, asked)
    with counted_statements(desk_shop) as few:
        pia.get(LIST)
    for number in range(5):
        save(pia, asked, f"Report {number}")
    with counted_statements(desk_shop) as many:
        pia.get(LIST)
    assert len(many) <= len(few)


def test_runs_of_the_clock_are_listed(desk_shop: Flask, pia: FlaskClient, asked: dict[str, Any]) -> None:  # noqa: F811
    url = save(pia, asked)
    with desk_shop.app_context():
        report_id = int(url.rpartition("/")[2])
        done = {"status": "done", "row_count": 10, "alerted": True, "figure_micros": 9_500_000_000}
        keep(ReportRun(report_id=report_id, due_at=DUE, lease_until=DUE, **done))
    page = pia.get(url).text
    assert "Made by the clock" in page and "8:30" in page and "fired" in page
