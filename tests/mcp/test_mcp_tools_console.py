"""The console's pages of tools: many at once, one in a group, its documentation, and a real call from a form."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.mcp import membership
from app.mcp.queries import ToolFilter, get_setting, list_tool_rows
from app.orders.models import Order
from app.tools.models import ToolSetting
from tests.builders import make_product, make_store, make_user
from tests.mcp.test_mcp_groups_console import Desk, words

pytestmark = pytest.mark.redis
LIST = "/admin/mcp/tools"


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


def tool_id(desk: Desk, name: str, group_id: int | None = None) -> int:
    with desk.app.app_context():
        rows = list_tool_rows(ToolFilter(group_id=group_id))
        return next(row.setting.id for row in rows if row.name == name and row.setting)


def states(desk: Desk, group_id: int) -> dict[str, bool]:
    with desk.app.app_context():
        found = select(ToolSetting).where(ToolSetting.group_id == group_id)
        return {one.tool_name: one.enabled for one in db.session.scalars(found)}


def fields(desk: Desk, setting_id: int, **changed: Any) -> dict[str, Any]:
    """The form of the settings as it stands, nothing fixed."""
    with desk.app.app_context():
        setting = get_setting(setting_id)
        values = {
            "version": setting.version, "enabled": "y" if setting.enabled else None, "seen": membership.stamp_of(setting),
            "description": setting.description, "timeout_seconds": "", "calls_per_minute": "", "config": "",
        }  # fmt: skip
    return {name: value for name, value in {**values, **changed}.items() if value is not None}


def test_the_list_can_be_narrowed(desk: Desk) -> None:
    group_id = desk.make()
    everything = desk.get(LIST)
    assert "view_cart" in everything and "In no group" in words(everything)
    mine = desk.get(f"{LIST}?group={group_id}")
    assert "list_stores" in mine and 'value="view_cart"' not in mine
    assert 'value="list_stores"' in desk.get(f"{LIST}?q=stores+city&state=on&category=shop")
    assert "No such tools" in words(desk.get(f"{LIST}?q=%3Cb%3Enothing"))
    for odd in ("group=x", "group=99999", "state=maybe", "category=none", "q=" + "x" * 500):
        desk.get(f"{LIST}?{odd}")


def test_many_are_switched_put_in_and_taken_out(desk: Desk) -> None:
    one, other = desk.make(), desk.make(name="Other", server_code="other")
    both = ["list_products", "list_stores"]
    back = desk.post(LIST, do="off", tools=both, scope="", back=f"group={one}")
    assert back.headers["Location"] == f"{LIST}?group={one}"
    assert states(desk, one) == states(desk, other) == dict.fromkeys(both, False) | {"get_product": True}
    desk.post(LIST, do="on", tools=both, scope=str(one))
    assert states(desk, one) == dict.fromkeys([*both, "get_product"], True)
    assert states(desk, other)["list_stores"] is False
    desk.post(LIST, do="put", tools=["view_cart", "list_stores"], scope=str(other))
    assert states(desk, other) == {
        "list_products": False,
        "list_stores": False,
        "get_product": True,
        "view_cart": True,
    }
    desk.post(LIST, do="take", tools=["view_cart", "get_product"], scope=str(other))
    assert set(states(desk, other)) == set(both)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"do": "off"}, "Choose tools first."),
        ({"do": "take", "tools": ["list_stores"]}, "Choose the group first."),
        ({"do": "put", "tools": ["no_such"], "scope": "1"}, "There is no tool called no_such."),
        ({"do": "put", "tools": ["list_stores"], "scope": "999"}, "We could not find that."),
        ({"do": "explode", "tools": ["list_stores"], "scope": "1"}, "Please check the values you entered."),
    ],
)
def test_what_cannot_be_done_is_said(desk: Desk, form: dict[str, Any], told: str) -> None:
    group_id = desk.make()
    desk.post(LIST, **form)
    assert told in words(desk.get(LIST))
    assert states(desk, group_id) == dict.fromkeys(["list_products", "list_stores", "get_product"], True)


def test_settings_are_saved_and_shown_again(desk: Desk) -> None:
    desk.make()
    setting_id = tool_id(desk, "list_products")
    one = f"{LIST}/{setting_id}"
    typed = {
        "version": "3", "description": "Find <things>.", "timeout_seconds": "9", "calls_per_minute": "30",
        "config": '{"colour": "red"}', "fixed-top_k": "3", "fixed-sort": "price", "fixed-in_stock": "true", "fixed-q": "",
    }  # fmt: skip
    assert desk.post(one, **fields(desk, setting_id, **typed)).headers["Location"] == one
    with desk.app.app_context():
        values = membership.values_of(get_setting(setting_id))
    assert values == {
        "enabled": True, "version": "3", "description": "Find <things>.", "timeout_seconds": 9, "calls_per_minute": 30,
        "fixed_arguments": {"top_k": 3, "sort": "price", "in_stock": True}, "config": {"colour": "red"},
    }  # fmt: skip
    page = desk.get(one)
    assert re.search(r'id="fixed-top_k"[^>]*value="3"', page)
    assert '<option value="price" selected>' in page
    # Neither in the form of the call nor in the documentation.
    assert 'id="argument-top_k"' not in page and 'id="argument-q"' in page
    assert "Set by the shop, and not shown to clients: top_k" in words(page)
    assert "Find &lt;things&gt;." in page and "Find <things>" not in page


def test_wrong_settings_are_told_at_their_fields(desk: Desk) -> None:
    desk.make()
    setting_id = tool_id(desk, "list_products")
    one = f"{LIST}/{setting_id}"
    bounds = desk.post(one, 422, **fields(desk, setting_id, **{"fixed-top_k": "50"})).text
    assert 'id="fixed-top_k-error"' in bounds and 'value="50"' in bounds
    kind = desk.post(
        one, 422, **fields(desk, setting_id, **{"fixed-top_k": "many", "fixed-sort": "best"})
    ).text
    assert 'id="fixed-top_k-error"' in kind and 'id="fixed-sort-error"' in kind
    for config in ("{", "[]", "1"):
        assert "config-error" in desk.post(one, 422, **fields(desk, setting_id, config=config)).text
    assert (
        "timeout_seconds-error" in desk.post(one, 422, **fields(desk, setting_id, timeout_seconds="0")).text
    )
    stale = fields(desk, setting_id, seen="0")
    assert "Somebody else changed this tool meanwhile." in words(desk.post(one, 409, **stale).text)
    with desk.app.app_context():
        assert get_setting(setting_id).fixed_arguments == {}


def test_the_documentation_is_what_a_client_is_told_in_both_languages(desk: Desk) -> None:
    desk.make()
    page = desk.get(f"{LIST}/{tool_id(desk, 'get_product')}")
    assert "查看一件商品的详情" in page and "Read one product" in page
    told = words(page)
    assert "sku text at most 32 characters yes – The product's SKU" in told
    assert "Mcp-Name: get_product" in told and '"jsonrpc": "2.0"' in told and "/mcp/shop-one" in told
    desk.client.set_cookie("locale", "zh")
    assert "get_product" in desk.get(f"{LIST}/{tool_id(desk, 'get_product')}")


@pytest.mark.parametrize("partial", [False, True])
def test_a_form_made_from_the_schema_really_calls(desk: Desk, partial: bool) -> None:
    with desk.app.app_context():
        make_store()
    desk.make()
    one = f"{LIST}/{tool_id(desk, 'list_stores')}"
    answer = desk.post(f"{one}/test", 200, partial=partial, **{"argument-city": "Shanghai"}).text
    told = words(answer)
    assert "Shanghai Jing'an" in told and re.search(r"Done \d+ ms Row \d+ of the log", told)
    assert re.search(r'href="/admin/mcp/logs/\d+"', answer)
    assert re.search(r'id="argument-city"[^>]*value="Shanghai"', answer)
    assert ("<html" in answer) != partial


def test_what_the_tool_refuses_stands_at_the_field_and_is_no_markup(desk: Desk) -> None:
    desk.make()
    one = f"{LIST}/{tool_id(desk, 'list_products')}"
    wrong = desk.post(f"{one}/test", 422, **{"argument-top_k": "<b>"}).text
    assert 'id="argument-top_k-error"' in wrong and "This must be a whole number." in words(wrong)
    bounds = desk.post(f"{one}/test", 200, **{"argument-top_k": "99", "argument-q": "<b>bold</b>"}).text
    assert "At most 20." in words(bounds) and "Row" in words(bounds)
    assert "<b>" not in bounds
    product = f"{LIST}/{tool_id(desk, 'get_product')}"
    missing = desk.post(f"{product}/test", 200, **{"argument-sku": "<i>x</i>"}).text
    assert "NOT_FOUND" in missing and "<i>x" not in missing


def test_a_yes_is_asked_for_and_then_it_is_done(desk: Desk) -> None:
    with desk.app.app_context():
        make_product("A", stock=5)
        alice = str(make_user("alice").id)
    desk.make(
        rights=["read", "write", "on_behalf_of"],
        allowed_roles=["customer"],
        tools=["place_order", "add_to_cart"],
    )
    cart, order = (f"{LIST}/{tool_id(desk, name)}/test" for name in ("add_to_cart", "place_order"))
    desk.post(cart, 200, **{"argument-user_id": alice, "argument-sku": "A", "argument-qty": "2"})
    asked = desk.post(order, 200, **{"argument-user_id": alice}).text
    assert "Asks for a yes" in words(asked) and "Nothing was done yet." in words(asked)
    with desk.app.app_context():
        assert db.session.scalars(select(Order)).all() == []
    form = asked[asked.index('name="approved"') - 200 :]
    hidden = dict(re.findall(r'type="hidden" name="(approved|argument-[\w]+)" value="([^"]*)"', form))
    assert hidden["argument-user_id"] == alice
    done = desk.post(order, 200, **{name: unescape(text) for name, text in hidden.items()})
    assert "Done" in words(done.text)
    with desk.app.app_context():
        assert len(db.session.scalars(select(Order)).all()) == 1


def test_a_tool_that_is_off_is_said_to_be_so(desk: Desk) -> None:
    group_id = desk.make()
    one = f"{LIST}/{tool_id(desk, 'list_stores')}"
    desk.post(LIST, do="off", tools=["list_stores"], scope=str(group_id))
    assert "The tool is switched off in this group." in words(desk.post(f"{one}/test", 409).text)
    desk.get(f"{LIST}/99999", 404)
