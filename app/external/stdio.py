"""Attached servers that are programs of this machine, spoken to by lines on their standard input and output.

The SDK's own transport goes through asyncio's child watching and `subprocess`, which gevent has taken over in the web
process. So the program is started here, under a keeper that ends it whatever becomes of us (`keeper`).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from gevent import monkey
from mcp.shared.message import SessionMessage

from app.external.http import TOO_MUCH
from app.external.target import Program

log = getLogger(__name__)
# gevent's watch the child on a hub, which this thread has none of.
posix_spawn, waitpid = monkey.get_original("os", ["posix_spawn", "waitpid"])
KEEPER = Path(__file__).with_name("keeper.py")
# Until the program ends by itself after its input has; then the keeper ends it.
PATIENCE_SECONDS, KEEPER_SECONDS = 1.0, 3.0
LISTEN_SECONDS = 0.1
MAX_TAIL = 500
# Of a line that is too long this much is looked at, for whose answer it is, and this much let pass.
HEAD, MAX_SKIPPED = 4_096, 200_000_000
ANSWERED = re.compile(rb'"id"\s*:\s*(\d{1,18})\s*[,}]')
Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


@dataclass(slots=True)
class Words:
    """The last that a program wrote to its standard error, and whether its output has ended."""

    tail: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def stdio_transport(
    program: Program, limit: int, words: Words
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Start the program; streams of messages to and from it.

    `limit` is the longest line in bytes; a longer one becomes an error of the call that it answers. Raises OSError
    when the program cannot be started.
    """
    process = _start(program, words)
    to_us, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_us = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        await process.connect(limit)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, process, to_us)
            tasks.start_soon(_write, process, from_us)
            tasks.start_soon(process.listen_to_errors)
            try:
                yield incoming, outgoing
            finally:
                tasks.cancel_scope.cancel()
    finally:
        for stream in (to_us, incoming, outgoing, from_us):
            stream.close()
        with anyio.CancelScope(shield=True):
            await process.end()


async def _read(process: _Process, to_us: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    async with to_us:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while (line := await process.read_line()) is not None:
                await to_us.send(_parsed(line))
    process.words.ended.set()


def _parsed(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _write(process: _Process, from_us: MemoryObjectReceiveStream[SessionMessage]) -> None:
    with suppress(OSError, anyio.ClosedResourceError):
        async for each in from_us:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            await process.write(text.encode() + b"\n")


@dataclass(slots=True)
class _Process:
    """The keeper's process, and our ends of its pipes (file descriptors until they are connected)."""

    pid: int
    pipes: dict[str, int]
    words: Words
    reader: asyncio.StreamReader = field(init=False)
    errors: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    transports: list[asyncio.BaseTransport] = field(default_factory=list)

    async def connect(self, limit: int) -> None:
        self.reader = await self._reading("output", limit)
        self.errors = await self._reading("errors", 65_536)
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(self.pipes.pop("input"), "wb", 0)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop=loop), pipe
        )
        self.transports.append(transport)
        self.writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def _reading(self, name: str, limit: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=limit)
        pipe = os.fdopen(self.pipes.pop(name), "rb", 0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self.transports.append(transport)
        return reader

    async def read_line(self) -> bytes | None:
        """The next line that is not empty, an error message for one that is too long; None at the end."""
        while True:
            try:
                line = await self.reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return None
            except asyncio.LimitOverrunError:
                return await self._pass_over()
            if line.strip():
                return line

    async def _pass_over(self) -> bytes | None:
        """Let a line pass; None when it does not end or nobody can tell whom it answers."""
        head = await self.reader.read(HEAD)
        answered = ANSWERED.search(head)
        passed = 0
        while answered and passed < MAX_SKIPPED:
            try:
                await self.reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                passed += len(await self.reader.read(error.consumed or 1))
            except asyncio.IncompleteReadError:
                return None
            else:
                told = {"code": TOO_MUCH, "message": "The answer is too large"}
                return json.dumps({"jsonrpc": "2.0", "id": int(answered[1]), "error": told}).encode()
        return None

    async def listen_to_errors(self) -> None:
        """Keep the last words; the pipe must not fill."""
        assert self.errors is not None  # noqa: S101 - connected before it is used
        while piece := await self.errors.read(4_096):
            self.words.tail = (self.words.tail + piece.decode("utf-8", "replace"))[-MAX_TAIL:]

    async def write(self, data: bytes) -> None:
        assert self.writer is not None  # noqa: S101 - connected before it is used
        self.writer.write(data)
        await self.writer.drain()

    async def end(self) -> None:
        """End the input, then the program, then the keeper; waits for it, some seconds at most."""
        if self.writer is not None:
            self.writer.close()
        if not await self._has_ended(PATIENCE_SECONDS):
            self._cut("lifeline")
            if not await self._has_ended(KEEPER_SECONDS):
                log.warning("mcp_program_killed pid=%s", self.pid)
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
                await self._has_ended(KEEPER_SECONDS)
        if self.errors is not None:
            with anyio.move_on_after(LISTEN_SECONDS):
                await self.listen_to_errors()
        for transport in self.transports:
            transport.close()
        for name in list(self.pipes):
            self._cut(name)

    def _cut(self, name: str) -> None:
        with suppress(KeyError, OSError):
            os.close(self.pipes.pop(name))

    async def _has_ended(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._is_reaped():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    def _is_reaped(self) -> bool:
        try:
            return bool(waitpid(self.pid, os.WNOHANG)[0] == self.pid)
        except ChildProcessError:
            # gevent may have been faster.
            return True


def _start(program: Program, words: Words) -> _Process:
    path = program.path()
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    for name, reads in (("input", True), ("output", False), ("errors", False), ("lifeline", True)):
        read, write = os.pipe()
        theirs[name], ours[name] = (read, write) if reads else (write, read)
    try:
        pid = _spawn([path, *program.arguments], program.variables(), theirs)
    except BaseException:
        for number in ours.values():
            os.close(number)
        raise
    finally:
        for number in theirs.values():
            os.close(number)
    return _Process(pid, ours, words)


def _spawn(command: list[str], environment: dict[str, str], pipes: dict[str, int]) -> int:
    lifeline = 3
    actions: list[Any] = [
        (os.POSIX_SPAWN_DUP2, pipes[name], number)
        for number, name in enumerate(("input", "output", "errors", "lifeline"))
    ]
    keeper = [sys.executable, "-I", "-S", str(KEEPER), str(lifeline), *command]
    pid: int = posix_spawn(sys.executable, keeper, environment, file_actions=actions, setsid=True)
    return pid
