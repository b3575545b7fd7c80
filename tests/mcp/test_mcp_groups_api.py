"""The JSON API of tool groups over HTTP: their life, their keys, who may use it, and that keys stay where they belong."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.actor import Role
from app.core.clock import now
from app.db import db, in_transaction
from app.mcp.keys import PREFIX, hash_of
from app.tools import call_log
from app.tools.groups import find_group, find_group_by_key
from app.tools.models import ToolCallLog, ToolGroup
from app.tools.outcome import ToolResult
from tests.mcp.admin_helpers import SHOP, Administrator, has_key

pytestmark = pytest.mark.redis
READ_WRITE = ["read", "write"]


@pytest.fixture
def ada(app: Flask) -> Administrator:
    return Administrator(app)


def opens(app: Flask, key: str) -> str | None:
    """The code of the group that a key opens."""
    with app.app_context():
        group = find_group_by_key(hash_of(key))
        return group.code if group else None


def test_a_group_lives_through_the_api(each_app: Flask) -> None:
    ada = Administrator(each_app)
    wanted = {
        **SHOP, "description": "For the kiosk", "allowed_roles": ["customer"], "user_tier_access": ["2", "1"],
        "rights": ["write", "read"], "calls_per_minute": 90,
    }  # fmt: skip
    made = ada.call("POST", "/groups", wanted, 201, tells_key=True)
    group, one = made["data"], f"/groups/{made['data']['id']}"
    assert made["success"] is True and made["message"] == "The group is there."
    assert {name: group[name] for name in wanted} == {**wanted, "rights": READ_WRITE}
    assert (group["enabled"], group["has_key"], group["created_by"]) == (True, True, ada.actor.user_id)
    key = group.pop("api_key")
    assert key.startswith(PREFIX) and group["key_masked"] == f"{PREFIX}••••{key[-4:]}"
    assert ada.data("GET", one) == group
    assert ada.data("GET", "/groups") == [group]

    changed = ada.call("PATCH", one, {"name": "Kiosk", "calls_per_minute": None, "tools": ["list_stores"]})
    assert (changed["data"]["name"], changed["data"]["calls_per_minute"]) == ("Kiosk", None)
    assert changed["data"]["tools"] == ["list_stores"] and changed["message"] == "The group is saved."
    moved = ada.call("PATCH", one, {"server_code": "kiosk", "name": None})
    assert moved["data"]["name"] == "Kiosk"
    assert "/mcp/shop-one" in moved["message"] and "/mcp/kiosk" in moved["message"]
    assert opens(each_app, key) == "kiosk"
    put = ada.data("POST", f"{one}/tools", {"tools": ["get_product", "list_stores"]})
    assert put["tools"] == ["list_stores", "get_product"]
    assert ada.data("DELETE", f"{one}/tools", {"tools": ["list_stores"]})["tools"] == ["get_product"]

    assert ada.call("DELETE", one)["message"] == "The group is deleted."
    assert opens(each_app, key) is None
    for method, path in (("GET", one), ("PATCH", one), ("DELETE", one), ("GET", f"{one}/api-key")):
        assert ada.call(method, path, {}, 404)["code"] == "NOT_FOUND"


def test_a_key_is_told_on_request_only_and_changed_with_grace(ada: Administrator, app: Flask) -> None:
    group = ada.make_group()
    path, first = f"/groups/{group['id']}", group["api_key"]
    told = ada.data("GET", f"{path}/api-key", tells_key=True)
    assert told == {
        "group_id": group["id"], "server_code": "shop-one", "api_key": first, "previous_key_until": None,
    }  # fmt: skip
    second = ada.data("POST", f"{path}/regenerate-key", {"grace_seconds": 3_600}, tells_key=True)
    assert second["previous_key_until"] and second["api_key"] != first
    assert opens(app, first) == opens(app, second["api_key"]) == "shop-one"
    third = ada.data("POST", f"{path}/regenerate-key", {}, tells_key=True)
    assert third["previous_key_until"] is None
    assert [opens(app, key) for key in (first, second["api_key"], third["api_key"])] == [
        None,
        None,
        "shop-one",
    ]
    revoked = ada.data("DELETE", f"{path}/api-key")
    assert (revoked["has_key"], revoked["key_masked"]) == (False, "")
    assert opens(app, third["api_key"]) is None
    assert ada.call("GET", f"{path}/api-key", None, 404)["message"] == "This group has no key."
    assert opens(app, ada.data("POST", f"{path}/regenerate-key", tells_key=True)["api_key"]) == "shop-one"


def test_no_key_is_in_a_log_and_every_change_is(ada: Administrator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        group = ada.make_group()
        path = f"/groups/{group['id']}"
        ada.data("GET", f"{path}/api-key", tells_key=True)
        ada.data("PATCH", path, {"enabled": False})
        ada.data("POST", f"{path}/regenerate-key", {"grace_seconds": 60}, tells_key=True)
        ada.data("DELETE", f"{path}/api-key")
        ada.call("POST", "/groups", SHOP, 409)
        ada.data("DELETE", path)
    lines = [record.getMessage() for record in caplog.records]
    assert not any(has_key(line) or group["api_key"] in line for line in lines)
    by = f"actor=user:{ada.actor.user_id} "
    told = [line.split()[0] for line in lines if line.startswith("group.") and by in line]
    done = ["group.created", "group.key_shown", "group.changed", "group.key_made", "group.key_revoked"]
    assert told == [*done, "group.deleted"]
    with ada.app.app_context():
        entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [entry.action for entry in entries] == told
        assert entries[2].details == {"enabled": "True → False"}
        assert not any(has_key(str(entry.details)) for entry in entries)


def test_what_was_logged_of_a_deleted_group_stays(each_app: Flask) -> None:
    ada = Administrator(each_app)
    group = ada.make_group()
    with each_app.app_context():
        call_log.record("list_stores", group["id"], "mcp:shop-one", {}, ToolResult(status="ok", result={}))
    ada.data("DELETE", f"/groups/{group['id']}")
    with each_app.app_context():
        row = db.session.scalars(select(ToolCallLog)).one()
        assert (row.tool_name, row.caller_app_id, row.group_id) == ("list_stores", "mcp:shop-one", None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"server_code": "Shop"}, "server_code"),
        ({"server_code": "s"}, "server_code"),
        ({"server_code": "sse"}, "server_code"),
        ({"server_code": "shop\n"}, None),
        ({"server_code": "a b"}, "server_code"),
        ({"description": "x" * 2_001}, "description"),
        ({"allowed_roles": ["root"]}, "allowed_roles.0"),
        ({"user_tier_access": ["6"]}, "user_tier_access.0"),
        ({"rights": []}, "rights"),
        ({"rights": ["on_behalf_of"]}, "rights"),
        ({"calls_per_minute": 0}, "calls_per_minute"),
        ({"calls_per_minute": True}, "calls_per_minute"),
        ({"enabled": "yes"}, "enabled"),
        ({"tools": ["no_such_tool"]}, "tools"),
        ({"tools": "list_products"}, "tools"),
    ],
)
def test_a_wrong_value_is_told_at_its_field(
    ada: Administrator, values: dict[str, Any], field: str | None
) -> None:
    if field is None:
        # Spaces around a code are nobody's wish.
        assert ada.make_group(**values)["server_code"] == "shop"
        return
    error = ada.call("POST", "/groups", {**SHOP, **values}, 422)
    assert error["code"] == "INVALID_PARAM" and set(error["fields"]) == {field}
    made = ada.make_group()
    error = ada.call("PATCH", f"/groups/{made['id']}", values, 422)
    assert set(error["fields"]) == {field}


def test_names_and_codes_are_unique(each_app: Flask) -> None:
    ada = Administrator(each_app)
    first = ada.make_group()
    other = ada.make_group(name="Other", server_code="other")
    assert ada.call("POST", "/groups", {**SHOP, "name": "New"}, 409)["code"] == "CODE_TAKEN"
    taken = ada.call("POST", "/groups", {**SHOP, "server_code": "new", "name": "SHOP"}, 409)
    assert taken["code"] == "NAME_TAKEN" and set(taken["fields"]) == {"name"}
    path = f"/groups/{other['id']}"
    assert ada.call("PATCH", path, {"server_code": first["server_code"]}, 409)["code"] == "CODE_TAKEN"
    assert ada.data("PATCH", path, {"name": "OTHER", "server_code": "other"})["name"] == "OTHER"


def test_a_key_that_cannot_be_opened_is_told_so(ada: Administrator, app: Flask) -> None:
    group = ada.make_group()
    with app.app_context():
        in_transaction(lambda: setattr(db.session.get(ToolGroup, group["id"]), "api_key", "gAAAAAbroken"))
    path = f"/groups/{group['id']}"
    assert ada.data("GET", path)["key_masked"] == "?"
    assert ada.call("GET", f"{path}/api-key", None, 409)["code"] == "KEY_UNREADABLE"
    assert opens(app, ada.data("POST", f"{path}/regenerate-key", tells_key=True)["api_key"]) == "shop-one"


def test_a_change_counts_at_once(ada: Administrator, app: Flask) -> None:
    group = ada.make_group(rights=READ_WRITE)
    ada.data("PATCH", f"/groups/{group['id']}", {"rights": ["read"], "calls_per_minute": 7, "enabled": False})
    with app.app_context():
        found = find_group(group["id"])
        assert found is not None
        assert (found.rights, found.calls_per_minute, found.enabled) == ({"read"}, 7, False)
    assert opens(app, group["api_key"]) is None


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.CONSULTANT, Role.OPERATOR])
def test_only_an_admin_may(app: Flask, role: Role) -> None:
    group = Administrator(app).make_group()
    mallory = Administrator(app, "mallory", role)
    one = f"/groups/{group['id']}"
    for method, path in (
        ("GET", "/groups"), ("POST", "/groups"), ("GET", one), ("PATCH", one), ("DELETE", one), ("GET", f"{one}/api-key"),
        ("DELETE", f"{one}/api-key"), ("POST", f"{one}/regenerate-key"), ("POST", f"{one}/tools"),
        ("DELETE", f"{one}/tools"), ("GET", "/tools"), ("PATCH", "/tools"), ("GET", "/tools/1"), ("PUT", "/tools/1"),
        ("POST", "/tools/1/test"),
    ):  # fmt: skip
        assert mallory.call(method, path, {}, 403)["code"] == "FORBIDDEN"
    with app.app_context():
        stored = db.session.get_one(ToolGroup, group["id"])
        assert stored.hashed_api_key == hash_of(group["api_key"]) and stored.created_at <= now()
