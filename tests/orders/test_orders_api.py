"""The JSON API of orders: shapes, statuses, keys, and wrong input of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.accounts.tokens import issue_token
from app.catalogue.models import Product
from app.core.actor import Actor, Role
from app.db import db, transaction
from app.orders.models import Order
from tests.browsing import counted_statements
from tests.builders import actor_of, make_coupon, make_product, make_user
from tests.orders.order_helpers import fill_cart

EVIL = "'; DROP TABLE orders; -- <script>alert(1)</script> 😀"
Headers = dict[str, str]


def bearer(app: Flask, username: str, *roles: Role) -> tuple[Actor, Headers]:
    with app.app_context():
        user = make_user(username, roles=(Role.CUSTOMER, *roles))
        return actor_of(user), {"Authorization": f"Bearer {issue_token(user.id)[0]}"}


@pytest.fixture
def alice(app: Flask) -> tuple[Actor, Headers]:
    with app.app_context():
        make_product("A", price_cents=10_000, stock=10, name="防晒乳", name_en="Sun milk")
        make_product("B", price_cents=5_000, stock=10)
    return bearer(app, "alice")


def fill(app: Flask, actor: Actor, **pieces: int) -> None:
    with app.app_context():
        fill_cart(actor, **pieces)


def placed(app: Flask, client: FlaskClient, who: tuple[Actor, Headers], **pieces: int) -> int:
    fill(app, who[0], **(pieces or {"A": 2}))
    return client.post("/api/orders", headers=who[1]).json["order_id"]


def test_placing_answers_with_the_fixed_fields(app: Flask, client: FlaskClient, alice: Any) -> None:
    with app.app_context():
        make_coupon("SAVE", threshold_cents=0, benefit=1_000)
    fill(app, alice[0], A=2, B=1)
    answer = client.post("/api/orders", json={"coupon_code": "SAVE"}, headers=alice[1])
    assert answer.status_code == 201
    body = answer.json
    assert (body["status"], body["total_cents"], body["original_cents"], body["discount_cents"]) == (
        "PENDING",
        24_000,
        25_000,
        1_000,
    )
    assert [(i["sku"], i["quantity"], i["unit_price"]) for i in body["items"]] == [
        ("A", 2, 10_000),
        ("B", 1, 5_000),
    ]
    assert body["created_at"].endswith("Z")
    assert body["pay_url"] == f"/orders/{body['order_id']}/pay"
    assert client.get(f"/api/orders/{body['order_id']}", headers=alice[1]).json == body


def test_an_empty_cart_is_400(client: FlaskClient, alice: Any) -> None:
    answer = client.post("/api/orders", json={}, headers=alice[1])
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "CART_EMPTY")


def test_a_key_replays_the_identical_bytes(app: Flask, client: FlaskClient, alice: Any) -> None:
    headers = {**alice[1], "Idempotency-Key": "abc"}
    fill(app, alice[0], A=1)
    first = client.post("/api/orders", json={"channel": "online"}, headers=headers)
    client.post(f"/api/orders/{first.json['order_id']}/pay", headers=alice[1])
    again = client.post("/api/orders", json={"channel": "online"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    other = client.post("/api/orders", json={"channel": "delivery"}, headers=headers)
    assert (other.status_code, other.json["error"]["code"]) == (409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("key", ["x" * 129, "ключ".encode().decode("latin-1")])
def test_keys_of_the_wrong_form_are_422(client: FlaskClient, alice: Any, key: str) -> None:
    answer = client.post("/api/orders", json={}, headers={**alice[1], "Idempotency-Key": key})
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID_PARAM")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"points": -1}, 422),
        ({"points": 10**30}, 422),
        ({"points": "many"}, 422),
        ({"points": True}, 422),
        ({"credit_cents": -5}, 422),
        ({"credit_cents": 1.5}, 422),
        ({"store_id": 0}, 422),
        ({"store_id": 987_654}, 422),
        ({"store_id": 10**30}, 422),
        ({"channel": "drone"}, 422),
        ({"channel": "delivery", "contact_id": 12_345}, 422),
        ({"coupon_code": "x" * 1_000_000}, 422),
        ({"coupon_code": ["A"]}, 422),
        ({"coupon_code": EVIL[:32]}, 404),
        ({"points": 100}, 409),
        ([1, 2], 422),
        ("text", 422),
    ],
)
def test_wrong_bodies_change_nothing(
    app: Flask, client: FlaskClient, alice: Any, body: Any, status: int
) -> None:
    fill(app, alice[0], A=2)
    answer = client.post("/api/orders", json=body, headers=alice[1])
    assert answer.status_code == status, answer.json
    assert set(answer.json["error"]) >= {"code", "message", "request_id"}
    with app.app_context():
        assert db.session.scalar(select(func.count(Order.id))) == 0
        assert db.session.get_one(Product, "A").stock == 10


def test_malformed_json_is_400(client: FlaskClient, alice: Any) -> None:
    answer = client.post("/api/orders", data=b'{"a":', headers=alice[1])
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "INVALID_PARAM")


def test_short_stock_is_409_in_the_readers_language(app: Flask, client: FlaskClient, alice: Any) -> None:
    fill(app, alice[0], A=5)
    with app.app_context(), transaction() as session:
        session.get_one(Product, "A").stock = 3
    answer = client.post("/api/orders", json={}, headers={**alice[1], "Accept-Language": "en"})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "INSUFFICIENT_STOCK")
    assert answer.json["error"]["message"] == "Only 3 left of Sun milk."


def test_guests_are_401(client: FlaskClient) -> None:
    for method, path in (("post", "/api/orders"), ("get", "/api/orders"), ("post", "/api/orders/1/pay")):
        answer = getattr(client, method)(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_other_peoples_orders_are_404(app: Flask, client: FlaskClient, alice: Any) -> None:
    order_id = placed(app, client, alice)
    _, charlie = bearer(app, "charlie")
    for method, path in (("get", ""), ("post", "/pay"), ("post", "/cancel")):
        answer = getattr(client, method)(f"/api/orders/{order_id}{path}", headers=charlie)
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")
    assert client.get("/api/orders", headers=charlie).json == []


@pytest.mark.parametrize("order_id", ["0", "99999999999999999999", "-1", "abc", "1%27--"])
def test_strange_ids_are_404(client: FlaskClient, alice: Any, order_id: str) -> None:
    answer = client.get(f"/api/orders/{order_id}", headers=alice[1])
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")


def test_the_list_is_paged_newest_first(app: Flask, client: FlaskClient, alice: Any) -> None:
    ids = [placed(app, client, alice, A=1) for _ in range(3)]
    answer = client.get("/api/orders?limit=2&offset=0", headers=alice[1])
    assert [order["order_id"] for order in answer.json] == [ids[2], ids[1]]
    assert answer.headers["X-Total-Count"] == "3"
    for query in ("limit=0", "limit=101", "offset=-1", "limit=x"):
        assert client.get(f"/api/orders?{query}", headers=alice[1]).status_code == 422


def test_paying_failing_and_paying_twice(app: Flask, client: FlaskClient, alice: Any) -> None:
    pay = f"/api/orders/{placed(app, client, alice)}/pay"
    failed = client.post(pay, json={"outcome": "failure"}, headers=alice[1])
    assert (failed.status_code, failed.json["status"], failed.json["pay_status"]) == (200, "PENDING", 0)
    assert client.post(pay, headers=alice[1]).json["status"] == "PAID"
    twice = client.post(pay, json={"outcome": "success"}, headers=alice[1])
    assert (twice.status_code, twice.json["error"]["code"]) == (409, "ALREADY_PAID")
    assert client.post(pay, json={"outcome": "maybe"}, headers=alice[1]).status_code == 422


def test_cancelling_twice_is_409(app: Flask, client: FlaskClient, alice: Any) -> None:
    cancel = f"/api/orders/{placed(app, client, alice)}/cancel"
    assert client.post(cancel, headers=alice[1]).json["status"] == "CANCELLED"
    assert client.post(cancel, headers=alice[1]).json["error"]["code"] == "CANNOT_CANCEL"


def test_only_operators_refund(app: Flask, client: FlaskClient, alice: Any) -> None:
    order_id = placed(app, client, alice, A=2, B=1)
    client.post(f"/api/orders/{order_id}/pay", headers=alice[1])
    refund = f"/api/orders/{order_id}/refund"
    assert client.post(refund, headers=alice[1]).status_code == 403
    _, operator = bearer(app, "op", Role.OPERATOR)
    for wrong in (
        [{"sku": "A", "quantity": 0}],
        [{"sku": "A", "quantity": 3}],
        [{"sku": EVIL[:32], "quantity": 1}],
        [],
    ):
        assert client.post(refund, json={"items": wrong}, headers=operator).status_code == 422
    one = client.post(refund, json={"items": [{"sku": "A", "quantity": 1}]}, headers=operator)
    assert (one.status_code, one.json["refunded_cents"], one.json["status"]) == (200, 10_000, "PAID")
    rest = client.post(refund, headers=operator)
    assert (rest.json["refunded_cents"], rest.json["status"]) == (25_000, "REFUNDED")
    assert client.post(refund, headers=operator).json["error"]["code"] == "CANNOT_REFUND"


def test_consultants_see_but_do_not_refund(app: Flask, client: FlaskClient, alice: Any) -> None:
    order_id = placed(app, client, alice)
    _, consultant = bearer(app, "con", Role.CONSULTANT)
    assert client.get(f"/api/orders/{order_id}", headers=consultant).status_code == 200
    assert client.post(f"/api/orders/{order_id}/refund", headers=consultant).status_code == 403
    assert client.post(f"/api/orders/{order_id}/cancel", headers=consultant).status_code == 403


def test_placing_and_listing_take_few_statements(app: Flask, client: FlaskClient, alice: Any) -> None:
    fill(app, alice[0], A=2, B=1)
    with counted_statements(app) as statements:
        client.post("/api/orders", headers={**alice[1], "Idempotency-Key": "k"})
    assert len(statements) <= 12, statements
    with counted_statements(app) as statements:
        client.get("/api/orders", headers=alice[1])
    assert len(statements) <= 4, statements
