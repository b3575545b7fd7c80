"""Headers, cookies, hosts, proxies, paths, limits and logs: what a stranger can send and what a browser is told."""

from __future__ import annotations

import base64
import json
import logging
import re
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.passwords import hash_password
from app.core import clock
from tests.browsing import PARTIAL, post_form
from tests.builders import make_user
from tests.flows.hostile import World, assert_error_form, build_world, path_of, rules_of

pytestmark = pytest.mark.redis
PASSWORD = "a long enough password"
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+\s*=|\sstyle\s*=|javascript:", re.IGNORECASE)


@pytest.fixture
def world(app: Flask) -> World:
    return build_world(app)


def assert_safe_page(response: TestResponse, what: object) -> None:
    """A page that cannot be framed, sniffed or made to run somebody else's script."""
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'", what
    assert policy["frame-ancestors"] == "'none'", what
    assert policy["object-src"] == policy["base-uri"] == "'none'", what
    assert policy["form-action"] == policy["style-src"] == "'self'", what
    assert "unsafe" not in response.headers["Content-Security-Policy"], what
    assert response.headers["X-Content-Type-Options"] == "nosniff", what
    assert response.headers["Referrer-Policy"], what
    assert "X-Request-Id" in response.headers, what
    assert not [name for name, _ in response.headers if name.startswith("Access-Control-")], what
    inline = INLINE.search(re.sub(r"<(code|pre|textarea).*?</\1>", "", response.text, flags=re.DOTALL))
    assert inline is None, (what, inline and response.text[max(0, inline.start() - 80) : inline.end() + 40])


def test_every_page_and_every_error_has_its_headers(world: World) -> None:
    seen = 0
    for person in (None, "alice", "olivia"):
        client = world.browser(person)
        for rule in rules_of(world.app, "GET", api=False):
            for headers in ({}, PARTIAL):
                response = client.get(path_of(rule, world.ids), headers=headers, buffered=True)
                if response.mimetype == "text/html" and response.status_code not in (301, 302, 303, 308):
                    assert_safe_page(response, (person, rule.rule, response.status))
                    seen += 1
    assert seen > 100
    client = world.browser("alice")
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/products", 405),
        ("POST", "/cart/clear", 403),
        ("GET", "/admin", 403),
        ("GET", "/products/none", 404),
        ("GET", "/api/docs", 200),
    ):
        response = client.open(path, method=method)
        assert response.status_code == status, path
        assert_safe_page(response, path)


def test_a_page_has_another_nonce_each_time(world: World) -> None:
    client = world.browser()
    policies = {client.get("/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_pages_of_a_person_are_not_stored(world: World) -> None:
    client = world.browser("alice")
    for path in ("/cart", "/orders", "/account", "/checkout", "/chat", "/account/wallet"):
        assert client.get(path).headers["Cache-Control"] == "no-store", path


def test_json_of_a_person_is_not_stored(world: World) -> None:
    client = world.app.test_client()
    for path in ("/api/auth/me", "/api/orders", "/api/cart", "/api/chat/sessions", "/api/coupons"):
        assert "no-store" in client.get(path, headers=world.bearer("alice")).headers.get(
            "Cache-Control", ""
        ), path


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(make_app: Any) -> None:
    for secure in (False, True):
        app = make_app(session_cookie_secure=secure)
        client = app.test_client()
        client.get("/login")
        answers = [client.get("/login"), app.test_client().get("/login")]
        with app.app_context():
            make_user("alice", password_hash=hash_password(PASSWORD))
        base = "https://localhost" if secure else "http://localhost"
        client = app.test_client()
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login", base_url=base).text)
        assert token
        form = {"csrf_token": token[1], "username": "alice", "password": PASSWORD}
        headers = {"Referer": f"{base}/login"}
        answers.append(client.post("/login", data=form, base_url=base, headers=headers))
        form = {"csrf_token": token[1], "locale": "en"}
        answers.append(app.test_client().post("/locale", data=form, base_url=base, headers=headers))
        cookies = [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]
        assert len(cookies) >= 2
        for cookie in cookies:
            assert "HttpOnly" in cookie, cookie
            assert "SameSite=Lax" in cookie, cookie
            assert ("Secure" in cookie) == secure, cookie
            assert "Domain" not in cookie, cookie


def test_other_sites_get_no_permission(world: World) -> None:
    client = world.app.test_client()
    for method in ("GET", "OPTIONS"):
        for path in ("/api/products", "/api/cart", "/api/orders", "/"):
            headers = {
                "Origin": "https://evil.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
            }
            answer = client.open(path, method=method, headers=headers)
            assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")], path


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "javascript:alert(1)", "http:evil.example", "///evil.example", "/%0d%0aLocation:%20https://evil.example",
        "/\r\nSet-Cookie: a=b", "https:/evil.example", "\x00//evil.example", " //evil.example", "/ /evil.example",
    ],
)  # fmt: skip
def test_no_form_or_page_leads_to_another_site(world: World, target: str) -> None:
    guest, alice = world.browser(), world.browser("alice")
    contact = {"recipient": "A", "phone": "13800138000", "city": "B", "address": "C", "next": target}
    answers = [
        alice.get("/login", query_string={"next": target}),
        alice.get("/register", query_string={"next": target}),
        guest.get("/login", query_string={"next": target}),
        post_form(guest, "/locale", locale="en", next=target),
        post_form(alice, "/account/contacts", **contact),
        post_form(alice, "/account/contacts", partial=True, **contact),
        post_form(alice, f"/account/contacts/{world.ids['contact_id']}/default", next=target),
    ]
    for answer in answers:
        for header in ("Location", "HX-Redirect"):
            given = answer.headers.get(header, "/")
            assert re.match(r"/(?![/\\])", given), (header, given)
            assert "evil.example" not in given or given.startswith("/%0d%0a"), (header, given)
        assert 'href="https://evil' not in answer.text
        assert 'href="//evil' not in answer.text
        assert 'href="javascript:' not in answer.text
        assert "a=b" not in answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost@evil.example", "localhost, evil.example"]
)
def test_a_foreign_host_is_in_no_answer(world: World, host: str) -> None:
    client = world.app.test_client()
    for path in (
        "/",
        "/products",
        "/login",
        "/cart",
        "/orders",
        "/api/orders",
        "/api/openapi.json",
        "/products//A",
    ):
        answer = client.get(path, headers={"Host": host, "X-Forwarded-Host": host})
        assert answer.status_code < 500, (path, host)
        assert "evil.example" not in answer.text, (path, host)
        assert "evil.example" not in str(answer.headers.get("Location", "")), (
            path,
            host,
            answer.headers["Location"],
        )


def test_forwarded_headers_count_only_behind_a_trusted_proxy(make_app: Any) -> None:
    forwarded = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
    }
    body = {"username": "nobody", "password": "wrong password"}
    direct = make_app(ratelimit_enabled=True)
    statuses = set()
    for number in range(70):
        headers = {**forwarded, "X-Forwarded-For": f"203.0.113.{number}"}
        statuses.add(
            direct.test_client()
            .post("/api/auth/token", json={**body, "username": f"n{number}"}, headers=headers)
            .status_code
        )
    assert statuses == {401, 429}, "the address of a direct client cannot be chosen by it"
    assert "Strict-Transport-Security" not in direct.test_client().get("/", headers=forwarded).headers
    proxied = make_app(ratelimit_enabled=True, trusted_proxies=1)
    assert "Strict-Transport-Security" in proxied.test_client().get("/", headers=forwarded).headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app/config.py", "/static/..%2fapp%2fconfig.py", "/static/%2e%2e/%2e%2e/etc/passwd", "/static//etc/passwd",
        "/static/css/../../wsgi.py", "/static/..\\..\\wsgi.py", "/static/%00", "/static/css", "/static/",
        "/media/../mcpshop.db", "/media/..%2fmcpshop.db", "/media/%2e%2e%2fmcpshop.db", "/media/mcpshop.db",
        "/media//etc/passwd", "/media/" + "0" * 32 + ".webp%00.png", "/media/" + "0" * 32 + ".WEBP", "/media/.env",
    ],
)  # fmt: skip
def test_no_file_outside_is_served(world: World, path: str) -> None:
    answer = world.app.test_client().get(path)
    assert answer.status_code in (404, 308), (path, answer.status)
    if answer.status_code == 308:
        answer = world.app.test_client().get(path, follow_redirects=True)
        assert answer.status_code == 404
    assert "SQLite format" not in answer.text
    assert "SECRET" not in answer.text


def test_limits_answer_429_with_retry_after(make_app: Any) -> None:
    app = make_app(ratelimit_enabled=True)
    world = build_world(app)
    client = app.test_client()
    for path, limit, body, headers in (
        ("/api/auth/token", 60, {"username": "alice", "password": "wrong password"}, {}),
        ("/api/auth/register", 60, {"username": "a", "email": "b", "password": "c"}, {}),
        ("/api/chat", 120, {"text": " ", "session_id": "x"}, world.bearer("alice")),
    ):
        answers = [client.post(path, json=body, headers=headers) for _ in range(limit + 1)]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert limited, path
        assert assert_error_form(limited[0])["code"] == "RATE_LIMITED"
        assert 1 <= int(limited[0].headers["Retry-After"]) <= 3_600
        assert {answer.status_code for answer in answers} <= {400, 401, 404, 422, 429}, path


def signed(claims: dict[str, Any], key: bytes | str, algorithm: str | None, **header: str) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers=header)  # type: ignore[arg-type]


def test_only_our_own_tokens_open_the_api(world: World) -> None:
    client, token = world.app.test_client(), world.tokens["alice"]
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    ada = {**claims, "sub": str(world.actors["ada"].user_id)}
    secret = world.app.config["SECRET_KEY"]
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    admin_body = base64.urlsafe_b64encode(json.dumps(ada).encode()).decode().rstrip("=")
    forged = {
        "no algorithm": f"{none}.{admin_body}.",
        "no algorithm, old signature": f"{none}.{admin_body}.{signature}",
        "other body": f"{head}.{admin_body}.{signature}",
        "no signature": f"{head}.{body}.",
        "cookie secret as key": signed(ada, secret, "HS256"),
        "empty key": f"{head}.{admin_body}.{base64.urlsafe_b64encode(b'x' * 32).decode()}",
        "no signature part": f"{head}.{body}",
        "twice": f"{token}.{token}",
        "huge": "a" * 50_000,
    }
    for name, made in forged.items():
        answer = client.get("/api/auth/me", headers={"Authorization": f"Bearer {made}"})
        assert answer.status_code == 401, name
        assert_error_form(answer, name)
    assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.get("/api/auth/me", headers={"Authorization": f"Basic {token}"}).status_code == 401
    assert client.get("/api/auth/me", query_string={"access_token": token}).status_code == 401
    with clock.shifted(timedelta(hours=2)):
        assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_signing_in_gives_a_new_session_and_signing_out_ends_it(app: Flask) -> None:
    with app.app_context():
        make_user("alice", password_hash=hash_password(PASSWORD))
    client = app.test_client()
    client.get("/login")
    planted = _cookie(client)
    assert post_form(client, "/login", username="alice", password=PASSWORD).status_code == 303
    ours = _cookie(client)
    assert planted != ours
    assert _opens(app, planted) is False, "the session from before the login is nobody's"
    assert _opens(app, ours) is True
    assert post_form(client, "/logout").status_code == 303
    assert _opens(app, ours) is False


def _cookie(client: FlaskClient) -> str:
    cookie = client.get_cookie("mcpshop")
    return cookie.value if cookie else ""


def _opens(app: Flask, value: str) -> bool:
    client = app.test_client()
    client.set_cookie("mcpshop", value)
    return client.get("/account").status_code == 200


def test_neither_form_nor_api_tells_who_has_an_account(app: Flask) -> None:
    with app.app_context():
        make_user("alice", password_hash=hash_password(PASSWORD))
        make_user("closed", password_hash=hash_password(PASSWORD), is_active=False)
    told = []
    for name in ("alice", "nobody", "closed", "alice@example.com", "nobody@example.com"):
        client = app.test_client()
        answer = client.post("/api/auth/token", json={"username": name, "password": "wrong password"})
        error = answer.get_json()["error"]
        told.append((answer.status_code, error["code"], error["message"]))
        page = post_form(client, "/login", username=name, password="wrong password")
        alert = re.sub(name, "NAME", "".join(re.findall(r'role="alert".*?</', page.text, re.DOTALL)))
        told.append((page.status_code, "page", alert))
    assert len(set(told)) == 2, told


def test_secrets_and_persons_are_not_in_the_logs(make_app: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(log_level="INFO")
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client = app.test_client()
    person = {
        "username": "private-person",
        "email": "private.person@example.com",
        "phone": "13912345678",
        "password": "hunter2 hunter2",
    }
    client.post("/api/auth/register", json=person)
    token = client.post("/api/auth/token", json=person).get_json()["access_token"]
    client.post("/api/auth/token", json={**person, "password": "mistyped-secret"})
    headers = {"Authorization": f"Bearer {token}"}
    client.get("/api/auth/me", headers=headers)
    client.get(f"/products?q=secret-query&token={token}")
    client.post("/api/chat", json={"text": "my number is 13912345678, hunter2 hunter2"}, headers=headers)
    browser = app.test_client()
    post_form(browser, "/login", username="private-person", password="hunter2 hunter2")
    written = caplog.text
    assert "request " in written, "the request log is on"
    for secret in (
        "hunter2", "mistyped-secret", token, token.split(".")[2], "13912345678", "private.person", _cookie(browser),
        app.config["SECRET_KEY"], "$argon2", "secret-query",
    ):  # fmt: skip
        assert secret not in written, secret


def test_a_path_forges_no_line_of_the_log(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for path in (
        "/a%0d%0a2026-01-01%20ERROR%20forged",
        "/a%1b[2J%07",
        "/%e2%80%a8%c2%85x",
        "/a%0astatus=200",
        "/%e2%80%ae",
    ):
        app.test_client().get(path)
    lines = [record.getMessage() for record in caplog.records if record.name == "mcpshop.request"]
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines), lines


def test_a_request_id_of_a_caller_is_kept_only_when_it_is_plain(app: Flask) -> None:
    client = app.test_client()
    assert (
        client.get("/api/health", headers={"X-Request-Id": "abc-123.DEF_4"}).headers["X-Request-Id"]
        == "abc-123.DEF_4"
    )
    for bad in ("short", "a" * 65, "<script>alert(1)</script>", "a b c d e f g", "é" * 10):
        assert client.get("/api/health", headers={"X-Request-Id": bad}).headers["X-Request-Id"] != bad


def test_an_error_of_ours_shows_nothing_of_it(make_app: Any) -> None:
    app = make_app()
    rules = {"/api/broken": "secret sql SELECT", "/broken": "secret sql SELECT"}
    for number, (path, secret) in enumerate(rules.items()):

        def fail(secret: str = secret) -> str:
            raise RuntimeError(secret)

        app.add_url_rule(path, f"broken{number}", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in rules:
        answer = app.test_client().get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
    assert assert_error_form(app.test_client().get("/api/broken"))["code"] == "INTERNAL"
    assert_safe_page(app.test_client().get("/broken"), "500")
