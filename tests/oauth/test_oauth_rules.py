"""Addresses, scopes, resources and names: the pure rules."""

from __future__ import annotations

from typing import Any

import pytest

from app.oauth import redirects
from app.oauth.client_metadata import is_document_id, read_metadata
from app.oauth.errors import OAuthError
from app.oauth.resources import Resource, read_resource, resource_at
from app.oauth.rules import caller_name, is_right_verifier
from app.oauth.scopes import names_of, read_scopes

BASE = "https://shop.example"


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example:8443/cb?x=1",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:5000/cb",
        "http://[::1]:5000/cb",
        "http://localhost:5000/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "com.example.app:/oauth",
        "vscode://vscode.github-authentication/did-authenticate",
    ],
)
def test_these_addresses_may_be_registered(uri: str) -> None:
    assert redirects.is_allowed(uri)
    assert redirects.find_match(uri, [uri])


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/callback", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "ftp://a.example/",
        "javascript:alert(1)", "javascript://app.example/%0aalert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
        "intent://x#Intent;end", "https://user@app.example/", "https://app.example/#x", "https://app.example/#", "//app.example",
        "https://app.example\\@evil.example/", "https://app.example/a b", "https://app.example/\n", "https:///x", "https://",
        "https://app.example:99999/", "https://app.example:x/", "https://[::1/", "https://é.example/", "blob:https://a.example/x",
        "view-source:https://a.example", "HTTPS ://a", "", "x", "://", "https://a.example/" + "x" * 500, None, 5, ["https://a"],
    ],
)  # fmt: skip
def test_these_may_not(uri: Any) -> None:
    assert not redirects.is_allowed(uri)


def test_only_the_port_of_this_computer_may_differ() -> None:
    registered = ["http://127.0.0.1:1000/cb", "https://app.example/cb", "http://[::1]/cb"]
    assert redirects.find_match("http://127.0.0.1:2000/cb", registered)
    assert redirects.find_match("http://[::1]:2000/cb", registered)
    for other in (
        "http://127.0.0.1:2000/cb/", "http://127.0.0.1:2000/CB", "http://127.0.0.1:2000/cb?x", "http://localhost:1000/cb",
        "https://app.example:8443/cb", "https://APP.example/cb", "https://app.example/cb/", "https://app.example/cb?x=1",
    ):  # fmt: skip
        assert not redirects.find_match(other, registered), other


def test_an_answer_keeps_what_the_address_had() -> None:
    told = {"code": "a b", "state": None, "iss": BASE}
    assert redirects.with_answer("https://a.example/cb", told) == (
        "https://a.example/cb?code=a+b&iss=https%3A%2F%2Fshop.example"
    )
    assert (
        redirects.with_answer("https://a.example/cb?x=1", {"code": "c"}) == "https://a.example/cb?x=1&code=c"
    )
    assert redirects.with_answer("com.example:/cb", {"code": "c"}) == "com.example:/cb?code=c"


def test_nothing_in_an_address_ends_the_directive_it_stands_in() -> None:
    for uri in (
        "https://a.example/;script-src *",
        "http://127.0.0.1:80/;x",
        "app.x:;x",
        "http://[::1]:1/;",
        "https://a.example:1/,x",
    ):
        source = redirects.form_source(uri)
        assert not set(source) & set(" ;,'\"\r\n[]"), source
    assert redirects.form_source("http://127.0.0.1:80/x") == "http://127.0.0.1:80"
    assert redirects.form_source("http://[::1]:80/x") == "http:"
    assert redirects.form_source("cursor://x/y") == "cursor:"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, None), ("", None), (f"{BASE}/mcp", None), (f"{BASE}/mcp/", None), ("HTTPS://SHOP.example/mcp", None),
        (f"{BASE}/mcp/sse", None), (f"{BASE}/mcp/shop", "shop"), (f"{BASE}/mcp/shop/", "shop"), (f"{BASE}/mcp/shop/sse", "shop"),
    ],
)  # fmt: skip
def test_our_resources_are_known(text: str | None, code: str | None) -> None:
    assert read_resource(text, BASE) == Resource(BASE, code)


@pytest.mark.parametrize(
    "text",
    [
        BASE, f"{BASE}/", f"{BASE}/mcp/shop/more", f"{BASE}/mcp?x=1", f"{BASE}/mcp#", f"{BASE}/mcp#x", f"{BASE}/MCP",
        f"{BASE}/mcp/SHOP", f"{BASE}/mcp/a", f"{BASE}/mcp/../admin", "http://shop.example/mcp", f"{BASE}:443/mcp", f"{BASE}.evil/mcp",
        "https://shop.example@evil.example/mcp", "/mcp", "mcp", "https://[", f"{BASE}/mcp/" + "x" * 400, f"{BASE}/mcp/%73hop",
    ],
)  # fmt: skip
def test_other_resources_are_not_ours(text: str) -> None:
    assert read_resource(text, BASE) is None


def test_metadata_stand_where_the_path_is_put_behind_the_well_known_place() -> None:
    assert Resource(BASE).metadata_url == f"{BASE}/.well-known/oauth-protected-resource/mcp"
    assert Resource(BASE, "shop").metadata_url == f"{BASE}/.well-known/oauth-protected-resource/mcp/shop"
    assert resource_at("/admin", BASE) is None


def test_scopes_are_read() -> None:
    assert names_of(read_scopes("mcp:write")) == "mcp:read mcp:write"
    assert names_of(read_scopes("mcp:read offline_access")) == "mcp:read"
    assert names_of(read_scopes(None)) == names_of(read_scopes("")) == "mcp:read"
    assert read_scopes("openid MCP:READ") == frozenset()


def test_the_verifier_of_the_rfc_fits_its_challenge() -> None:
    verifier, challenge = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    )
    assert is_right_verifier(verifier, challenge)
    assert not is_right_verifier(verifier[:-1] + "l", challenge)
    # A challenge that is its own verifier would be the method "plain".
    assert not is_right_verifier(challenge, challenge)


def test_logs_name_a_document_by_its_host() -> None:
    assert caller_name("https://app.example/x/client.json", is_document=True) == "app.example"
    assert caller_name("a" * 32, is_document=False) == "a" * 32
    assert len(f"oauth:{caller_name('https://' + 'x' * 300, is_document=True)}:{2**31}") <= 64


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://app.example/client.json", True), ("https://app.example:8443/a/b", True), ("https://app.example/", False),
        ("https://app.example", False), ("http://app.example/client.json", False), ("https://app.example/a?x=1", False),
        ("https://app.example/a#x", False), ("https://u@app.example/a", False), ("https://app.example/../a", False),
        ("https://app.example/a/./b", False), ("https://app.example/%2e%2e/b", False), ("https://app.example/" + "x" * 600, False),
        ("abc", False), ("", False),
    ],
)  # fmt: skip
def test_an_id_is_the_address_of_a_document_or_not(url: str, is_one: bool) -> None:
    assert is_document_id(url) == is_one


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "invalid_client_metadata"),
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://a.example/"}, "invalid_redirect_uri"),
        ({"redirect_uris": [5]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/"] * 11}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/", "javascript:x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/"], "client_name": 5}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://a.example/"], "client_name": "x" * 1_001}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://a.example/"], "grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://a.example/"], "response_types": ["token"]}, "invalid_client_metadata"),
        (
            {"redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "private_key_jwt"},
            "invalid_client_metadata",
        ),
    ],
)
def test_wrong_metadata_are_refused(body: Any, code: str) -> None:
    with pytest.raises(OAuthError) as error:
        read_metadata(body, kind="registration")
    assert error.value.code == code


def test_a_document_has_no_secret() -> None:
    body = {"redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "client_secret_post"}
    assert read_metadata(body, kind="registration").token_endpoint_auth_method == "client_secret_post"
    with pytest.raises(OAuthError):
        read_metadata(body, kind="document")


def test_what_is_not_seen_is_no_part_of_a_name() -> None:
    def name(text: str) -> str:
        return read_metadata(
            {"redirect_uris": ["https://a.example/cb"], "client_name": text}, kind="registration"
        ).name

    assert name("  My\u202e \n\tApp\u200b\x00 ") == "My App"
    assert name("助手 1") == "助手 1"
    assert name("\u202e\u200b") == "a.example"
    assert name("x" * 1_000) == "x" * 100
