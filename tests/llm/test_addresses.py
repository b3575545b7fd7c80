"""Where a model may be asked: judged by what a name resolves to, and connected to nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from flask import Flask

from app.accounts.tokens import issue_token
from app.config import Settings
from app.llm import addresses
from app.llm.addresses import AddressRefused, check_address, find_allowed, place_of, private_places
from app.llm.http import open_client
from tests.builders import make_user
from tests.gateway import upstreams as up

Names = dict[str, list[str]]
PUBLIC = "93.184.216.34"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver of our own; an address given as such, in any spelling, is resolved as the system does."""
    known: Names = {"api.example.com": [PUBLIC]}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if host in known:
            return [answer for ip in known[host] for answer in real(ip, port, *args, **more)]
        try:
            socket.inet_aton(host)
        except OSError:
            if ":" not in host and host != "localhost":
                raise socket.gaierror(f"unknown name {host}") from None
        return real(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


NO_ADDRESSES = [
    "",
    "api.example.com",
    "ftp://api.example.com/v1",
    "file:///etc/passwd",
    "gopher://api.example.com/",
    "http://",
    "http:///v1",
    "http://:80/v1",
    "//api.example.com/v1",
    "http://user@api.example.com/v1",
    "http://user:password@api.example.com/v1",
    "http://:password@api.example.com/v1",
    "http://api.example.com@127.0.0.1/v1",
    "http://api.example.com:99999/v1",
    "http://api.example.com:0/v1",
    "http://api.example.com:x/v1",
    "http://api.example.com/v1?key=1",
    "http://api.example.com/v1#top",
    "http://api.example.com\\@127.0.0.1/",
    "http://api.example.com\n/v1",
    "http://api.example.com\x00/v1",
    "http://[::1/v1",
    "http://[api.example.com]/v1",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_plain_address_is_refused(ctx: None, names: Names, url: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(url)


INSIDE = [
    "http://127.0.0.1/v1",
    "http://127.0.0.1:11434/v1",
    "http://127.1/v1",
    "http://0/v1",
    "http://0.0.0.0:8000/v1",
    # Other spellings of 127.0.0.1: decimal, octal, hexadecimal, mixed.
    "http://2130706433/v1",
    "http://017700000001/v1",
    "http://0x7f000001/v1",
    "http://0x7f.1/v1",
    "http://0177.0.0.1/v1",
    "http://10.0.0.5/v1",
    "http://172.16.0.1/v1",
    "http://192.168.1.1/v1",
    "http://169.254.169.254/latest",
    "http://2852039166/latest",
    "http://100.64.0.1/v1",
    "http://198.18.0.1/v1",
    "http://192.0.0.192/v1",
    "http://224.0.0.1/v1",
    "http://240.0.0.1/v1",
    "http://255.255.255.255/v1",
    "http://[::]/v1",
    "http://[::1]/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://[::ffff:7f00:1]/v1",
    "http://[::ffff:a9fe:a9fe]/v1",
    "http://[::127.0.0.1]/v1",
    "http://[64:ff9b::7f00:1]/v1",
    "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://[2002:7f00:1::]/v1",
    "http://[2001:0:7f00:1::1]/v1",
    "http://[fe80::1]/v1",
    "http://[fc00::1]/v1",
    "http://[fd12:3456::1]/v1",
    "http://[fec0::1]/v1",
    "http://[ff02::1]/v1",
    "http://localhost/v1",
    "http://LOCALHOST:8000/v1",
]


@pytest.mark.parametrize("url", INSIDE)
def test_addresses_inside_are_refused_however_they_are_written(ctx: None, names: Names, url: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(url)


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["fd00::5"],
        ["::ffff:10.0.0.1"],
        # One good answer does not make the other one good.
        [PUBLIC, "10.0.0.1"],
        ["10.0.0.1", PUBLIC],
        ["2606:2800:220:1::1", "::1"],
    ],
)
def test_names_that_lead_inside_are_refused(ctx: None, names: Names, answers: list[str]) -> None:
    names["inside.example.com"] = answers
    with pytest.raises(AddressRefused):
        check_address("https://inside.example.com/v1")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "http://api.example.com:8443/v1/",
        "https://API.example.com./v1",
        "http://93.184.216.34/v1",
        "http://[2606:2800:220:1::1]/v1",
        "http://[64:ff9b::5db8:d822]/v1",
    ],
)
def test_public_addresses_are_fine(ctx: None, names: Names, url: str) -> None:
    names["API.example.com."] = names["api.example.com."] = [PUBLIC]
    check_address(url)


def test_a_name_that_nobody_knows_is_refused(ctx: None, names: Names) -> None:
    with pytest.raises(AddressRefused) as caught:
        check_address("https://nowhere.example.com/v1")
    assert "nowhere.example.com" in caught.value.text()


# ---- what the operator may name


def test_the_operators_own_servers_are_fine(make_app: Any, names: Names) -> None:
    names["ollama.internal"] = ["10.0.0.9"]
    names["gateway.internal"] = ["10.0.0.8"]
    app: Flask = make_app(
        llm_base_url="http://ollama.internal:11434/v1",
        llm_private_base_urls="http://gateway.internal:4000",
        llm_allowed_base_urls="http://127.0.0.1:9001/v1 http://localhost:9002",
    )
    with app.app_context():
        for url in (
            "http://ollama.internal:11434/v1",
            "http://gateway.internal:4000/v1",
            "http://127.0.0.1:9001/v1",
            "http://localhost:9002/v1",
        ):
            check_address(url)
        for url in (
            "http://ollama.internal:11435/v1",
            "http://10.0.0.9:11434/v1",
            "http://127.0.0.1:9002/v1",
            "http://127.0.0.1:6379/v1",
        ):
            with pytest.raises(AddressRefused):
                check_address(url)


def test_an_allowed_name_may_still_not_lead_inside(make_app: Any, names: Names) -> None:
    app: Flask = make_app(llm_allowed_base_urls="https://partner.example.com/v1")
    names["partner.example.com"] = [PUBLIC]
    with app.app_context():
        check_address("https://partner.example.com/v1")
        names["partner.example.com"] = ["192.168.0.7"]
        with pytest.raises(AddressRefused):
            check_address("https://partner.example.com/v1")


@pytest.mark.parametrize("ip", ["169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0"])
def test_some_addresses_are_refused_even_when_named(ip: str) -> None:
    with pytest.raises(AddressRefused):
        find_allowed(ip, 80, frozenset({(ip, 80)}))


def test_a_setting_that_is_no_address_allows_nothing() -> None:
    settings = Settings(llm_allowed_base_urls="127.0.0.1 http://[ ftp://10.0.0.1", _env_file=None)
    assert private_places(settings) == frozenset()


@pytest.mark.parametrize(
    ("base_url", "status"),
    [
        ("http://127.0.0.1:9/v1", 403),
        ("https://partner.example.com/v1", 403),
        ("https://other.example.com/v1", 403),
        ("not an address", 403),
    ],
)
def test_a_caller_gets_no_further(make_app: Any, names: Names, base_url: str, status: int) -> None:
    names["partner.example.com"] = ["192.168.0.7"]
    app = make_app(llm_allowed_base_urls="https://partner.example.com/v1")
    with app.app_context():
        token, _ = issue_token(make_user("alice").id)
    body = {"content": "hi", "model_config": {"base_url": base_url, "api_key": "sk"}}
    headers = {"Authorization": f"Bearer {token}"}
    assert app.test_client().post("/api/chat/stream", json=body, headers=headers).status_code == status


# ---- the connection itself


@pytest.fixture
def server() -> Iterator[up.Upstream]:
    with up.upstream(up.well()) as running:
        yield running


def test_the_connection_goes_to_the_address_that_was_checked(
    server: up.Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time: nobody asks a second time."""
    asked: list[str] = []
    port = server.place[1]

    def once(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.66"]

    monkeypatch.setattr(addresses, "look_up", once)
    client = open_client(frozenset({("model.test", port)}))
    answer = client.post(f"http://model.test:{port}/v1/x", json={})
    assert answer.status_code == 200 and asked == ["model.test"]
    assert server.headers[0]["Host"] == f"model.test:{port}"


def test_a_name_that_turns_inside_after_the_check_is_refused(
    server: up.Upstream, ctx: None, names: Names
) -> None:
    port = server.place[1]
    names["rebinding.example.com"] = [PUBLIC]
    url = f"http://rebinding.example.com:{port}/v1"
    check_address(url)
    names["rebinding.example.com"] = ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        open_client(frozenset()).post(url, json={})
    assert server.bodies == []


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.0.0.1", "[::ffff:127.0.0.1]", "localhost"])
def test_nothing_is_sent_inside(server: up.Upstream, spelling: str) -> None:
    with pytest.raises((AddressRefused, httpx2.ConnectError)):
        open_client(frozenset()).post(f"http://{spelling}:{server.place[1]}/v1", json={})
    assert server.bodies == []


def test_a_redirect_is_not_followed(server: up.Upstream) -> None:
    with up.upstream(up.status(307, Location=f"{server.url}/chat/completions")) as first:
        client = open_client(frozenset({first.place, server.place}))
        assert client.post(f"{first.url}/chat/completions", json={}).status_code == 307
    assert server.bodies == []


def test_a_proxy_of_the_environment_is_not_used(server: up.Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    open_client.cache_clear()
    assert open_client(frozenset({server.place})).post(server.url, json={}).status_code == 200


def test_both_sides_read_an_address_alike() -> None:
    for url in ("http://a.test:80/v1", "https://A.TEST./v1", "http://[::1]:5/x"):
        assert place_of(url) == (
            httpx2.URL(url).raw_host.decode().lower().rstrip("."),
            httpx2.URL(url).port or (443 if url.startswith("https") else 80),
        )
