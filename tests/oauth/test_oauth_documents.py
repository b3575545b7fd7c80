"""Programs whose id is the address of a document: read once, checked, and never from where nobody may be sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.clock import shifted
from app.db import transaction
from app.llm import http
from app.oauth.client_metadata import read_metadata
from app.oauth.clients import keep_document
from app.oauth.documents import MAX_BYTES, SECONDS
from app.oauth.models import OAuthClient
from app.oauth.queries import find_client
from tests.browsing import csrf_of, sign_in
from tests.builders import make_user
from tests.conftest import MakeApp
from tests.oauth.document_site import Site, answering, dripping, serving_documents
from tests.oauth.people import App, Proof

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving_documents(tmp_path_factory.mktemp("documents")) as running:
        yield running


@pytest.fixture
def trusted(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The site's certificate counts, as one of a company's own authority would."""
    monkeypatch.setenv("SSL_CERT_FILE", str(site.certificate))
    http.open_client.cache_clear()
    yield
    http.open_client.cache_clear()


@pytest.fixture
def client(site: Site, trusted: None, make_app: MakeApp) -> FlaskClient:
    """Alice's browser, at a shop whose operator lets documents be read from this computer."""
    app = make_app(oauth_private_clients=site.url)
    browser: FlaskClient = app.test_client()
    with app.app_context():
        alice = make_user("alice")
    sign_in(browser, alice)
    browser.set_cookie("locale", "en")
    return browser


def address(client_id: str, **values: Any) -> str:
    return App("http://localhost", client_id=client_id).address(Proof(), **values)


def test_a_document_is_a_program_and_is_read_once_an_hour(client: FlaskClient, site: Site) -> None:
    client_id = site.put("/once.json")
    for _ in range(2):
        page = client.get(address(client_id))
        assert page.status_code == 200
        assert "Site of documents" in page.text and f"described at {site.url[8:]}" in page.text
        assert "name not verified" not in page.text
    assert site.asked.count("/once.json") == 1
    site.put("/once.json", client_name="Renamed")
    with shifted(timedelta(hours=2)):
        assert "Renamed" in client.get(address(client_id)).text
        assert site.asked.count("/once.json") == 2
        # What it does not name any more is no way back any more.
    site.put("/once.json", redirect_uris=["http://127.0.0.1:7777/new"])
    with shifted(timedelta(hours=4)):
        assert client.get(address(client_id)).status_code == 400


def test_a_documents_program_gets_tokens_without_a_secret(client: FlaskClient, site: Site) -> None:
    proof = Proof()
    app = App("http://localhost", client_id=site.put("/token.json"))
    data = {"csrf_token": csrf_of(client), "decision": "allow", "act": "y"}
    location = client.post(app.address(proof), data=data).headers["Location"]
    code = location.split("code=")[1].split("&")[0]
    given = {"grant_type": "authorization_code", "client_id": app.client_id, "code": code}
    outside = client.application.test_client()
    wrong = outside.post(
        "/oauth/token", data={**given, "client_secret": "x", "code_verifier": proof.verifier}
    )
    assert wrong.status_code == 401
    told = outside.post("/oauth/token", data={**given, "code_verifier": proof.verifier}).get_json()
    assert told["token_type"] == "Bearer" and told["scope"] == "mcp:read mcp:write"


def bad_pages(site: Site) -> dict[str, Any]:
    right = {"client_id": "", "redirect_uris": ["http://127.0.0.1:7777/callback"]}
    here = {
        path: json.dumps({**right, "client_id": site.client_id(path)}).encode() for path in ("/big", "/html")
    }
    return {
        "/missing": answering(b"", status=404),
        "/error": answering(b"{}", status=500),
        "/html": answering(here["/html"], kind="text/html"),
        "/big": answering(here["/big"] + b" " * MAX_BYTES),
        "/packed": answering(b"\x1f\x8b\x08\x00", **{"Content-Encoding": "gzip"}),
        "/broken": answering(b'{"client_id": '),
        "/deep": answering(b"[" * 16_000),
        "/list": answering(b"[]"),
        "/away": answering(b"", status=302, Location=site.client_id("/token.json")),
        "/other": answering(json.dumps({**right, "client_id": site.client_id("/else")}).encode()),
    }


def test_a_bad_document_is_no_program(client: FlaskClient, site: Site) -> None:
    site.pages.update(bad_pages(site))
    read = site.asked.count("/token.json")
    site.put("/secret", token_endpoint_auth_method="client_secret_basic")
    site.put("/key", token_endpoint_auth_method="private_key_jwt")
    site.put("/script", redirect_uris=["javascript:alert(1)"])
    for path in (*bad_pages(site), "/secret", "/key", "/script"):
        answer = client.get(address(site.client_id(path)))
        assert answer.status_code == 400, path
        assert "Location" not in answer.headers and "is not known" in answer.text, path
    assert site.asked.count("/token.json") == read, "no redirect is followed"
    with client.application.app_context():
        assert find_client(site.client_id("/other")) is None


def test_a_document_that_takes_too_long_is_given_up(client: FlaskClient, site: Site) -> None:
    site.pages["/slow"] = dripping
    started = time.monotonic()
    assert client.get(address(site.client_id("/slow"))).status_code == 400
    assert time.monotonic() - started < SECONDS + 4


@pytest.mark.parametrize(
    "client_id",
    [
        "https://127.0.0.1/client.json", "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/client.json",
        "https://[::1]/client.json", "https://2130706433/client.json", "https://0x7f.1/client.json", "https://0/client.json",
        "https://[::ffff:169.254.169.254]/client.json", "https://100.64.0.1/client.json", "https://localhost/client.json",
        "http://example.com/client.json", "https://user:pw@example.com/client.json", "https://example.com/../etc/passwd",
        "file:///etc/passwd", "gopher://127.0.0.1/client.json", "https://127.0.0.1:6379/client.json",
    ],
)  # fmt: skip
def test_no_document_is_read_inside(client: FlaskClient, site: Site, client_id: str) -> None:
    before = len(site.asked)
    answer = client.get(address(client_id))
    assert answer.status_code == 400 and "is not known" in answer.text
    assert len(site.asked) == before


def test_a_site_on_this_computer_is_not_read_unless_the_operator_says_so(
    site: Site, trusted: None, app: Flask
) -> None:
    client_id, before = site.put("/inside.json"), len(site.asked)
    browser = app.test_client()
    with app.app_context():
        alice = make_user("alice")
    sign_in(browser, alice)
    assert browser.get(address(client_id)).status_code == 400
    assert len(site.asked) == before


def test_a_stranger_makes_the_shop_read_nothing(site: Site, client: FlaskClient) -> None:
    client_id, before = site.put("/stranger.json"), len(site.asked)
    stranger = client.application.test_client()
    assert stranger.get(address(client_id)).status_code == 303
    posted = stranger.post("/oauth/token", data={"client_id": client_id, "grant_type": "refresh_token"})
    assert (posted.status_code, posted.get_json()["error"]) == (401, "invalid_client")
    assert len(site.asked) == before


def test_ids_that_differ_in_case_are_two_programs(each_app: Flask) -> None:
    body = {"redirect_uris": ["https://app.example/cb"]}
    metadata = read_metadata(body, kind="document")
    with each_app.app_context():
        with transaction():
            first = keep_document("https://app.example/Client", metadata).id
        with transaction():
            second = keep_document("https://app.example/client", metadata).id
        with transaction():
            assert keep_document("https://app.example/client", metadata).id == second != first
        found = find_client("https://app.example/Client")
        assert isinstance(found, OAuthClient) and found.id == first
