"""The built-in model and the real tools: find, add, order with a yes, see the order. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from app.accounts.tokens import issue_token
from app.catalogue.models import Product
from app.catalogue.search import reindex
from app.db import db, transaction
from app.orders.models import Order
from tests.agent.conftest import events_in, of_type, text_of
from tests.builders import make_coupon, make_product, make_user

WORDS = {
    "zh": ("有没有防晒", "加两支到购物车", "下单", "确认"),
    "en": ("do you have a sunscreen", "add two of them to my cart", "place the order", "yes"),
}


@pytest.fixture
def shop(each_app: Flask) -> Flask:
    with each_app.app_context():
        make_product(
            "SUN-1", price_cents=20_000, stock=5, name="轻盈防晒乳 SPF50", name_en="Light Sunscreen SPF50"
        )
        make_coupon()
        with transaction():
            reindex()
    return each_app


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_customer_buys_a_sunscreen(shop: Flask, locale: str) -> None:
    with shop.app_context():
        token, _ = issue_token(make_user("alice").id)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": locale}
    client = shop.test_client()
    session: dict[str, str] = {}

    def say(content: str) -> list[dict[str, Any]]:
        response = client.post("/api/chat/stream", json={"content": content, **session}, headers=headers)
        session["session_id"] = response.headers["X-Session-Id"]
        events = events_in(response)
        assert events[-1]["type"] == "complete", events[-1]
        assert text_of(events)
        return events

    find, add, order, yes = WORDS[locale]
    found = of_type(say(find), "tool_result")[0]["result"]["products"]
    assert found[0]["sku"] == "SUN-1"
    assert of_type(say(add), "tool_result")[-1]["result"]["cart"]["count"] == 2
    asked = say(order)
    summary = of_type(asked, "tool_result")[-1]["result"]["summary"]
    assert of_type(asked, "tool_result")[-1]["status"] == "confirmation_required"
    assert summary["items"][0]["qty"] == 2 and summary["expires_at"]
    placed = of_type(say(yes), "tool_result")[-1]
    assert placed["status"] == "ok"
    with shop.app_context():
        assert db.session.query(Order).one().id == placed["result"]["order"]["order_id"]
        assert db.session.get_one(Product, "SUN-1").stock == 3


def test_a_cart_that_changed_meanwhile_is_not_ordered(shop: Flask) -> None:
    with shop.app_context():
        token, _ = issue_token(make_user("alice").id)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    client = shop.test_client()
    client.post("/api/cart", json={"sku": "SUN-1", "quantity": 1}, headers=headers)
    asked = client.post("/api/chat", json={"text": "place the order"}, headers=headers).json
    client.post("/api/cart", json={"sku": "SUN-1", "quantity": 1}, headers=headers)
    body = {"confirmation_id": asked["confirmation_id"], "approve": True}
    events = events_in(client.post("/api/chat/confirm", json=body, headers=headers))
    assert of_type(events, "tool_result")[0]["result"]["error"]["code"] == "CONFIRMATION_VOID"
    with shop.app_context():
        assert db.session.query(Order).count() == 0


def test_a_guest_talks_through_the_browser_session(shop: Flask) -> None:
    client = shop.test_client()
    with client.session_transaction() as cookie:
        cookie["guest"], cookie["csrf_token"] = "g" * 32, "t" * 40
    token = URLSafeTimedSerializer(shop.config["SECRET_KEY"], salt="wtf-csrf-token").dumps("t" * 40)
    refused = client.post("/api/chat/stream", json={"content": "hi"})
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "CSRF_FAILED")
    headers = {"X-CSRFToken": token, "Accept-Language": "en"}
    response = client.post("/api/chat/stream", json={"content": "do you have a sunscreen"}, headers=headers)
    assert of_type(events_in(response), "tool_result")[0]["result"]["products"]
    assert len(client.get("/api/chat/sessions").json) == 1
    assert client.post("/api/chat", json={"text": "place the order"}, headers=headers).json["actions"] == []
    names = {tool["name"] for tool in client.get("/api/tools").json}
    assert "add_to_cart" in names and "place_order" not in names


def test_tools_and_servers_are_listed_for_the_caller(shop: Flask) -> None:
    with shop.app_context():
        token, _ = issue_token(make_user("alice").id)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    tools = {tool["name"]: tool for tool in shop.test_client().get("/api/tools", headers=headers).json}
    assert tools["place_order"]["requires_confirmation"] is True
    assert tools["list_products"]["input_schema"]["properties"]["q"]
    assert tools["list_products"]["server"] == "shop"
    assert set(tools["view_cart"]["descriptions"]) == {"zh", "en"}
    servers = shop.test_client().get("/api/servers", headers=headers).json
    assert servers[0]["code"] == "shop" and "place_order" in servers[0]["tools"]
