"""The coupons' page, JSON API and tools."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.cart import service as cart
from app.core.actor import Actor
from app.coupons.tools import TOOLS
from app.db import in_transaction
from tests.browsing import counted_statements, csrf_of, post_form, sign_in
from tests.builders import actor_of, make_coupon, make_product, make_user

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def shop(app: Flask) -> Flask:
    with app.app_context():
        make_product("A", price_cents=40_000, stock=10)
        make_coupon("FIFTY")
        make_coupon("FAR", threshold_cents=50_000, benefit=20_000, name="<i>远</i>", name_en="<i>far</i>")
    return app


@pytest.fixture
def alice(shop: Flask, client: FlaskClient) -> Actor:
    with shop.app_context():
        user = make_user("alice")
        actor = actor_of(user, locale="en")
        in_transaction(lambda: cart.add_item(actor, "A"))
    sign_in(client, user)
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_of(client, "/coupons")
    return actor


def test_a_guest_sees_what_there_is_and_where_to_sign_in(shop: Flask, client: FlaskClient) -> None:
    text = client.get("/coupons", headers=ENGLISH).text
    assert "50 off 300" in text and 'href="/login?next=/coupons"' in text
    assert "/claim" not in text
    assert post_form(client, "/coupons/1/claim").location.startswith("/login")


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_names_are_escaped_in_both_languages(client: FlaskClient, alice: Actor, locale: str) -> None:
    client.set_cookie("locale", locale)
    text = client.get("/coupons").text
    assert "<i>" not in text and "&lt;i&gt;" in text


def test_the_best_one_and_what_is_missing_are_shown(client: FlaskClient, alice: Actor) -> None:
    text = client.get("/coupons", headers=ENGLISH).text
    assert "Best for your cart: 50 off 300, saves ¥50" in text
    assert "¥100 more" in text


def test_claiming_by_plain_form_and_by_htmx(client: FlaskClient, alice: Actor) -> None:
    assert post_form(client, "/coupons/1/claim").location == "/coupons"
    assert "coupons/1/claim" not in client.get("/coupons").text
    answer = post_form(client, "/coupons/2/claim", partial=True)
    assert answer.text.lstrip().startswith("<article") and "<hx-partial" in answer.text
    again = post_form(client, "/coupons/2/claim", partial=True)
    assert again.status_code == 409 and again.text.lstrip().startswith("<hx-partial")
    assert post_form(client, "/coupons/2/claim").status_code == 303
    assert post_form(client, "/coupons/999/claim").status_code == 404


def test_the_page_needs_at_most_eight_statements(shop: Flask, client: FlaskClient, alice: Actor) -> None:
    with shop.app_context():
        make_coupon(segment=[{"field": "level", "op": ">=", "value": 1}])
    client.get("/coupons")
    with counted_statements(shop) as statements:
        client.get("/coupons")
    assert len(statements) <= 8, statements


def test_the_api_lists_and_claims(client: FlaskClient, alice: Actor) -> None:
    coupons = {item["code"]: item for item in client.get("/api/coupons", headers=ENGLISH).json}
    fifty = coupons["FIFTY"]
    assert (fifty["status"], fifty["applicable"], fifty["discount_cents"]) == ("claimable", True, 5_000)
    assert (coupons["FAR"]["applicable"], coupons["FAR"]["missing_cents"]) == (False, 10_000)
    claimed = client.post(f"/api/coupons/{fifty['coupon_id']}/claim")
    assert (claimed.status_code, claimed.json["status"]) == (201, "claimed")
    again = client.post(f"/api/coupons/{fifty['coupon_id']}/claim")
    assert (again.status_code, again.json["error"]["code"]) == (409, "ALREADY_CLAIMED")
    assert client.post("/api/coupons/999/claim").json["error"]["code"] == "NOT_FOUND"
    assert client.post(f"/api/coupons/{10**30}/claim").status_code == 404


def test_the_api_is_for_signed_in_customers(app: Flask) -> None:
    assert app.test_client().get("/api/coupons").status_code == 401
    assert app.test_client().post("/api/coupons/1/claim").status_code == 401


def test_the_tools_answer_as_the_models_expect_it(shop: Flask, alice: Actor) -> None:
    tools = {spec.name: spec for spec in TOOLS}

    def call(name: str, **arguments: Any) -> Any:
        spec = tools[name]
        with shop.app_context():
            return in_transaction(lambda: spec.run(alice, spec.arguments(**arguments)))

    listed = call("list_coupons")
    assert listed["best"] == "FIFTY"
    first = listed["coupons"][0]
    expected = {
        "code": "FIFTY",
        "name": "50 off 300",
        "label": "50 off 300",
        "type": "full_reduction",
        "threshold": "300.00",
        "threshold_cents": 30_000,
        "status": "claimable",
        "applicable": True,
        "discount_cents": 5_000,
        "missing_cents": 0,
    }
    assert {key: first[key] for key in expected} == expected
    assert first["end_at"]
    assert call("claim_coupon", code="fifty")["coupon"]["status"] == "claimed"
    assert call("list_coupons")["coupons"][0]["status"] == "claimed"


def test_guests_have_no_coupon_tools() -> None:
    assert not any(spec.is_for(Actor(guest_id="g")) for spec in TOOLS)
