"""People with browsers, and programs that ask them: everything over HTTP, against the running program."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

PASSWORD = "a long enough password"
HERE = "http://127.0.0.1:7777/callback"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
ACTION = re.compile(r'<form class="panel stack consent" method="post" action="([^"]+)"')


@dataclass
class Proof:
    """A verifier and its challenge (RFC 7636)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Browser:
    """A signed-in person's browser without JavaScript, in English."""

    def __init__(self, url: str, name: str | None = None) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=20, headers={"Accept-Language": "en"})
        if name:
            self.sign_in(name)

    def sign_in(self, name: str, password: str = PASSWORD, next_url: str = "/") -> httpx2.Response:
        token = self.csrf("/login")
        data = {"csrf_token": token, "username": name, "password": password, "next": next_url}
        answer = self.http.post("/login", data=data)
        assert answer.status_code == 303, answer.text[:500]
        return answer

    def csrf(self, path: str) -> str:
        found = TOKEN.search(self.http.get(path, follow_redirects=True).text)
        assert found, path
        return found[1]

    def post(self, path: str, **fields: Any) -> httpx2.Response:
        return self.http.post(path, data={"csrf_token": self.csrf("/login"), **fields})

    def decide(self, url: str, decision: str = "allow", **fields: Any) -> httpx2.Response:
        """Open the consent page at an address and press a button; the answer leads to the program."""
        shown = self.http.get(url)
        assert shown.status_code == 200, (shown.status_code, shown.headers.get("Location"), shown.text[:800])
        action, token = ACTION.search(shown.text), TOKEN.search(shown.text)
        assert action and token, shown.text[:800]
        data = {"csrf_token": token[1], "decision": decision, "act": "y", **fields}
        sent = {name: value for name, value in data.items() if value is not None}
        return self.http.post(html.unescape(action[1]), data=sent)


@dataclass
class App:
    """A program that registers itself and asks people."""

    url: str
    redirect_uri: str = HERE
    method: str = "none"
    name: str = "Helper"
    client_id: str = ""
    secret: str = ""

    def register(self, **values: Any) -> httpx2.Response:
        body = {
            "client_name": self.name,
            "redirect_uris": [self.redirect_uri],
            "token_endpoint_auth_method": self.method,
            **values,
        }
        answer = httpx2.post(f"{self.url}/oauth/register", json=body, timeout=20)
        if answer.status_code == 201:
            made = answer.json()
            self.client_id, self.secret = made["client_id"], made.get("client_secret", "")
        return answer

    def address(self, proof: Proof, **values: str | None) -> str:
        """Where a browser is sent to ask a person."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "mcp:read mcp:write",
            "state": "s t&a=te",
            "code_challenge": proof.challenge,
            "code_challenge_method": "S256",
            "resource": f"{self.url}/mcp",
            **values,
        }
        return "/oauth/authorize?" + urlencode({k: v for k, v in asked.items() if v is not None})

    def ask(self, browser: Browser, proof: Proof, **values: str | None) -> str:
        """The code that a person's yes gives."""
        return answer_of(browser.decide(self.address(proof, **values)))["code"]

    def redeem(self, code: str, proof: Proof, **values: str | None) -> httpx2.Response:
        given = {"redirect_uri": self.redirect_uri, "code_verifier": proof.verifier, **values}
        return self.post("token", grant_type="authorization_code", code=code, **given)

    def refresh(self, token: str, **values: str | None) -> httpx2.Response:
        return self.post("token", grant_type="refresh_token", refresh_token=token, **values)

    def post(self, endpoint: str, **values: str | None) -> httpx2.Response:
        """A call of the token or the revocation endpoint, with whatever proves who asks."""
        data = {"client_id": self.client_id, **values}
        if self.method == "client_secret_post":
            data.setdefault("client_secret", self.secret)
        given = {name: value for name, value in data.items() if value is not None}
        auth = (self.client_id, self.secret) if self.method == "client_secret_basic" else None
        if auth:
            given.pop("client_id", None)
        return httpx2.post(f"{self.url}/oauth/{endpoint}", data=given, auth=auth, timeout=20)

    def tokens(self, browser: Browser, **values: str | None) -> dict[str, Any]:
        """All of it: registered when it is not yet, asked, allowed, redeemed."""
        if not self.client_id:
            assert self.register().status_code == 201
        proof = Proof()
        answer = self.redeem(self.ask(browser, proof, **values), proof)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


def answer_of(response: httpx2.Response) -> dict[str, str]:
    """What a redirect to a program tells it."""
    assert response.status_code == 303, (response.status_code, response.text[:800])
    told = parse_qs(urlsplit(response.headers["Location"]).query)
    assert all(len(values) == 1 for values in told.values()), told
    return {name: values[0] for name, values in told.items()}
