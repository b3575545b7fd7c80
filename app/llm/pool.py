"""The connections to models: those that are idle wait by their address, the one that was used last goes first.

httpcore's own pool walks through all of its connections when a request begins and again when it ends: with 200
answers under way that is a millisecond of each, more than the request itself takes.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from threading import BoundedSemaphore, Lock
from types import TracebackType

import httpcore2

from app.llm.http11 import Connection

Key = tuple[bytes, bytes, int]


class ConnectionPool:
    """Serves what httpx's transport asks of a pool. Times are in seconds.

    A connection answers one request at a time; `most` of them are open for requests at once, `most_idle` are kept
    for later, each at most `idle_seconds`.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        backend: httpcore2.NetworkBackend,
        most: int,
        most_idle: int,
        idle_seconds: float,
    ) -> None:
        self._ssl_context = ssl_context
        self._backend = backend
        self._most_idle = most_idle
        self._idle_seconds = idle_seconds
        self._places = BoundedSemaphore(most)
        self._lock = Lock()
        # Oldest first, of all addresses and of each.
        self._idle: dict[Connection, Key] = {}
        self._by_key: dict[Key, list[Connection]] = {}

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send a request; its connection comes back when the response is closed. Raises as httpcore does."""
        patience = request.extensions.get("timeout", {}).get("pool")
        if not self._places.acquire(timeout=patience):
            raise httpcore2.PoolTimeout("every connection is in use")
        try:
            connection = self._take(request.url.origin)
            try:
                response = connection.handle_request(request)
            except BaseException:
                self._keep(connection, request.url.origin)
                raise
        except BaseException:
            self._places.release()
            raise
        # What a connection answers is a stream.
        body = _Body(response.stream, lambda: self._give_back(connection, request.url.origin))  # type: ignore[arg-type]
        return httpcore2.Response(
            response.status, headers=response.headers, content=body, extensions=response.extensions
        )

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle = list(self._idle)
            self._idle.clear()
            self._by_key.clear()
        _close(idle)

    def __enter__(self) -> ConnectionPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, origin: httpcore2.Origin) -> Connection:
        while (found := self._pop(_key(origin))) is not None:
            # The server may have closed it meanwhile.
            if not found.has_expired():
                return found
            found.close()
        return Connection(
            origin, ssl_context=self._ssl_context, backend=self._backend, idle_seconds=self._idle_seconds
        )

    def _pop(self, key: Key) -> Connection | None:
        with self._lock:
            waiting = self._by_key.get(key)
            if not waiting:
                return None
            found = waiting.pop()
            if not waiting:
                del self._by_key[key]
            del self._idle[found]
            return found

    def _give_back(self, connection: Connection, origin: httpcore2.Origin) -> None:
        try:
            self._keep(connection, origin)
        finally:
            self._places.release()

    def _keep(self, connection: Connection, origin: httpcore2.Origin) -> None:
        if not connection.is_idle() or connection.is_closed():
            connection.close()
            return
        with self._lock:
            self._idle[connection] = _key(origin)
            self._by_key.setdefault(_key(origin), []).append(connection)
            old = self._outdated()
        _close(old)

    def _outdated(self) -> list[Connection]:
        """Take out the oldest ones while they are too many or too old."""
        found = []
        while self._idle:
            oldest = next(iter(self._idle))
            if len(self._idle) <= self._most_idle and not oldest.has_expired():
                break
            key = self._idle.pop(oldest)
            self._by_key[key].remove(oldest)
            if not self._by_key[key]:
                del self._by_key[key]
            found.append(oldest)
        return found


class _Body:
    """A response's stream that gives its connection back once, when it is closed."""

    def __init__(self, stream: Iterable[bytes], give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = give_back
        self._lock = Lock()
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        with self._lock:
            was_open, self._is_open = self._is_open, False
        if not was_open:
            return
        try:
            self._stream.close()  # type: ignore[attr-defined]
        finally:
            self._give_back()


def _key(origin: httpcore2.Origin) -> Key:
    return origin.scheme, origin.host, origin.port


def _close(connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.close()
