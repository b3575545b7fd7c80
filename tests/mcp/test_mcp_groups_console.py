"""The console's pages of groups, without JavaScript and by htmx: a group's life, and that keys show only on request."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.core.actor import Actor, Role
from app.db import db, in_transaction
from app.mcp import service
from app.mcp.keys import hash_of
from app.mcp.queries import find_group, get_group_by_id, names_in
from app.tools.groups import find_group_by_key
from tests.browsing import post_form, sign_in
from tests.builders import make_user
from tests.mcp.admin_helpers import KEY, has_key, new_group

pytestmark = pytest.mark.redis
LIST = "/admin/mcp/groups"


class Desk:
    """An admin's browser, in English; pages show a key only where a test says so."""

    def __init__(self, app: Flask, role: Role = Role.ADMIN) -> None:
        self.app, self.client = app, app.test_client()
        with app.app_context():
            user = make_user("ada", roles=(role,))
        self.actor = Actor(user_id=user.id, roles=user.roles)
        sign_in(self.client, user)
        self.client.set_cookie("locale", "en")

    def get(self, path: str, status: int = 200) -> str:
        return self._checked(self.client.get(path), status, tells_key=False).text

    def post(
        self, path: str, status: int = 303, *, tells_key: bool = False, partial: bool = False, **fields: Any
    ) -> TestResponse:
        return self._checked(
            post_form(self.client, path, partial=partial, **fields), status, tells_key=tells_key
        )

    def _checked(self, answer: TestResponse, status: int, *, tells_key: bool) -> TestResponse:
        assert answer.status_code == status, (answer.status_code, words(answer.text)[:800])
        assert has_key(answer.text) == tells_key
        assert answer.headers["Cache-Control"] == "no-store"
        return answer

    def make(self, **values: Any) -> int:
        with self.app.app_context():
            return new_group(self.actor, **values)

    def fields(self, group_id: int, **changed: Any) -> dict[str, Any]:
        """The form as it stands."""
        with self.app.app_context():
            group = get_group_by_id(group_id)
            values = service.values_of(group)
            seen = service.stamp_of(group)
            tools = names_in(group_id)
        shown = {**values, "calls_per_minute": values["calls_per_minute"] or "", "seen": seen, "tools": tools}
        shown["enabled"] = "y" if shown["enabled"] else None
        return {name: value for name, value in {**shown, **changed}.items() if value is not None}

    def opens(self, key: str) -> str | None:
        with self.app.app_context():
            group = find_group_by_key(hash_of(key))
            return group.code if group else None


def words(page: str) -> str:
    """What one reads."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def key_in(page: str) -> str:
    found = KEY.search(page)
    assert found
    return found.group()


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


def test_an_empty_list_says_what_to_do(desk: Desk) -> None:
    page = desk.get(LIST)
    assert "No group yet" in words(page) and f'href="{LIST}/new"' in page


def test_a_group_is_made_and_its_key_shown_once(desk: Desk) -> None:
    assert "list_products" in desk.get(f"{LIST}/new")
    made = desk.post(
        f"{LIST}/new", 200, tells_key=True, name="Kiosk", server_code="kiosk", rights=["read", "write"],
        allowed_roles=["customer"], user_tier_access=["1", "2"], calls_per_minute="60", enabled="y",
        tools=["list_products", "list_stores"],
    )  # fmt: skip
    assert desk.opens(key_in(made.text)) == "kiosk"
    with desk.app.app_context():
        group = find_group("kiosk")
        assert group is not None
        assert service.values_of(group) | {"description": ""} == {
            "name": "Kiosk", "server_code": "kiosk", "description": "", "allowed_roles": ["customer"],
            "user_tier_access": ["1", "2"], "rights": ["read", "write"], "calls_per_minute": 60, "enabled": True,
        }  # fmt: skip
        group_id = group.id
    shown = words(desk.get(LIST))
    assert "Kiosk /mcp/kiosk Customer Level 1, 2 Reading Writing 2 60 mcp_key_••••" in shown
    assert "list_stores" in desk.get(f"{LIST}/{group_id}")


def test_a_wrong_form_comes_back_with_what_was_typed(desk: Desk) -> None:
    answer = desk.post(f"{LIST}/new", 422, name="Kiosk<b>", server_code="Not a code", tools=["no_such"])
    page = words(answer.text)
    assert "Use 2 to 40 small letters, digits and hyphens." in page
    assert 'value="Kiosk&lt;b&gt;"' in answer.text and 'value="Not a code"' in answer.text
    unknown = desk.post(
        f"{LIST}/new", 422, name="Kiosk", server_code="kiosk", rights="read", tools=["no_such"]
    )
    assert "There is no such tool." in words(unknown.text)
    wrong = desk.post(
        f"{LIST}/new", 422, name="K", server_code="kiosk", rights="read", calls_per_minute="many"
    )
    assert "calls_per_minute-error" in wrong.text
    desk.make(name="Kiosk")
    taken = desk.post(f"{LIST}/new", 422, name="kiosk", server_code="other", rights="read")
    assert "There is a group of this name already." in words(taken.text)


def test_an_edit_says_what_a_new_code_means(desk: Desk) -> None:
    group_id = desk.make()
    one = f"{LIST}/{group_id}"
    desk.post(one, **desk.fields(group_id, server_code="moved", tools=["get_product"], enabled=None))
    page = words(desk.get(one))
    assert "Clients that use /mcp/shop-one must be changed to /mcp/moved" in page
    with desk.app.app_context():
        group = get_group_by_id(group_id)
        assert (group.server_code, group.enabled, names_in(group_id)) == ("moved", False, ["get_product"])


def test_who_was_overtaken_is_shown_what_is_there_now(desk: Desk) -> None:
    group_id = desk.make()
    stale = desk.fields(group_id, name="Mine")
    with desk.app.app_context():
        in_transaction(lambda: service.update_group(desk.actor, group_id, {"name": "Theirs"}))
    answer = desk.post(f"{LIST}/{group_id}", 409, **stale)
    assert "Somebody else changed this group meanwhile." in words(answer.text)
    assert 'value="Mine"' in answer.text
    fresh = re.search(r'name="seen"[^>]*value="(\d+)"', answer.text)
    assert fresh
    desk.post(f"{LIST}/{group_id}", **{**stale, "seen": fresh[1]})
    with desk.app.app_context():
        assert get_group_by_id(group_id).name == "Mine"


@pytest.mark.parametrize("partial", [False, True])
def test_a_key_is_shown_on_request(desk: Desk, partial: bool) -> None:
    group_id = desk.make()
    assert "mcp_key_••••" in desk.get(f"{LIST}/{group_id}")
    shown = desk.post(f"{LIST}/{group_id}/key", 200, tells_key=True, partial=partial).text
    assert desk.opens(key_in(shown)) == "shop-one"
    assert ("<html" in shown) != partial


def test_a_key_is_replaced_when_one_is_sure(desk: Desk) -> None:
    group_id = desk.make()
    one = f"{LIST}/{group_id}/key"
    first = key_in(desk.post(one, 200, tells_key=True).text)
    for fields in ({"grace": "0"}, {"grace": "5", "sure": "1"}, {"sure": "1"}, {"grace": "x", "sure": "1"}):
        refused = desk.post(f"{one}/new", 422, **fields)
        assert "nothing was changed" in words(refused.text)
    second = desk.post(f"{one}/new", 200, tells_key=True, grace="3600", sure="1").text
    assert "The key before this one goes on until" in words(second)
    assert desk.opens(first) == desk.opens(key_in(second)) == "shop-one"
    third = key_in(desk.post(f"{one}/new", 200, tells_key=True, grace="0", sure="1").text)
    assert [desk.opens(key) for key in (first, key_in(second), third)] == [None, None, "shop-one"]
    assert "nothing was changed" in words(desk.post(f"{one}/revoke", 422).text)
    revoked = desk.post(f"{one}/revoke", 200, sure="1")
    assert "This group has no key" in words(revoked.text) and desk.opens(third) is None


def test_a_group_is_deleted_by_its_code_only(desk: Desk) -> None:
    group_id = desk.make()
    one = f"{LIST}/{group_id}"
    for typed in ("", "Shop", "shop-two"):
        assert "Nothing was deleted." in words(desk.post(f"{one}/delete", 422, code=typed).text)
    assert desk.post(f"{one}/delete", code="shop-one").headers["Location"] == LIST
    assert "The group is deleted." in words(desk.get(LIST))
    desk.get(one, 404)
    desk.post(f"{one}/key", 404)


def test_a_key_of_another_secret_is_said_to_be_so(desk: Desk) -> None:
    group_id = desk.make()
    with desk.app.app_context():
        in_transaction(lambda: setattr(get_group_by_id(group_id), "api_key", "gAAAAAbroken"))
        db.session.remove()
    assert "cannot be opened" in words(desk.get(LIST))
    assert "SECRET_KEY was changed" in words(desk.get(f"{LIST}/{group_id}"))
    assert "Make a new key." in words(desk.post(f"{LIST}/{group_id}/key", 409).text)


def test_only_admins_see_any_of_it(app: Flask) -> None:
    group_id = Desk(app).make()
    with app.app_context():
        olga = make_user("olga", roles=(Role.OPERATOR,))
    client = app.test_client()
    sign_in(client, olga)
    for path in (LIST, f"{LIST}/new", f"{LIST}/{group_id}", "/admin/mcp/tools", "/admin/mcp/tools/1"):
        assert client.get(path).status_code == 403
    for path in (
        f"{LIST}/{group_id}/key",
        f"{LIST}/{group_id}/delete",
        "/admin/mcp/tools",
        "/admin/mcp/tools/1/test",
    ):
        assert post_form(client, path, code="shop-one").status_code == 403
