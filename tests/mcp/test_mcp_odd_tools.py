"""Tools that hang, raise, say too much or stream: a clear result in time, and one row in the log each."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import pytest
from mcp import Client

from tests.mcp.serving import ERAS, ODD, Program

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.mark.parametrize("era", ERAS)
def test_a_tool_that_does_not_listen_is_given_up(program: Program, era: str) -> None:
    before, started = len(program.rows("deaf")), time.monotonic()
    result = program.call(ODD, "deaf", mode=era)
    assert time.monotonic() - started < 3
    assert result.is_error and result.structured_content["error"]["code"] == "TIMEOUT"
    (row,) = program.rows("deaf")[before:]
    assert not row.success and row.duration_ms < 2000 and row.group_id


@pytest.mark.parametrize("era", ERAS)
def test_a_tool_that_raises_gives_no_detail_away(program: Program, era: str) -> None:
    before = len(program.rows("explode"))
    result = program.call(ODD, "explode", mode=era)
    assert result.is_error and result.structured_content["error"]["code"] == "INTERNAL"
    assert "secret" not in str(result)
    (row,) = program.rows("explode")[before:]
    assert not row.success and "secret" not in row.response_data


@pytest.mark.parametrize("era", ERAS)
def test_ten_megabytes_are_cut_to_a_bounded_answer(program: Program, era: str) -> None:
    before = len(program.rows("flood"))
    result = program.call(ODD, "flood", mode=era)
    assert not result.is_error and "cut" in result.structured_content
    assert len(json.dumps(result.structured_content)) < 70_000
    (row,) = program.rows("flood")[before:]
    assert row.success and len(row.response_data) <= 2_000


@pytest.mark.parametrize("era", ERAS)
def test_cancelling_a_call_reaches_the_tool(request: pytest.FixtureRequest, era: str) -> None:
    # An older client says in another request what it cancels: that needs a session to be told apart from others.
    program: Program = request.getfixturevalue("program" if era == "auto" else "keeping")
    name = f"cancel-{era}"
    before = len(program.rows("hang"))

    async def work(client: Client) -> float:
        call = asyncio.create_task(client.call_tool("hang", {"name": name}))
        while program.word(name, "started") is None:
            await asyncio.sleep(0.02)
        call.cancel()
        cancelled = time.time()
        while program.word(name, "cancelled") is None:
            assert time.time() - cancelled < 3
            await asyncio.sleep(0.02)
        return (program.word(name, "cancelled") or 0) - cancelled

    # Half a second to see that the client has gone, and what a busy machine adds.
    assert program.ask(program.keys[ODD], work, mode=era) < 1.2
    (row,) = program.rows("hang")[before:]
    assert not row.success and row.duration_ms < 5000


@pytest.mark.parametrize("era", ERAS)
def test_a_streaming_tools_words_arrive_while_it_works(program: Program, era: str) -> None:
    heard: list[tuple[str | None, float]] = []

    async def work(client: Client) -> float:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append((message, time.monotonic()))

        result = await client.call_tool("narrate", {}, progress_callback=hear)
        assert result.structured_content == {"said": 3}
        return time.monotonic()

    ended = program.ask(program.keys[ODD], work, mode=era)
    assert "".join(message or "" for message, _ in heard) == "onetwothree"
    assert ended - heard[0][1] > 0.15


@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25", "2025-03-26"])
def test_a_client_that_vanishes_in_mid_call_leaves_nothing_behind(program: Program, version: str) -> None:
    name, meta = f"vanish-{version}", {}
    head = [
        "POST /mcp HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {program.keys[ODD]}",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        f"MCP-Protocol-Version: {version}",
    ]
    if version == "2026-07-28":
        head += ["Mcp-Method: tools/call", "Mcp-Name: hang"]
        meta = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    params = {"name": "hang", "arguments": {"name": name}, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    head += [f"Content-Length: {len(body)}", "", body]
    port = int(program.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join(head).encode())
        while program.word(name, "started") is None:
            time.sleep(0.02)
    gone = time.time()
    while program.word(name, "cancelled") is None:
        assert time.time() - gone < 3
        time.sleep(0.02)
    # Half a second to see that the client has gone, and what a busy machine adds.
    assert (program.word(name, "cancelled") or 0) - gone < 1.2
