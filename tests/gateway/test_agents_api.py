"""The JSON API of agents over HTTP: its form, who may use it, real calls, and that no key ever comes out."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.tokens import issue_token
from app.core.actor import Role
from app.core.crypto import MIN_PART, redacted
from app.gateway.trial import MAX_WORDS
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.gateway.agents_helpers import BUILTIN, KEY, REMOTE, ModelServer, make_admin, make_agent, weights

pytestmark = pytest.mark.redis
ENGLISH = {"Accept-Language": "en"}


class Program:
    """A program with an admin's token; checks the form of every answer, and that the key is in none."""

    def __init__(self, app: Flask, token: str) -> None:
        self.app = app
        self.headers = {**ENGLISH, "Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
        answer = self.app.test_client().open(
            f"/api/v1/agents{path}", method=method, json=body, headers=self.headers
        )
        assert answer.status_code == status, answer.text
        assert KEY not in answer.text
        assert KEY not in str(answer.headers)
        told = answer.get_json()
        if status >= 400:
            assert set(told) == {"error"}
            return told["error"]
        assert set(told) == {"success", "data", "message"}
        return told


@pytest.fixture
def local_app(make_app: MakeApp) -> Iterator[tuple[Flask, ModelServer]]:
    """An application that may call a model server on this machine, and that server."""
    with ModelServer() as server:
        yield make_app(llm_allowed_base_urls=server.url), server


def program_of(app: Flask) -> Program:
    with app.app_context():
        return Program(app, issue_token(make_admin().require_user())[0])


@pytest.fixture
def ada(app: Flask) -> Program:
    return program_of(app)


@pytest.fixture
def tried(local_app: tuple[Flask, ModelServer]) -> tuple[Program, ModelServer, int]:
    """A program, a model server, and an agent that is answered by it."""
    app, server = local_app
    ada = program_of(app)
    body = {**REMOTE, "base_url": server.url}
    return ada, server, ada.call("POST", "", body, 201)["data"]["id"]


# ---- the contract


def test_an_agent_lives_through_the_api(ada: Program) -> None:
    made = ada.call("POST", "", {**BUILTIN, "note": "first"}, 201)
    agent = made["data"]
    one = f"/{agent['id']}"
    assert made["success"] is True and made["message"]
    assert {"id", "name", "provider", "base_url", "model", "version", "weight", "priority", "enabled"} <= set(
        agent
    )
    assert (agent["version"], agent["weight"], agent["purpose"], agent["versions"][0]["note"]) == (
        1,
        100,
        "shop",
        "first",
    )
    assert ada.call("GET", one)["data"] == agent
    changed = ada.call("PATCH", one, {"system_prompt": "two", "priority": 3})
    assert (changed["data"]["version"], changed["data"]["priority"]) == (2, 3)
    assert changed["message"] == "Saved as version 2. It answers from now on."
    assert [each["share"] for each in changed["data"]["versions"]] == [1.0, 0.0]
    assert ada.call("PATCH", one, {"name": "Renamed"})["message"] == "Saved. No new version was needed."
    shared = ada.call("PUT", f"{one}/shares", {"shares": {"1": 25, "2": 75}})["data"]
    assert {each["number"]: each["share"] for each in shared["versions"]} == {1: 0.25, 2: 0.75}
    assert ada.call("POST", f"{one}/versions/1/restore")["data"]["version"] == 1
    assert [each["number"] for each in ada.call("GET", f"{one}/results?days=7")["data"]] == [2, 1]
    listed = ada.call("GET")["data"]
    assert [each["name"] for each in listed] == ["Renamed"]
    assert ada.call("GET", "?purpose=welcome")["data"] == []
    assert ada.call("DELETE", one) == {"success": True, "data": None, "message": "The agent is deleted."}
    for method, path in (
        ("GET", one),
        ("DELETE", one),
        ("POST", f"{one}/versions/1/restore"),
        ("GET", f"{one}/results"),
    ):
        assert ada.call(method, path, None, 404)["code"] == "NOT_FOUND"


def test_a_patch_takes_null_where_it_says_something(ada: Program, app: Flask) -> None:
    made = ada.call("POST", "", {**BUILTIN, "tools": ["shop"], "monthly_budget_cents": 100}, 201)["data"]
    one = f"/{made['id']}"
    assert ada.call("PATCH", one, {"name": None, "tools": ["cart"]})["data"]["name"] == made["name"]
    told = ada.call("PATCH", one, {"tools": None, "monthly_budget_cents": None})["data"]
    assert (told["tools"], told["monthly_budget_cents"], told["version"]) == (None, None, 3)


def test_what_was_read_can_be_sent_back(ada: Program, app: Flask) -> None:
    """A program that reads, changes one thing and writes all of it."""
    with app.app_context():
        agent_id = make_agent(make_admin("bob"), **REMOTE)
    agent = ada.call("GET", f"/{agent_id}")["data"]
    assert ada.call("PATCH", f"/{agent_id}", {**agent, "name": "Other"})["message"].startswith(
        "Saved. No new"
    )


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "INVALID_PARAM", "name"), ({**BUILTIN, "name": ""}, 422, "INVALID_PARAM", "name"),
        ({**REMOTE, "model": "", "base_url": "https://1.1.1.1/v1"}, 422, "INVALID_PARAM", "model"), ({**REMOTE, "base_url": ""}, 422, "INVALID_PARAM", "base_url"),
        ({**REMOTE, "base_url": "http://user:pw@h/"}, 422, "INVALID_PARAM", "base_url"),
        ({**REMOTE, "base_url": "http://127.0.0.1:9/v1"}, 422, "INVALID_PARAM", "base_url"),
        ({**REMOTE, "base_url": "http://169.254.169.254/latest"}, 422, "INVALID_PARAM", "base_url"),
        ({**BUILTIN, "tools": ["nothing"]}, 422, "INVALID_PARAM", "tools"), ({**BUILTIN, "weight": 0}, 422, "INVALID_PARAM", "weight"),
        ({**BUILTIN, "temperature": 3}, 422, "INVALID_PARAM", "temperature"), ({**BUILTIN, "name": "Taken"}, 409, "NAME_TAKEN", "name"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_wrong_gets_the_error_form(
    ada: Program, app: Flask, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    with app.app_context():
        make_agent(make_admin("bob"), name="Taken")
    error = ada.call("POST", "", body, status)
    assert (error["code"], field in error["fields"]) == (code, True)
    assert [each["name"] for each in ada.call("GET")["data"]] == ["Taken"]


@pytest.mark.parametrize(
    "shares", [{}, {"1": 0}, {"1": -1}, {"1": 1_001}, {"1": 1.5}, {"1": "5"}, {"0": 5}, {"9": 5}, {"x": 5}, None, [1], {"1": None}]
)  # fmt: skip
def test_wrong_shares_change_nothing(ada: Program, app: Flask, shares: Any) -> None:
    with app.app_context():
        agent_id = make_agent(make_admin("bob"))
    assert ada.call("PUT", f"/{agent_id}/shares", {"shares": shares}, 422)["code"] == "INVALID_PARAM"
    with app.app_context():
        assert weights(agent_id) == {1: 100}


ROUTES = (
    ("GET", "", None), ("POST", "", BUILTIN), ("GET", "/1", None), ("PATCH", "/1", {"priority": 1}), ("DELETE", "/1", None),
    ("POST", "/1/test", None), ("POST", "/1/versions/1/restore", None), ("PUT", "/1/shares", {"shares": {"1": 1}}), ("GET", "/1/results", None),
)  # fmt: skip


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.CONSULTANT, Role.OPERATOR, None])
def test_only_admins_may_use_it(app: Flask, client: FlaskClient, role: Role | None) -> None:
    with app.app_context():
        assert make_agent(make_admin()) == 1
        headers = (
            {"Authorization": f"Bearer {issue_token(make_user('x', roles=(role,)).id)[0]}"} if role else {}
        )
    for method, path, body in ROUTES:
        answer = client.open(f"/api/v1/agents{path}", method=method, json=body, headers=headers)
        assert answer.status_code == (403 if role else 401), (method, path)
    with app.app_context():
        assert weights(1) == {1: 100}


# ---- a real call


def test_a_test_is_a_real_call_of_the_version(tried: tuple[Program, ModelServer, int]) -> None:
    ada, server, agent_id = tried
    told = ada.call("POST", f"/{agent_id}/test")
    data = told["data"]
    assert (told["success"], data["provider"], data["model"], data["version"]) == (
        True,
        "openai",
        "gpt-test",
        1,
    )
    assert data["words"] == "Hello, I am the test model."
    assert data["usage"] == {"prompt_tokens": 11, "completion_tokens": 7}
    assert 0 < data["first_token_ms"] <= data["latency_ms"]
    assert data["error"] is None
    (sent,) = server.seen
    assert server.keys == [KEY]
    assert (sent["model"], sent["temperature"], sent["messages"][0]["content"]) == (
        "gpt-test",
        0.5,
        "Be kind.",
    )
    assert "tools" not in sent


def test_a_test_tries_the_version_that_is_named(tried: tuple[Program, ModelServer, int]) -> None:
    ada, server, agent_id = tried
    ada.call("PATCH", f"/{agent_id}", {"model": "gpt-next"})
    assert ada.call("POST", f"/{agent_id}/test", {})["data"]["version"] == 2
    assert ada.call("POST", f"/{agent_id}/test", {"version": 1})["data"]["version"] == 1
    assert [sent["model"] for sent in server.seen] == ["gpt-next", "gpt-test"]
    assert ada.call("POST", f"/{agent_id}/test", {"version": 9}, 404)["code"] == "NOT_FOUND"


def test_first_words_are_few(tried: tuple[Program, ModelServer, int]) -> None:
    ada, server, agent_id = tried
    server.words = "word " * 5_000
    assert len(ada.call("POST", f"/{agent_id}/test")["data"]["words"]) == MAX_WORDS


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "UPSTREAM"), (401, "UPSTREAM"), (404, "UPSTREAM"), (429, "RATE_LIMITED"), (500, "UPSTREAM")],
)
def test_a_failing_test_tells_why_without_the_key(
    tried: tuple[Program, ModelServer, int], status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    ada, server, agent_id = tried
    server.status = status
    with caplog.at_level(logging.DEBUG):
        told = ada.call("POST", f"/{agent_id}/test")
    assert (told["success"], told["data"]["error"]["code"]) == (False, code)
    assert told["message"] == told["data"]["error"]["message"]
    assert "Incorrect API key provided: ••••" in told["data"]["error"]["detail"]
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("app."))
    assert KEY not in ours


def test_a_key_that_is_spoken_is_not_shown(tried: tuple[Program, ModelServer, int]) -> None:
    ada, server, agent_id = tried
    server.echoes_key = True
    assert ada.call("POST", f"/{agent_id}/test")["data"]["words"].startswith("Your key is ••••. Hello")


def test_a_key_that_was_cut_off_is_not_shown_either() -> None:
    for length in range(len(KEY) + 1):
        assert KEY[:MIN_PART] not in redacted(KEY, f"HTTP 401: wrong key {KEY[:length]}"), length
    assert redacted("", "nothing to hide") == "nothing to hide"


def test_a_silent_model_is_not_waited_for(tried: tuple[Program, ModelServer, int]) -> None:
    ada, server, agent_id = tried
    ada.call("POST", f"/{agent_id}/test")
    server.wait = 3.0
    ada.app.extensions["mcpshop_settings"].llm_first_token_timeout = 0.3
    began = time.monotonic()
    told = ada.call("POST", f"/{agent_id}/test")
    assert time.monotonic() - began < 1.5
    assert (told["success"], told["data"]["error"]["code"]) == (False, "TIMEOUT")


def test_nobody_there_and_nothing_said_are_errors_too(tried: tuple[Program, ModelServer, int]) -> None:
    ada, server, agent_id = tried
    server.words = ""
    assert ada.call("POST", f"/{agent_id}/test")["data"]["error"]["code"] == "EMPTY"
    server.__exit__()
    assert ada.call("POST", f"/{agent_id}/test")["data"]["error"]["code"] == "UPSTREAM"


def test_the_builtin_model_can_be_tried(ada: Program) -> None:
    agent_id = ada.call("POST", "", BUILTIN, 201)["data"]["id"]
    data = ada.call("POST", f"/{agent_id}/test")["data"]
    assert data["words"] and data["error"] is None


def test_a_key_that_cannot_be_opened_is_told(tried: tuple[Program, ModelServer, int]) -> None:
    ada, _server, agent_id = tried
    ada.app.extensions["mcpshop_settings"].secret_key = "another-secret-key-of-at-least-32-characters"
    with ada.app.app_context():
        ada.headers["Authorization"] = f"Bearer {issue_token(1)[0]}"
    assert ada.call("POST", f"/{agent_id}/test")["data"]["error"]["code"] == "KEY_UNREADABLE"
    assert ada.call("GET", f"/{agent_id}")["data"]["key_masked"] == "?"


def test_tests_are_rate_limited(make_app: MakeApp) -> None:
    ada = program_of(make_app(ratelimit_enabled=True))
    agent_id = ada.call("POST", "", BUILTIN, 201)["data"]["id"]
    for _ in range(10):
        ada.call("POST", f"/{agent_id}/test")
    assert ada.call("POST", f"/{agent_id}/test", None, 429)["code"] == "RATE_LIMITED"


def test_the_key_is_masked_in_what_is_read(ada: Program, app: Flask) -> None:
    with app.app_context():
        agent_id = make_agent(make_admin("bob"), **REMOTE)
    told = ada.call("GET", f"/{agent_id}")["data"]
    assert (told["has_key"], told["key_masked"], told["versions"][0]["key_masked"]) == (
        True,
        "••••abcd",
        "••••abcd",
    )
    assert "sealed_key" not in told and "api_key" not in told
