"""Who may do what: every route is walked by strangers, customers, consultants and operators; and other people's ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.accounts.models import User
from app.catalogue.models import Product
from app.coupons.models import CustomerCoupon
from app.db import db
from app.orders.models import Order
from tests.browsing import csrf_of
from tests.builders import make_coupon
from tests.flows.hostile import World, assert_error_form, build_world, path_of, rules_of

pytestmark = pytest.mark.redis
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Routes whose ids are everybody's: products, pictures, coupons that anybody may claim.
SHARED_ARGUMENTS = {"sku", "name", "filename", "coupon_id"}


@pytest.fixture
def world(app: Flask) -> World:
    return build_world(app)


def routes(app: Flask) -> Iterator[tuple[str, Rule, bool]]:
    """Every (method, rule, is JSON API)."""
    for api in (False, True):
        for method in ("GET", *UNSAFE):
            for rule in rules_of(app, method, api=api):
                yield method, rule, api


def access_of(app: Flask, rule: Rule) -> Any:
    return app.view_functions[rule.endpoint].access  # type: ignore[attr-defined]


def test_a_browser_needs_its_csrf_token_for_every_change(world: World) -> None:
    alice, foreign = world.browser("alice"), csrf_of(world.browser("charlie"))
    before = world.state()
    tried = 0
    for method, rule, api in routes(world.app):
        if method not in UNSAFE:
            continue
        for headers in (
            {},
            {"X-CSRFToken": foreign},
            {"X-CSRFToken": ""},
            {"Origin": "https://evil.example"},
        ):
            for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                answer = alice.open(
                    path_of(rule, world.ids), method=method, headers=headers, data="{}", content_type=kind
                )
                what = (method, rule.rule, headers, kind, answer.status)
                assert answer.status_code == 403, what
                if api:
                    assert assert_error_form(answer, what)["code"] == "CSRF_FAILED", what
                tried += 1
    assert tried > 300
    assert world.state() == before


def test_a_guest_with_a_session_needs_its_token_too(world: World) -> None:
    guest = world.browser()
    guest.post("/cart/items", data={"csrf_token": csrf_of(guest), "sku": "A"})
    before = world.state()
    for method, rule, _api in routes(world.app):
        if method in UNSAFE:
            answer = guest.open(path_of(rule, world.ids), method=method, json={})
            assert answer.status_code == 403, (method, rule.rule, answer.status)
    assert world.state() == before


@pytest.mark.parametrize("person", ["charlie", "connie", "olivia", "ada"])
def test_roles_are_kept_on_every_route(world: World, person: str) -> None:
    """With a token: no CSRF in the way, so that only the role decides."""
    client, roles = world.app.test_client(), world.actors[person].roles
    before = world.state()
    for method, rule, _api in routes(world.app):
        needed = access_of(world.app, rule).roles
        if not needed or needed & roles:
            continue
        answer = client.open(path_of(rule, world.ids), method=method, headers=world.bearer(person), json={})
        assert answer.status_code == 403, (person, method, rule.rule, answer.status)
    assert world.state() == before


def test_routes_of_the_console_ask_for_a_role(world: World) -> None:
    silent = [
        rule.rule
        for rule in world.app.url_map.iter_rules()
        if rule.rule.startswith("/admin") and not access_of(world.app, rule).roles
    ]
    assert silent == []


def test_strangers_are_turned_away_from_every_signed_in_route(world: World) -> None:
    before = world.state()
    for method, rule, api in routes(world.app):
        if access_of(world.app, rule).level != "user":
            continue
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            client = world.app.test_client()
            if not api and method in UNSAFE and not headers:
                headers = {"X-CSRFToken": csrf_of(client)}
            answer = client.open(path_of(rule, world.ids), method=method, headers=headers, json={})
            what = (method, rule.rule, headers, answer.status)
            if api:
                assert assert_error_form(answer, what)["code"] == "UNAUTHORIZED"
                assert answer.headers["WWW-Authenticate"].startswith("Bearer"), what
            else:
                assert answer.status_code == 303, what
                assert answer.headers["Location"].startswith("/login?next=/"), what
    assert world.state() == before


@pytest.mark.parametrize("person", ["charlie", "guest"])
def test_other_peoples_ids_are_not_found_on_any_route(world: World, person: str) -> None:
    before = world.state()
    if person == "charlie":
        client, headers = world.app.test_client(), world.bearer(person)
    else:
        client = world.browser()
        headers = {"X-CSRFToken": csrf_of(client)}
    bodies = {"quantity": 1, "approve": True, "outcome": "success"}
    walked = []
    for method, rule, _api in routes(world.app):
        rule_access = access_of(world.app, rule)
        is_open = rule_access.level in ("visitor", "public") or person == "charlie"
        if set(rule.arguments) <= SHARED_ARGUMENTS or rule_access.roles or not is_open:
            continue
        for ids in (world.ids, {**world.ids, "order_id": world.ids["paid_order_id"]}):
            answer = client.open(path_of(rule, ids), method=method, headers=headers, json=bodies)
            if answer.status_code != 404:
                # A page's form reads no JSON: it may find its fields missing before it looks for the row.
                answer = client.open(path_of(rule, ids), method=method, headers=headers, data=bodies)
            assert answer.status_code == 404, (person, method, rule.rule, answer.status, answer.text[:200])
        walked.append(rule.rule)
    assert world.state() == before
    assert "/api/chat/sessions/<session_id>/messages" in walked
    assert person == "guest" or len(walked) > 20


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat/stream", {"content": "hello", "session_id": "session_id"}),
        ("/api/chat", {"text": "hello", "session_id": "session_id"}),
        ("/api/chat/abort", {"session_id": "session_id"}),
        ("/api/chat/abort", {"run_id": "run_id"}),
        ("/api/chat/confirm", {"confirmation_id": "confirmation_id", "approve": True}),
    ],
)
def test_other_peoples_ids_in_a_body_are_not_found(world: World, path: str, body: dict[str, Any]) -> None:
    before = world.state()
    sent = {
        name: world.ids.get(value, value) if isinstance(value, str) else value for name, value in body.items()
    }
    for headers in (world.bearer("charlie"), world.bearer("connie"), world.bearer("olivia")):
        answer = world.app.test_client().post(path, json=sent, headers=headers)
        assert answer.status_code == 404, (answer.status, answer.text[:200])
        assert_error_form(answer)
    assert world.state() == before


def test_a_strangers_contact_is_no_place_to_deliver_to(world: World) -> None:
    client, headers = world.app.test_client(), world.bearer("charlie")
    assert client.post("/api/cart", json={"sku": "A"}, headers=headers).status_code == 201
    before = world.state()
    body = {"channel": "delivery", "contact_id": world.ids["contact_id"]}
    answer = client.post("/api/orders", json=body, headers=headers)
    assert answer.status_code == 422
    assert "contact_id" in assert_error_form(answer)["fields"]
    assert world.state() == before


@pytest.mark.parametrize("action", ["pay", "cancel"])
def test_a_consultant_sees_orders_and_touches_none(world: World, action: str) -> None:
    client, headers, before = world.app.test_client(), world.bearer("connie"), world.state()
    path = f"/api/orders/{world.ids['order_id']}"
    assert client.get(path, headers=headers).status_code == 200
    answer = client.post(f"{path}/{action}", json={}, headers=headers)
    assert answer.status_code in (403, 404)
    assert_error_form(answer)
    assert world.state() == before


def test_nobodys_id_tells_the_same_as_somebody_elses(world: World) -> None:
    """Else one could count the shop's orders."""
    client, headers = world.app.test_client(), world.bearer("charlie")
    theirs = client.get(f"/api/orders/{world.ids['order_id']}", headers=headers)
    nobodys = client.get("/api/orders/987654", headers=headers)
    told = [{**answer.get_json()["error"], "request_id": ""} for answer in (theirs, nobodys)]
    assert told[0] == told[1]


def test_what_a_caller_may_not_set_is_ignored(world: World) -> None:
    """Roles, prices, owners and sums come from the shop."""
    client, headers = world.app.test_client(), world.bearer("charlie")
    extra = {
        "roles": ["admin"], "role": "admin", "role_names": "admin", "is_admin": True, "is_active": False,
        "user_id": world.actors["alice"].user_id, "owner": world.actors["alice"].subject, "id": 1, "points": 10**6,
        "credit_cents": 0, "price_cents": 1, "price_seen_cents": 1, "unit_price": 1, "total_cents": 1,
        "amount_cents": 1, "status": "PAID", "pay_status": 1, "discount_cents": 10**6, "member_id": 1,
    }  # fmt: skip
    account = {"username": "mallory", "email": "mallory@example.com", "password": "a long enough password"}
    made = client.post("/api/auth/register", json={**extra, **account})
    assert made.status_code == 201
    assert made.get_json()["roles"] == ["customer"]
    assert made.get_json()["points"] == 0
    line = client.post("/api/cart", json={**extra, "sku": "B", "quantity": 1}, headers=headers).get_json()
    assert line["price_seen_cents"] == 5_000
    order = client.post("/api/orders", json={**extra, "points": 0, "store_id": 1}, headers=headers).get_json()
    assert (order["status"], order["total_cents"]) == ("PENDING", 5_000)
    with world.app.app_context():
        owner = db.session.get_one(Order, order["order_id"])
        assert owner.user_id == world.actors["charlie"].user_id
        assert db.session.get_one(User, world.actors["alice"].user_id).role_names == "customer"


def test_forms_do_not_set_more_than_their_fields(world: World) -> None:
    alice, olivia = world.browser("alice"), world.browser("olivia")
    extra = {"role_names": "admin", "roles": "admin", "points": "9999", "user_id": "1", "is_retired": "1"}
    profile = {"email": "alice@example.com", "phone": "", "locale": "en", **extra}
    assert alice.post("/account", data={"csrf_token": csrf_of(alice), **profile}).status_code == 303
    shown = olivia.get("/admin/products/A").text
    version = shown.split('name="version" type="hidden" value="')[-1].split('"')[0]
    product = {
        "csrf_token": csrf_of(olivia),
        "version": version,
        "name": "N",
        "name_en": "N",
        "category_id": "1",
        "price_cents": "1",
        "stock": "5",
        "units_sold": "99999",
        "sku": "Z",
        **extra,
    }
    olivia.post("/admin/products/A", data=product)
    with world.app.app_context():
        user = db.session.get_one(User, world.actors["alice"].user_id)
        assert (user.role_names, user.points) == ("customer", 200 * 2)
        kept = db.session.get_one(Product, "A")
        assert (kept.units_sold < 99999, kept.is_retired, kept.stock > 5) == (True, False, True)


def test_a_coupon_that_is_not_published_cannot_be_claimed_by_its_id(world: World) -> None:
    with world.app.app_context():
        draft = make_coupon("DRAFT", status="draft").id
    answer = world.app.test_client().post(f"/api/coupons/{draft}/claim", headers=world.bearer("charlie"))
    assert answer.status_code in (404, 409)
    assert_error_form(answer)
    with world.app.app_context():
        assert db.session.query(CustomerCoupon).count() == 0
