"""What a program can do at `/mcp` for a person, and how quickly it cannot any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from flask import Flask
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult, InputRequiredResult
from sqlalchemy import select, update

from app.accounts.models import User
from app.db import db, in_transaction
from app.mcp.visit import Person, Visit
from app.tools.groups import touch
from app.tools.models import ToolGroup
from app.web.aio import process_loop
from tests.mcp.serving import SHOPPER, Program, with_client
from tests.oauth.people import App, Browser

pytestmark = [pytest.mark.redis, pytest.mark.slow]


def call(program: Program, token: str, name: str, path: str = "/mcp", method: str = "tools/call") -> Any:
    """A raw call of a tool, in the form of 2025-06-18."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": name, "arguments": {}}}
    headers = {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {token}",
        "MCP-Protocol-Version": "2025-06-18",
    }
    return httpx2.post(f"{program.url}{path}", json=body, headers=headers, timeout=20)


def change(program: Program, statement: Any) -> None:
    with program.app.app_context():
        in_transaction(lambda: db.session.execute(statement))
        touch()


def test_reading_only_is_told_what_more_to_ask_for(program: Program, alice: Browser, helper: App) -> None:
    token = helper.tokens(alice, scope="mcp:read")["access_token"]
    assert call(program, token, "view_cart").status_code == 200
    for name in ("add_to_cart", "place_order", "clear_cart"):
        refused = call(program, token, name)
        assert refused.status_code == 403, name
        told = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_scope"' in told and 'scope="mcp:read mcp:write"' in told
        assert "resource_metadata=" in told
    # What the person has not herself, and what is not there, is not hinted at.
    for name in ("search_users", "query_metrics", "no_such_tool", "x" * 5_000):
        assert "Unknown tool" in call(program, token, name).text, name
    for body in (
        b"[",
        b"[]",
        b'{"method": "tools/call"}',
        b'{"method": "tools/call", "params": {"name": []}}',
    ):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = httpx2.post(program.mcp, content=body, headers=headers, timeout=20)
        assert answer.status_code in (400, 406), (body, answer.status_code)


def test_a_yes_is_the_persons_who_was_asked(program: Program, alice: Browser, helper: App) -> None:
    bob, other = Browser(program.url, "bob"), App(program.url)
    mine, same = helper.tokens(alice)["access_token"], helper.tokens(alice)["access_token"]
    foreign = [helper.tokens(bob)["access_token"], other.tokens(alice)["access_token"]]
    yes = {"confirm": ElicitResult(action="accept", content={"approve": True})}

    async def again(client: Client, state: str) -> Any:
        return await client.session.call_tool(
            "launch", {"name": "oauth"}, input_responses=yes, request_state=state, allow_input_required=True
        )

    async def lent(there: Client, state: str) -> None:
        with pytest.raises(MCPError):
            await again(there, state)

    async def walk(client: Client) -> None:
        asked = await client.session.call_tool("launch", {"name": "oauth"}, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult) and asked.request_state
        state = asked.request_state
        for token in foreign:
            await with_client(program.mcp, token, lambda there: lent(there, state))
        # A token that was renewed meanwhile is the same person's in the same program.
        result = await with_client(program.mcp, same, lambda there: again(there, state))
        assert result.structured_content == {"launched": "oauth", "times": 1}

    async def no_callback(context: Any, params: Any) -> ElicitResult:
        raise AssertionError("the test answers itself")

    program.ask(mine, walk, elicitation_callback=no_callback)


def test_what_changes_for_the_person_or_the_group_counts_at_once(
    program: Program, alice: Browser, helper: App
) -> None:
    path = f"/mcp/{SHOPPER}"
    token = helper.tokens(alice, resource=f"{program.url}{path}")["access_token"]
    own = helper.tokens(alice)["access_token"]
    group = update(ToolGroup).where(ToolGroup.server_code == SHOPPER)
    user = update(User).where(User.username == "alice")
    changes: list[tuple[Any, Any, int]] = [
        (group.values(enabled=False), group.values(enabled=True), 200),
        (group.values(allowed_roles=["operator"]), group.values(allowed_roles=["customer"]), 200),
        (group.values(allowed_roles=[]), group.values(allowed_roles=["customer"]), 200),
        (group.values(user_tier_access=["9"]), group.values(user_tier_access=[]), 200),
        (user.values(role_names="consultant"), user.values(role_names="customer"), 200),
        (user.values(is_active=False), user.values(is_active=True), 401),
    ]
    for away, back, at_own in changes:
        assert program.post(token, path=path).status_code == 200
        change(program, away)
        try:
            assert program.post(token, path=path).status_code == 401, away
            assert program.post(own).status_code == at_own, away
        finally:
            change(program, back)


def test_an_answer_without_an_end_ends_with_the_grant(program: Program, alice: Browser, helper: App) -> None:
    tokens = helper.tokens(alice)
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"_meta": meta, "notifications": {"toolsListChanged": True}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    headers = {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {tokens['access_token']}",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "subscriptions/listen",
    }
    began, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with httpx2.stream("POST", program.mcp, json=body, headers=headers, timeout=30) as answer:
            assert answer.status_code == 200
            for _line in answer.iter_lines():
                began.set()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    assert began.wait(10)
    started = time.monotonic()
    assert helper.post("revoke", token=tokens["refresh_token"]).status_code == 200
    assert ended.wait(15), "the stream goes on"
    assert time.monotonic() - started < 10


def test_the_log_names_program_and_person(program: Program, alice: Browser, helper: App) -> None:
    token = helper.tokens(alice)["access_token"]
    call(program, token, "list_coupons")
    call(program, token, "search_users")
    with program.app.app_context():
        alice_id = db.session.scalar(select(User.id).where(User.username == "alice"))
    for name in ("list_coupons", "search_users"):
        row = program.rows(name)[-1]
        assert row.caller_app_id == f"oauth:{helper.client_id}:{alice_id}"
        assert row.success == (name == "list_coupons")


def test_sessions_and_questions_are_kept_apart(app: Flask) -> None:
    def visit(person: Person | None = None, group_id: int | None = None) -> Visit:
        return Visit(app=app, loop=process_loop(), group_id=group_id, code="x", locale="en", person=person)

    alice = Person(user_id=1, client="a", may_write=True)
    others = [
        visit(alice),
        visit(alice, 1),
        visit(Person(user_id=2, client="a", may_write=True)),
        visit(Person(user_id=1, client="b", may_write=True)),
        visit(Person(user_id=1, client="a", may_write=False)),
        visit(None, 1),
        visit(None, 2),
    ]
    assert len({one.principal for one in others}) == len(others)


def test_two_calls_of_a_second_write_once(
    program: Program, alice: Browser, helper: App, last_used: Callable[[], list[Any]]
) -> None:
    token = helper.tokens(alice)["access_token"]
    program.post(token)
    first = last_used()
    program.post(token)
    assert last_used() == first
