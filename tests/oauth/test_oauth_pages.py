"""The pages: being asked, what one has allowed, and the console's list; and what programs read first."""

from __future__ import annotations

import re

import httpx2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Role
from tests.browsing import PARTIAL, sign_in
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.mcp.serving import SHOPPER, Program
from tests.oauth.people import App, Browser, Proof, answer_of

pytestmark = pytest.mark.redis
SITE = {"redirect_uris": ["https://app.example/cb"], "client_name": "Site"}


def test_the_question_names_who_asks_what_for_and_where_to(
    program: Program, alice: Browser, helper: App
) -> None:
    text = alice.http.get(helper.address(Proof())).text
    for told in (
        "Helper",
        "name not verified",
        "127.0.0.1:7777",
        "a program on this computer",
        "alice",
        "/mcp",
    ):
        assert told in text, told
    reading, acting = text.split('id="consent-act"')
    assert "<code>list_products</code>" in reading and "<code>add_to_cart</code>" not in reading
    assert "<code>add_to_cart</code>" in acting and "<code>place_order</code>" in acting
    assert "query_metrics" not in text and "search_users" not in text
    assert "asks for your yes each time" in acting
    only = alice.http.get(helper.address(Proof(), scope="mcp:read")).text
    assert "<code>list_products</code>" in only and "add_to_cart" not in only


def test_the_question_is_asked_in_chinese_too(alice: Browser, helper: App) -> None:
    shown = alice.http.get(helper.address(Proof()), headers={"Accept-Language": "zh"})
    assert 'lang="zh-CN"' in shown.text and "查找商品" in shown.text


def test_at_a_groups_address_the_question_names_the_groups_tools(
    program: Program, alice: Browser, helper: App
) -> None:
    text = alice.http.get(helper.address(Proof(), resource=f"{program.url}/mcp/{SHOPPER}")).text
    assert "what you have of the group shopper" in text and "<code>view_cart</code>" in text
    assert "<code>hang</code>" not in text


def test_a_person_may_allow_less_than_was_asked_for(alice: Browser, helper: App) -> None:
    proof = Proof()
    code = answer_of(alice.decide(helper.address(proof), act=None))["code"]
    assert helper.redeem(code, proof).json()["scope"] == "mcp:read"


def test_the_account_shows_what_may_act_and_since_when(program: Program, alice: Browser) -> None:
    own = App(program.url, name="OnlyAlices")
    tokens = own.tokens(alice)
    first = re.split("<article", alice.http.get("/account/programs").text)[1]
    assert "OnlyAlices" in first and "reads and acts" in first and "not used yet" in first
    assert program.post(tokens["access_token"]).status_code == 200
    first = re.split("<article", alice.http.get("/account/programs").text)[1]
    assert "last used" in first
    own.tokens(alice, scope="mcp:read")
    assert ">reads<" in re.split("<article", alice.http.get("/account/programs").text)[1]
    assert "OnlyAlices" not in Browser(program.url, "bob").http.get("/account/programs").text


def test_a_code_that_nobody_came_for_is_no_program(client: FlaskClient, app: Flask) -> None:
    with app.app_context():
        alice = make_user("alice")
    sign_in(client, alice)
    client.set_cookie("locale", "en")
    page = client.get("/account/programs").text
    assert "No program acts for you" in page and "http://localhost/mcp" in page
    assert 'href="/account/programs"' in client.get("/account").text


def test_the_console_lists_programs_and_deletes_one(program: Program, alice: Browser) -> None:
    app, ada = App(program.url, name="Doomed", method="client_secret_post"), Browser(program.url, "ada")
    tokens = app.tokens(alice)
    text = ada.http.get("/admin/mcp/clients").text
    row = next(part for part in text.split("<tr>") if app.client_id in part)
    assert "Doomed" in row and "registered, with a secret" in row and "127.0.0.1:7777" in row
    number = re.search(r"/admin/mcp/clients/(\d+)/delete", row)
    assert number
    assert alice.post(f"/admin/mcp/clients/{number[1]}/delete").status_code == 403
    assert program.post(tokens["access_token"]).status_code == 200
    assert ada.post(f"/admin/mcp/clients/{number[1]}/delete").status_code == 303
    assert program.post(tokens["access_token"]).status_code == 401
    assert ada.post(f"/admin/mcp/clients/{number[1]}/delete").status_code == 404
    assert app.client_id not in ada.http.get("/admin/mcp/clients").text


def test_the_console_says_when_there_is_none_and_needs_an_admin(client: FlaskClient, app: Flask) -> None:
    client.set_cookie("locale", "en")
    with app.app_context():
        olga = make_user("olga", roles=(Role.OPERATOR,))
    sign_in(client, olga)
    assert client.get("/admin/mcp/clients").status_code == 403
    with app.app_context():
        ada = make_user("ada", roles=(Role.ADMIN,))
    sign_in(client, ada)
    text = client.get("/admin/mcp/clients").text
    assert "No program yet" in text and "Programs may register themselves." in text
    assert client.get("/admin/mcp/clients?page=99999999").status_code == 200


def test_the_metadata_of_the_resource_and_the_server(client: FlaskClient) -> None:
    for path, url in (
        ("", "/mcp"),
        ("/mcp", "/mcp"),
        ("/mcp/shop", "/mcp/shop"),
        ("/mcp/nobody", "/mcp/nobody"),
    ):
        answer = client.get(f"/.well-known/oauth-protected-resource{path}")
        assert answer.status_code == 200 and answer.mimetype == "application/json"
        told = answer.get_json()
        assert told["resource"] == f"http://localhost{url}"
        assert told["authorization_servers"] == ["http://localhost"]
        assert told["bearer_methods_supported"] == ["header"]
    for path in ("/admin", "/mcp/a/b", "/mcp/SHOP", "/mcp/%22"):
        answer = client.get(f"/.well-known/oauth-protected-resource{path}")
        assert answer.status_code == 404 and answer.mimetype == "application/json"
    server = client.get("/.well-known/oauth-authorization-server").get_json()
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["client_id_metadata_document_supported"] is True
    assert server["registration_endpoint"] == "http://localhost/oauth/register"


def test_a_refusal_says_how_to_get_in(client: FlaskClient) -> None:
    well_known = "http://localhost/.well-known/oauth-protected-resource"
    for path in ("/mcp", "/mcp/shop", "/mcp/nobody", "/mcp/shop/sse", '/mcp/"x', "/mcp/%0d%0aX:y"):
        place = path.removesuffix("/sse") if '"' not in path and "%" not in path else "/mcp"
        told = client.get(path).headers["WWW-Authenticate"]
        assert told == (
            f'Bearer realm="mcpshop", scope="mcp:read mcp:write", resource_metadata="{well_known}{place}"'
        )
        told = client.get(path, headers={"Authorization": "Bearer nonsense"}).headers["WWW-Authenticate"]
        assert told.startswith('Bearer realm="mcpshop", error="invalid_token", ')


def test_registration_can_be_switched_off(make_app: MakeApp) -> None:
    client = make_app(oauth_registration=False).test_client()
    assert "registration_endpoint" not in client.get("/.well-known/oauth-authorization-server").get_json()
    answer = client.post("/oauth/register", json=SITE)
    assert (answer.status_code, answer.get_json()["error"]) == (403, "access_denied")


def test_a_registration_says_what_was_taken(client: FlaskClient) -> None:
    answer = client.post(
        "/oauth/register", json={**SITE, "client_uri": "https://app.example", "jwks": {"x": 1}}
    )
    made = answer.get_json()
    assert answer.status_code == 201 and answer.headers["Cache-Control"] == "no-store"
    assert made["token_endpoint_auth_method"] == "client_secret_basic", "what RFC 7591 says of silence"
    assert made["client_secret"].startswith("mcp_cs_") and made["client_secret_expires_at"] == 0
    assert made["redirect_uris"] == ["https://app.example/cb"] and "jwks" not in made
    public = client.post("/oauth/register", json={**SITE, "token_endpoint_auth_method": "none"}).get_json()
    assert "client_secret" not in public and public["client_id"] != made["client_id"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "error"),
    [
        (b"{", "application/json", 400, "invalid_client_metadata"),
        (b"[]", "application/json", 400, "invalid_client_metadata"),
        (b"[" * 20_000, "application/json", 400, "invalid_client_metadata"),
        (
            b'{"redirect_uris": ["https://a.example/"]}' + b" " * 40_000,
            "application/json",
            413,
            "invalid_request",
        ),
        (b'{"redirect_uris": ["http://a.example/"]}', "application/json", 400, "invalid_redirect_uri"),
        (b"", "application/json", 400, "invalid_redirect_uri"),
    ],
)
def test_a_wrong_registration_is_refused_in_the_protocols_form(
    client: FlaskClient, body: bytes, kind: str, status: int, error: str
) -> None:
    answer = client.post("/oauth/register", data=body, content_type=kind)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert set(answer.get_json()) == {"error", "error_description"}


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        ({"x": "y"}, 401, "invalid_client"),
        ({"client_id": "nobody", "grant_type": "authorization_code"}, 401, "invalid_client"),
        ({"client_id": "x" * 600}, 401, "invalid_client"),
    ],
)
def test_a_wrong_call_for_tokens_is_refused_in_the_protocols_form(
    client: FlaskClient, data: dict[str, str], status: int, error: str
) -> None:
    answer = client.post("/oauth/token", data=data)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    for other in ("application/json", "text/plain"):
        answer = client.post("/oauth/token", data=b"{}", content_type=other)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_what_a_known_program_does_wrong_is_named(client: FlaskClient) -> None:
    body = {**SITE, "token_endpoint_auth_method": "none"}
    client_id = client.post("/oauth/register", json=body).get_json()["client_id"]
    for data, error in (
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "mcp_ac_" + "x" * 43}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "'; DROP TABLE users"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "mcp_rt_x", "resource": "x"}, "invalid_target"),
    ):
        answer = client.post("/oauth/token", data={"client_id": client_id, **data})
        assert (answer.status_code, answer.get_json()["error"]) == (400, error), data
    assert (
        client.post("/oauth/revoke", data={"client_id": client_id}).get_json()["error"] == "invalid_request"
    )
    assert client.get("/oauth/token").status_code == 405


def test_registrations_are_limited(make_app: MakeApp) -> None:
    client = make_app(ratelimit_enabled=True).test_client()
    answers = [client.post("/oauth/register", json=SITE) for _ in range(7)]
    assert [one.status_code for one in answers] == [201] * 5 + [429] * 2
    assert answers[-1].get_json()["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_an_address_that_is_too_long_is_refused(program: Program, alice: Browser, helper: App) -> None:
    answer = alice.http.get(helper.address(Proof()) + "&x=" + "y" * 2_000)
    assert answer.status_code == 400 and "too long" in answer.text


def test_the_question_is_a_whole_page_for_htmx_too(alice: Browser, helper: App) -> None:
    shown = alice.http.get(helper.address(Proof()), headers=PARTIAL)
    assert shown.status_code == 200 and "<!doctype html>" in shown.text


def test_the_program_is_let_in_by_the_header_only(program: Program, alice: Browser, helper: App) -> None:
    token = helper.tokens(alice)["access_token"]
    assert program.post(token).status_code == 200
    for url in (f"{program.mcp}?access_token={token}", f"{program.mcp}?token={token}"):
        assert httpx2.get(url, timeout=20).status_code == 401
