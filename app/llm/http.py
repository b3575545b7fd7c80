"""The HTTP client of all models: connects only where it may, follows no redirect, can be ended from another thread."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

from app.llm.addresses import Place, find_allowed
from app.llm.pool import ConnectionPool

MAX_CONNECTIONS = 1_000
# Idle connections that are kept for the next turn, and for how long.
MAX_IDLE = 64
IDLE_SECONDS = 30.0
# How long the rest of a finished answer is waited for, so that its connection can be used again.
LINGER_SECONDS = 0.05
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
SocketOptions = Iterable[SocketOption]
_sending: ContextVar[Call | None] = ContextVar("model_call", default=None)


@lru_cache(maxsize=8)
def open_client(private: frozenset[Place] = frozenset()) -> httpx2.Client:
    """The client of this process with its pool of connections; `private` as `addresses.private_places` gives it.

    Proxies of the environment are not used: what a proxy connects to cannot be checked here.
    """
    return httpx2.Client(transport=_Transport(private), trust_env=False, follow_redirects=False)


class Call:
    """One request to a model, which another thread can end whatever it waits for."""

    def __init__(self) -> None:
        self._stream: _Stream | None = None
        self._is_ended = False

    def end(self) -> None:
        """Shut the request's connection, unless another request has it by now. Never blocks."""
        self._is_ended = True
        if self._stream is not None and self._stream.user is self:
            self._stream.shut()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Connections that this thread writes to meanwhile are the call's."""
        token = _sending.set(self)
        try:
            yield
        finally:
            _sending.reset(token)

    def take(self, stream: _Stream) -> None:
        """Use a connection. Raises ConnectError when the call was ended before."""
        # In this order: `end` looks at them in the other one, so one of the two sees both.
        stream.user, self._stream = self, stream
        if self._is_ended:
            stream.shut()
            raise httpcore2.ConnectError("the call was ended")

    def finish(self) -> None:
        """Wait no longer than `LINGER_SECONDS` for what still comes after the answer's end."""
        if self._stream is not None and self._stream.user is self:
            self._stream.patience = LINGER_SECONDS


class _Stream(httpcore2.NetworkStream):
    """A connection that knows which call uses it."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner
        self.user: Call | None = None
        self.patience: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout if self.patience is None else self.patience)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = _sending.get()
        if call is not None and self.user is not call:
            self.patience = None
            call.take(self)
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        self._inner = self._inner.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def shut(self) -> None:
        """Wake whoever reads; closing alone would not."""
        with suppress(Exception):
            self._inner.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class _Backend(httpcore2.NetworkBackend):
    """Resolves, checks, and connects to the very addresses that were checked; TLS still names the host."""

    def __init__(self, private: frozenset[Place]) -> None:
        self._private = private
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore2.NetworkStream:
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            addresses = find_allowed(host, port, self._private)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host}: {error}") from error
        inner = self._first_open(addresses, port, deadline, local_address, socket_options)
        stream = _Stream(inner)
        call = _sending.get()
        if call is not None:
            try:
                call.take(stream)
            except httpcore2.ConnectError:
                stream.close()
                raise
        return stream

    def _first_open(
        self,
        addresses: list[str],
        port: int,
        deadline: float | None,
        local_address: str | None,
        socket_options: SocketOptions | None,
    ) -> httpcore2.NetworkStream:
        failed: Exception = httpcore2.ConnectError("no address")
        for address in addresses:
            left = None if deadline is None else max(0.01, deadline - time.monotonic())
            try:
                return self._plain.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            if deadline is not None and time.monotonic() >= deadline:
                break
        raise failed


class _Transport(httpx2.HTTPTransport):
    """httpx's own transport over a pool that connects through `_Backend`."""

    def __init__(self, private: frozenset[Place]) -> None:
        self._pool = ConnectionPool(  # type: ignore[assignment]
            ssl_context=httpx2.create_ssl_context(),
            backend=_Backend(private),
            most=MAX_CONNECTIONS,
            most_idle=MAX_IDLE,
            idle_seconds=IDLE_SECONDS,
        )
