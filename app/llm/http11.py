"""A connection to a model that speaks HTTP/1.1 through llhttp (httptools).

httpcore's own does it in Python: a third of a millisecond for a request and its head, and 0.05 ms for each chunk of an
answer, of which there are sixty, each handed on by itself. Here all that one read brings is one piece.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress

import httpcore2
import httptools

READ_BYTES = 65_536
MAX_HEAD_BYTES = 100_000
NEW, ACTIVE, IDLE, CLOSED = range(4)
# A name that is a token, a value that ends no line (RFC 9110).
HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(rb"[^\x00\r\n]*")
TARGET = re.compile(rb"[\x21-\x7e]+")


class Connection:
    """One request at a time, any number of them; connects with the first. `idle_seconds` is how long it may wait for the next.

    For what models are asked with: a body whose length is known, no HEAD, no upgrade to another protocol. Raises as
    httpcore does.
    """

    def __init__(
        self,
        origin: httpcore2.Origin,
        *,
        ssl_context: ssl.SSLContext,
        backend: httpcore2.NetworkBackend,
        idle_seconds: float,
    ) -> None:
        self._origin = origin
        self._ssl_context = ssl_context
        self._backend = backend
        self._idle_seconds = idle_seconds
        self._stream: httpcore2.NetworkStream | None = None
        self._state = NEW
        self._expires_at = 0.0

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send a request and wait for the head of its answer."""
        if self._state not in (NEW, IDLE):
            raise httpcore2.ConnectionNotAvailable()
        self._state = ACTIVE
        times = request.extensions.get("timeout", {})
        try:
            head = _head_of(request)
            stream = self._stream = self._stream or self._connect(times.get("connect"))
            # A server may have answered and closed before it had read everything.
            with suppress(httpcore2.WriteError):
                stream.write(head + b"".join(request.stream), times.get("write"))  # type: ignore[arg-type]
            answer = _Answer(stream, times.get("read"))
            answer.read_head()
        except BaseException:
            self.close()
            raise
        return httpcore2.Response(
            answer.status,
            headers=answer.headers,
            content=_Body(self, answer),
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": answer.reason,
                "network_stream": stream,
            },
        )

    def finish(self, *, can_go_on: bool) -> None:
        """The answer is over; without `can_go_on` the connection is, too."""
        if not can_go_on:
            self.close()
        elif self._state == ACTIVE:
            self._state = IDLE
            self._expires_at = time.monotonic() + self._idle_seconds

    def close(self) -> None:
        self._state = CLOSED
        if self._stream is not None:
            self._stream.close()

    def is_idle(self) -> bool:
        return self._state == IDLE

    def is_closed(self) -> bool:
        return self._state == CLOSED

    def has_expired(self) -> bool:
        """True when it has waited for too long, or the server has closed it: nothing else can be there to read."""
        if self._state != IDLE or self._stream is None:
            return False
        return time.monotonic() > self._expires_at or bool(self._stream.get_extra_info("is_readable"))

    def _connect(self, timeout: float | None) -> httpcore2.NetworkStream:
        host = self._origin.host.decode("ascii")
        stream = self._backend.connect_tcp(host, self._origin.port, timeout)
        if self._origin.scheme != b"https":
            return stream
        self._ssl_context.set_alpn_protocols(["http/1.1"])
        return stream.start_tls(self._ssl_context, host, timeout)


class _Answer:
    """What has come of one answer; the parser calls the methods that begin with `on_`."""

    def __init__(self, stream: httpcore2.NetworkStream, patience: float | None) -> None:
        self._stream = stream
        self._patience = patience
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._has_head = self._has_length = self._is_foreign = False
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_over = self.is_last = False

    @property
    def can_go_on(self) -> bool:
        """True when the connection may serve another request: all was read, and nothing more than that has come."""
        return self.is_over and not self.is_last and not self._is_foreign

    def read_head(self) -> None:
        """Wait for the status and the headers."""
        size = 0
        while not self._has_head:
            data = self._stream.read(READ_BYTES, self._patience)
            if not data:
                raise httpcore2.RemoteProtocolError("Server disconnected without sending a response.")
            self._feed(data)
            size += len(data)
            if size > MAX_HEAD_BYTES and not self._has_head:
                raise httpcore2.RemoteProtocolError("a head without an end")

    def pieces(self) -> Iterator[bytes]:
        """The body, as much of it at a time as there is."""
        while True:
            if self._parts:
                piece = b"".join(self._parts)
                self._parts.clear()
                yield piece
            if self.is_over:
                return
            data = self._stream.read(READ_BYTES, self._patience)
            if data:
                self._feed(data)
            elif self._has_length:
                raise httpcore2.RemoteProtocolError(
                    "peer closed connection without sending complete message body"
                )
            else:
                self.is_over = self.is_last = True

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.is_over:
                self._is_foreign = True
                return
            raise httpcore2.RemoteProtocolError(str(error)[:200]) from error

    def on_message_begin(self) -> None:
        # Nobody has asked for a second one.
        self._is_foreign = self._is_foreign or self.is_over

    def on_status(self, reason: bytes) -> None:
        if not self.is_over:
            self.reason = reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_over and not self._has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.is_over:
            return
        status = self._parser.get_status_code()
        if status < 200:
            # "Go on", "early hints": the answer itself comes behind it.
            self.headers.clear()
            return
        self.status, self._has_head = status, True
        names = {name.lower() for name, _ in self.headers}
        self._has_length = bool(names & {b"content-length", b"transfer-encoding"})
        self.is_last = not self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.is_over:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self.is_over = True


class _Body:
    """The body of an answer as httpcore's: iterated once; closing it gives the connection up or back."""

    def __init__(self, connection: Connection, answer: _Answer) -> None:
        self._connection = connection
        self._answer = answer
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.pieces()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._connection.finish(can_go_on=self._answer.can_go_on)


def _head_of(request: httpcore2.Request) -> bytes:
    """The request line and the headers. Raises LocalProtocolError for what would be read as something else."""
    method, target = request.method, request.url.target
    if not (HEADER_NAME.fullmatch(method) and TARGET.fullmatch(target)) or method in (b"HEAD", b"CONNECT"):
        raise httpcore2.LocalProtocolError(f"no request: {method!r} {target!r}")
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    for name, value in request.headers:
        if not (HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value)):
            raise httpcore2.LocalProtocolError(f"no header: {name!r}")
        if name.lower() == b"transfer-encoding":
            raise httpcore2.LocalProtocolError("the length of the body must be known")
        lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join(lines) + b"\r\n\r\n"
