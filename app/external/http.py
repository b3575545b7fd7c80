"""The HTTP client of attached servers: connects only where it may, and bounds what comes back.

It runs on the process's asyncio loop, under gevent too, so it makes real sockets itself; names are looked up where
requests run. A server that cannot be reached, that breaks off or says too much is answered for with an error of the
protocol, so that only the call that met it fails and not all that share the connection.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio
import httpcore2
import httpx2
from gevent import monkey
from mcp_types import CONNECTION_CLOSED

from app.llm.addresses import AddressRefused, Place, find_allowed
from app.web.aio import Loop

CONNECT_SECONDS, WRITE_SECONDS, POOL_SECONDS = 5.0, 10.0, 10.0
# Event streams may be silent for long.
READ_SECONDS = 3_600.0
MAX_CONNECTIONS, MAX_IDLE = 100, 20
# Common servers end idle connections after 2 seconds or more; a call that is sent in that moment is lost, and must not
# be sent again, for nobody knows whether it was done.
IDLE_SECONDS = 1.5
SESSION = "mcp-session-id"
# Ours, in the room for servers' own codes.
SESSION_LOST = -32_090
TOO_MUCH = -32_091
native_socket = monkey.get_original("socket", "socket")
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


def open_http(
    loop: Loop, private: frozenset[Place], headers: dict[str, str], limit: int
) -> httpx2.AsyncClient:
    """A client that sends `headers`; `limit` is the longest body in bytes. Proxies of the environment are not used."""
    return httpx2.AsyncClient(
        transport=_Transport(loop, private, limit),
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(
            connect=CONNECT_SECONDS, read=READ_SECONDS, write=WRITE_SECONDS, pool=POOL_SECONDS
        ),
        trust_env=False,
        follow_redirects=False,
    )


class _Transport(httpx2.AsyncHTTPTransport):
    """httpx's own transport over a pool that connects through `_Backend`."""

    def __init__(self, loop: Loop, private: frozenset[Place], limit: int) -> None:
        self._limit = limit
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=_Backend(loop, private),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await super().handle_async_request(request)
        except (httpx2.TransportError, AddressRefused) as error:
            if request.method != "POST":
                raise
            return _instead(request, CONNECTION_CLOSED, str(error) or type(error).__name__)
        if (code := _refusal(request, response)) is not None:
            await response.aclose()
            return _instead(request, code, f"HTTP {response.status_code}")
        return _bounded(request, response, self._limit)


def _refusal(request: httpx2.Request, response: httpx2.Response) -> int | None:
    """The error that an answer's status stands for; None when the SDK is to read it."""
    status = response.status_code
    if status == 404 and SESSION in request.headers:
        return SESSION_LOST
    is_json = _kind(response).startswith("application/json")
    is_refused = status in (401, 403, 429) or (status >= 500 and not is_json)
    return CONNECTION_CLOSED if is_refused and request.method == "POST" else None


def _bounded(request: httpx2.Request, response: httpx2.Response, limit: int) -> httpx2.Response:
    """The answer with a body that cannot be too long. Event streams are bounded event by event, by the SDK."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.RemoteProtocolError("a compressed answer, which was not asked for")
    if not _kind(response).startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - by the async transport
        response.stream = _Bounded(response.stream, limit, _id_of(request))
    return response


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").lower()


class _Bounded(httpx2.AsyncByteStream):
    """A body that becomes an error message of the protocol when it is too long or breaks off."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int, request_id: Any) -> None:
        self._inner = inner
        self._limit = limit
        self._id = request_id

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts: list[bytes] = []
        size = 0
        try:
            async for part in self._inner:
                size += len(part)
                if size > self._limit:
                    parts = [_error_body(self._id, TOO_MUCH, "The answer is too large")]
                    break
                parts.append(part)
        except httpx2.TransportError as error:
            parts = [_error_body(self._id, CONNECTION_CLOSED, str(error) or "The answer broke off")]
        for part in parts:
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


def _instead(request: httpx2.Request, code: int, message: str) -> httpx2.Response:
    body = _error_body(_id_of(request), code, message)
    return httpx2.Response(503, headers={"content-type": "application/json"}, content=body)


def _error_body(request_id: Any, code: int, message: str) -> bytes:
    error = {"code": code, "message": message}
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}).encode()


def _id_of(request: httpx2.Request) -> Any:
    """The id of the message that a request carries."""
    try:
        return json.loads(request.content)["id"]
    except (httpx2.StreamError, ValueError, KeyError, TypeError):
        return None


class _Backend(httpcore2.AsyncNetworkBackend):
    """Resolves, checks, and connects to the very addresses that were checked; TLS still names the host."""

    def __init__(self, loop: Loop, private: frozenset[Place]) -> None:
        self._loop = loop
        self._private = private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        with _told_as(httpcore2.ConnectTimeout, httpcore2.ConnectError), anyio.fail_after(timeout):
            addresses = await self._loop.run_at_home(lambda: find_allowed(host, port, self._private))
            return await _first_open(addresses, port)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def _first_open(addresses: list[str], port: int) -> _Stream:
    failed: OSError = OSError("no address")
    for address in addresses:
        try:
            return _Stream(*await _open(address, port))
        except OSError as error:
            failed = error
    raise failed


async def _open(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    # gevent's sockets belong to the hub of the thread that runs requests.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named.
    connection = native_socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
        return await asyncio.open_connection(sock=connection)
    except BaseException:
        connection.close()
        raise


class _Stream(httpcore2.AsyncNetworkStream):
    """An asyncio connection as httpcore has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _told_as(httpcore2.ReadTimeout, httpcore2.ReadError), anyio.fail_after(timeout):
            return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            with _told_as(httpcore2.WriteTimeout, httpcore2.WriteError), anyio.fail_after(timeout):
                self._writer.write(buffer)
                await self._writer.drain()

    async def aclose(self) -> None:
        with suppress(OSError, RuntimeError):
            self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        with _told_as(httpcore2.ConnectTimeout, httpcore2.ConnectError), anyio.fail_after(timeout):
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # Of an idle connection: the other end has closed it.
            return self._reader.at_eof() or self._reader.exception() is not None
        return self._writer.get_extra_info(
            {"server_addr": "peername", "client_addr": "sockname"}.get(info, info)
        )


@contextmanager
def _told_as(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """Errors of asyncio as httpcore's."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except (OSError, ssl.SSLError, EOFError) as error:
        raise broken(str(error) or type(error).__name__) from error
