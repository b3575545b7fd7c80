"""Keeping questions: whose they are, how many, what is written down, and what no question is."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.actor import Actor, Role
from app.core.clock import frozen
from app.core.errors import Conflict, Forbidden, InvalidParam, NotFound, Unauthorized
from app.db import db, in_transaction
from app.insights.names import Context, Names
from app.insights.question import Question
from app.insights.saved import service
from app.insights.saved.asked import MAX_QUESTION_CHARS, read_question
from app.insights.saved.models import SavedReport
from app.insights.saved.queries import get_report, get_shared, list_reports
from app.insights.saved.rules import MAX_REPORTS, MAX_SCHEDULED, Alert, Schedule
from tests.builders import actor_of, make_user
from tests.insights.saved.report_rows import DAILY, DUE, GMV, change, operator, report_now, save
from tests.parallel import at_once, in_parallel

CONTEXT = Context(names=Names(), today=date(2026, 11, 21), locale="en")
STORES = Question(metrics=("gmv", "orders"), dimensions=("store",))


@pytest.mark.usefixtures("ctx")
def test_a_report_keeps_its_question_and_belongs_to_one() -> None:
    olga, oscar = operator("olga"), operator("oscar")
    report = save(olga, STORES, "门店周报")
    assert (report.name, report_now(report.id).question) == ("门店周报", STORES)
    assert [each.id for each in list_reports(olga)] == [report.id]
    assert list_reports(oscar) == []
    for act in (
        partial(get_report, oscar, report.id),
        partial(service.delete_report, oscar, report.id),
        partial(service.share_report, oscar, report.id),
        partial(service.withdraw_report, oscar, report.id),
        partial(service.change_report, oscar, report.id, service.Settings(name="Mine")),
    ):
        with pytest.raises(NotFound):
            in_transaction(act)
    assert report_now(report.id).name == "门店周报"


@pytest.mark.usefixtures("ctx")
def test_only_operators_and_admins_keep_reports() -> None:
    save(operator("ada", Role.ADMIN))
    for name, role in (("cleo", Role.CUSTOMER), ("carl", Role.CONSULTANT)):
        with pytest.raises(Forbidden):
            save(actor_of(make_user(name, roles=(role,))))
    with pytest.raises(Unauthorized):
        save(Actor(guest_id="g"))


@pytest.mark.usefixtures("ctx")
def test_a_link_opens_for_operators_until_it_is_withdrawn() -> None:
    olga, oscar = operator("olga"), operator("oscar")
    report = save(olga)
    token = in_transaction(partial(service.share_report, olga, report.id))
    assert len(token) >= 40
    assert in_transaction(partial(service.share_report, olga, report.id)) == token
    assert get_shared(oscar, token).id == report.id
    customer = actor_of(make_user("cleo"))
    with pytest.raises(Forbidden):
        get_shared(customer, token)
    with pytest.raises(Unauthorized):
        get_shared(Actor(guest_id="g"), token)
    in_transaction(partial(service.withdraw_report, olga, report.id))
    for wrong in (token, "", "x" * 43):
        with pytest.raises(NotFound):
            get_shared(oscar, wrong)
    assert in_transaction(partial(service.share_report, olga, report.id)) != token


@pytest.mark.usefixtures("ctx")
def test_what_an_owner_does_is_written_down() -> None:
    olga = operator("olga")
    report = save(olga)
    change(olga, report, name="Sales", alert=Alert("gmv", "lt", Decimal(10)))
    change(olga, report, name="Sales", alert=Alert("gmv", "lt", Decimal(10)))
    in_transaction(partial(service.share_report, olga, report.id))
    in_transaction(partial(service.withdraw_report, olga, report.id))
    in_transaction(partial(service.withdraw_report, olga, report.id))
    in_transaction(partial(service.delete_report, olga, report.id))
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    verbs = ["saved", "changed", "shared", "withdrawn", "deleted"]
    assert [entry.action for entry in entries] == [f"report.{verb}" for verb in verbs]
    assert set(entries[1].details) == {"name", "schedule", "alert"}
    assert all(entry.actor_id == olga.user_id for entry in entries)


@pytest.mark.usefixtures("ctx")
def test_a_schedule_has_its_next_time_and_keeps_it() -> None:
    olga = operator("olga")
    with frozen(DUE.replace(hour=0, minute=0)):
        report = save(olga)
        change(olga, report)
        assert report_now(report.id).next_due_at == DUE
        change(olga, report, name="Renamed")
        assert report_now(report.id).next_due_at == DUE
        change(olga, report, schedule=Schedule("weekly", 0, 0))
        assert report_now(report.id).next_due_at == DUE.replace(hour=16, minute=0)
        change(olga, report, schedule=None)
        assert report_now(report.id).next_due_at is None


@pytest.mark.usefixtures("ctx")
def test_an_alert_needs_a_schedule_and_a_new_one_is_armed() -> None:
    olga = operator("olga")
    report = save(olga)
    alert = Alert("gmv", "lt", Decimal(10))
    with pytest.raises(InvalidParam) as refused:
        change(olga, report, schedule=None, alert=alert)
    assert "rhythm" in refused.value.fields
    db.session.rollback()
    change(olga, report, alert=alert)
    with_state = report_now(report.id)
    in_transaction(lambda: setattr(db.session.get_one(SavedReport, report.id), "alert_is_on", True))
    change(olga, report, name="Same alert", alert=alert)
    assert report_now(report.id).alert_is_on
    change(olga, report, alert=Alert("gmv", "lt", Decimal(20)))
    assert not report_now(report.id).alert_is_on
    assert with_state.alert is not None


def test_nobody_keeps_more_than_the_limit_even_all_at_once(each_app: Flask) -> None:
    with each_app.app_context():
        olga = operator("olga")
        for number in range(MAX_REPORTS - 3):
            save(olga, name=f"Report {number}")
        outcomes = in_parallel(each_app, at_once(lambda: service.save_report(olga, "One more", GMV).id, 8))
        assert outcomes.count("TOO_MANY_REPORTS") == 5
        assert len(list_reports(olga)) == MAX_REPORTS
        reports = list_reports(olga)
        for report in reports[:MAX_SCHEDULED]:
            change(olga, report)
        with pytest.raises(Conflict) as refused:
            change(olga, reports[MAX_SCHEDULED])
        assert refused.value.code == "TOO_MANY_SCHEDULED"
        db.session.rollback()
        # One that is scheduled may change its time.
        change(olga, reports[0], schedule=Schedule("daily", 0))
        assert report_now(reports[0].id).schedule != DAILY


HOSTILE: tuple[Any, ...] = (
    None,
    [],
    "",
    "{",
    "[" * 5_000,
    "x" * (MAX_QUESTION_CHARS + 1),
    {},
    {"metrics": []},
    {"metrics": ["profit"]},
    {"metrics": ["gmv"], "sql": "SELECT 1"},
    {"metrics": ["gmv"], "dimensions": ["email"]},
    {"metrics": ["new_members"], "dimensions": ["product"]},
    {"metrics": ["gmv"], "period": {"kind": "rolling", "count": 10**9}},
    {"metrics": ["gmv"], "dimensions": ["day"], "period": {"kind": "rolling", "count": 700_000}},
    {"metrics": ["gmv"], "period": {"kind": "calendar", "unit": "year", "back": 10**7}},
    {"metrics": ["gmv"], "period": {"kind": "dates", "start": "0001-01-01"}},
    {
        "metrics": ["gmv"],
        "comparison": {"kind": "period", "period": {"kind": "dates", "start": "0001-01-01"}},
    },
    {"metrics": ["gmv"], "filters": [{"dimension": "store", "values": ["\\' OR 1=1"]}]},
    {"metrics": ["gmv"], "filters": [{"dimension": "store", "values": ["x" * 120] * 200}] * 12},
    {"metrics": ["gmv"], "thresholds": [{"metric": "gmv", "comparator": "gt", "value": float("inf")}]},
)


@pytest.mark.usefixtures("ctx")
@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: str(raw)[:50])
def test_what_is_no_question_is_not_kept(raw: Any) -> None:
    with pytest.raises(InvalidParam):
        read_question(raw, CONTEXT)


@pytest.mark.usefixtures("ctx")
def test_a_question_comes_back_as_it_was() -> None:
    for question in (GMV, STORES):
        raw = question.model_dump(mode="json")
        assert read_question(raw, CONTEXT) == read_question(json.dumps(raw), CONTEXT) == question
