"""Saved reports over the API: from an answer to a report of one's own, run, scheduled, shared; another's does not exist."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Role
from tests.operations.desk_shop import ask, client_of, demo_file, desk, desk_shop, other  # noqa: F401

pytestmark = pytest.mark.redis
ALL = "/api/v1/insights/reports"


def save(client: FlaskClient, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = client.post(ALL, json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.get_json())


@pytest.fixture(scope="module")
def asked(desk: FlaskClient) -> dict[str, Any]:  # noqa: F811
    return ask(desk, "最近7天各门店成交额")


def test_the_question_of_an_answer_is_saved_and_asked_again(desk: FlaskClient, asked: dict[str, Any]) -> None:  # noqa: F811
    saved = save(desk, name="门店周报", run_id=asked["run_id"])
    assert saved["question"] == asked["question"]
    assert (saved["schedule"], saved["alert"], saved["share_path"]) == (None, None, None)
    again = desk.post(f"{ALL}/{saved['id']}/run").get_json()
    assert again["intent"] == "report"
    assert again["report"]["rows"] == asked["report"]["rows"]
    assert desk.get(f"{ALL}/{saved['id']}").get_json() == saved
    assert saved["id"] in [each["id"] for each in desk.get(ALL).get_json()]
    by_question = save(desk, name="Same", question=asked["question"])
    assert by_question["question"] == saved["question"]


def test_names_schedules_and_alerts_change_one_at_a_time(desk: FlaskClient, asked: dict[str, Any]) -> None:  # noqa: F811
    one = f"{ALL}/{save(desk, name='Plan', run_id=asked['run_id'])['id']}"
    changed = desk.patch(one, json={"schedule": {"rhythm": "weekly", "at": "08:30", "weekday": 0}}).get_json()
    assert changed["schedule"]["next_due_at"] == "2026-11-23T00:30:00Z"
    alert = {"metric": "gmv", "comparator": "lt", "value": 1000.5}
    changed = desk.patch(one, json={"alert": alert}).get_json()
    assert changed["alert"] == {**alert, "is_on": False} and changed["schedule"]["rhythm"] == "weekly"
    changed = desk.patch(one, json={"name": "  Plan   B "}).get_json()
    assert (changed["name"], changed["alert"]["metric"]) == ("Plan B", "gmv")
    assert desk.patch(one, json={"schedule": None}).status_code == 422
    changed = desk.patch(one, json={"schedule": None, "alert": None}).get_json()
    assert changed["schedule"] is changed["alert"] is None
    assert desk.get(f"{one}/runs").get_json() == []
    assert desk.delete(one).status_code == 204
    assert desk.get(one).status_code == 404


WRONG_CHANGES: tuple[dict[str, Any], ...] = (
    {"name": " "},
    {"name": "x" * 81},
    {"schedule": {"rhythm": "hourly", "at": "08:30"}},
    {"schedule": {"rhythm": "daily", "at": "25:00"}},
    {"schedule": {"rhythm": "weekly", "at": "08:30", "weekday": 7}},
    {"schedule": "daily"},
    {"alert": {"metric": "orders", "comparator": "lt", "value": 1}},
    {"alert": {"metric": "gmv", "comparator": "is", "value": 1}},
    {"alert": {"metric": "gmv", "comparator": "lt", "value": "NaN"}},
    {"alert": {"metric": "gmv", "comparator": "lt", "value": 1e300}},
)


@pytest.mark.parametrize("body", WRONG_CHANGES, ids=str)
def test_wrong_changes_are_refused_whole(
    desk: FlaskClient,  # noqa: F811
    asked: dict[str, Any],
    body: dict[str, Any],
) -> None:
    saved = save(desk, name="Strict", run_id=asked["run_id"])
    refused = desk.patch(f"{ALL}/{saved['id']}", json=body)
    assert refused.status_code == 422, refused.text
    assert refused.get_json()["error"]["fields"]
    assert desk.get(f"{ALL}/{saved['id']}").get_json() == saved
    desk.delete(f"{ALL}/{saved['id']}")


def test_only_reports_are_saved(desk: FlaskClient, asked: dict[str, Any]) -> None:  # noqa: F811
    refused = ask(desk, "明天的成交额")
    save(desk, 422, name="Refused", run_id=refused["run_id"])
    save(desk, 422, name="Both", run_id=asked["run_id"], question=asked["question"])
    save(desk, 422, name="Neither")
    save(desk, 404, name="Nobody's", run_id="0" * 32)
    for question in ({}, {"metrics": ["gmv"], "sql": "SELECT 1"}, {"metrics": ["password_hash"]}):
        save(desk, 422, name="Wrong", question=question)


def test_another_operators_report_does_not_exist(
    desk: FlaskClient,  # noqa: F811
    other: FlaskClient,  # noqa: F811
    asked: dict[str, Any],
) -> None:
    mine = save(desk, name="Mine", run_id=asked["run_id"])["id"]
    save(other, 404, name="Taken", run_id=asked["run_id"])
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/run"),
        ("GET", "/runs"),
        ("POST", "/share"),
        ("DELETE", "/share"),
    ):
        answer = other.open(f"{ALL}/{mine}{path}", method=method, json={} if method == "PATCH" else None)
        assert answer.status_code == 404, (method, path)
    assert mine not in [each["id"] for each in other.get(ALL).get_json()]


def test_a_link_is_for_operators_and_can_be_withdrawn(
    desk_shop: Flask,  # noqa: F811
    desk: FlaskClient,  # noqa: F811
    other: FlaskClient,  # noqa: F811
    asked: dict[str, Any],
) -> None:
    one = f"{ALL}/{save(desk, name='Shared', run_id=asked['run_id'])['id']}"
    path = desk.post(f"{one}/share").get_json()["share_path"]
    shared = f"{ALL}/shared/{path.rpartition('/')[2]}"
    seen = other.get(shared).get_json()
    assert seen["name"] == "Shared" and seen["answer"]["report"]["rows"] == asked["report"]["rows"]
    customer = client_of(desk_shop, "cleo")
    assert customer.get(shared).status_code == 403
    assert desk_shop.test_client().get(shared).status_code == 401
    assert desk.delete(f"{one}/share").status_code == 204
    assert other.get(shared).status_code == 404
    assert desk.get(one).get_json()["share_path"] is None


def test_others_have_no_saved_reports(desk_shop: Flask) -> None:  # noqa: F811
    for role in (Role.CUSTOMER, Role.CONSULTANT):
        client = client_of(desk_shop, f"saved-{role}", role)
        assert client.get(ALL).status_code == 403
        assert client.post(ALL, json={"name": "x", "question": {"metrics": ["gmv"]}}).status_code == 403
