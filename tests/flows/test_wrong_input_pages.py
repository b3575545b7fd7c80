"""Hostile values in every form and address of the pages: no 500, nothing unescaped, nobody else's rows touched."""

from __future__ import annotations

import io
from itertools import product
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.browsing import PARTIAL, csrf_of, post_form
from tests.flows.hostile import (
    HUGE,
    QUOTED,
    SCRIPT,
    SQL,
    TEXTS,
    World,
    assert_escaped,
    build_world,
    path_of,
    rules_of,
)

# Hundreds of requests in one test: on a crowded machine that lasts.
pytestmark = [pytest.mark.redis, pytest.mark.timeout(400)]

AGENT = {
    "name": "New",
    "purpose": "shop",
    "priority": "5",
    "monthly_budget_cents": "10",
    "provider": "builtin",
    "base_url": "https://10.0.0.1/v1",
    "model": "m",
    "app_id": "a",
    "api_key": "k",
    "system_prompt": "Be kind.",
    "temperature": "1",
    "max_tokens": "5",
    "tool_choice": "chosen",
    "tools": "shop",
    "note": "why",
}
# What each form sends. A new form is missed by `test_every_form_is_known`, not by the person who adds it.
GROUP = {"name": "New", "server_code": "new", "description": "", "rights": "read", "tools": "list_products"}
SERVER = {
    "code": "other", "name": "Other", "transport": "http", "url": "http://127.0.0.1:9/mcp", "prefix": "other",
    "timeout_seconds": "5",
}  # fmt: skip
DOCUMENT = {"tags": "risk", "title": "T", "content": "C", "title_en": "T", "content_en": "C"}
PLAN = {
    "brief": "x", "goal": "G", "budget": "30000", "duration_days": "7", "offer_type": "full_reduction", "threshold": "300",
    "value": "50", "max_redemptions": "600", "definition": "all", "rules-0-field": "level", "rules-0-op": ">=",
    "rules-0-value": "2", "channels": "app", "kpi_primary": "gmv", "kpi_targets": "", "risk_controls": "",
}  # fmt: skip
WELCOME = {
    "enabled": "y", "rollout_percent": "100", "strategy": "template", "agent_seconds": "3", "product_count": "3",
    "retry_seconds": "60, 300", "notifications": "y", "channel_in_app": "y", "channel_web_push": "", "channel_email": "",
    "assignment": "claim_first", "offer_seconds": "60", "busy_at": "5", "escalate_minutes": "5",
    "escalate_admin_minutes": "15", "template_zh": "T", "template_en": "T",
}  # fmt: skip
FORMS: dict[str, dict[str, str]] = {
    "accounts.log_in": {"username": "alice", "password": "wrong password", "next": "/"},
    "accounts.register": {
        "username": "new-name",
        "email": "new@example.com",
        "phone": "",
        "password": "a long enough password",
        "next": "/",
    },
    "accounts.log_out": {},
    "ratings.rate_conversation": {"score": "4", "comment": "fine", "thumb": "", "place": ""},
    "accounts.switch_locale": {"locale": "en", "next": "/"},
    "account.save_profile": {"email": "a@example.com", "phone": "", "locale": "en"},
    "account.change_password": {"current_password": "x", "new_password": "a long enough password"},
    "account.mark_messages_read": {"id": "1"},
    "contacts.add_contact": {
        "recipient": "A",
        "phone": "13800138000",
        "city": "B",
        "address": "C",
        "is_default": "y",
        "next": "/",
    },
    "contacts.save_contact": {
        "recipient": "A",
        "phone": "13800138000",
        "city": "B",
        "address": "C",
        "next": "/",
    },
    "contacts.delete_contact": {"next": "/"},
    "contacts.make_default": {"next": "/"},
    "cart.add_item": {"sku": "A", "quantity": "1"},
    "cart.change_quantity": {"quantity": "1"},
    "cart.remove_item": {},
    "cart.clear": {},
    "cart.accept_prices": {"price": "1:1"},
    "coupons.claim_coupon": {},
    "consultant.choose_status": {"status": "busy"},
    "consultant.claim": {},
    "orders.pay_order": {"outcome": "failure"},
    "orders.cancel_order": {},
    "checkout.submit_checkout": {
        "place": "1",
        "key": "k",
        "channel": "delivery",
        "store_id": "1",
        "contact": "new",
        "recipient": "A",
        "phone": "13800138000",
        "city": "B",
        "address": "C",
        "coupon": "",
        "points": "0",
        "credit": "0",
        "expected_cents": "45000",
    },
    "orders_console.ship_order": {},
    "orders_console.complete_order": {},
    "orders_console.cancel_order": {},
    "orders_console.refund_order": {"pieces-A": "1"},
    "agent.say": {
        "content": "hello",
        "session_id": "",
        "suggestion": "",
        "client_message_id": "m1",
        "place": "page",
    },
    "agent.answer_question": {"approve": "0", "session_id": "x", "place": "page"},
    "agent.stop": {},
    "person.ask_for_person": {"session_id": "x"},
    "person.leave": {},
    "person.show_typing": {},
    "person.mark_read": {"message_id": "1"},
    "consultant_talk.claim": {},
    "consultant_talk.take_over": {},
    "consultant_talk.hand_back": {"note": "N"},
    "consultant_talk.release": {},
    "consultant_talk.add_note": {"text": "N"},
    "consultant_talk.send": {"content": "hello", "client_message_id": "c1"},
    "consultant_talk.show_typing": {},
    "consultant_talk.mark_read": {"message_id": "1"},
    "consultant_talk.make_plan": {
        "goals": "dry skin",
        "budget": "500",
        "action": "optimize",
        "sku": "A",
        "quantity": "1",
    },
    "canned.add": {"code": "new", "text_zh": "T", "text_en": "T", "enabled": "y"},
    "canned.save": {"code": "hello", "text_zh": "T", "text_en": "T", "enabled": "y"},
    "canned.delete": {},
    "admin.new_product": {
        "sku": "NEW-1",
        "stock": "1",
        "name": "New",
        "name_en": "New",
        "category_id": "1",
        "price_cents": "1.50",
        "description": "",
        "description_en": "",
    },
    "admin.save_product": {
        "version": "x",
        "name": "New",
        "name_en": "New",
        "category_id": "1",
        "price_cents": "1.50",
        "description": "",
        "description_en": "",
    },
    "admin.restock_product": {"quantity": "1"},
    "admin.retire_product": {},
    "agents.new_agent": AGENT,
    "agents.save_agent": {**AGENT, "from_version": "1", "seen": "x", "traffic": "none"},
    "agents.restore_version": {},
    "agents.save_shares": {"weight-1": "5"},
    "agents.try_agent": {"version": "1"},
    "agents.delete_agent": {},
    "mcp_groups.new_group": GROUP,
    "mcp_groups.save_group": {**GROUP, "seen": "x"},
    "mcp_groups.show_key": {},
    "mcp_groups.new_key": {"grace": "0", "sure": "y"},
    "mcp_groups.revoke_key": {"sure": "y"},
    "mcp_groups.delete_group": {"code": "pets"},
    "mcp_tools.change_tools": {
        "tools": "list_products",
        "scope": "1",
        "do": "off",
        "back": "/admin/mcp/tools",
    },
    "mcp_tools.save_tool": {"enabled": "y", "version": "2", "seen": "x", "config": "{}"},
    "mcp_tools.try_one": {"arg-q": "cream"},
    "mcp_servers.new_server": SERVER,
    "mcp_servers.save_server": {**SERVER, "seen": "x"},
    "mcp_servers.check_server": {},
    "mcp_servers.delete_server": {},
    "campaigns.publish": PLAN,
    "campaigns.recalculate": PLAN,
    "campaigns.retry": {},
    "campaigns.end": {},
    "knowledge.new": {**DOCUMENT, "key": "snow"},
    "knowledge.edit": {**DOCUMENT, "seen": "x"},
    "knowledge.delete": {},
    "onboarding.retry": {},
    "onboarding.save_settings": WELCOME,
    "onboarding.preview": WELCOME,
    "operations.ask": {"query": "sales this week", "session_id": "", "client_message_id": "m1"},
    "operations.stop": {},
    "saved_reports.create": {"name": "A", "run_id": "", "question": '{"metrics": ["gmv"]}'},
    "saved_reports.change": {
        "name": "A",
        "rhythm": "weekly",
        "weekday": "1",
        "at": "08:30",
        "alert_metric": "gmv",
        "alert_comparator": "lt",
        "alert_value": "100",
    },
    "saved_reports.delete": {},
    "saved_reports.share": {},
    "saved_reports.withdraw": {},
    "voice.say": {"text": "what's in my cart", "approve": "", "confirmation_id": ""},
    "operations.publish_plan": {},
    "oauth_consent.decide": {"decision": "allow", "act": "y"},
    "oauth_account.withdraw": {},
    "oauth_admin.delete_client": {},
    "admin.restore_product": {},
}
# What the pages read from their addresses.
ARGUMENTS = (
    "q", "page", "sort", "category_id", "min_price", "max_price", "band", "in_stock", "next", "session", "ask", "new",
    "after", "kind", "offset", "id", "status", "day", "store_id", "state", "v", "coupon", "limit", "days", "version",
    "purpose",
)  # fmt: skip
MORE_TEXTS = (
    "9" * 5_000,
    "0" * 9 + "9" * 5_000,
    "١٢",
    "1e5",
    "NaN",
    "2026-13-45",
    "0x1F",
    "%00%ff",
    "+1",
    "1_0",
)
ADMINS_PLACES = (
    "/admin/agents",
    "/admin/audit",
    "/admin/dashboard",
    "/admin/mcp",
    "/admin/automation",
    "/admin/canned-replies",
    "/admin/voice",
)
# Streams that end with what they follow; their own tests read them.
STREAMS = ("consultant_talk.follow",)
DESTRUCTIVE = ("accounts.log_out", "agent.stop")


@pytest.fixture
def world(app: Flask) -> World:
    return build_world(app, name=SCRIPT + SQL, title=QUOTED + SQL)


def forms(world: World) -> dict[str, Rule]:
    return {rule.endpoint: rule for rule in rules_of(world.app, "POST", api=False)}


def submit(client: FlaskClient, path: str, data: dict[str, Any], **more: Any) -> TestResponse:
    response = client.post(path, data={"csrf_token": csrf_of(client), **data}, **more)
    assert response.data is not None
    return response


def who(rule: Rule) -> str:
    if rule.rule.startswith(ADMINS_PLACES):
        return "ada"
    if rule.rule.startswith("/consultant"):
        return "connie"
    return "olivia" if rule.rule.startswith(("/admin", "/ops")) else "alice"


def test_every_form_is_known(world: World) -> None:
    assert sorted(forms(world)) == sorted(FORMS)


@pytest.mark.parametrize("endpoint", sorted(FORMS))
def test_hostile_text_in_a_form_is_refused_or_shown_as_text(world: World, endpoint: str) -> None:
    rule, right = forms(world)[endpoint], FORMS[endpoint]
    client = world.browser(None if endpoint.startswith("accounts.") else who(rule))
    token = csrf_of(client)
    # Alice's own session is needed for her pages; signing in or out would end it.
    for field in right:
        for text in (*TEXTS, *MORE_TEXTS):
            if (
                endpoint == "agent.say"
                and field in ("content", "suggestion")
                and text not in (SCRIPT, QUOTED, "a\x00b")
            ):
                continue  # what is said to the assistant is told by its own tests
            if endpoint.startswith(("cart.", "checkout.")):
                world.refill_cart()
            path = path_of(rule, world.ids)
            data = {"csrf_token": token, **right, field: text}
            for headers in ({}, PARTIAL) if text in TEXTS[:2] else ({},):
                response = client.post(path, data=data, headers=headers)
                what = (endpoint, field, text[:40], response.status)
                assert_escaped(response, what)
                assert "\n" not in response.headers.get("Location", ""), what
                assert_goes_nowhere_else(response, what)
                if text in TEXTS[:2] and response.status_code == 303:
                    # What was done is told on the next page.
                    assert_escaped(client.get(response.headers["Location"], follow_redirects=True), what)
                if endpoint in ("accounts.log_in", "accounts.register") and response.status_code < 400:
                    client = world.browser()
                    token = csrf_of(client)
                    data["csrf_token"] = token


def assert_goes_nowhere_else(response: TestResponse, what: object) -> None:
    for header in ("Location", "HX-Redirect", "HX-Location", "HX-Replace-Url"):
        target = response.headers.get(header, "/")
        assert target.startswith("/"), (what, header, target)
        assert not target.startswith(("//", "/\\")), (what, header, target)


@pytest.mark.parametrize("endpoint", sorted(set(FORMS) - set(DESTRUCTIVE)))
def test_a_form_that_is_no_form_is_refused(world: World, endpoint: str) -> None:
    rule, right = forms(world)[endpoint], FORMS[endpoint]
    client = world.browser(None if endpoint.startswith("accounts.") else who(rule))
    token = csrf_of(client)
    header, before = {"X-CSRFToken": token}, world.state()
    path = path_of(rule, world.ids)
    multipart = "multipart/form-data; boundary=x"
    for body, kind in (
        (b"\x00\xff" * 50, "application/x-www-form-urlencoded"),
        (b"&&&===;;;", "application/x-www-form-urlencoded"),
        (b"a=1&" * 100_000, "application/x-www-form-urlencoded"),
        (b"--x\r\nContent-Disposition: form-data", multipart),
        (b"--x\r\n" * 3_000, multipart),
        (b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--x--', multipart),
        (b"{}", "application/json"),
        (b"x", "multipart/form-data"),
        (b"", ""),
    ):
        response = client.post(path, data=body, headers=header, content_type=kind)
        assert_escaped(response, (endpoint, body[:20], kind))
    if right and "confirm" not in path and endpoint not in EMPTY_IS_FINE:
        after = world.state()
        assert {name for name in after if after[name] != before[name]} <= {
            "mcp_call_counts",
            "mcp_call_logs",
        }, endpoint


# Forms that mean something without their fields: pay, set as default, delete, mark all as read ...
EMPTY_IS_FINE = frozenset(
    {
        "contacts.make_default",
        "contacts.delete_contact",
        "orders.pay_order",
        "account.mark_messages_read",
        "cart.accept_prices",
        "cart.add_item",
        "person.ask_for_person",
    }
)


@pytest.mark.parametrize(
    "endpoint", ["accounts.register", "contacts.add_contact", "cart.add_item", "admin.new_product"]
)
def test_a_field_of_a_megabyte_is_refused(world: World, endpoint: str) -> None:
    rule, right = forms(world)[endpoint], FORMS[endpoint]
    client = world.browser(None if endpoint.startswith("accounts.") else who(rule))
    before = world.state()
    for field in right.keys() - {"next", "is_default"}:
        response = submit(client, path_of(rule, world.ids), {**right, field: HUGE})
        assert response.status_code in (400, 404, 413, 422), (field, response.status)
    assert world.state() == before


@pytest.mark.timeout(400)
def test_hostile_addresses_of_pages_break_nothing(world: World) -> None:
    texts = (SCRIPT, QUOTED, SQL, "a\x00b", "😀", "-1", "99999999999999999999", *MORE_TEXTS)
    browsers = {name: world.browser(name) for name in ("alice", "olivia", "ada", "connie")}
    before = world.state()
    for rule in rules_of(world.app, "GET", api=False):
        client = browsers[who(rule)]
        for text in texts:
            # All at once, and the one that a page is most likely to read by itself.
            arguments = dict.fromkeys(ARGUMENTS, text)
            response = client.get(path_of(rule, world.ids), query_string=arguments, buffered=True)
            what = (rule.rule, text[:30])
            if rule.endpoint != "agent.run_events":
                assert_escaped(response, what)
            assert_goes_nowhere_else(response, what)
            for name in ("q", "page", "session"):
                response = client.get(path_of(rule, world.ids), query_string={name: text}, buffered=True)
                assert_escaped(response, (*what, name))
    after = world.state()
    # Who opens the desk is there: that is no wish of the address.
    assert {name for name in after if after[name] != before[name]} <= {"consultant_presence"}


def test_hostile_ids_in_addresses_are_not_found(world: World) -> None:
    parts = (
        "0",
        "-1",
        "99999999999999999999",
        "%00",
        "%ff",
        "%F0%9F%98%80",
        "..%2f..%2f",
        "x" * 3_000,
        "%3Cscript%3Ealert(1)",
    )
    browsers = {name: world.browser(name) for name in ("alice", "olivia", "ada", "connie")}
    token = {name: csrf_of(client) for name, client in browsers.items()}
    before = world.state()
    for method in ("GET", "POST"):
        for rule in rules_of(world.app, method, api=False):
            if not rule.arguments:
                continue
            client = browsers[who(rule)]
            for part in parts:
                path = path_of(rule, dict.fromkeys(world.ids, part))
                data = (
                    {"csrf_token": token[who(rule)], **FORMS.get(rule.endpoint, {})}
                    if method == "POST"
                    else None
                )
                response = client.open(path, method=method, data=data)
                assert response.status_code in (404, 405, 422, 409), (method, path[:60], response.status)
                assert_escaped(response, (method, path[:60]))
    assert world.state() == before


def test_hostile_names_are_text_wherever_they_are_shown(world: World) -> None:
    """Names of products, coupons, contacts, conversations: on every page, for every reader, in both languages."""
    for person in (None, "alice", "olivia", "ada", "connie"):
        for language in ("zh", "en"):
            client = world.browser(person)
            client.set_cookie("locale", language)
            for rule in rules_of(world.app, "GET", api=False):
                if rule.endpoint in STREAMS:
                    continue
                for ids in (world.ids, {**world.ids, "order_id": world.ids["paid_order_id"]}):
                    response = client.get(path_of(rule, ids), buffered=True)
                    assert_escaped(response, (person, language, rule.rule))


def test_hostile_names_do_reach_the_pages(world: World) -> None:
    """Otherwise the test above says nothing."""
    alice, olivia = world.browser("alice"), world.browser("olivia")
    for path in (
        "/products",
        "/products/A",
        "/cart",
        "/checkout",
        "/orders",
        f"/orders/{world.ids['order_id']}",
    ):
        assert "&lt;script&gt;alert(1)" in alice.get(path, headers={"Accept-Language": "zh"}).text, path
    assert "&lt;script&gt;alert(1)" in alice.get("/account/contacts").text
    post_form(alice, "/cart/items", sku="B")
    assert "&lt;img src=x" in alice.get("/cart", headers={"Accept-Language": "en"}).text
    for path in (
        "/admin/products",
        "/admin/products/A",
        f"/admin/orders/{world.ids['paid_order_id']}",
    ):
        assert "alert(1)" in olivia.get(path, headers={"Accept-Language": "zh"}).text, path
    assert "&lt;img src=x" in alice.get("/chat", headers={"Accept-Language": "en"}).text


def test_hostile_names_in_json_stay_json(world: World) -> None:
    for path in (
        "/api/products",
        "/api/products/A",
        "/api/cart",
        "/api/orders",
        "/api/coupons",
        "/api/chat/sessions",
    ):
        response = world.app.test_client().get(path, headers=world.bearer("alice"))
        assert response.mimetype == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.get_json()


@pytest.mark.parametrize(
    "text",
    [SCRIPT, QUOTED, f"add {SCRIPT} to my cart", "show me skin care", "a\x00b", "{{7*7}}", "😀", "🧴 " * 500],
)
def test_what_is_said_to_the_assistant_is_text_in_every_form(world: World, text: str) -> None:
    client = world.browser("alice")
    token = csrf_of(client)
    for headers in ({}, PARTIAL):
        response = client.post("/chat/messages", data={"csrf_token": token, "content": text}, headers=headers)
        assert_escaped(response, text)
    for path in ("/chat", "/chat/panel"):
        shown = client.get(path)
        assert_escaped(shown, (path, text))
        assert "{{7*7}}" not in text or text in shown.text
    session_id = client.get("/api/chat/sessions").get_json()[0]["session_id"]
    messages = client.get(f"/api/chat/sessions/{session_id}/messages").get_json()
    assert text.strip().replace("\x00", "") in {
        message["content"].replace("\x00", "") for message in messages
    }
    for message in messages:
        if message["run_id"]:
            stream = client.get(f"/chat/runs/{message['run_id']}/events")
            assert "<script>alert(1)" not in stream.text
            assert "<img src=x" not in stream.text


def file_of(data: bytes, name: str, kind: str) -> FileStorage:
    return FileStorage(io.BytesIO(data), filename=name, content_type=kind)


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b"<?php echo 1;", "shell.php", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "x.svg", "image/svg+xml"),
        (b"GIF89a" + b"\x00" * 100, "x.gif", "image/gif"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "x.png", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBP", "x.webp", "image/webp"),
        (b"\xff\xd8\xff\xe0" + b"A" * 500, "../../../x.jpg", "image/jpeg"),
        (b"", "x.png", "image/png"),
        (b"MZ" * 1_000, "😀;.png", "image/png"),
    ],
)
def test_an_upload_that_is_no_picture_is_refused(world: World, data: bytes, name: str, kind: str) -> None:
    client, before = world.browser("olivia"), world.state()
    form = {**FORMS["admin.new_product"], "picture": file_of(data, name, kind)}
    response = submit(client, "/admin/products/new", form, content_type="multipart/form-data")
    assert response.status_code == 422
    assert_escaped(response)
    assert world.state() == before
    home = world.app.extensions["mcpshop_settings"].media_path
    assert not home.exists() or not list(home.iterdir())


@pytest.mark.mariadb
def test_hostile_text_in_forms_breaks_nothing_on_mariadb(make_app: Any, mariadb_url: str) -> None:
    """Where a text is too long for its column or has characters of 4 bytes, MariaDB refuses the statement."""
    world = build_world(make_app(mariadb_url), name=SCRIPT + "😀", title=QUOTED + "😀")
    browsers = {name: world.browser(name) for name in ("alice", "olivia", "ada", "connie")}
    tokens = {name: csrf_of(client) for name, client in browsers.items()}
    for endpoint, rule in forms(world).items():
        person = who(rule)
        if endpoint.startswith("accounts."):
            continue
        for field, text in product(
            FORMS[endpoint], ("a\x00b", "😀𠮷" * 30, "x" * 300, "99999999999999999999", "-1")
        ):
            world.refill_cart()
            data = {"csrf_token": tokens[person], **FORMS[endpoint], field: text}
            response = browsers[person].post(path_of(rule, world.ids), data=data)
            assert_escaped(response, (endpoint, field, text[:20]))
    for rule in rules_of(world.app, "GET", api=False):
        for text in ("a\x00b", "😀", "99999999999999999999", "-1", '+-><()~*"@'):
            arguments = dict.fromkeys(ARGUMENTS, text)
            response = browsers[who(rule)].get(
                path_of(rule, world.ids), query_string=arguments, buffered=True
            )
            assert_escaped(response, (rule.rule, text))
