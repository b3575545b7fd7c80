"""The whole story by a program: register, ask, watch, say yes, pay, look it up. Drives the running program over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.running import RunningShop

pytestmark = [pytest.mark.redis, pytest.mark.slow]
PASSWORD = "a long enough password"


@pytest.fixture
def api(shop: RunningShop) -> Iterator[httpx2.Client]:
    """A client of a newly registered customer."""
    name = f"story{uuid4().hex[:8]}"
    with httpx2.Client(base_url=shop.url, timeout=30) as client:
        answer = client.post(
            "/api/auth/register",
            json={"username": name, "email": f"{name}@example.com", "password": PASSWORD},
        )
        assert answer.status_code == 201, answer.text
        token = client.post("/api/auth/token", data={"username": name, "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        yield client


def stream(client: httpx2.Client, path: str, body: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    """All events of a stream, in order."""
    with client.stream("POST", path, json=body, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-run-id"]
        return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["type"] == kind]


@pytest.mark.parametrize(
    ("language", "ask", "order", "name"),
    [
        ("zh-CN", "想买一支防晒，放进购物车", "帮我下单", "轻盈防晒乳 SPF50+"),
        ("en", "please put a sunscreen into my cart", "check out please", "Featherlight Sunscreen SPF50+"),
    ],
)
def test_a_program_can_live_the_whole_story(
    api: httpx2.Client, language: str, ask: str, order: str, name: str
) -> None:
    api.headers["Accept-Language"] = language

    events = stream(api, "/api/chat/stream", {"content": ask})
    assert events[-1]["type"] == "complete"
    session = events[-1]["data"]["message"]["session_id"]
    assert {call["tool_name"] for call in of_type(events, "tool_call")} >= {"list_products", "add_to_cart"}
    assert [(line["sku"], line["quantity"]) for line in api.get("/api/cart").json()] == [("SKN-002", 1)]

    events = stream(api, "/api/chat/stream", {"content": order, "session_id": session})
    asked = of_type(events, "tool_call")[-1]
    assert asked["tool_name"] == "place_order"
    assert asked["requires_confirmation"] is True
    assert of_type(events, "tool_result")[-1]["status"] == "confirmation_required"
    assert api.get("/api/orders").json() == []
    assert asked["confirmation_id"] not in json.dumps(
        api.get(f"/api/chat/sessions/{session}/messages").json()
    )

    events = stream(api, "/api/chat/confirm", {"confirmation_id": asked["confirmation_id"], "approve": True})
    result = of_type(events, "tool_result")[-1]
    assert result["status"] == "ok"
    assert events[-1]["type"] == "complete"
    (placed,) = api.get("/api/orders").json()
    assert (placed["status"], placed["total_cents"]) == ("PENDING", 13_900)
    assert placed["items"][0]["sku"] == "SKN-002"

    paid = api.post(f"/api/orders/{placed['order_id']}/pay", json={"outcome": "success"})
    assert paid.status_code == 200, paid.text
    assert api.get(f"/api/orders/{placed['order_id']}").json()["status"] == "PAID"
    assert api.get("/api/cart").json() == []
    products = api.get("/api/products", params={"q": name}).json()
    assert products[0]["name"] == name

    again = api.post("/api/chat/confirm", json={"confirmation_id": asked["confirmation_id"], "approve": True})
    assert again.status_code in (404, 409)
    assert len(api.get("/api/orders").json()) == 1


def test_the_answer_as_one_json_says_what_was_done(api: httpx2.Client) -> None:
    answer = api.post("/api/chat", json={"text": "add two Rose Hand Cream to my cart"}).json()
    assert answer["session_id"]
    assert answer["reply"]
    assert "add_to_cart" in [action["tool_name"] for action in answer["actions"]]
    assert [(line["sku"], line["quantity"]) for line in answer["cart"]] == [("BDY-003", 2)]


def test_a_run_can_be_replayed_from_any_point(api: httpx2.Client) -> None:
    with api.stream("POST", "/api/chat/stream", json={"content": "有什么防晒推荐吗"}) as answer:
        run = answer.headers["x-run-id"]
        lines = [line for line in answer.iter_lines() if line.startswith(("id: ", "data: "))]
    ids = [line[4:] for line in lines if line.startswith("id: ")]
    data = [line for line in lines if line.startswith("data: ")]
    assert len(ids) == len(set(ids)) == len(data)
    for position in (0, len(ids) // 2):
        rest = api.get(f"/api/chat/runs/{run}/events", headers={"Last-Event-ID": ids[position]}).text
        assert [line for line in rest.splitlines() if line.startswith("data: ")] == data[position + 1 :]


def test_strangers_get_nothing(shop: RunningShop, api: httpx2.Client) -> None:
    session = api.post("/api/chat", json={"text": "hi"}).json()["session_id"]
    assert httpx2.post(f"{shop.url}/api/chat/stream", json={"content": "hi"}).status_code == 401
    assert httpx2.get(f"{shop.url}/api/chat/sessions/{session}/messages").status_code == 401
    name = f"charlie{uuid4().hex[:8]}"
    with httpx2.Client(base_url=shop.url) as charlie:
        charlie.post(
            "/api/auth/register",
            json={"username": name, "email": f"{name}@example.com", "password": PASSWORD},
        )
        token = charlie.post("/api/auth/token", data={"username": name, "password": PASSWORD}).json()
        charlie.headers["Authorization"] = f"Bearer {token['access_token']}"
        assert charlie.get(f"/api/chat/sessions/{session}/messages").status_code == 404
        assert (
            charlie.post("/api/chat/stream", json={"content": "hi", "session_id": session}).status_code == 404
        )
