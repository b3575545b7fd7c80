"""What must not work: stolen codes and tokens, foreign programs and addresses, and being sent somewhere else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.mcp.serving import READER, SHOPPER, Program
from tests.oauth.people import HERE, App, Browser, Proof, answer_of

pytestmark = [pytest.mark.redis, pytest.mark.slow]
AWAY = "https://evil.example/callback"


def refused(response: httpx2.Response, code: str, status: int = 400) -> None:
    assert (response.status_code, response.json()["error"]) == (status, code), response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert "mcp_" not in response.text


def opens(program: Program, tokens: dict[str, Any], path: str = "/mcp") -> int:
    return program.post(tokens["access_token"], path=path).status_code


@pytest.mark.parametrize("verifier", ["", "short", "x" * 43, "x" * 129])
def test_a_code_without_its_verifier_is_worth_nothing(
    program: Program, alice: Browser, helper: App, verifier: str
) -> None:
    proof = Proof()
    code = helper.ask(alice, proof)
    refused(helper.redeem(code, Proof(verifier)), "invalid_grant")
    # Nor does trying cost its owner the code.
    assert helper.redeem(code, proof).status_code == 200


def test_a_code_that_comes_again_ends_what_it_gave(program: Program, alice: Browser, helper: App) -> None:
    proof = Proof()
    code = helper.ask(alice, proof)
    tokens = helper.redeem(code, proof).json()
    assert opens(program, tokens) == 200
    refused(helper.redeem(code, proof), "invalid_grant")
    assert opens(program, tokens) == 401
    refused(helper.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_code_is_for_its_program_its_way_back_and_its_audience(
    program: Program, alice: Browser, helper: App
) -> None:
    other = App(program.url)
    other.register()
    proof = Proof()
    code = helper.ask(alice, proof)
    refused(other.redeem(code, proof), "invalid_grant")
    refused(helper.redeem(code, proof, redirect_uri="http://127.0.0.1:7777/other"), "invalid_grant")
    refused(helper.redeem(code, proof, resource=f"{program.url}/mcp/{SHOPPER}"), "invalid_grant")
    refused(helper.redeem(code, proof, resource="https://evil.example/mcp"), "invalid_target")
    assert helper.redeem(code, proof, resource=f"{program.url}/mcp").status_code == 200


def test_a_token_is_for_one_address_only(program: Program, alice: Browser, helper: App) -> None:
    own = helper.tokens(alice)
    group = helper.tokens(alice, resource=f"{program.url}/mcp/{SHOPPER}")
    paths = ("/mcp", f"/mcp/{SHOPPER}", f"/mcp/{READER}", "/mcp/nobody", f"/mcp/{SHOPPER.upper()}")
    assert [opens(program, own, path) for path in paths] == [200, 401, 401, 401, 401]
    assert [opens(program, group, path) for path in paths] == [401, 200, 401, 401, 401]
    # Under another of the shop's names it is another audience.
    port = program.url.rsplit(":", 1)[1]
    assert program.post(own["access_token"], Host=f"localhost:{port}").status_code == 401


def test_a_token_of_mcp_opens_nothing_else_and_nothing_else_opens_mcp(
    program: Program, alice: Browser, helper: App
) -> None:
    tokens = helper.tokens(alice)
    for path in ("/api/auth/me", "/api/cart", "/account", "/api/chat/sessions"):
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert httpx2.get(f"{program.url}{path}", headers=headers, timeout=20).status_code in (401, 303), path
    jwt = httpx2.post(
        f"{program.url}/api/auth/token",
        json={"username": "alice", "password": "a long enough password"},
        timeout=20,
    ).json()["access_token"]
    for wrong in (jwt, tokens["refresh_token"], tokens["access_token"] + "x", "mcp_at_" + "x" * 43):
        assert program.post(wrong).status_code == 401
    # The cookie of a signed-in browser is none either.
    cookie = "; ".join(f"{one.name}={one.value}" for one in alice.http.cookies.jar)
    assert program.post(None, Cookie=cookie).status_code in (401, 403)
    assert httpx2.get(program.mcp, headers={"Cookie": cookie}, timeout=20).status_code == 401


def test_a_refresh_token_is_used_once_and_its_copy_ends_the_grant(
    program: Program, alice: Browser, helper: App, later: Callable[[float], None]
) -> None:
    first = helper.tokens(alice)
    second = helper.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    # Two requests of one program that cross: one wins, and nothing is lost.
    refused(helper.refresh(first["refresh_token"]), "invalid_grant")
    assert opens(program, second) == 200
    later(5)
    refused(helper.refresh(first["refresh_token"]), "invalid_grant")
    assert opens(program, second) == 401
    refused(helper.refresh(second["refresh_token"]), "invalid_grant")


def test_a_refresh_token_is_for_its_program_and_gives_no_more_than_was_allowed(
    program: Program, alice: Browser, helper: App
) -> None:
    tokens = helper.tokens(alice, scope="mcp:read")
    assert tokens["scope"] == "mcp:read"
    other = App(program.url)
    other.register()
    refused(other.refresh(tokens["refresh_token"]), "invalid_grant")
    refused(helper.refresh(tokens["refresh_token"], scope="mcp:write"), "invalid_grant")
    refused(helper.refresh(tokens["refresh_token"], scope="all"), "invalid_scope")
    refused(helper.refresh(tokens["refresh_token"], resource=f"{program.url}/mcp/{SHOPPER}"), "invalid_grant")
    assert helper.refresh(tokens["refresh_token"], resource=f"{program.url}/mcp").status_code == 200


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_program_with_a_secret_must_show_it(program: Program, alice: Browser, method: str) -> None:
    app = App(program.url, method=method)
    app.register()
    tokens = app.tokens(alice)
    right = app.secret
    for wrong in (right[:-1] + ("a" if right[-1] != "a" else "b"), "", "x" * 300):
        app.secret = wrong
        refused(app.refresh(tokens["refresh_token"]), "invalid_client", 401)
        refused(app.post("revoke", token=tokens["refresh_token"]), "invalid_client", 401)
    app.method = "none"
    refused(app.refresh(tokens["refresh_token"]), "invalid_client", 401)
    app.method, app.secret = method, right
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_what_a_person_takes_back_ends_at_once(program: Program, alice: Browser, helper: App) -> None:
    first, second = helper.tokens(alice), helper.tokens(alice)
    page = alice.http.get("/account/programs").text
    ids = re.findall(r"/account/programs/(\d+)/withdraw", page)
    newest = max(map(int, ids))
    bob = Browser(program.url, "bob")
    assert bob.post(f"/account/programs/{newest}/withdraw").status_code == 404
    assert opens(program, second) == 200
    assert alice.post(f"/account/programs/{newest}/withdraw").status_code == 303
    assert (opens(program, first), opens(program, second)) == (200, 401)
    refused(helper.refresh(second["refresh_token"]), "invalid_grant")
    assert f"/account/programs/{newest}/withdraw" not in alice.http.get("/account/programs").text


def test_a_program_can_give_its_tokens_back(program: Program, alice: Browser, helper: App) -> None:
    tokens = helper.tokens(alice)
    other = App(program.url)
    other.register()
    assert other.post("revoke", token=tokens["refresh_token"]).status_code == 200
    assert opens(program, tokens) == 200, "another program's wish"
    assert helper.post("revoke", token=tokens["access_token"]).status_code == 200
    assert opens(program, tokens) == 401
    fresh = helper.refresh(tokens["refresh_token"]).json()
    assert opens(program, fresh) == 200
    assert helper.post("revoke", token=fresh["refresh_token"]).status_code == 200
    assert opens(program, fresh) == 401
    assert helper.post("revoke", token="unknown").status_code == 200


@pytest.mark.parametrize(
    ("redirect_uri", "why"),
    [
        ("http://127.0.0.1:7777/other", "another path"),
        ("http://127.0.0.1:7777/callback/", "a slash more"),
        ("http://127.0.0.1:7777/callback?x=1", "a query more"),
        ("http://localhost:7777/callback", "another name"),
        ("https://127.0.0.1:7777/callback", "another scheme"),
        ("http://127.0.0.1.evil.example/callback", "another host"),
        ("http://127.0.0.1:7777@evil.example/callback", "a host that looks like a port"),
        ("http://127.0.0.1:7777/callback#x", "a fragment"),
        ("http://127.0.0.1:7777/callback\r\nX: y", "a header"),
        (AWAY, "a site"),
        ("javascript:alert(1)", "a script"),
        ("", "none"),
    ],
)
def test_nobody_is_sent_to_an_address_that_was_not_registered(
    alice: Browser, helper: App, redirect_uri: str, why: str
) -> None:
    answer = alice.http.get(helper.address(Proof(), redirect_uri=redirect_uri))
    assert answer.status_code == 400, why
    assert "Location" not in answer.headers
    # The switch of the language leads back to this very question, and nothing else leads anywhere.
    text = re.sub(r'name="next" value="/oauth/authorize\?[^"]*"', "", answer.text)
    assert "evil.example" not in text and "callback" not in text


def test_a_program_on_this_computer_may_have_any_port(alice: Browser, helper: App) -> None:
    other = HERE.replace("7777", "50123")
    assert alice.decide(helper.address(Proof(), redirect_uri=other)).headers["Location"].startswith(other)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"),
        ({"resource": "/mcp"}, "invalid_target"),
        ({"scope": "openid email"}, "invalid_scope"),
        ({"state": "x" * 1_001}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_to_a_program_here_and_to_a_site_only_by_a_click(
    program: Program, alice: Browser, helper: App, values: dict[str, str | None], code: str
) -> None:
    told = answer_of(alice.http.get(helper.address(Proof(), **values)))
    assert told["error"] == code and told["iss"] == program.url and "code" not in told
    assert told["state"] == values.get("state", "s t&a=te")
    site = App(program.url, redirect_uri=AWAY)
    site.register()
    answer = alice.http.get(site.address(Proof(), **values))
    assert answer.status_code == 400 and "Location" not in answer.headers
    assert f"error={code}" in answer.text and "evil.example" in answer.text


@pytest.mark.parametrize("code", ["nobody", "off", "odd"])
def test_a_group_that_is_not_for_somebody_is_as_unknown_as_one_that_is_not(
    program: Program, alice: Browser, helper: App, code: str
) -> None:
    told = answer_of(alice.http.get(helper.address(Proof(), resource=f"{program.url}/mcp/{code}")))
    assert told["error"] == "invalid_target"
    assert told["error_description"] == "There is no such resource for this person."


def test_the_answer_names_who_gave_it(program: Program, alice: Browser, helper: App) -> None:
    told = answer_of(alice.decide(helper.address(Proof())))
    server = httpx2.get(f"{program.url}/.well-known/oauth-authorization-server", timeout=20).json()
    assert told["iss"] == server["issuer"] == program.url
    assert told["state"] == "s t&a=te"
    assert server["authorization_response_iss_parameter_supported"] is True


def test_strangers_sign_in_first_and_come_back_to_the_question(program: Program, helper: App) -> None:
    browser, address = Browser(program.url), helper.address(Proof())
    sent = browser.http.get(address)
    assert sent.status_code == 303 and sent.headers["Location"].startswith("/login?next=/oauth/authorize")
    shown = browser.http.get(sent.headers["Location"]).text
    found = re.search(r'name="next" value="(/oauth/[^"]+)"', shown)
    assert found
    back = browser.sign_in("alice", next_url=html.unescape(found[1])).headers["Location"]
    assert answer_of(browser.decide(back))["state"] == "s t&a=te"


def test_no_other_page_can_press_the_button(program: Program, alice: Browser, helper: App) -> None:
    address = helper.address(Proof())
    shown = alice.http.get(address)
    assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:7777;" in shown.headers["Content-Security-Policy"]
    assert shown.headers["X-Frame-Options"] == "DENY" and shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    for data in ({"decision": "allow"}, {"decision": "allow", "csrf_token": "wrong"}):
        answer = alice.http.post(address, data=data)
        assert answer.status_code == 403 and "Location" not in answer.headers
    # What was asked is read again with the answer: a form for one thing allows no other.
    foreign = alice.post(helper.address(Proof(), redirect_uri=AWAY), decision="allow")
    assert foreign.status_code == 400 and "Location" not in foreign.headers


@pytest.mark.parametrize("decision", ["deny", "", "yes"])
def test_only_the_button_that_allows_is_a_yes(alice: Browser, helper: App, decision: str) -> None:
    told = answer_of(alice.decide(helper.address(Proof()), decision))
    assert told["error"] == "access_denied" and "code" not in told


def test_parameters_that_come_twice_are_refused(alice: Browser, helper: App) -> None:
    address = helper.address(Proof())
    assert answer_of(alice.http.get(f"{address}&scope=mcp:read"))["error"] == "invalid_request"
    assert answer_of(alice.http.get(f"{address}&resource=x"))["error"] == "invalid_target"
    for name in ("client_id", "redirect_uri", "state"):
        assert alice.http.get(f"{address}&{name}=x").status_code == 400
    body = f"grant_type=refresh_token&grant_type=x&client_id={helper.client_id}&refresh_token=mcp_rt_x"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = httpx2.post(f"{helper.url}/oauth/token", content=body, headers=headers, timeout=20)
    refused(answer, "invalid_request")


def test_a_hostile_name_is_text(program: Program, alice: Browser) -> None:
    name = '<script>alert(1)</script>"\u202e\n Bank {{ 7*7 }} ' + "x" * 200
    app = App(program.url, name=name)
    assert app.register().status_code == 201
    shown = alice.http.get(app.address(Proof())).text
    assert "<script>alert" not in shown and "&lt;script&gt;alert(1)" in shown
    assert "\u202e" not in shown and "{{ 7*7 }}" in shown and "x" * 101 not in shown
    app.tokens(alice)
    assert "<script>alert" not in alice.http.get("/account/programs").text
    assert "<script>alert" not in Browser(program.url, "ada").http.get("/admin/mcp/clients").text
