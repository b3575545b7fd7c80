"""The cart's JSON API and tools: shapes, statuses, statement counts."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.cart import queries, service
from app.cart.tools import TOOLS
from app.core.actor import Actor
from app.db import in_transaction
from tests.browsing import counted_statements, csrf_of, sign_in
from tests.builders import actor_of, make_product, make_user

WRONG = [
    ({"sku": "A", "quantity": 0}, 422),
    ({"sku": "A", "quantity": -3}, 422),
    ({"sku": "A", "quantity": "two"}, 422),
    ({"sku": "A", "quantity": "2"}, 422),
    ({"sku": "A", "quantity": 1.5}, 422),
    ({"sku": "A", "quantity": True}, 422),
    ({"sku": "A", "quantity": None}, 422),
    ({"quantity": 1}, 422),
    ({"sku": ["A"], "quantity": 1}, 422),
    ({"sku": "x" * 1_000_000}, 422),
    ([1, 2], 422),
    ({"sku": "NOPE", "quantity": 1}, 404),
    ({"sku": "<script>", "quantity": 1}, 404),
    ({"sku": "' OR 1=1 --", "quantity": 1}, 404),
    ({"sku": "RETIRED", "quantity": 1}, 404),
    ({"sku": "A", "quantity": 11}, 409),
    ({"sku": "A", "quantity": 10**40}, 409),
]


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> Actor:
    """Alice, signed in, her requests with a token; products A and RETIRED."""
    with app.app_context():
        user = make_user("alice")
        make_product("A", price_cents=1_000, stock=10, name="乳液", name_en="Lotion")
        make_product("RETIRED", is_retired=True)
        actor = actor_of(user)
    sign_in(client, user)
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_of(client, "/cart")
    return actor


def add(client: FlaskClient, **body: Any) -> Any:
    return client.post("/api/cart", json=body)


def test_adding_answers_the_line_and_adds_up(client: FlaskClient, alice: Actor) -> None:
    add(client, sku="A", quantity=2)
    answer = add(client, sku="A", quantity=1)
    assert answer.status_code == 201
    assert answer.json["quantity"] == 3
    assert answer.json["added_at"].endswith(("Z", "+00:00"))
    product = answer.json["product"]
    assert (product["name_en"], product["price_cents"], product["stock"]) == ("Lotion", 1_000, 10)
    assert "image_url" in product
    assert [line["cart_item_id"] for line in client.get("/api/cart").json] == [answer.json["cart_item_id"]]


def test_a_line_is_changed_removed_and_the_cart_cleared(client: FlaskClient, alice: Actor) -> None:
    line = add(client, sku="A").json["cart_item_id"]
    assert client.patch(f"/api/cart/{line}", json={"quantity": 4}).json["quantity"] == 4
    assert client.delete(f"/api/cart/{line}").status_code == 204
    assert client.delete(f"/api/cart/{line}").status_code == 404
    add(client, sku="A")
    assert client.delete("/api/cart/clear").status_code == 204
    assert client.get("/api/cart").json == []
    assert client.delete("/api/cart/clear").status_code == 204


@pytest.mark.parametrize(("body", "status"), WRONG)
def test_wrong_input_is_refused_and_changes_nothing(
    client: FlaskClient, alice: Actor, body: Any, status: int
) -> None:
    answer = client.post("/api/cart", json=body)
    assert answer.status_code == status
    assert set(answer.json["error"]) >= {"code", "message", "request_id"}
    assert client.get("/api/cart").json == []


def test_more_than_there_is_has_its_own_code(client: FlaskClient, alice: Actor) -> None:
    line = add(client, sku="A", quantity=8).json["cart_item_id"]
    for answer in (
        add(client, sku="A", quantity=3),
        client.patch(f"/api/cart/{line}", json={"quantity": 11}),
    ):
        assert answer.status_code == 409
        assert answer.json["error"]["code"] == "INSUFFICIENT_STOCK"
        assert "quantity" in answer.json["error"]["fields"]
    assert client.get("/api/cart").json[0]["quantity"] == 8


def test_malformed_json_is_a_400(client: FlaskClient, alice: Actor) -> None:
    answer = client.post("/api/cart", data="{", content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "INVALID_PARAM")


def test_other_peoples_lines_are_not_found(app: Flask, client: FlaskClient, alice: Actor) -> None:
    with app.app_context():
        bob = actor_of(make_user("bob"))
        line = in_transaction(lambda: service.add_item(bob, "A", 2)).item_id
    assert client.patch(f"/api/cart/{line}", json={"quantity": 1}).status_code == 404
    assert client.delete(f"/api/cart/{line}").status_code == 404
    assert client.delete(f"/api/cart/{10**30}").status_code == 404
    assert client.delete("/api/cart/-1").status_code == 404
    with app.app_context():
        assert queries.get_cart(bob).count == 2


def test_a_program_without_token_or_session_is_told_to_sign_in(app: Flask) -> None:
    answer = app.test_client().get("/api/cart")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_few_statements_are_needed(app: Flask, client: FlaskClient, alice: Actor) -> None:
    for _ in range(2):
        with counted_statements(app) as statements:
            assert add(client, sku="A").status_code == 201
        assert len(statements) <= 4
    with counted_statements(app) as statements:
        client.get("/api/cart")
    assert len(statements) <= 2


def test_the_tools_answer_the_cart_as_the_models_expect_it(ctx: None) -> None:
    actor = actor_of(make_user(), locale="en")
    make_product("A", price_cents=1_050, stock=10, name="乳液", name_en="Lotion")
    tools = {spec.name: spec for spec in TOOLS}

    def call(name: str, **arguments: Any) -> Any:
        spec = tools[name]
        return in_transaction(lambda: spec.run(actor, spec.arguments(**arguments)))["cart"]

    assert call("view_cart") == {"items": [], "count": 0, "total": "0.00", "total_cents": 0}
    cart = call("add_to_cart", sku="A", qty=2)
    assert (cart["total"], cart["total_cents"], cart["count"]) == ("21.00", 2_100, 2)
    item = cart["items"][0]
    assert (item["sku"], item["name"], item["name_zh"], item["qty"]) == ("A", "Lotion", "乳液", 2)
    assert (item["price"], item["line_total"], item["stock"]) == ("10.50", "21.00", 10)
    assert call("update_cart", sku="A", qty=5)["count"] == 5
    assert call("update_cart", sku="A", qty=0)["items"] == []
    call("add_to_cart", sku="A")
    assert call("remove_from_cart", sku="A")["items"] == []
    call("add_to_cart", sku="A")
    assert call("clear_cart")["items"] == []


def test_only_the_tools_that_change_something_write_and_all_are_for_guests_too() -> None:
    assert {spec.name for spec in TOOLS if not spec.writes} == {"view_cart"}
    assert all(spec.is_for(Actor(guest_id="g")) for spec in TOOLS)
