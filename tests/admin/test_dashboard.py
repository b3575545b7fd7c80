"""The dashboard: what the database has counted, and what the processes report of themselves."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.admin.processes import SILENT_SECONDS, Reporter, list_processes, report_for_ever
from app.consultants.models import Consultation
from app.conversations.models import Run
from app.core.actor import Role
from app.core.clock import now
from app.db import db
from app.delivery.models import NotificationDelivery
from app.notifications.models import Notification
from app.outbox.models import OutboxMessage
from app.runtime import redis
from tests.browsing import counted_statements, post_form, sign_in
from tests.builders import make_user, save
from tests.gateway.usage_rows import make_agent, make_conversation
from tests.mcp.log_rows import row, write_rows
from tests.onboarding.test_console import Browser
from tests.running import RunningShop
from tests.services.process_tools import wait_for

pytestmark = pytest.mark.redis
API = "/api/v1/admin/registration-automation/dashboard"


@pytest.fixture
def admin(each_app: Flask) -> Iterator[FlaskClient]:
    each_app.test_client_class = Browser
    client = each_app.test_client()
    with each_app.app_context():
        sign_in(client, make_user("ada", roles=(Role.CUSTOMER, Role.ADMIN)))
        yield client
        db.session.rollback()


def answer_badly(number: int = 1) -> None:
    """Answers of an agent, one of which ended in an error."""
    (version,) = make_agent("Shop")
    for each in range(number):
        broken = {"status": "error", "error_code": "UPSTREAM"} if not each else {"status": "done"}
        talk = make_conversation(f"user:{each}")
        values = {
            "agent_version_id": version,
            "provider": "openai",
            "first_token_ms": 120,
            "duration_ms": 900,
        }
        save(Run(conversation_id=talk, owner=f"user:{each}", model="m", **values, **broken))


def test_an_empty_shop_says_that_there_is_nothing_and_shows_no_zeros(admin: FlaskClient) -> None:
    post_form(admin, "/locale", locale="en")
    text = admin.get("/admin/dashboard").text
    for said in (
        "Nobody has registered", "Nobody has waited", "No notification was", "Nobody has asked", "No calls", "Nothing went wrong", "No process has reported",
    ):  # fmt: skip
        assert said in text, said
    assert "stat-value" not in text


def test_it_shows_agents_calls_and_what_went_wrong(admin: FlaskClient) -> None:
    answer_badly(3)
    write_rows([row(), row("get_product", error_code="TIMEOUT"), row(ago=timedelta(days=40))])
    save(OutboxMessage(topic="registration.automation", payload={}, attempts=2, last_error="gone"))
    told = admin.get(f"{API}?days=7").json
    assert told is not None
    (agent,) = told["agents"]
    assert (agent["agent"], agent["answers"], agent["errors"], agent["first_word_p50_ms"]) == (
        "Shop",
        3,
        1,
        120,
    )
    assert (told["calls"]["calls"], told["calls"]["errors"]) == (2, 1)
    assert sorted((each["area"], each["what"], each["code"]) for each in told["troubles"]) == [
        ("answers", "error", "UPSTREAM"),
        ("outbox", "registration.automation", "UNDELIVERED"),
        ("tools", "get_product", "TIMEOUT"),
    ]
    for locale in ("zh", "en"):
        post_form(admin, "/locale", locale=locale)
        text = admin.get("/admin/dashboard?days=7").text
        for said in ("Shop v1", "get_product", "UPSTREAM", "registration.automation", "data-chart"):
            assert said in text, (locale, said)


def test_the_statements_are_as_many_however_much_there_is(admin: FlaskClient, each_app: Flask) -> None:
    answer_badly(1)
    write_rows([row()])
    counts = []
    for more in (1, 8):
        for number in range(more):
            save(Run(conversation_id=make_conversation(), owner="user:1", model=f"model{number}"))
        write_rows(row(error_code=f"E{number}") for number in range(more))
        admin.get("/admin/dashboard")
        with counted_statements(each_app) as statements:
            admin.get("/admin/dashboard")
        counts.append(len(statements))
    assert counts[0] == counts[1] < 25


def test_every_process_tells_of_itself_and_the_silent_are_left_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        assert list_processes() == []
        reporter = Reporter("worker", redis())
        # The system counts in hundredths of a second.
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        reporter.report()
        (own,) = list_processes() or []
        assert own.kind == "worker" and own.memory > 10_000_000 and 0 < own.cpu < 10
        assert own.machine_memory_total > own.machine_memory > 0
        later = time.time() + SILENT_SECONDS + 1
        monkeypatch.setattr("app.admin.processes.time.time", lambda: later)
        assert list_processes() == []


def test_a_redis_that_is_away_is_said_and_stops_nobody(make_app: Any) -> None:
    app = make_app(redis_url="redis://127.0.0.1:1/0")
    with app.app_context():
        Reporter("web", redis()).report()
        assert list_processes() is None


def test_a_thread_reports_as_long_as_the_process_lives(app: Flask) -> None:
    report_for_ever(app, "web")
    with app.app_context():
        wait_for(lambda: [each.kind for each in list_processes() or []] == ["web"])


@pytest.mark.slow
def test_the_running_shop_tells_of_its_web_process_worker_and_scheduler(shop: RunningShop) -> None:
    body = json.dumps({"username": "admin", "password": "mcpshop-demo"}).encode()
    request = urllib.request.Request(f"{shop.url}/api/auth/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        token = json.load(answer)["access_token"]

    def dashboard() -> Any:
        asked = urllib.request.Request(f"{shop.url}{API}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked) as told:
            return json.load(told)

    wait_for(
        lambda: {each["kind"] for each in dashboard()["processes"]} == {"web", "worker", "scheduler"}, 40
    )
    told = dashboard()
    assert len(told["machines"]) == 1 and told["machines"][0]["processes"] == len(told["processes"])
    assert all(each["memory"] > 10_000_000 for each in told["processes"])
    assert told["first"] <= now().date().isoformat()


def wait_for_a_person(name: str, **values: Any) -> None:
    """A customer's wait; the moments are seconds after its beginning, which was a quarter of an hour ago."""
    began = now() - timedelta(minutes=15)
    moments = {
        key: began + timedelta(seconds=seconds) for key, seconds in values.items() if key.endswith("_at")
    }
    talk, user = make_conversation(f"user:{name}"), make_user(name)
    rest = {key: value for key, value in values.items() if not key.endswith("_at")}
    save(
        Consultation(
            conversation_id=talk, user_id=user.id, open_in=talk, waiting_since=began, **rest, **moments
        )
    )


def test_it_measures_claims_and_first_answers_against_their_targets(admin: FlaskClient) -> None:
    clara = make_user("clara", roles=(Role.CUSTOMER, Role.CONSULTANT))
    claimed = {"status": "claimed", "claimed_by": clara.id}
    wait_for_a_person("amy", **claimed, claimed_at=60, first_answer_at=100)
    wait_for_a_person(
        "bea", **claimed, source="asked", claimed_at=700, first_answer_at=1_001, taken_over_at=700
    )
    # Answered before it was released and claimed again: no first answer to this claim.
    wait_for_a_person("cat", **claimed, claimed_at=600, first_answer_at=30)
    wait_for_a_person("dot")
    told = admin.get(f"{API}?days=7").json
    assert told is not None
    desk = told["desk"]
    assert (desk["opened"], desk["asked"], desk["waiting"], desk["late"], desk["talking"]) == (4, 1, 1, 1, 1)
    assert desk["claims"] == {
        "number": 3, "in_time": 0.5, "target_seconds": 600, "p50_seconds": 600, "p95_seconds": 700,
    }  # fmt: skip
    answers = desk["first_answers"]
    assert (answers["number"], answers["in_time"], answers["p95_seconds"]) == (2, 0.5, 301)
    assert desk["consultants"] == [
        {"name": "clara", "claimed": 3, "answered": 2, "claim_p50_seconds": 600, "answer_p50_seconds": 40}
    ]
    text = admin.get("/admin/dashboard?days=7").text
    assert "clara" in text and "50.0%" in text


def test_it_counts_deliveries_by_channel_and_why_some_failed(admin: FlaskClient) -> None:
    clara = make_user("clara", roles=(Role.CUSTOMER, Role.CONSULTANT))
    for number, (channel, status, result) in enumerate(
        (
            ("in_app", "sent", "shown"), ("in_app", "waiting", ""), ("email", "sent", "250"), ("email", "failed", "refused"),
            ("email", "skipped", "read"),
        )
    ):  # fmt: skip
        told = save(Notification(user_id=clara.id, kind="customer.registered", dedupe_key=f"d{number}"))
        values = {"status": status, "result": result, "attempts": number}
        save(NotificationDelivery(notification_id=told.id, channel=channel, **values))
    shown = admin.get(f"{API}?days=1").json
    assert shown is not None
    by_channel = {each.pop("channel"): each for each in shown["channels"]}
    assert by_channel["in_app"] == {
        "sent": 1, "failed": 0, "skipped": 0, "open": 1, "retried": 0, "success_rate": 1.0,
    }  # fmt: skip
    assert by_channel["email"] == {
        "sent": 1, "failed": 1, "skipped": 1, "open": 0, "retried": 3, "success_rate": 0.5,
    }  # fmt: skip
    assert {"area": "delivery", "what": "email", "code": "refused", "count": 1} in shown["troubles"]
    assert "refused" in admin.get("/admin/dashboard?days=1").text
