"""What admins see and change of the automation, in the console and by the API; what customers see of their welcome."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.tokens import issue_token
from app.core.actor import Role
from app.core.clock import now
from app.db import db
from app.onboarding import steps
from app.onboarding.settings import read_values
from app.onboarding.workflow import Step
from tests.browsing import PARTIAL, post_form, sign_in
from tests.builders import make_user
from tests.customers.buying import stock_shelves
from tests.onboarding.registering import make_consultants, register, run_of, work
from tests.onboarding.test_welcoming import failing

BASE = "/api/v1/admin/registration-automation"


class Browser(FlaskClient):
    """A client whose requests have a context of their own, whatever the test has open."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(super().open, *args, **kwargs).result()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    app.test_client_class = Browser
    return app.test_client()


@pytest.fixture
def shop(app: Flask) -> Iterator[None]:
    with app.app_context():
        stock_shelves()
        make_consultants()
        yield
        db.session.rollback()


@pytest.fixture
def admin(client: FlaskClient, shop: None) -> FlaskClient:
    sign_in(client, make_user("ada", roles=(Role.CUSTOMER, Role.ADMIN)))
    return client


def bearer(*roles: Role, name: str = "boss") -> dict[str, str]:
    user = make_user(name, roles=(Role.CUSTOMER, *roles))
    return {"Authorization": f"Bearer {issue_token(user.id)[0]}"}


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str = "bella") -> Any:
    act = steps.ACTS[Step.TOOLS]
    monkeypatch.setitem(steps.ACTS, Step.TOOLS, failing("TIMEOUT"))
    monkeypatch.setattr("app.onboarding.running.pause_after", lambda *_: None)
    user = register(name)
    work()
    monkeypatch.setitem(steps.ACTS, Step.TOOLS, act)
    return user


def test_the_figures_are_those_of_the_database(
    shop: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("alice")
    work()
    fail_once(monkeypatch)
    headers = bearer(Role.ADMIN)
    told = client.get(f"{BASE}/dashboard?days=1", headers=headers).json
    assert told is not None
    assert (told["registrations"], told["done"], told["failed"], told["success_rate"]) == (2, 1, 1, 0.5)
    assert told["notifications"] == 4 and told["welcome_p95_ms"] >= told["welcome_p50_ms"]
    assert {each["name"]: each["done"] for each in told["steps"]}["mcp_called"] == 1
    assert told["errors"] == [{"step": "mcp_called", "code": "TIMEOUT", "steps": 1}]
    assert told["failures"][0]["username"] == "bella"
    assert {"area": "welcome", "what": "mcp_called", "code": "TIMEOUT", "count": 1} in told["troubles"]
    metrics = client.get("/api/v1/registration-automation/metrics?days=1", headers=headers).json
    assert metrics is not None and metrics["registrations"] == 2


def test_only_admins_may_see_and_change_settings(shop: None, client: FlaskClient) -> None:
    for path in (f"{BASE}/dashboard", f"{BASE}/settings"):
        assert client.get(path).status_code == 401
    operator, customer = bearer(Role.OPERATOR, name="olga"), bearer(name="mallory")
    assert client.get("/api/v1/registration-automation/metrics", headers=operator).status_code == 200
    for path in (f"{BASE}/dashboard", f"{BASE}/settings"):
        assert client.get(path, headers=operator).status_code == 403
    assert client.get("/api/v1/registration-automation/metrics", headers=customer).status_code == 403
    assert client.put(f"{BASE}/settings", json={"enabled": False}, headers=operator).status_code == 403


def test_settings_change_by_the_api_and_act_at_once(shop: None, client: FlaskClient) -> None:
    headers = bearer(Role.ADMIN)
    changed = client.put(f"{BASE}/settings", json={"rollout_percent": 0}, headers=headers)
    assert changed.status_code == 200 and changed.json is not None and changed.json["rollout_percent"] == 0
    alice = register("alice")
    work()
    assert (run_of(alice).status, run_of(alice).reason) == ("skipped", "rollout")
    wrong = client.put(f"{BASE}/settings", json={"template_en": "{oops}"}, headers=headers)
    assert (
        wrong.status_code == 422 and wrong.json is not None and "template_en" in wrong.json["error"]["fields"]
    )


def test_a_failed_run_is_run_again_by_the_api_once(
    shop: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bella, headers = fail_once(monkeypatch), bearer(Role.ADMIN)
    run_id = run_of(bella).id
    again = client.post(f"{BASE}/runs/{run_id}/retry", headers=headers)
    assert again.status_code == 200 and again.json is not None and again.json["status"] == "pending"
    assert client.post(f"{BASE}/runs/{run_id}/retry", headers=headers).status_code == 409
    assert client.post(f"{BASE}/runs/999/retry", headers=headers).status_code == 404
    work()
    assert run_of(bella).status == "done"


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_pages_show_runs_steps_and_figures(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    register("alice")
    work()
    run_id = run_of(fail_once(monkeypatch)).id
    post_form(admin, "/locale", locale=locale)
    for path, words in {
        "/admin/automation": ("bella", "TIMEOUT"),
        "/admin/automation/runs": ("alice", "bella"),
        "/admin/automation/runs?status=failed": ("bella",),
        f"/admin/automation/runs/{run_id}": ("mcp_called", "TIMEOUT", f"runs/{run_id}/retry"),
        "/admin/automation/settings": ("{username}", "5, 15, 60"),
    }.items():
        answer = admin.get(path)
        assert answer.status_code == 200, path
        for word in words:
            assert word in answer.text, (path, word)
    assert "alice" not in admin.get("/admin/automation/runs?status=failed").text


def typed(**changes: Any) -> dict[str, Any]:
    values = read_values()
    fields: dict[str, Any] = {
        "enabled": "y", "notifications": "y", "channel_in_app": "y", "rollout_percent": "100",
        "strategy": "agent", "agent_seconds": "2", "product_count": "3", "retry_seconds": "5, 15",
        "assignment": values.assignment, "offer_seconds": "60", "busy_at": "5",
        "escalate_minutes": "5", "escalate_admin_minutes": "15",
        "template_zh": values.template_zh, "template_en": values.template_en,
    }  # fmt: skip
    return {**fields, **changes}


def test_the_settings_page_saves_refuses_and_previews(admin: FlaskClient) -> None:
    saved = post_form(admin, "/admin/automation/settings", **typed(template_en="Hi {username}"))
    assert saved.status_code == 303
    db.session.rollback()
    assert read_values().retry_seconds == [5, 15] and read_values().template_en == "Hi {username}"
    assert not read_values().channel_email
    wrong = post_form(admin, "/admin/automation/settings", **typed(retry_seconds="soon"))
    assert wrong.status_code == 422
    shown = post_form(admin, "/admin/automation/settings/preview", **typed(template_en="Dear {username}"))
    assert "Dear Jing" in shown.text
    db.session.rollback()
    assert read_values().template_en == "Hi {username}", "a preview saves nothing"


def test_the_welcome_appears_on_the_page_and_can_be_rated(shop: None, client: FlaskClient) -> None:
    post_form(client, "/locale", locale="en")
    post_form(
        client, "/register", username="alice", email="alice@example.com", password="long enough to be one"
    )
    answer = client.get("/")
    assert 'hx-get="/welcome"' in answer.text
    assert 'hx-get="/welcome"' not in client.get("/").text, "only the page after registering watches"
    waiting = client.get("/welcome", headers=PARTIAL).text
    assert "Your assistant is writing to you." in waiting and "hx-get" in waiting
    assert client.get("/welcome").status_code == 303
    work()
    card = client.get("/welcome", headers=PARTIAL).text
    assert "Hello alice" in card and "Calming Sheet Masks" in card and 'name="score"' in card
    conversation_id = card.split("/chat/conversations/")[1].split("/")[0]
    post_form(client, f"/chat/conversations/{conversation_id}/rating", score="4")
    assert "is-given" in client.get("/welcome", headers=PARTIAL).text
    talk = client.get(f"/chat?session={conversation_id}").text
    assert "Hello alice" in talk and "Calming Sheet Masks" in talk


def test_the_chat_page_waits_for_the_welcome_and_shows_it(
    app: Flask, shop: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = register("alice")
    sign_in(client, alice)
    monkeypatch.setitem(steps.ACTS, Step.TOOLS, failing("TIMEOUT"))
    work()
    assert "/welcome?in=chat" in client.get("/chat").text
    assert "hx-get" in client.get("/welcome?in=chat", headers=PARTIAL).text
    monkeypatch.undo()


def test_the_welcome_comes_into_the_open_talk_without_loading_the_page_anew(
    app: Flask, shop: None, client: FlaskClient
) -> None:
    sign_in(client, register("alice"))
    work()
    answer = client.get("/welcome?in=chat", headers=PARTIAL)
    assert answer.status_code == 200 and not {"HX-Redirect", "HX-Location", "HX-Refresh"} & {
        *answer.headers.keys()
    }
    assert (
        "Hello alice" in answer.text and "Calming Sheet Masks" in answer.text and "hx-get" not in answer.text
    )


def test_somebody_who_gets_no_welcome_sees_nothing_of_it(shop: None, client: FlaskClient) -> None:
    sign_in(client, make_user("dora", created_at=now() - timedelta(days=1)))
    assert client.get("/welcome", headers=PARTIAL).text == ""
    assert client.get("/welcome").headers["Location"].endswith("/chat")
