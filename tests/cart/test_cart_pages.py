"""The cart's pages: plain forms, htmx fragments, both languages, hostile names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.accounts.passwords import hash_password
from app.cart import queries, service
from app.catalogue.models import Product
from app.core.actor import Actor
from app.db import in_transaction, transaction
from tests.browsing import PARTIAL, counted_statements, csrf_of, post_form, sign_in
from tests.builders import actor_of, make_coupon, make_product, make_user

ENGLISH = {"Accept-Language": "en"}
LINE = re.compile(r'id="line-(\d+)"')


@pytest.fixture
def shop(app: Flask) -> Flask:
    with app.app_context():
        make_product("A", price_cents=12_000, stock=10, name="防晒乳", name_en="Sun milk")
        make_product("B", price_cents=5_000, stock=3, name="<b>霜</b>", name_en="<script>alert(1)</script>")
    return app


@pytest.fixture
def alice(shop: Flask, client: FlaskClient) -> Actor:
    with shop.app_context():
        user = make_user("alice")
        actor = actor_of(user)
    sign_in(client, user)
    return actor


def change_product(app: Flask, sku: str, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Product).where(Product.sku == sku).values(**values))


def line_of(client: FlaskClient) -> int:
    found = LINE.search(client.get("/cart").text)
    assert found
    return int(found.group(1))


def quantities(app: Flask, actor: Actor) -> dict[str, int]:
    with app.app_context():
        return {line.sku: line.quantity for line in queries.get_cart(actor).lines}


def test_an_empty_cart_says_what_to_do(client: FlaskClient, shop: Flask) -> None:
    answer = client.get("/cart", headers=ENGLISH)
    assert answer.status_code == 200
    assert "Your cart is empty" in answer.text
    assert 'href="/products"' in answer.text


def test_a_guest_fills_changes_and_empties_a_cart_with_plain_forms(client: FlaskClient, shop: Flask) -> None:
    answer = post_form(client, "/cart/items", sku="A", quantity="2")
    assert (answer.status_code, answer.location) == (303, "/cart")
    text = client.get("/cart", headers=ENGLISH).text
    assert "Sun milk" in text and "240.00" in text and "Sign in to check out" in text
    line = line_of(client)
    assert post_form(client, f"/cart/items/{line}", quantity="4").status_code == 303
    assert "480.00" in client.get("/cart").text
    assert post_form(client, f"/cart/items/{line}/remove").status_code == 303
    post_form(client, "/cart/items", sku="A")
    assert post_form(client, "/cart/clear").status_code == 303
    assert not LINE.search(client.get("/cart").text)


def test_htmx_gets_a_toast_and_the_badge_after_adding(client: FlaskClient, shop: Flask) -> None:
    answer = post_form(client, "/cart/items", partial=True, sku="A", quantity="3")
    assert answer.status_code == 200
    assert answer.text.count("<hx-partial") == 2
    assert 'id="cart-badge"' in answer.text and ">3<" in answer.text.replace("</span>3", ">3")
    assert "<html" not in answer.text


def test_htmx_gets_the_cart_block_and_the_badge_after_a_change(client: FlaskClient, alice: Actor) -> None:
    post_form(client, "/cart/items", sku="A")
    answer = post_form(client, f"/cart/items/{line_of(client)}", partial=True, quantity="5")
    assert answer.text.lstrip().startswith("<section")
    assert "600.00" in answer.text and 'hx-target="#cart-badge"' in answer.text
    assert "HX-Request-Type" in answer.headers["Vary"]


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("quantity", "status"),
    [
        ("0", 422),
        ("-1", 422),
        ("two", 422),
        ("", 422),
        ("1.5", 422),
        ("９", 422),
        ("9" * 40, 422),
        ("11", 409),
    ],
)
def test_a_wrong_quantity_is_refused_at_its_line(
    shop: Flask, client: FlaskClient, alice: Actor, quantity: str, status: int, partial: bool
) -> None:
    post_form(client, "/cart/items", sku="A")
    answer = post_form(client, f"/cart/items/{line_of(client)}", partial=partial, quantity=quantity)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert quantities(shop, alice) == {"A": 1}


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"sku": "A", "quantity": "0"}, 422),
        ({"sku": "A", "quantity": "-5"}, 422),
        ({"sku": "A", "quantity": "x"}, 422),
        ({"sku": "A", "quantity": "9999"}, 409),
        ({"sku": "NOPE"}, 404),
        ({"sku": "<img src=x>"}, 404),
        ({}, 404),
    ],
)
def test_adding_nonsense_changes_nothing(
    shop: Flask, client: FlaskClient, alice: Actor, form: dict[str, str], status: int
) -> None:
    assert post_form(client, "/cart/items", partial=True, **form).status_code == status
    plain = post_form(client, "/cart/items", **form)
    assert plain.status_code == (303 if status == 409 else status)
    assert quantities(shop, alice) == {}


def test_other_peoples_lines_answer_404_and_stay(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context():
        bob = actor_of(make_user("bob"))
        line = in_transaction(lambda: service.add_item(bob, "A", 2)).item_id
    for partial in (False, True):
        assert post_form(client, f"/cart/items/{line}", partial=partial, quantity="1").status_code == 404
        assert post_form(client, f"/cart/items/{line}/remove", partial=partial).status_code == 404
    assert quantities(shop, bob) == {"A": 2}


def test_a_form_without_token_is_refused(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    assert client.post("/cart/items", data={"sku": "A"}).status_code == 403
    assert quantities(shop, alice) == {}


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_html_in_names_is_shown_as_text(client: FlaskClient, alice: Actor, locale: str) -> None:
    client.set_cookie("locale", locale)
    toast = post_form(client, "/cart/items", partial=True, sku="B").text
    for text in (client.get("/cart").text, toast):
        assert "<script>alert(1)" not in text and "<b>霜" not in text
        assert "&lt;" in text


def test_being_short_is_shown_and_stops_the_checkout(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    post_form(client, "/cart/items", sku="B", quantity="3")
    change_product(shop, "B", stock=2)
    text = client.get("/cart", headers=ENGLISH).text
    assert "Only 2 left" in text and "Take 2" in text
    assert 'href="/checkout"' not in text
    post_form(client, f"/cart/items/{line_of(client)}", quantity="2")
    assert 'href="/checkout"' in client.get("/cart").text


def test_a_new_price_is_accepted_by_a_button(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    post_form(client, "/cart/items", sku="A")
    change_product(shop, "A", price_cents=13_000)
    text = client.get("/cart", headers=ENGLISH).text
    assert "Accept the new prices" in text and "130.00" in text and "¥120" in text
    assert 'href="/checkout"' not in text
    line = line_of(client)
    post_form(client, "/cart/accept-prices", price="nonsense")
    assert "Accept the new prices" in client.get("/cart", headers=ENGLISH).text
    post_form(client, "/cart/accept-prices", price=f"{line}:13000")
    text = client.get("/cart", headers=ENGLISH).text
    assert "Accept the new prices" not in text and 'href="/checkout"' in text


def test_the_best_coupon_and_what_is_missing_for_the_next_are_shown(
    shop: Flask, client: FlaskClient, alice: Actor
) -> None:
    with shop.app_context():
        make_coupon(threshold_cents=10_000, benefit=1_000, name="满100减10")
        make_coupon(threshold_cents=15_000, benefit=3_000, name="满150减30")
    post_form(client, "/cart/items", sku="A")
    text = client.get("/cart", headers=ENGLISH).text
    assert "10 off 100" in text and "110.00" in text
    assert "¥30 more for 30 off 150" in text
    assert "满100减10" in client.get("/cart", headers={"Accept-Language": "zh"}).text


def test_the_cart_page_needs_at_most_eight_statements(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context():
        make_coupon(segment=[{"field": "paid_orders", "op": "==", "value": 0}])
    post_form(client, "/cart/items", sku="A")
    post_form(client, "/cart/items", sku="B")
    with counted_statements(shop) as statements:
        assert client.get("/cart").status_code == 200
    assert len(statements) <= 8, statements


def test_adding_needs_at_most_eight_statements(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    post_form(client, "/cart/items", sku="A")
    data = {"csrf_token": csrf_of(client), "sku": "A"}
    with counted_statements(shop) as statements:
        assert client.post("/cart/items", data=data, headers=PARTIAL).status_code == 200
    assert len(statements) <= 5, statements


def test_the_badge_alone_counts_pieces(client: FlaskClient, shop: Flask) -> None:
    post_form(client, "/cart/items", sku="A", quantity="4")
    badge = client.get("/cart/badge").text
    assert 'id="cart-badge"' in badge and "4" in badge and "<html" not in badge


def test_signing_in_brings_the_cart_along_and_tells_what_was_cut(shop: Flask, client: FlaskClient) -> None:
    with shop.app_context():
        user = make_user("dora", password_hash=hash_password("correct horse"))
        in_transaction(lambda: service.add_item(actor_of(user), "B", 2))
    post_form(client, "/cart/items", sku="B", quantity="2")
    post_form(client, "/cart/items", sku="A", quantity="1")
    client.set_cookie("locale", "en")
    answer = post_form(client, "/login", username="dora", password="correct horse")
    assert answer.status_code == 303, answer.text
    text = client.get("/cart").text
    assert "3 instead of 4" in text
    assert "1 product from before you signed in" in text
    assert quantities(shop, actor_of(user)) == {"A": 1, "B": 3}
