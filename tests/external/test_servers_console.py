"""The console's pages of attached servers, without JavaScript and by htmx."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.core.actor import Role
from app.external.queries import list_servers
from app.external.service import stamp_of
from tests.browsing import post_form, sign_in
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.external.attaching import settings_for
from tests.external.conftest import Standing

pytestmark = pytest.mark.redis
LIST = "/admin/mcp/servers"
KEY = "very-secret-key-0123456789"
FIELDS: dict[str, Any] = {
    "name": "CRM", "code": "crm", "transport": "http", "url": "http://127.0.0.1:9/mcp", "key": "", "headers": "", "command": "",
    "arguments": "", "environment": "", "prefix": "", "timeout_seconds": "30", "enabled": "y",
}  # fmt: skip


class Desk:
    """An admin's browser, in English; no page that it gets may hold the key."""

    def __init__(self, app: Flask) -> None:
        self.app, self.client = app, app.test_client()
        with app.app_context():
            user = make_user("ada", roles=(Role.ADMIN,))
        sign_in(self.client, user)
        self.client.set_cookie("locale", "en")

    def get(self, path: str, status: int = 200) -> str:
        return self._checked(self.client.get(path), status).text

    def post(self, path: str, status: int = 303, **fields: Any) -> TestResponse:
        return self._checked(post_form(self.client, path, **fields), status)

    def _checked(self, answer: TestResponse, status: int) -> TestResponse:
        assert answer.status_code == status, words(answer.text)[:800]
        assert KEY not in unescape(answer.text)
        return answer

    def seen(self) -> str:
        with self.app.app_context():
            return stamp_of(list_servers()[0])


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(text)).split())


@pytest.fixture
def desk(make_app: MakeApp) -> Desk:
    return Desk(make_app(mcp_private_urls="http://127.0.0.1:9"))


def test_an_empty_list_says_what_to_do(desk: Desk) -> None:
    text = words(desk.get(LIST))
    assert "No server attached yet" in text and f'href="{LIST}/new"' in desk.get(LIST)


def test_a_server_is_attached_looked_at_and_detached(make_app: MakeApp, standing: Standing) -> None:
    remote = standing("http")
    desk = Desk(make_app(**settings_for(remote)))
    fields = {**FIELDS, "url": remote.url, "key": KEY, "allowed_roles": ["customer"], "trusts_hints": "y"}
    answer = desk.post(f"{LIST}/new", **fields)
    url = answer.headers["Location"]
    text = words(desk.get(url))
    assert "The server is attached. These are its tools." in text
    assert "crm_add" in text and "runs at once" in text and "crm_count" in text and "asks first" in text
    assert "remote 1.2" in text and "••••6789" in text
    assert "Customers" in words(desk.get(LIST))
    part = post_form(desk.client, f"{url}/check", partial=True)
    assert part.status_code == 200 and "<html" not in part.text and "It answered in" in words(part.text)
    assert desk.post(f"{url}/delete").headers["Location"] == LIST
    assert "The server is detached." in words(desk.get(LIST))
    desk.get(url, 404)


def test_a_server_that_is_away_is_attached_all_the_same(desk: Desk) -> None:
    url = desk.post(f"{LIST}/new", **FIELDS).headers["Location"]
    text = words(desk.get(url))
    assert "could not be reached" in text and "Not reachable" in text and "No tools known" in text
    assert "Not reachable" in words(desk.get(LIST))


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(desk: Desk) -> None:
    answer = desk.post(f"{LIST}/new", 422, **{**FIELDS, "url": "http://10.0.0.1/mcp", "headers": "no pair"})
    assert "Each line is a name, a colon or =, and a value." in words(answer.text)
    assert "http://10.0.0.1/mcp" in answer.text
    answer = desk.post(f"{LIST}/new", 422, **{**FIELDS, "url": "http://10.0.0.1/mcp", "code": "Bad Code"})
    assert "private network" in words(answer.text)
    answer = desk.post(f"{LIST}/new", 422, **{**FIELDS, "transport": "stdio", "command": "rm"})
    assert "MCP_STDIO_COMMANDS of the settings does not name this command." in words(answer.text)


def test_an_edit_keeps_the_secrets_and_minds_others_edits(desk: Desk) -> None:
    url = desk.post(f"{LIST}/new", **{**FIELDS, "key": KEY, "headers": "X-Team: shop"}).headers["Location"]
    seen = desk.seen()
    desk.post(url, **{**FIELDS, "name": "Renamed", "seen": seen})
    text = words(desk.get(url))
    assert "Renamed" in text and "••••6789" in text and "Stored: X-Team." in text
    late = desk.post(url, 409, **{**FIELDS, "name": "Late", "seen": seen})
    assert "Somebody else changed this server meanwhile." in words(late.text)
    desk.post(url, **{**FIELDS, "clear_key": "y", "clear_headers": "y", "seen": desk.seen()})
    text = words(desk.get(url))
    assert "••••6789" not in text and "Stored: X-Team." not in text


def test_the_pages_are_for_admins(app: Flask) -> None:
    client = app.test_client()
    with app.app_context():
        sign_in(client, make_user("bob", roles=(Role.OPERATOR,)))
    assert client.get(LIST).status_code == 403
    assert app.test_client().get(LIST).status_code == 303
