"""The SDK's own OAuth client, from its first 401 to a call as the person, and the same for both eras."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

from tests.mcp.serving import ERAS, SHOPPER, Program
from tests.oauth.people import HERE, Browser, answer_of

pytestmark = [pytest.mark.redis, pytest.mark.slow]


class Storage:
    """The client's memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Stands between the SDK's client and a browser; remembers what was asked."""

    def __init__(self, browser: Browser, **fields: Any) -> None:
        self.browser, self.fields = browser, fields
        self.asked: list[str] = []
        self._answer: dict[str, str] = {}

    async def open(self, url: str) -> None:
        self.asked.append(url)
        path = urlsplit(url)
        self._answer = answer_of(self.browser.decide(f"{path.path}?{path.query}", **self.fields))

    async def wait(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(
            code=self._answer["code"], state=self._answer["state"], iss=self._answer["iss"]
        )


def provider(url: str, person: Person, storage: Storage, method: Any = "none") -> OAuthClientProvider:
    metadata = OAuthClientMetadata(client_name="SDK", redirect_uris=[HERE], token_endpoint_auth_method=method)
    return OAuthClientProvider(url, metadata, storage, person.open, person.wait)


def work_with(url: str, auth: OAuthClientProvider, work: Any, mode: str = "auto") -> Any:
    async def run() -> Any:
        async with (
            httpx2.AsyncClient(auth=auth, timeout=30, headers={"Accept-Language": "en"}) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            return await work(client)

    return asyncio.run(run())


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic", None])
def test_a_client_finds_its_way_in_and_acts_as_the_person(
    program: Program, alice: Browser, era: str, method: Any
) -> None:
    person, storage = Person(alice), Storage()

    async def work(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"list_products", "add_to_cart", "place_order", "view_cart"} <= names
        assert not names & {"search_users", "query_metrics", "publish_coupon"}, (
            "what Alice has not, no program has for her"
        )
        await client.call_tool("add_to_cart", {"sku": "SUN-001", "qty": 1})
        cart = await client.call_tool("view_cart", {})
        assert not cart.is_error and "SUN-001" in str(cart.structured_content)

    work_with(program.mcp, provider(program.mcp, person, storage, method), work, era)
    assert len(person.asked) == 1
    assert storage.tokens is not None and storage.tokens.scope == "mcp:read mcp:write"
    assert "SUN-001" in alice.http.get("/api/cart").text, "it is Alice's own cart"
    caller = program.rows("view_cart")[-1].caller_app_id
    assert caller.startswith(f"oauth:{storage.client.client_id}:")  # type: ignore[union-attr]


def test_at_a_groups_address_the_person_has_what_the_group_and_she_have(
    program: Program, alice: Browser
) -> None:
    url, person, storage = f"{program.mcp}/{SHOPPER}", Person(alice), Storage()

    async def work(client: Client) -> None:
        tools = (await client.list_tools()).tools
        names = {tool.name for tool in tools}
        assert {"list_products", "view_cart"} <= names and "hang" not in names
        # The group's key may name whom it acts for; a person's program may not.
        assert all("user_id" not in tool.input_schema.get("properties", {}) for tool in tools)
        bob = await client.call_tool("view_cart", {"user_id": 2})
        assert bob.is_error and "user_id" in str(bob.structured_content)
        assert not (await client.call_tool("view_cart", {})).is_error

    work_with(url, provider(url, person, storage), work)
    assert program.rows("view_cart")[-1].group_id is not None


def test_who_allows_reading_only_is_asked_again_when_the_program_wants_to_act(
    program: Program, alice: Browser
) -> None:
    person, storage = Person(alice, act=None), Storage()

    async def work(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert "view_cart" in names and not names & {"add_to_cart", "place_order", "clear_cart"}
        assert storage.tokens is not None and storage.tokens.scope == "mcp:read"
        person.fields["act"] = "y"
        # 403 insufficient_scope makes the client ask; then the same call goes through.
        assert not (await client.call_tool("add_to_cart", {"sku": "SUN-002", "qty": 1})).is_error
        assert storage.tokens.scope == "mcp:read mcp:write"

    work_with(program.mcp, provider(program.mcp, person, storage), work)
    assert len(person.asked) == 2


def test_a_person_who_says_no_lets_nobody_in(program: Program, alice: Browser) -> None:
    answers: list[dict[str, str]] = []

    class No(Person):
        async def open(self, url: str) -> None:
            path = urlsplit(url)
            answers.append(answer_of(alice.decide(f"{path.path}?{path.query}", "deny")))

        async def wait(self) -> AuthorizationCodeResult:
            raise PermissionError(answers[0]["error"])

    storage = Storage()
    with pytest.raises(BaseExceptionGroup) as raised:
        work_with(program.mcp, provider(program.mcp, No(alice), storage), lambda client: client.list_tools())
    assert raised.group_contains(PermissionError)
    assert answers[0]["error"] == "access_denied" and storage.tokens is None
