"""The JSON API of the catalogue: the shapes of api.md, who may write, and wrong input of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.catalogue.models import Product
from app.core.actor import Role
from app.db import db
from tests.browsing import csrf_of, sign_in
from tests.builders import make_category, make_product, make_user

NEW: dict[str, Any] = {"sku": "NEW-1", "name": "新品", "price_cents": 1200, "stock": 3, "category_id": 1}
FIELDS = {
    "sku",
    "name",
    "price_cents",
    "stock",
    "description",
    "image_url",
    "category_id",
    "created_at",
    "updated_at",
}


@pytest.fixture
def shop(app: Flask) -> Flask:
    with app.app_context():
        make_product("A", price_cents=5_000, name="防晒乳", name_en="Sun Milk")
        make_product("B", price_cents=9_000, stock=0, name="面霜", name_en="Cream")
        make_product("OLD", is_retired=True)
    return app


@pytest.fixture
def operator(shop: Flask, client: FlaskClient) -> dict[str, str]:
    """The headers of a signed-in operator's browser."""
    with shop.app_context():
        user = make_user("olivia", roles=(Role.CUSTOMER, Role.OPERATOR))
    sign_in(client, user)
    return {"X-CSRFToken": csrf_of(client, "/products/A")}


def test_the_list_has_its_shape_and_its_total(shop: Flask, client: FlaskClient) -> None:
    answer = client.get("/api/products?q=&category_id=&min_price_cents=&limit=1&sort=price&offset=")
    assert answer.headers["X-Total-Count"] == "2"
    assert [product["sku"] for product in answer.json] == ["A"]
    assert set(answer.json[0]) >= FIELDS
    assert answer.json[0]["created_at"].endswith(("Z", "+00:00"))


def test_filters_work_together(shop: Flask, client: FlaskClient) -> None:
    def skus(query: str) -> list[str]:
        return [product["sku"] for product in client.get(f"/api/products?{query}").json]

    assert skus("in_stock=true") == ["A"]
    assert skus("min_price_cents=5001&max_price_cents=9000") == ["B"]
    assert skus("q=防晒") == ["A"]
    assert skus("category_id=77") == []
    assert skus("sort=-price&limit=1&offset=1") == ["A"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=1e9", "limit=x", "offset=-1", "offset=99999999999999999999", "sort=name", "sort=price;drop", "min_price_cents=-1", "max_price_cents=1.5", "category_id=abc", "in_stock=maybe", "q=" + "x" * 101],
)  # fmt: skip
def test_wrong_filters_get_the_error_form(shop: Flask, client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/products?{query}")
    assert answer.status_code == 422
    error = answer.json["error"]
    assert error["code"] == "INVALID_PARAM" and error["fields"] and error["request_id"]


def test_one_product_is_read_in_the_asked_language(shop: Flask, client: FlaskClient) -> None:
    assert client.get("/api/products/A", headers={"Accept-Language": "en"}).json["name"] == "Sun Milk"
    assert client.get("/api/products/A/", headers={"Accept-Language": "zh"}).json["name"] == "防晒乳"
    for sku in ("NONE", "OLD", "%00", "' OR 1=1", "x" * 500):
        answer = client.get(f"/api/products/{sku}")
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")


def test_categories_are_listed(shop: Flask, client: FlaskClient) -> None:
    assert client.get("/api/categories", headers={"Accept-Language": "en"}).json == [
        {"id": 1, "name": "Skin care", "name_zh": "护肤", "name_en": "Skin care"}
    ]


def test_an_operator_creates_changes_and_retires(
    shop: Flask, client: FlaskClient, operator: dict[str, str]
) -> None:
    created = client.post("/api/products", json=NEW, headers=operator)
    assert created.status_code == 201
    assert set(created.json) >= FIELDS
    assert [product["sku"] for product in client.get("/api/products?q=新品").json] == ["NEW-1"]
    changed = client.patch(
        "/api/products/NEW-1", json={"price_cents": 900, "name": "更新品"}, headers=operator
    )
    assert (changed.status_code, changed.json["price_cents"], changed.json["stock"]) == (200, 900, 3)
    gone = client.delete("/api/products/NEW-1", headers=operator)
    assert (gone.status_code, gone.data) == (204, b"")
    assert client.get("/api/products/NEW-1").status_code == 404
    assert client.delete("/api/products/NEW-1", headers=operator).status_code == 404


def test_a_taken_sku_is_400(shop: Flask, client: FlaskClient, operator: dict[str, str]) -> None:
    answer = client.post("/api/products", json={**NEW, "sku": "A"}, headers=operator)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "SKU_EXISTS")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sku": ""}, {"sku": "a b"}, {"sku": "../x"}, {"sku": "x" * 33}, {"sku": "商品"}, {"name": ""}, {"name": "x" * 121}, {"name": "a\x00b"},
        {"price_cents": -1}, {"price_cents": 1.5}, {"price_cents": "12"}, {"price_cents": 10**18}, {"price_cents": None}, {"price_cents": True},
        {"stock": -1}, {"stock": 10**12}, {"category_id": 99}, {"category_id": "x"}, {"description": "x" * 5001}, {"description": "x" * 1_000_000},
        {"image_url": "javascript:alert(1)"}, {"image_url": "data:text/html,x"}, {"image_url": 'https://x"onerror=1'}, {"image_url": "/etc/passwd"},
    ],
    ids=lambda wrong: str(wrong)[:50],
)  # fmt: skip
def test_wrong_values_are_refused_and_nothing_is_kept(
    shop: Flask, client: FlaskClient, operator: dict[str, str], wrong: dict[str, Any]
) -> None:
    answer = client.post("/api/products", json={**NEW, **wrong}, headers=operator)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID_PARAM")
    assert set(answer.json["error"]["fields"]) == set(wrong)
    with shop.app_context():
        assert db.session.get(Product, "NEW-1") is None
    if "sku" not in wrong and wrong != {"price_cents": None}:
        assert client.patch("/api/products/A", json=wrong, headers=operator).status_code == 422


def test_bodies_that_are_no_json_object_are_refused(
    shop: Flask, client: FlaskClient, operator: dict[str, str]
) -> None:
    for body, status in ((b"{", 400), (b"[]", 422), (b'"x"', 422), (b"\xff\xfe", 400), (b"", 422)):
        answer = client.post("/api/products", data=body, headers=operator, content_type="application/json")
        assert answer.status_code == status
        assert answer.json["error"]["code"] == "INVALID_PARAM"


def test_hostile_text_is_kept_as_text(shop: Flask, client: FlaskClient, operator: dict[str, str]) -> None:
    name = "<script>alert(1)</script>'; DROP TABLE products; -- 😀"
    created = client.post("/api/products", json={**NEW, "name": name}, headers=operator)
    assert created.json["name"] == name
    assert "<script>alert" not in client.get("/products/NEW-1").text


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.CONSULTANT])
def test_others_may_not_write(shop: Flask, client: FlaskClient, role: Role) -> None:
    strangers = (
        ("post", "/api/products", NEW),
        ("patch", "/api/products/A", {"price_cents": 1}),
        ("delete", "/api/products/A", None),
    )
    for method, path, body in strangers:
        answer = getattr(client, method)(path, json=body)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    with shop.app_context():
        user = make_user("bob", roles=(role,))
    sign_in(client, user)
    headers = {"X-CSRFToken": csrf_of(client, "/products/A")}
    for method, path, body in strangers:
        assert getattr(client, method)(path, json=body, headers=headers).status_code == 403
    assert client.get("/api/products/A").json["price_cents"] == 5_000


def test_a_browser_needs_its_csrf_token(shop: Flask, client: FlaskClient, operator: dict[str, str]) -> None:
    assert client.post("/api/products", json=NEW).status_code == 403


def test_a_list_of_a_hundred_takes_few_statements(shop: Flask, client: FlaskClient) -> None:
    from tests.browsing import counted_statements

    with shop.app_context():
        make_category(id=1)
        for number in range(30):
            make_product(f"X-{number}")
    with counted_statements(shop) as statements:
        assert len(client.get("/api/products?limit=100").json) == 32
    assert len(statements) <= 2, statements
