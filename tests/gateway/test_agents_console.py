"""The console's pages of agents, without JavaScript and by htmx: the chain, editing, versions, shares, a try."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.conversations.models import Conversation, Run
from app.core.actor import Actor, Role
from app.db import transaction
from app.gateway import service
from app.gateway.breaker import Breaker
from app.gateway.queries import list_agents
from app.runtime import redis
from tests.browsing import PARTIAL, counted_statements, csrf_of, post_form, sign_in
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.gateway.agents_helpers import (
    KEY,
    REMOTE,
    ModelServer,
    change,
    fresh,
    make_agent,
    weights,
)

pytestmark = pytest.mark.redis
ENGLISH = {"Accept-Language": "en"}
FIELDS = {
    "name": "Main", "purpose": "shop", "priority": "100", "enabled": "y", "monthly_budget_cents": "", "provider": "builtin",
    "base_url": "", "model": "", "app_id": "", "api_key": "", "system_prompt": "", "temperature": "", "max_tokens": "",
    "tool_choice": "all", "note": "",
}  # fmt: skip


class Desk:
    """An admin's browser, in English; no page that it gets may hold the key."""

    def __init__(self, app: Flask) -> None:
        self.app, self.client = app, app.test_client()
        with app.app_context():
            user = make_user("ada", roles=(Role.ADMIN,))
        self.actor = Actor(user_id=user.id, roles=user.roles)
        sign_in(self.client, user)
        self.client.set_cookie("locale", "en")

    def get(self, path: str, status: int = 200) -> str:
        return self._checked(self.client.get(path), status).text

    def post(self, path: str, status: int = 303, **fields: Any) -> TestResponse:
        return self._checked(post_form(self.client, path, **fields), status)

    def _checked(self, answer: TestResponse, status: int) -> TestResponse:
        assert answer.status_code == status, (answer.status_code, words(answer.text)[:600])
        assert KEY not in answer.text
        assert KEY not in unescape(answer.text)
        return answer

    def make(self, **values: Any) -> int:
        with self.app.app_context():
            return make_agent(self.actor, **values)

    def change(self, agent_id: int, **changes: Any) -> None:
        with self.app.app_context():
            change(self.actor, agent_id, **changes)

    def weights(self, agent_id: int) -> dict[int, int]:
        with self.app.app_context():
            return weights(agent_id)

    def fields(self, agent_id: int, **changed: str) -> dict[str, Any]:
        """The hidden fields of the form as it is now, and the given ones."""
        text = self.get(f"/admin/agents/{agent_id}")
        hidden = {name: value_of(text, name) for name in ("from_version", "seen")}
        return {**FIELDS, **hidden, **changed}


def value_of(text: str, name: str) -> str:
    tag = re.search(rf'<(?:input|select)[^>]*name="{name}"[^>]*>', text)
    assert tag, name
    found = re.search(r'value="([^"]*)"', tag.group())
    return unescape(found.group(1)) if found else ""


def words(text: str) -> str:
    """A page's text, tags aside."""
    body = text.split("<main", 1)[-1].split("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


@pytest.fixture
def served(make_app: MakeApp) -> Iterator[tuple[Desk, ModelServer, int]]:
    """A desk whose agent is answered by a model server on this machine."""
    with ModelServer() as server:
        desk = Desk(make_app(llm_allowed_base_urls=server.url))
        yield desk, server, desk.make(**{**REMOTE, "base_url": server.url})


# ---- who


PAGES = ("/admin/agents", "/admin/agents/new", "/admin/agents/1")
ACTIONS = ("/admin/agents/new", "/admin/agents/1", "/admin/agents/1/versions/1/restore", "/admin/agents/1/shares", "/admin/agents/1/test", "/admin/agents/1/delete")  # fmt: skip


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.CONSULTANT, Role.OPERATOR])
def test_only_admins_see_and_change_agents(desk: Desk, client: FlaskClient, role: Role) -> None:
    assert desk.make() == 1
    with desk.app.app_context():
        sign_in(client, make_user("other", roles=(role,)))
    assert [client.get(path).status_code for path in PAGES] == [403] * 3
    for path in ACTIONS:
        assert post_form(client, path, **FIELDS).status_code == 403
    assert desk.weights(1) == {1: 100}
    if role is Role.OPERATOR:
        assert "/admin/agents" not in client.get("/admin").text
    assert "/admin/agents" in desk.get("/admin")


def test_a_form_without_its_token_changes_nothing(desk: Desk) -> None:
    desk.make()
    for path in ACTIONS:
        assert desk.client.post(path, data=FIELDS).status_code == 403
    assert desk.weights(1) == {1: 100}


# ---- the chain


def test_without_agents_the_page_explains_itself(desk: Desk) -> None:
    told = words(desk.get("/admin/agents"))
    assert "No agent yet" in told
    assert "Built-in" in told and "From the settings" not in told


def test_the_list_shows_who_is_asked_in_which_order(make_app: MakeApp) -> None:
    desk = Desk(make_app(llm_api_key="sk", llm_model="settings-model"))
    assert "settings-model" in words(desk.get("/admin/agents"))
    assert "Not asked beside agents" not in words(desk.get("/admin/agents"))
    second = desk.make(**{**REMOTE, "name": "Second", "priority": 20, "monthly_budget_cents": 123_400})
    first = desk.make(**{**REMOTE, "name": "First", "priority": 10})
    desk.make(name="Sleeping", priority=5, enabled=False)
    desk.make(name="Poor", purpose="welcome", monthly_budget_cents=0)
    desk.change(second, model="other", weight=300)
    with desk.app.app_context():
        version = fresh(second).versions[0].id
        with transaction() as session:
            session.add(Conversation(id="c", owner="user:1"))
            session.flush()
            session.add(
                Run(conversation_id="c", owner="user:1", agent_version_id=version, cost_micros=12_340_000)
            )
        for _ in range(5):
            Breaker(redis()).fail(f"agent:{first}:v1", Breaker(redis()).admit(f"agent:{first}:v1"))
    text = desk.get("/admin/agents")
    told = words(text)
    places = re.findall(r'class="place">(\d)</span>(?:<a[^>]*>)?([^<]+)', text)
    assert places[:5] == list(
        zip("12345", ("Sleeping", "First", "Second", "From the settings (LLM_*)", "Built-in"), strict=True)
    )
    for text in (
        "v1 · 25 %",
        "v2 · 75 %",
        "¥12.34 / ¥1,234.00",
        "Paused after failures",
        "Budget used up",
        "Off",
        "Not asked beside agents",
    ):
        assert text in told, text


def test_pages_take_few_statements(desk: Desk) -> None:
    for number in range(5):
        agent_id = desk.make(name=f"Agent {number}")
        desk.change(agent_id, system_prompt="two")
    for path, most in (("/admin/agents", 8), (f"/admin/agents/{agent_id}", 14)):
        with counted_statements(desk.app) as statements:
            desk.get(path)
        assert len(statements) <= most, (path, len(statements), statements)


# ---- making and editing


def test_an_agent_is_made_with_the_form(desk: Desk) -> None:
    answer = desk.post("/admin/agents/new", **{**FIELDS, "monthly_budget_cents": "99.5", "tool_choice": "chosen", "tools": ["shop", "view_cart"], "note": "to try"})  # fmt: skip
    assert answer.headers["Location"] == "/admin/agents/1"
    with desk.app.app_context():
        agent = fresh(1)
        assert (agent.monthly_budget_cents, agent.versions[0].tools) == (9_950, ["shop", "view_cart"])
    told = words(desk.get("/admin/agents/1"))
    assert "The agent is there" in told or "to try" in told


def test_saving_says_which_version_it_made(desk: Desk) -> None:
    agent_id = desk.make()
    path = f"/admin/agents/{agent_id}"
    desk.post(path, **desk.fields(agent_id, system_prompt="Be kind.", note="kinder"))
    assert "Saved as version 2. It answers from now on." in unescape(desk.get(path))
    assert desk.weights(agent_id) == {1: 0, 2: 100}
    desk.post(path, **desk.fields(agent_id, system_prompt="Be kind.", name="Other"))
    assert "Saved. No new version was needed." in unescape(desk.get(path))
    desk.post(path, **desk.fields(agent_id, system_prompt="Be brief.", name="Other", traffic="none"))
    told = desk.get(path)
    assert "Saved as version 3. It gets no traffic yet." in unescape(told)
    assert desk.weights(agent_id) == {1: 0, 2: 100, 3: 0}
    assert "kinder" in told and "System prompt (9 characters)" in told


def test_a_key_is_kept_masked_and_removed(desk: Desk) -> None:
    agent_id = desk.make(**REMOTE)
    path = f"/admin/agents/{agent_id}"
    assert "Stored: ••••abcd" in words(desk.get(path))
    assert value_of(desk.get(path), "api_key") == ""
    remote = {name: str(REMOTE[name]) for name in ("provider", "base_url", "model")}
    desk.post(path, **desk.fields(agent_id, **remote))
    desk.post(path, **desk.fields(agent_id, **{**remote, "model": "m2"}))
    with desk.app.app_context():
        assert [bool(version.sealed_key) for version in fresh(agent_id).versions] == [True] * 3
    desk.post(path, **desk.fields(agent_id, **{**remote, "clear_key": "y"}))
    with desk.app.app_context():
        assert fresh(agent_id).versions[-1].sealed_key == ""
    assert "Stored encrypted" in words(desk.get(path))


def test_a_refused_form_comes_back_with_what_was_typed_but_the_key(desk: Desk) -> None:
    wrong = {"name": "<script>alert(1)</script>", "provider": "openai", "base_url": "http://10.0.0.1/v1", "model": "m", "api_key": KEY, "temperature": "0.7"}  # fmt: skip
    text = desk.post("/admin/agents/new", 422, **{**FIELDS, **wrong}).text
    assert "This address may not be used here." in text
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
    assert (value_of(text, "temperature"), value_of(text, "api_key")) == ("0.7", "")
    with desk.app.app_context():
        assert list_agents() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 81), ("purpose", "x"), ("priority", "-1"), ("priority", "x"), ("priority", ""), ("priority", "9" * 5_000), ("provider", "x"), ("provider", "openai"), ("provider", "dify"), ("monthly_budget_cents", "-1"), ("monthly_budget_cents", "abc"), ("monthly_budget_cents", "NaN"), ("monthly_budget_cents", "sNaN"), ("monthly_budget_cents", "1e99"), ("temperature", "3"), ("temperature", "nan"), ("temperature", "x"), ("max_tokens", "0"), ("max_tokens", "x"), ("system_prompt", "x" * 20_001), ("note", "x" * 201), ("tools", "nothing"), ("tool_choice", "x"), ("api_key", "a b")],
    ids=lambda value: str(value)[:25],
)  # fmt: skip
def test_wrong_values_are_refused_at_the_form(desk: Desk, field: str, value: str) -> None:
    # The built-in model has no use for a temperature, a limit or a key: what it does not keep is not refused later.
    fields = {**FIELDS, "tool_choice": "chosen" if field == "tools" else "all", field: value}
    text = desk.post("/admin/agents/new", 422, **fields).text
    assert 'class="field-error"' in text or 'class="alert alert-danger"' in text
    with desk.app.app_context():
        assert list_agents() == []


def test_the_slower_of_two_editors_is_told(desk: Desk) -> None:
    agent_id = desk.make()
    path, late = f"/admin/agents/{agent_id}", desk.fields(agent_id, name="Mine")
    desk.change(agent_id, name="Theirs", system_prompt="two")
    text = desk.post(path, 409, **late).text
    assert "Somebody else changed this agent meanwhile." in unescape(text)
    assert value_of(text, "name") == "Mine"
    desk.post(path, **{**late, "seen": value_of(text, "seen")})
    with desk.app.app_context():
        assert fresh(agent_id).name == "Mine"


def test_an_edit_can_start_from_an_older_version(desk: Desk) -> None:
    agent_id = desk.make(system_prompt="the first prompt")
    desk.change(agent_id, system_prompt="the second prompt")
    text = desk.get(f"/admin/agents/{agent_id}?version=1")
    assert "the first prompt" in text and value_of(text, "from_version") == "1"
    assert "the second prompt" in desk.get(f"/admin/agents/{agent_id}")
    desk.get(f"/admin/agents/{agent_id}?version=9", 404)


# ---- versions


def test_the_table_tells_who_changed_what_when(desk: Desk) -> None:
    agent_id = desk.make(**REMOTE)
    desk.change(agent_id, model="gpt-next", temperature=None, tools=None, note="newer")
    desk.change(agent_id, api_key="sk-another-one-0123456789")
    told = words(desk.get(f"/admin/agents/{agent_id}"))
    for text in (
        "Model: gpt-test → gpt-next",
        "Temperature: 0.5 → –",
        "Tools: shop, view_cart → all",
        "newer",
        "First version",
        "Key",
        "ada",
    ):
        assert text in told, text


def test_roll_back_is_one_click(desk: Desk) -> None:
    agent_id = desk.make()
    desk.change(agent_id, system_prompt="two")
    path = f"/admin/agents/{agent_id}"
    assert f'formaction="{path}/versions/1/restore"' in desk.get(path)
    assert f'formaction="{path}/versions/2/restore"' not in desk.get(path), "it has all the traffic"
    desk.post(f"{path}/versions/1/restore")
    assert "Version 1 answers from now on." in desk.get(path)
    assert desk.weights(agent_id) == {1: 100, 2: 0}
    desk.post(f"{path}/versions/9/restore", 404)


def test_shares_are_set_with_the_table(desk: Desk) -> None:
    agent_id = desk.make()
    desk.change(agent_id, system_prompt="two")
    path = f"/admin/agents/{agent_id}/shares"
    desk.post(path, **{"weight-1": "25", "weight-2": "75", "weight-x": "1", "other": "2"})
    assert desk.weights(agent_id) == {1: 25, 2: 75}
    for wrong in (
        {"weight-1": "-1"},
        {"weight-1": "x"},
        {"weight-1": "1001"},
        {"weight-1": "0"},
        {"weight-9": "5"},
        {},
    ):
        desk.post(path, **wrong)
        assert 'class="toast toast-danger"' in desk.get(f"/admin/agents/{agent_id}"), wrong
    assert desk.weights(agent_id) == {1: 25, 2: 75}


def test_a_deleted_agent_leaves_the_list(desk: Desk) -> None:
    agent_id = desk.make(name="Gone soon")
    desk.post(f"/admin/agents/{agent_id}/delete")
    desk.get("/admin/agents")
    assert "Gone soon" not in desk.get("/admin/agents")
    desk.get(f"/admin/agents/{agent_id}", 404)


# ---- results and a try


def test_results_are_a_table_and_charts_of_the_same_figures(desk: Desk) -> None:
    agent_id = desk.make()
    path = f"/admin/agents/{agent_id}"
    assert "data-chart" not in desk.get(path), "nothing to draw yet"
    with desk.app.app_context():
        version = fresh(agent_id).versions[0].id
        with transaction() as session:
            session.add(Conversation(id="c", owner="user:1"))
            session.flush()
            session.add(
                Run(
                    conversation_id="c",
                    owner="user:1",
                    agent_version_id=version,
                    first_token_ms=432,
                    status="done",
                )
            )
    text = desk.get(path)
    charts = [json.loads(unescape(found)) for found in re.findall(r'data-chart="([^"]*)"', text)]
    assert [chart["kind"] for chart in charts] == ["bar", "bar"]
    assert charts[0]["categories"] == ["Version 1"]
    assert charts[0]["series"] == [{"name": "P50", "values": [432]}, {"name": "P95", "values": [432]}]
    assert "432 ms" in words(text)
    assert "echarts" in text and "js/charts.js" in text
    for days in ("7", "90", "x", "99999999", "0"):
        desk.get(f"{path}?days={days}")


@pytest.mark.parametrize("headers", [{}, PARTIAL])
def test_a_try_shows_words_and_times_with_and_without_htmx(
    served: tuple[Desk, ModelServer, int], headers: dict[str, str]
) -> None:
    desk, _server, agent_id = served
    data = {"csrf_token": csrf_of(desk.client), "version": "1"}
    answer = desk._checked(
        desk.client.post(f"/admin/agents/{agent_id}/test", data=data, headers=headers), 200
    )
    assert "Hello, I am the test model." in answer.text, words(answer.text)[:500]
    assert "11 / 7" in answer.text and "gpt-test" in answer.text
    assert ("<main" in answer.text) is not bool(headers)


def test_a_failed_try_tells_why_without_the_key(served: tuple[Desk, ModelServer, int]) -> None:
    desk, server, agent_id = served
    server.status = 401
    told = words(desk.post(f"/admin/agents/{agent_id}/test", 200).text)
    assert "The service refuses the key." in told and "Incorrect API key provided: ••••" in told


def test_a_stored_key_that_cannot_be_opened_is_told(desk: Desk) -> None:
    agent_id = desk.make(**REMOTE)
    desk.app.extensions["mcpshop_settings"].secret_key = "another-secret-key-of-at-least-32-characters"
    assert "The stored key cannot be opened" in words(desk.get(f"/admin/agents/{agent_id}"))


def test_chinese_pages_are_there(desk: Desk) -> None:
    agent_id = desk.make(**REMOTE)
    desk.client.set_cookie("locale", "zh")
    for path in ("/admin/agents", "/admin/agents/new", f"/admin/agents/{agent_id}"):
        assert 'lang="zh-CN"' in desk.get(path)
    assert service.known_tools()
