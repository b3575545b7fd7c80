"""Who acts: the program itself, or with the right to it a customer whom the call names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import User
from app.core.actor import SYSTEM, Actor, Role
from app.db import db, in_transaction, transaction
from app.mcp.calls import Call, UnknownTool, call_tool, list_offers
from app.mcp.service import NewGroup, create_group
from app.mcp.visit import Visit
from app.members.models import Member
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult
from app.tools.groups import ON_BEHALF_OF, READ, WRITE, touch
from app.tools.models import ToolCallLog, ToolGroup
from app.tools.registry import registry
from app.tools.spec import Arguments, tool
from app.web.aio import process_loop
from tests.builders import make_product, make_user

pytestmark = pytest.mark.redis
CART = ("add_to_cart", "view_cart", "list_orders", "place_order", "whoami")


def visit(app: Flask, *, rights: tuple[str, ...], roles: tuple[Role, ...] = (Role.CUSTOMER,)) -> Visit:
    new = NewGroup(code="gg", name="G", roles=roles, rights=rights, tools=CART)
    group, _ = in_transaction(lambda: create_group(SYSTEM, new))
    return Visit(app=app, loop=process_loop(), group_id=group.id, code="gg", locale="en")


def call(where: Visit, name: str, **arguments: Any) -> ToolResult:
    return call_tool(where, Call(name=name, arguments=arguments), Cancellation())


def test_a_call_may_name_the_customer_it_is_for(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=5)
        alice, bob = make_user("alice"), make_user("bob")
        shop = visit(each_app, rights=(READ, WRITE, ON_BEHALF_OF))
        assert call(shop, "add_to_cart", sku="A", qty=2, user_id=alice.id).status == "ok"
        assert len(call(shop, "view_cart", user_id=alice.id).result["cart"]["items"]) == 1
        assert call(shop, "view_cart", user_id=bob.id).result["cart"]["items"] == []
        offers = {tool.name: tool for tool in list_offers(shop)}
        assert "user_id" in offers["view_cart"].input_schema["properties"]
        row = db.session.scalars(select(ToolCallLog)).first()
        assert row is not None and row.caller_app_id == "mcp:gg" and row.group_id == shop.group_id


@pytest.mark.parametrize("user_id", [0, -1, 2**40, "1", True, 1.5, 999_999])
def test_nobody_else_can_be_named(app: Flask, user_id: Any) -> None:
    with app.app_context():
        shop = visit(app, rights=(READ, WRITE, ON_BEHALF_OF))
        refused = call(shop, "view_cart", user_id=user_id)
        assert refused.status == "denied"
        assert db.session.scalars(select(ToolCallLog.success)).all() == [False]


@tool(category="odd", zh="我是谁", en="Who acts", arguments=Arguments)
def whoami(actor: Actor, arguments: Arguments) -> dict[str, Any]:
    return {"user_id": actor.user_id, "roles": sorted(actor.roles)}


@pytest.fixture
def with_whoami() -> Iterator[None]:
    registry.add_all([whoami])
    yield
    registry.discard("whoami")


@pytest.mark.usefixtures("with_whoami")
def test_staff_and_closed_accounts_are_no_customers_of_a_group(app: Flask) -> None:
    with app.app_context():
        shop = visit(app, rights=(READ, WRITE, ON_BEHALF_OF))
        operator = make_user("op", roles=(Role.OPERATOR,))
        closed = make_user("closed", is_active=False)
        for user in (operator, closed):
            assert call(shop, "whoami", user_id=user.id).result["error"]["code"] == "NOT_FOUND"


@pytest.mark.usefixtures("with_whoami")
def test_a_person_never_gets_more_roles_than_the_group(app: Flask) -> None:
    with app.app_context():
        boss = make_user("boss", roles=(Role.CUSTOMER, Role.ADMIN))
        shop = visit(app, rights=(READ, ON_BEHALF_OF))
        assert call(shop, "whoami", user_id=boss.id).result == {"user_id": boss.id, "roles": ["customer"]}
        assert call(shop, "whoami").result == {"user_id": None, "roles": ["customer"]}


def test_without_the_right_a_user_id_is_an_unknown_argument(app: Flask) -> None:
    with app.app_context():
        alice = make_user("alice")
        shop = visit(app, rights=(READ, WRITE))
        assert set(call(shop, "view_cart", user_id=alice.id).result["error"]["fields"]) == {"user_id"}
        assert "user_id" not in list_offers(shop)[0].input_schema.get("properties", {})
        assert call(shop, "list_orders").result["error"]["code"] == "UNAUTHORIZED"


def test_without_the_right_to_write_there_is_no_writing_tool(app: Flask) -> None:
    with app.app_context():
        shop = visit(app, rights=(READ,))
        assert {tool.name for tool in list_offers(shop)} == {"view_cart", "list_orders"}
        with pytest.raises(UnknownTool):
            call(shop, "add_to_cart", sku="A")


def test_a_group_may_serve_certain_levels_only(app: Flask) -> None:
    with app.app_context():
        alice = make_user("alice")
        shop = visit(app, rights=(READ, ON_BEHALF_OF))
        with transaction() as session:
            session.get_one(ToolGroup, shop.group_id).user_tier_access = ["3"]
        touch()
        assert call(shop, "view_cart", user_id=alice.id).result["error"]["code"] == "FORBIDDEN"
        with transaction() as session:
            session.scalars(select(Member).where(Member.user_id == alice.id)).one().level = 3
        assert call(shop, "view_cart", user_id=alice.id).status == "ok"
        assert db.session.get_one(User, alice.id).is_active
