"""The pages of checkout and orders: plain forms, htmx fragments, both languages, hostile names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.accounts import wallet
from app.catalogue.models import Product
from app.core.actor import Actor, Role
from app.db import db, in_transaction, transaction
from app.orders import service
from app.orders.models import Order
from tests.browsing import PARTIAL, counted_statements, post_form, sign_in
from tests.builders import actor_of, make_coupon, make_product, make_user
from tests.orders.order_helpers import buy, fill_cart, pay

ENGLISH = {"Accept-Language": "en"}
HIDDEN = re.compile(r'name="(key|expected_cents)"[^>]*value="([^"]*)"')
CONTACT = {"recipient": "李雷", "phone": "13800000000", "city": "上海", "address": "南京西路 1 号"}


@pytest.fixture
def shop(app: Flask) -> Flask:
    with app.app_context():
        make_product("A", price_cents=20_000, stock=10, name="防晒乳", name_en="Sun milk")
        make_product("B", price_cents=5_000, stock=10, name="<b>霜</b>", name_en="<script>alert(1)</script>")
    return app


@pytest.fixture
def alice(shop: Flask, client: FlaskClient) -> Actor:
    with shop.app_context():
        user = make_user("alice")
        actor = actor_of(user)
        fill_cart(actor, A=2, B=1)
    sign_in(client, user)
    return actor


@pytest.fixture
def operator(shop: Flask) -> FlaskClient:
    with shop.app_context():
        user = make_user("op", roles=(Role.CUSTOMER, Role.OPERATOR))
    browser = shop.test_client()
    sign_in(browser, user)
    return browser


def hidden(page: TestResponse) -> dict[str, str]:
    """The key and the total that the page's form carries."""
    return dict(HIDDEN.findall(page.text))


def check_out(client: FlaskClient, **fields: Any) -> TestResponse:
    """Open the checkout and press the button."""
    values = {"channel": "online", "store_id": "1", "coupon": "", **hidden(client.get("/checkout")), **fields}
    return post_form(client, "/checkout", place="1", **values)


def orders_of(app: Flask) -> list[Order]:
    with app.app_context():
        return list(db.session.scalars(select(Order).order_by(Order.id)))


def one_order(app: Flask, actor: Actor, *, paid: bool = False) -> int:
    with app.app_context():
        order = buy(actor) if not paid else pay(actor, buy(actor))
        return order.id


def test_checking_out_leads_to_the_payment_page(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    answer = check_out(client)
    [order] = orders_of(shop)
    assert (answer.status_code, answer.location) == (303, f"/orders/{order.id}/pay")
    assert (order.channel, order.amount_cents) == ("online", 45_000)
    page = client.get(answer.location, headers=ENGLISH)
    assert "This is a test payment" in page.text
    assert "450" in page.text


def test_the_best_coupon_is_preselected(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context():
        make_coupon("SMALL", benefit=1_000)
        make_coupon("LARGE", benefit=5_000)
        make_coupon("FAR", threshold_cents=50_000, benefit=9_000)
    page = client.get("/checkout", headers=ENGLISH)
    assert re.search(r'value="LARGE" checked', page.text)
    assert 'value="FAR"' not in page.text
    assert "50.00 more for" in page.text
    assert hidden(page)["expected_cents"] == "40000"


def test_a_choice_gives_new_totals_as_a_fragment(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context():
        make_coupon("SAVE", benefit=5_000)
        with transaction():
            wallet.move(alice.user_id, "points", 1_000, reason="welcome")
    values = {"channel": "online", "coupon": "SAVE", "points": "600", "credit": "0"}
    part = post_form(client, "/checkout", partial=True, **values)
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<aside class="panel')
    assert hidden(part)["expected_cents"] == "39400"
    too_many = post_form(client, "/checkout", partial=True, **{**values, "points": "999999"})
    assert hidden(too_many)["expected_cents"] == "39000"
    whole = post_form(client, "/checkout", **values)
    assert "<html" in whole.text
    assert orders_of(shop) == []


def test_a_double_click_makes_one_order(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    form = hidden(client.get("/checkout"))
    first, second = check_out(client, **form), None
    values = {"channel": "online", "store_id": "1", "coupon": "", **form}
    second = post_form(client, "/checkout", place="1", **values)
    assert first.location == second.location
    assert len(orders_of(shop)) == 1


def test_a_total_that_changed_is_shown_before_it_is_paid(
    shop: Flask, client: FlaskClient, alice: Actor
) -> None:
    form = hidden(client.get("/checkout"))
    with shop.app_context(), transaction() as session:
        session.get_one(Product, "A").price_cents = 30_000
    answer = check_out(client, **form)
    assert answer.status_code == 409
    assert hidden(answer)["expected_cents"] == "65000"
    assert orders_of(shop) == []
    assert check_out(client).status_code == 303


def test_what_is_short_blocks_the_button(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context(), transaction() as session:
        session.get_one(Product, "A").stock = 1
    page = client.get("/checkout", headers=ENGLISH)
    assert "Only 1 left of Sun milk." in page.text
    assert 'name="place"' not in page.text
    assert check_out(client).status_code == 409


def test_a_new_address_is_checked_and_kept(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    wrong = check_out(client, channel="delivery", contact="new", **{**CONTACT, "phone": "x"})
    assert wrong.status_code == 422
    assert "field-error" in wrong.text
    assert "南京西路" in wrong.text
    assert check_out(client, channel="delivery", contact="new", **CONTACT).status_code == 303
    [order] = orders_of(shop)
    assert order.contact == CONTACT
    with shop.app_context():
        fill_cart(alice, A=1)
    assert "南京西路" in client.get("/checkout").text


def test_credit_for_all_of_it_needs_no_payment(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context(), transaction():
        wallet.move(alice.user_id, "credit", 45_000, reason="welcome")
    part = post_form(client, "/checkout", partial=True, channel="online", coupon="", credit="450")
    assert "¥0.00" in part.text
    answer = check_out(client, credit="450.00")
    [order] = orders_of(shop)
    assert (answer.location, order.status) == (f"/orders/{order.id}", "PAID")


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": "-1"},
        {"points": "a lot"},
        {"points": "9" * 400},
        {"credit": "NaN"},
        {"credit": "1e999999"},
        {"credit": "-3"},
        {"credit": "9" * 400},
        {"store_id": "abc"},
        {"store_id": "9" * 40},
        {"channel": "delivery", "contact": "<script>"},
        {"channel": "delivery", "contact": "new"},
        {"coupon": "' OR 1=1 --"},
        {"expected_cents": "<b>"},
        {"key": "x" * 1_000},
        {"recipient": "x" * 1_000_000, "channel": "delivery", "contact": "new"},
    ],
)
def test_wrong_values_are_told_and_change_nothing(
    shop: Flask, client: FlaskClient, alice: Actor, wrong: dict[str, str]
) -> None:
    answer = check_out(client, **wrong)
    assert answer.status_code in (404, 409, 413, 422), answer.status_code
    assert orders_of(shop) == []


def test_an_empty_cart_cannot_check_out(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    one_order(shop, alice)
    assert client.get("/checkout").location == "/cart"
    assert post_form(client, "/checkout", place="1", channel="online").location == "/cart"


def test_guests_are_sent_to_the_login(client: FlaskClient, shop: Flask) -> None:
    for path in ("/checkout", "/orders", "/orders/1", "/orders/1/pay"):
        assert client.get(path).location == f"/login?next={path}"


def test_the_sandbox_succeeds_and_fails(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    order_id = one_order(shop, alice)
    failed = post_form(client, f"/orders/{order_id}/pay", outcome="failure")
    assert failed.status_code == 200
    assert "alert-danger" in failed.text
    paid = post_form(client, f"/orders/{order_id}/pay", outcome="success")
    assert paid.location == f"/orders/{order_id}"
    assert "pill-ok" in client.get(paid.location).text
    again = post_form(client, f"/orders/{order_id}/pay", outcome="success")
    assert again.location == f"/orders/{order_id}"
    assert client.get(f"/orders/{order_id}/pay").location == f"/orders/{order_id}"


def test_cancelling_asks_first(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    order_id = one_order(shop, alice)
    assert f'href="/orders/{order_id}/cancel"' in client.get(f"/orders/{order_id}").text
    assert 'method="post"' in client.get(f"/orders/{order_id}/cancel").text
    assert orders_of(shop)[0].status == "PENDING"
    assert post_form(client, f"/orders/{order_id}/cancel").location == f"/orders/{order_id}"
    assert orders_of(shop)[0].status == "CANCELLED"
    assert client.get(f"/orders/{order_id}/cancel").location == f"/orders/{order_id}"


def test_htmx_is_told_where_to_go(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    order_id = one_order(shop, alice)
    answer = post_form(client, f"/orders/{order_id}/cancel", partial=True)
    assert answer.headers["HX-Redirect"] == f"/orders/{order_id}"


def test_names_are_escaped_everywhere(
    shop: Flask, client: FlaskClient, alice: Actor, operator: FlaskClient
) -> None:
    assert "<script>alert" not in client.get("/checkout", headers=ENGLISH).text
    order_id = one_order(shop, alice, paid=True)
    for browser, path in (
        (client, "/orders"),
        (client, f"/orders/{order_id}"),
        (operator, "/admin/orders"),
        (operator, f"/admin/orders/{order_id}"),
    ):
        page = browser.get(path, headers=ENGLISH)
        assert page.status_code == 200
        assert "&lt;script&gt;alert" in page.text
        assert "<script>alert" not in page.text


def test_charlies_browser_finds_nothing(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    order_id = one_order(shop, alice)
    with shop.app_context():
        charlie = make_user("charlie")
    sign_in(client, charlie)
    for path in ("", "/pay", "/cancel"):
        assert client.get(f"/orders/{order_id}{path}").status_code == 404
    for path in ("/pay", "/cancel"):
        assert post_form(client, f"/orders/{order_id}{path}").status_code == 404
    assert "No orders here" in client.get("/orders", headers=ENGLISH).text
    assert client.get("/admin/orders").status_code == 403


def test_the_history_is_paged(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context():
        with transaction() as session:
            session.get_one(Product, "A").stock = 50
        ids = [buy(alice).id, *(buy(alice, A=1).id for _ in range(11))]
    first, second = client.get("/orders").text, client.get("/orders?page=2").text
    assert f"/orders/{ids[-1]}" in first
    assert f'href="/orders/{ids[0]}"' not in first
    assert f'href="/orders/{ids[0]}"' in second
    for page in ("0", "-1", "99999999999999999999", "x"):
        assert client.get(f"/orders?page={page}").status_code == 200


def test_an_operator_ships_completes_and_refunds(shop: Flask, alice: Actor, operator: FlaskClient) -> None:
    order_id = one_order(shop, alice, paid=True)
    here = f"/admin/orders/{order_id}"
    assert post_form(operator, f"{here}/ship").location == here
    assert orders_of(shop)[0].status == "SHIPPED"
    post_form(operator, f"{here}/refund", **{"pieces-A": "1", "pieces-B": "0"})
    assert (orders_of(shop)[0].status, orders_of(shop)[0].refunded_cents) == ("SHIPPED", 20_000)
    post_form(operator, f"{here}/complete")
    for wrong in ({"pieces-A": "5"}, {"pieces-A": "x"}, {"pieces-A": "-1"}, {}, {"pieces-NO": "1"}):
        assert post_form(operator, f"{here}/refund", **wrong).location == here
    assert orders_of(shop)[0].refunded_cents == 20_000
    post_form(operator, f"{here}/refund", all="1")
    assert (orders_of(shop)[0].status, orders_of(shop)[0].refunded_cents) == ("REFUNDED", 45_000)
    page = operator.get(here, headers=ENGLISH).text
    assert "Refunded" in page


def test_the_console_filters(shop: Flask, alice: Actor, operator: FlaskClient) -> None:
    order_id = one_order(shop, alice, paid=True)
    link = f'href="/admin/orders/{order_id}"'
    for query in ("", "?status=PAID", f"?q={order_id}", "?q=A", "?store_id=1&page=1"):
        assert link in operator.get(f"/admin/orders{query}").text
    for query in ("?status=SHIPPED", "?q=NONE", "?q=%3Cscript%3E", "?day=2001-01-01", "?store_id=7"):
        assert link not in operator.get(f"/admin/orders{query}").text
    for query in ("?status=%27", "?store_id=x", "?day=x", "?page=x", "?page=-5", "?q=" + "9" * 60):
        assert operator.get(f"/admin/orders{query}").status_code == 200
    part = operator.get("/admin/orders?status=PAID", headers=PARTIAL).text
    assert "<html" not in part


@pytest.mark.parametrize(("language", "words"), [("zh", "order"), ("en", "Order")])
def test_pages_exist_in_both_languages(
    shop: Flask, client: FlaskClient, alice: Actor, language: str, words: str
) -> None:
    headers = {"Accept-Language": language}
    assert client.get("/checkout", headers=headers).status_code == 200
    order_id = one_order(shop, alice)
    for path in ("/orders", f"/orders/{order_id}", f"/orders/{order_id}/pay", f"/orders/{order_id}/cancel"):
        page = client.get(path, headers=headers)
        assert page.status_code == 200
        assert (
            ("防晒乳" if language == "zh" else "Sun milk") in page.text or "pay" in path or "cancel" in path
        )


def test_pages_take_few_statements(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    def statements(path: str) -> int:
        client.get(path)
        with counted_statements(shop) as counted:
            assert client.get(path).status_code == 200
        return len(counted)

    assert statements("/checkout") <= 12
    order_id = one_order(shop, alice)
    assert statements("/orders") <= 8
    assert statements(f"/orders/{order_id}") <= 10
    assert statements(f"/orders/{order_id}/pay") <= 6
    with shop.app_context():
        assert db.session.scalar(select(func.count(Order.id))) == 1
        in_transaction(lambda: service.cancel(alice, order_id))


def test_enter_in_a_field_does_not_place_the_order(client: FlaskClient, alice: Actor) -> None:
    form = client.get("/checkout").text.partition('id="checkout"')[2]
    first = re.search(r'<button[^>]*type="submit"[^>]*>', form)
    assert first and 'name="update"' in first.group(0)
