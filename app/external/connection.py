"""One connection to an attached server, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.session import IncomingMessage, MessageHandlerFnT
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT
from pydantic import TypeAdapter

from app import __version__
from app.external.discovery import MAX_TOOLS, Findings, clean, read_tools
from app.external.http import READ_SECONDS, open_http
from app.external.stdio import Words, stdio_transport
from app.external.target import Target, Unreachable
from app.web.aio import Loop

CONNECT_SECONDS = 15.0
LIST_SECONDS = 10.0
MAX_PAGES = 20
INFO = types.Implementation(name="mcpshop", title="MCPShop", version=__version__)
OnChange = Callable[[], None]
_RESULT: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)


class AsksBack(Exception):
    """The server wants to ask somebody before it goes on."""


@dataclass(slots=True)
class Connection:
    """An open connection. `ended` is set when the other end is known to be gone."""

    client: Client
    ended: asyncio.Event

    @property
    def server_name(self) -> str:
        info = self.client.server_info
        return clean(f"{info.title or info.name} {info.version}", 120) if info else ""

    @property
    def protocol(self) -> str:
        return self.client.protocol_version

    @property
    def tells_changes(self) -> bool:
        tools = self.client.server_capabilities.tools
        return bool(tools and tools.list_changed)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], on_progress: ProgressFnT | None = None
    ) -> types.CallToolResult:
        """Call a tool. Raises MCPError, AsksBack, pydantic's ValidationError.

        Not by the client's own `call_tool`: that checks results by the server's schema, whose regular expressions
        could hold up the loop, and answers questions that nobody is there to answer.
        """
        params = types.CallToolRequestParams(name=name, arguments=arguments)
        request = types.CallToolRequest(params=params)
        result = await self.client.session.send_request(request, _RESULT, progress_callback=on_progress)
        if isinstance(result, types.InputRequiredResult):
            raise AsksBack
        return result

    async def list_tools(self) -> Findings:
        """The server's tools as they are now. Raises MCPError, TimeoutError."""
        async with asyncio.timeout(LIST_SECONDS):
            return read_tools([each async for each in _described(self.client)])


async def _described(client: Client) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = None
    count = 0
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="refresh")
        for tool in page.tools:
            count += 1
            yield tool.model_dump(by_alias=True, mode="json", exclude_none=True)
        cursor = page.next_cursor
        # One more than is taken, so that it is noticed.
        if cursor is None or count > MAX_TOOLS:
            return


@asynccontextmanager
async def open_connection(loop: Loop, target: Target, on_change: OnChange) -> AsyncIterator[Connection]:
    """Connect, and end everything afterwards. `on_change` is called when the server says that its tools are others.

    Raises Unreachable.
    """
    words = Words()
    try:
        async with AsyncExitStack() as stack:
            transport = await _transport(stack, loop, target, words)
            client = Client(
                transport,
                mode="legacy" if target.transport == "sse" else "auto",
                client_info=INFO,
                message_handler=_handler(on_change),
                cache=None,
            )
            async with asyncio.timeout(CONNECT_SECONDS):
                await stack.enter_async_context(client)
            yield Connection(client, words.ended)
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except (Exception, BaseExceptionGroup) as error:
        raise Unreachable(_told(error, words)) from error


async def _transport(stack: AsyncExitStack, loop: Loop, target: Target, words: Words) -> Any:
    if target.program is not None:
        return stdio_transport(target.program, target.max_bytes, words)
    http = open_http(loop, target.private, target.headers, target.max_bytes)
    if target.transport == "sse":
        # The SDK closes it.
        def factory(headers: Any = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
            return http

        return sse_client(target.url, sse_read_timeout=READ_SECONDS, httpx_client_factory=factory)
    await stack.enter_async_context(http)
    return streamable_http_client(target.url, http_client=http, max_sse_event_size=target.max_bytes)


def _handler(on_change: OnChange) -> MessageHandlerFnT:
    async def handle(message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            on_change()

    return handle


def _told(error: BaseException, words: Words) -> str:
    """The innermost reason in a line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        text = "no answer in time"
    elif isinstance(error, httpx2.HTTPStatusError):
        text = f"HTTP {error.response.status_code}"
    else:
        text = str(error) or type(error).__name__
    tail = " ".join(words.tail.split())
    return clean(f"{text} ({tail})" if tail else text, 500)


def quieten() -> None:
    """The SDK tells of every message, and of every server that is away with a traceback."""
    for name, level in (
        ("mcp.client", logging.CRITICAL),
        ("client", logging.CRITICAL),
        ("httpx2", logging.WARNING),
    ):
        logging.getLogger(name).setLevel(level)
