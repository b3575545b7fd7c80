"""This process's lasting connection to one attached server.

One task owns the connection from its making to its end, as the SDK wants it. It connects on first use, again with a
growing pause after a loss, looks after the server while it is in use, and ends when nobody has used it for a while.
All of it lives on the asyncio loop.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from logging import getLogger
from typing import Any, Protocol

import mcp_types as types
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED

from app.external.connection import Connection, open_connection
from app.external.discovery import Findings, Look
from app.external.http import SESSION_LOST
from app.external.target import Target, Unreachable
from app.web.aio import Loop

log = getLogger(__name__)
GONE = "the connection was lost"
NO_ANSWER = "no answer in time"


class _Forgotten(Exception):
    """The server does not know the session (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A tool to be called; `is_try` when this call is to find out whether the server is back."""

    name: str
    arguments: dict[str, Any]
    is_try: bool = False


class Reporter(Protocol):
    """Where a link tells what becomes of its server; each waits until that is kept."""

    async def up(self, connection: Connection, found: Findings) -> None: ...

    async def down(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: between looks at a server in use, the longest look, unused until the end, and pauses after losses.

    A connection that lasted for `stable` seconds makes up for earlier losses.
    """

    look: float = 30.0
    patience: float = 5.0
    idle: float = 300.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    stable: float = 10.0

    def pause(self, losses: int) -> float:
        """With jitter, so that not all processes come back at once."""
        wanted = min(self.longest_pause, self.first_pause * 2.0 ** min(losses - 1, 20))
        return wanted * random.uniform(0.5, 1.0)


class Link:
    """`call` it from any task of the loop; `close` ends it."""

    def __init__(self, loop: Loop, target: Target, reporter: Reporter, pace: Pace) -> None:
        self.target = target
        self._loop = loop
        self._reporter = reporter
        self._pace = pace
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._settled = asyncio.Event()
        self._changed = asyncio.Event()
        self._doubted = asyncio.Event()
        self._forgotten = asyncio.Event()
        self._nudged = asyncio.Event()
        self._is_closed = False
        self._used_at = time.monotonic()
        self._reason = ""
        self._losses = 0
        self._made_at: float | None = None
        self._open = 0

    async def call(self, want: Want, on_progress: ProgressFnT | None = None) -> types.CallToolResult:
        """Call a tool. Raises Unreachable when the server is away or goes away, MCPError for what it says itself.

        A session that the server has forgotten is begun anew, once: such a call was not made.
        """
        self._open += 1
        try:
            connection = await self._connected(now=want.is_try)
            try:
                return await self._send(connection, want, on_progress)
            except _Forgotten:
                return await self._send(await self._connected(now=False), want, on_progress)
        except _Forgotten as error:
            raise Unreachable(GONE) from error
        finally:
            self._open -= 1
            self._used_at = time.monotonic()

    async def _send(
        self, connection: Connection, want: Want, on_progress: ProgressFnT | None
    ) -> types.CallToolResult:
        try:
            return await connection.call_tool(want.name, want.arguments, on_progress)
        except asyncio.CancelledError:
            # Was it the tool that took long, or has the server gone?
            self._doubted.set()
            raise
        except MCPError as error:
            if error.code == SESSION_LOST:
                self._forget(connection)
                raise _Forgotten from error
            if error.code == CONNECTION_CLOSED and not _is_limit(error):
                self._doubted.set()
                raise Unreachable(error.message or GONE) from error
            raise

    async def look(self) -> Look:
        """What the server is like now. Raises Unreachable."""
        connection = await self._connected(now=True)
        try:
            return Look(await connection.list_tools(), connection.server_name, connection.protocol)
        except (MCPError, TimeoutError) as error:
            self._doubted.set()
            raise Unreachable(str(error) or NO_ANSWER) from error

    async def close(self) -> None:
        """End the connection and wait until nothing of it is left."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _connected(self, *, now: bool) -> Connection:
        """The connection, once it has been made or tried; `now` does not sit out a pause."""
        self._used_at = time.monotonic()
        if self._is_closed:
            raise Unreachable(GONE)
        if self._task is None or self._task.done():
            self._settled.clear()
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif self._connection is None and now:
            self._settled.clear()
            self._nudged.set()
        elif self._connection is not None and self._connection.ended.is_set():
            # A program that has just ended: it is started again.
            self._connection = None
            self._settled.clear()
        await self._settled.wait()
        if self._connection is None:
            raise Unreachable(self._reason or GONE)
        return self._connection

    def _forget(self, connection: Connection) -> None:
        """The server is there, but its session is not: calls wait for a new one."""
        if self._connection is connection:
            self._connection = None
            self._settled.clear()
            self._forgotten.set()

    async def _run(self) -> None:
        try:
            while self._is_wanted():
                # After the first loss of a connection that was good it is tried again at once.
                was_good = await self._hold()
                if self._losses and not was_good and self._is_wanted():
                    await _first(self._pace.pause(self._losses), self._nudged)
        finally:
            self._connection = None
            self._reason = self._reason or GONE
            self._settled.set()

    def _was_stable(self) -> bool:
        made_at, self._made_at = self._made_at, None
        return made_at is not None and time.monotonic() - made_at > self._pace.stable

    def _is_wanted(self) -> bool:
        is_used = self._open > 0 or time.monotonic() - self._used_at < self._pace.idle
        return is_used and not self._is_closed

    async def _hold(self) -> bool:
        """Connect and stay connected until the connection is lost or nobody wants it; True when it was a good one."""
        self._made_at = None
        for event in (self._forgotten, self._nudged, self._changed, self._doubted):
            event.clear()
        try:
            async with open_connection(self._loop, self.target, self._changed.set) as connection:
                found = await connection.list_tools()
                self._connection, self._reason = connection, ""
                self._made_at = time.monotonic()
                self._settled.set()
                await self._reporter.up(connection, found)
                await self._look_after(connection)
        except (Unreachable, MCPError, TimeoutError) as error:
            return await self._note_loss(str(error) or NO_ANSWER)
        finally:
            self._connection = None
        return True

    async def _note_loss(self, reason: str) -> bool:
        log.info("mcp_server_lost server=%s reason=%s", self.target.code, reason)
        was_up = self._made_at is not None
        self._losses = 1 if self._was_stable() else self._losses + 1
        self._connection, self._reason = None, reason
        if was_up and self._losses == 1:
            self._settled.clear()
            return True
        self._settled.set()
        await self._reporter.down(reason)
        return False

    async def _look_after(self, connection: Connection) -> None:
        listener = asyncio.create_task(_listen(connection, self._changed.set))
        try:
            while await self._wait(connection):
                async with asyncio.timeout(self._pace.patience):
                    found = await connection.list_tools()
                await self._reporter.up(connection, found)
        except MCPError as error:
            if error.code != SESSION_LOST:
                raise
            self._forget(connection)
        finally:
            listener.cancel()

    async def _wait(self, connection: Connection) -> bool:
        """Until it is time to look at the server; False when the connection is of no more use. Raises Unreachable."""
        await _first(
            self._pace.look, self._forgotten, self._changed, self._doubted, self._nudged, connection.ended
        )
        if connection.ended.is_set():
            raise Unreachable(GONE)
        for event in (self._changed, self._doubted, self._nudged):
            event.clear()
        return self._is_wanted() and not self._forgotten.is_set()


async def _listen(connection: Connection, on_change: Callable[[], None]) -> None:
    """Servers since 2026-07-28 tell of changes only who listens."""
    with suppress(ListenNotSupportedError, MCPError, SubscriptionLost, TimeoutError):
        if connection.tells_changes:
            async with connection.client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    on_change()


def _is_limit(error: MCPError) -> bool:
    """The SDK has no code of its own for an event that is larger than it was told to take."""
    return "byte limit" in error.message


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, at most so long."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
