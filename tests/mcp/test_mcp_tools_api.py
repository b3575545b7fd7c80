"""The JSON API of the tools in groups: what is set acts at once, what is fixed is out of the caller's reach, and a
test really calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.actor import Role
from app.db import db
from app.mcp.calls import Call, list_offers
from app.mcp.calls import call_tool as call_as_client
from app.mcp.completion import complete
from app.mcp.resources import list_resources, list_templates
from app.mcp.visit import Visit
from app.tools.call_batch import begin_batching
from app.tools.cancellation import Cancellation
from app.tools.configuration import option
from app.tools.executor import ToolResult
from app.tools.groups import switch_of
from app.tools.models import ToolCallLog, ToolSetting
from app.tools.queries import list_tools
from app.tools.registry import registry
from app.tools.spec import Arguments, tool
from app.web.aio import process_loop
from tests.builders import make_product, make_store, make_user
from tests.mcp.admin_helpers import Administrator

pytestmark = pytest.mark.redis


@tool(category="odd", zh="读取配置", en="Reads its configuration")
def read_option(actor: Any, arguments: Arguments) -> dict[str, Any]:
    return {"colour": option("colour", "none")}


@pytest.fixture
def ada(app: Flask) -> Administrator:
    return Administrator(app)


@pytest.fixture
def odd_tool() -> Iterator[None]:
    registry.add_all([read_option])
    yield
    registry.discard("read_option")


def visit(app: Flask, group: dict[str, Any]) -> Visit:
    return Visit(app=app, loop=process_loop(), group_id=group["id"], code=group["server_code"], locale="en")


def call(app: Flask, group: dict[str, Any], name: str, **arguments: Any) -> ToolResult:
    """As a client with the group's key."""
    with app.app_context():
        wanted = Call(name=name, arguments=arguments)
        return call_as_client(visit(app, group), wanted, Cancellation())


def offered(app: Flask, group: dict[str, Any]) -> dict[str, Any]:
    with app.app_context():
        return {tool.name: tool for tool in list_offers(visit(app, group))}


# ---- lists and switches


def test_tools_are_listed_by_group_word_category_and_switch(ada: Administrator) -> None:
    group = ada.make_group()
    everything = ada.data("GET", "/tools")
    assert {tool["tool_name"] for tool in everything} >= {spec.name for spec in registry}
    alone = next(tool for tool in everything if tool["tool_name"] == "view_cart")
    assert (alone["id"], alone["group_id"], alone["enabled"], alone["available"]) == (None, None, False, True)
    mine = ada.tools(f"?group_id={group['id']}")
    assert set(mine) == {"list_products", "list_stores", "get_product"}
    assert {tool["group_code"] for tool in mine.values()} == {"shop-one"}
    assert set(ada.tools("?q=STORES+city")) == {"list_stores"}
    assert set(ada.tools("?q=门店")) == {"list_stores"}
    assert ada.data("GET", "/tools?category=coupon&enabled=true") == []
    ada.data("PATCH", "/tools", {"ids": [mine["list_stores"]["id"]], "enabled": False})
    assert set(ada.tools("?enabled=true")) == {"list_products", "get_product"}
    assert set(ada.tools("?enabled=0&category=shop")) == {"list_stores"}
    assert ada.call("GET", "/tools?group_id=x", None, 422)["code"] == "INVALID_PARAM"
    assert ada.data("GET", f"/tools/{mine['list_stores']['id']}")["enabled"] is False
    assert ada.call("GET", "/tools/999999", None, 404)["code"] == "NOT_FOUND"


def test_many_are_switched_at_once(each_app: Flask) -> None:
    ada = Administrator(each_app)
    group = ada.make_group()
    ids = [tool["id"] for tool in ada.tools().values()]
    switched = ada.call("PATCH", "/tools", {"ids": [*ids, 999_999], "enabled": False})
    assert switched["data"] == {"count": 3} and switched["message"] == "The tools are switched."
    assert offered(each_app, group) == {}
    assert ada.data("PATCH", "/tools", {"ids": ids, "enabled": False}) == {"count": 3}
    ada.data("PATCH", "/tools", {"ids": ids[:1], "enabled": True})
    assert len(offered(each_app, group)) == 1
    for wrong in (
        {"ids": [], "enabled": True},
        {"ids": ["1"], "enabled": True},
        {"ids": [1]},
        {"ids": [0], "enabled": True},
    ):
        assert ada.call("PATCH", "/tools", wrong, 422)["code"] == "INVALID_PARAM"


def test_what_is_set_is_kept_and_acts(each_app: Flask) -> None:
    ada = Administrator(each_app)
    group = ada.make_group()
    tool_id = ada.tool_id("list_stores")
    wanted = {
        "enabled": True, "version": "2.1", "description": "Where we are.", "timeout_seconds": 3, "calls_per_minute": 12,
        "fixed_arguments": {"city": "上海"}, "config": {"colour": "red"},
    }  # fmt: skip
    saved = ada.call("PUT", f"/tools/{tool_id}", wanted)
    assert saved["message"] == "The tool is saved."
    assert {name: saved["data"][name] for name in wanted} == wanted
    assert ada.data("PUT", f"/tools/{tool_id}", {"timeout_seconds": None}) | {"updated_at": 0} == {
        **saved["data"], "timeout_seconds": None, "updated_at": 0,
    }  # fmt: skip
    assert offered(each_app, group)["list_stores"].description == "Where we are."
    with each_app.app_context():
        switch = visit(each_app, group).group().switches["list_stores"]
        assert (switch.timeout_seconds, switch.calls_per_minute) == (None, 12)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"enabled": 1}, "enabled"),
        ({"version": ""}, "version"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 601}, "timeout_seconds"),
        ({"timeout_seconds": 1.5}, "timeout_seconds"),
        ({"calls_per_minute": 100_001}, "calls_per_minute"),
        ({"description": "x" * 2_001}, "description"),
        ({"config": []}, "config"),
        ({"config": {"x": "y" * 4_000}}, "config"),
        ({"fixed_arguments": {"q": "y" * 4_000}}, "fixed_arguments"),
        ({"fixed_arguments": {"colour": "red"}}, "fixed_arguments.colour"),
        ({"fixed_arguments": {"top_k": 21}}, "fixed_arguments.top_k"),
        ({"fixed_arguments": {"top_k": "many", "q": "x"}}, "fixed_arguments.top_k"),
        ({"fixed_arguments": {"min_price": -1}}, "fixed_arguments.min_price"),
        ({"fixed_arguments": {"sort": "random"}}, "fixed_arguments.sort"),
        ({"fixed_arguments": {"user_id": 1}}, "fixed_arguments.user_id"),
    ],
)
def test_a_wrong_setting_is_told_at_its_field(ada: Administrator, values: dict[str, Any], field: str) -> None:
    ada.make_group(rights=["read", "on_behalf_of"])
    tool_id = ada.tool_id("list_products")
    error = ada.call("PUT", f"/tools/{tool_id}", values, 422)
    assert error["code"] == "INVALID_PARAM" and list(error["fields"]) == [field]
    assert error["fields"][field]
    assert ada.data("GET", f"/tools/{tool_id}")["fixed_arguments"] == {}


def test_the_configuration_reaches_the_tool(ada: Administrator, app: Flask, odd_tool: None) -> None:
    red = ada.make_group(tools=["read_option"])
    plain = ada.make_group(name="Plain", server_code="plain", tools=["read_option"])
    ada.data(
        "PUT",
        f"/tools/{ada.tool_id('read_option', red)}",
        {"config": {"colour": "red"}},
    )
    assert call(app, red, "read_option").result == {"colour": "red"}
    assert call(app, plain, "read_option").result == {"colour": "none"}


# ---- fixed arguments


@pytest.fixture
def fixed(ada: Administrator, app: Flask) -> dict[str, Any]:
    """A group whose list_stores is for Shanghai only, and whose get_product tells of one product."""
    with app.app_context():
        make_store()
        make_store(id=2, name="北京朝阳店", name_en="Beijing Chaoyang", city="北京", city_en="Beijing")
        make_product("SUN-001")
        make_product("SUN-002")
    group: dict[str, Any] = ada.make_group()
    tools = ada.tools()
    ada.data("PUT", f"/tools/{tools['list_stores']['id']}", {"fixed_arguments": {"city": "上海"}})
    ada.data("PUT", f"/tools/{tools['get_product']['id']}", {"fixed_arguments": {"sku": "SUN-001"}})
    return group


def test_a_fixed_argument_is_set_and_not_shown(ada: Administrator, app: Flask, fixed: dict[str, Any]) -> None:
    stores = call(app, fixed, "list_stores").result["stores"]
    assert [store["city"] for store in stores] == ["Shanghai"]
    assert call(app, fixed, "get_product").result["product"]["sku"] == "SUN-001"
    shown = offered(app, fixed)
    assert shown["list_stores"].input_schema["properties"] == {}
    assert "sku" not in str(shown["get_product"].input_schema["properties"])
    assert shown["get_product"].input_schema["required"] == []
    assert "q" in shown["list_products"].input_schema["properties"]
    told = ada.tools()["get_product"]
    assert told["input_schema"]["properties"] == {} and told["fixed_arguments"] == {"sku": "SUN-001"}


@pytest.mark.parametrize("value", ["北京", "上海", "", 1, {"a": 1}])
def test_nobody_can_say_otherwise(app: Flask, fixed: dict[str, Any], value: Any) -> None:
    refused = call(app, fixed, "list_stores", city=value)
    assert (refused.status, refused.result["error"]["code"]) == ("error", "INVALID_PARAM")
    assert set(refused.result["error"]["fields"]) == {"city"}
    # Null is how models say nothing.
    assert call(app, fixed, "list_stores", city=None).status == "ok"


def test_resources_and_completion_tell_no_more_than_the_tools(
    ada: Administrator, app: Flask, fixed: dict[str, Any]
) -> None:
    from mcp_types import PromptReference, ResourceTemplateReference

    one = ResourceTemplateReference(type="ref/resource", uri="products://{sku}")
    report = PromptReference(type="ref/prompt", name="weekly_report")
    ada.data("PATCH", f"/groups/{fixed['id']}", {"allowed_roles": ["operator"]})
    free = ada.make_group(name="Free", server_code="free", allowed_roles=["operator"])
    with app.app_context():
        bound, whole = visit(app, fixed), visit(app, free)
        assert complete(bound, one, "sku", "SUN").values == []
        assert complete(bound, report, "store", "北京").values == []
        assert complete(whole, one, "sku", "SUN").values == ["SUN-001", "SUN-002"]
        assert complete(whole, report, "store", "北京").values == ["Beijing Chaoyang"]
        assert [template.name for template in list_templates(bound)] == ["products_page"]
        assert len(list_templates(whole)) == 2
        assert len(list_resources(bound)) == 1
    ada.data(
        "PUT",
        f"/tools/{ada.tool_id('list_products', fixed)}",
        {"fixed_arguments": {"top_k": 3}},
    )
    with app.app_context():
        assert list_resources(bound) == [] and list_templates(bound) == []


def test_what_is_fixed_for_a_key_is_free_for_others(app: Flask, fixed: dict[str, Any]) -> None:
    with app.app_context():
        alice = make_user("alice")
        from tests.builders import actor_of

        offers = {offer.spec.name: offer for offer in list_tools(actor_of(alice))}
        assert "city" in offers["list_stores"].input_schema()["properties"]
        assert "city" in str(offers["list_stores"].model_schema("en"))
        assert dict(switch_of("list_stores").fixed_arguments) == {}


# ---- really calling


def test_a_test_really_calls_and_names_its_row(each_app: Flask) -> None:
    ada = Administrator(each_app)
    with each_app.app_context():
        make_store()
    ada.make_group()
    tool_id = ada.tool_id("list_stores")
    told = ada.call("POST", f"/tools/{tool_id}/test", {"arguments": {"city": "Shanghai"}})
    assert told["success"] is True and told["message"] == "The tool answered."
    data = told["data"]
    assert data["status"] == "ok" and data["result"]["stores"][0]["city"] == "Shanghai"
    with each_app.app_context():
        row = db.session.get_one(ToolCallLog, data["log_id"])
        assert (row.tool_name, row.caller_app_id) == ("list_stores", f"console:{ada.actor.user_id}")
        assert "Shanghai" in row.request_data and row.duration_ms == data["duration_ms"]


def test_each_of_many_tests_at_once_finds_its_own_row(app: Flask) -> None:
    """The rows are written in batches, past those who wait for them."""
    admins = [Administrator(app, name) for name in ("ada", "bea", "cleo", "dora")]
    with app.app_context():
        make_store()
        begin_batching(app)
    admins[0].make_group()
    tool_id = admins[0].tools()["list_stores"]["id"]
    found: dict[str, Any] = {}

    def work(admin: Administrator, city: str) -> None:
        found[city] = admin.data("POST", f"/tools/{tool_id}/test", {"arguments": {"city": city}})["log_id"]

    cities = ("Aa", "Bb", "Cc", "Dd")
    threads = [threading.Thread(target=work, args=pair) for pair in zip(admins, cities, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with app.app_context():
        rows = {row.id: row.request_data for row in db.session.scalars(select(ToolCallLog))}
    assert {city: rows[found[city]] for city in cities} == {city: f'{{"city":"{city}"}}' for city in cities}


def test_a_test_that_fails_says_why(ada: Administrator) -> None:
    ada.make_group()
    tool_id = ada.tool_id("get_product")
    told = ada.call("POST", f"/tools/{tool_id}/test", {"arguments": {"sku": "NONE"}})
    assert told["success"] is False and told["message"]
    assert (told["data"]["status"], told["data"]["result"]["error"]["code"]) == ("error", "NOT_FOUND")
    wrong = ada.data("POST", f"/tools/{tool_id}/test", {})
    assert wrong["result"]["error"]["fields"] == {"sku": "This is needed."} and wrong["log_id"]
    assert ada.call("POST", f"/tools/{tool_id}/test", {"arguments": []}, 422)["fields"]


def test_a_tool_that_asks_is_done_with_the_fingerprint_only(ada: Administrator, app: Flask) -> None:
    with app.app_context():
        make_product("A", stock=5)
        alice = make_user("alice").id
    group = ada.make_group(
        rights=["read", "write", "on_behalf_of"],
        allowed_roles=["customer"],
        tools=["place_order", "add_to_cart", "list_orders"],
    )
    tools = ada.tools()

    def test(name: str, **body: Any) -> Any:
        return ada.call("POST", f"/tools/{tools[name]['id']}/test", {"user_id": alice, **body})

    assert test("add_to_cart", arguments={"sku": "A"})["success"] is True
    asked = test("place_order")
    assert (asked["success"], asked["data"]["status"]) == (False, "confirmation_required")
    assert asked["data"]["result"]["summary"] and len(asked["data"]["fingerprint"]) == 64
    assert test("list_orders")["data"]["result"]["orders"] == []
    wrong = test("place_order", approved="0" * 64)
    assert wrong["data"]["result"]["error"]["code"] == "CONFIRMATION_VOID"
    done = test("place_order", approved=asked["data"]["fingerprint"])
    assert done["data"]["status"] == "ok", done
    assert len(test("list_orders")["data"]["result"]["orders"]) == 1
    # As for the key itself: nobody else's name opens anything without the right to it.
    ada.data("PATCH", f"/groups/{group['id']}", {"rights": ["read", "write"]})
    assert test("list_orders")["data"]["result"]["error"]["fields"]


def test_what_the_key_does_not_see_cannot_be_tested(ada: Administrator) -> None:
    group = ada.make_group(tools=["list_stores", "list_orders", "add_to_cart"])
    tools = ada.tools()

    def code(name: str) -> str:
        told: str = ada.call("POST", f"/tools/{tools[name]['id']}/test", {}, 409)["code"]
        return told

    assert code("add_to_cart") == "NOT_ALLOWED"
    assert code("list_orders") == "NOT_ALLOWED"
    ada.data("PATCH", "/tools", {"ids": [tools["list_stores"]["id"]], "enabled": False})
    assert code("list_stores") == "TOOL_OFF"
    ada.data("PATCH", f"/groups/{group['id']}", {"enabled": False})
    assert code("list_stores") == "GROUP_OFF"
    assert ada.call("POST", "/tools/999999/test", {}, 404)["code"] == "NOT_FOUND"


def test_a_tool_that_is_gone_is_shown_and_can_be_taken_out(
    ada: Administrator, app: Flask, odd_tool: None
) -> None:
    group = ada.make_group(tools=["read_option", "list_stores"])
    tool_id = ada.tool_id("read_option")
    registry.discard("read_option")
    gone = ada.tools()["read_option"]
    assert (gone["available"], gone["category"], gone["input_schema"]) == (False, "", {})
    assert ada.call("POST", f"/tools/{tool_id}/test", {}, 409)["code"] == "TOOL_NOT_THERE"
    assert ada.data("PUT", f"/tools/{tool_id}", {"enabled": False})["enabled"] is False
    assert ada.call("PUT", f"/tools/{tool_id}", {"fixed_arguments": {"x": 1}}, 422)["fields"]
    assert set(ada.data("PATCH", f"/groups/{group['id']}", {"tools": ["read_option"]})["tools"]) == {
        "read_option"
    }
    assert ada.data("DELETE", f"/groups/{group['id']}/tools", {"tools": ["read_option"]})["tools"] == []
    with app.app_context():
        assert db.session.scalars(select(ToolSetting)).all() == []


def test_roles_of_a_group_decide_what_a_test_may(ada: Administrator) -> None:
    ada.make_group(tools=["list_orders"], allowed_roles=[Role.CUSTOMER.value])
    told = ada.data("POST", f"/tools/{ada.tool_id('list_orders')}/test", {})
    # The program itself is no customer, and so has no orders.
    assert told["result"]["error"]["code"] == "UNAUTHORIZED"
