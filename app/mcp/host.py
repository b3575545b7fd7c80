"""The SDK's session manager on the process's loop, and the door to it from WSGI."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from threading import Lock
from typing import Any, cast
from urllib.parse import unquote

from flask import Flask, Response
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from app.config import Settings
from app.mcp.exchange import Exchange, Message
from app.mcp.server import build_server
from app.mcp.visit import STATE_KEY, Visit
from app.tools.call_batch import begin_batching
from app.web import sse
from app.web.aio import Loop, is_gone, serving_loop

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# Not for the SDK: the key has been read, and must not get into a log or a tool.
PRIVATE = frozenset({"HTTP_AUTHORIZATION", "HTTP_COOKIE"})
# A request whose answer has no end of its own.
ENDLESS = "subscriptions/listen"
# How many looks at the connection come between two looks at the key of an endless answer.
LOOKS_PER_CHECK = 6
_making = Lock()


class Host:
    """Serves one SDK server for as long as the process lives; made on the first request, after the fork.

    `sessions` keeps sessions of clients up to 2025-11-25 in this process, so that they can be asked in mid-call.
    """

    def __init__(
        self,
        loop: Loop,
        server: Server[Any],
        security: TransportSecuritySettings,
        *,
        sessions: bool = False,
        event_store: EventStore | None = None,
        retry_interval: int | None = None,
    ) -> None:
        self.loop = loop
        self.pid = os.getpid()
        self._server = server
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._manager: StreamableHTTPSessionManager | None = None
        self._values: dict[str, Any] = {
            "stateless": not sessions,
            "security_settings": security,
            "event_store": event_store,
            "retry_interval": retry_interval,
        }
        loop.spawn(self._serve())

    def answer(
        self, visit: Visit, environ: dict[str, Any], body: bytes, still_has_key: Callable[[], bool]
    ) -> Response:
        """Pass a request on to the SDK, in the name of the visit."""
        scope = scope_of(environ, visit)
        exchange = Exchange(self.loop, scope, body, Watch(visit, environ, still_has_key).is_over)
        exchange.begin(self._pass_on)
        return exchange.response()

    def close(self) -> None:
        """End it with its sessions (tests; a process just exits)."""
        self.loop.call(self._stop.set)

    async def _serve(self) -> None:
        self._manager = StreamableHTTPSessionManager(self._server, **self._values)
        async with self._manager.run():
            self._ready.set()
            await self._stop.wait()

    async def _pass_on(self, scope: Message, receive: Any, send: Any) -> None:
        await self._ready.wait()
        assert self._manager is not None  # noqa: S101 - it is there before it is ready
        await self._manager.handle_request(scope, receive, send)


class Watch:
    """Whether an answer is still wanted and, when it has no end of its own, still allowed."""

    def __init__(self, visit: Visit, environ: dict[str, Any], still_has_key: Callable[[], bool]) -> None:
        self._app = visit.app
        self._connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        self._is_endless = environ["REQUEST_METHOD"] == "GET" or environ.get("HTTP_MCP_METHOD") == ENDLESS
        self._still_has_key = still_has_key
        self._looks = 0

    def is_over(self) -> bool:
        if is_gone(self._connection):
            return True
        if not self._is_endless:
            return False
        self._looks += 1
        return sse.is_stopping() or (self._looks % LOOKS_PER_CHECK == 0 and not self._is_allowed())

    def _is_allowed(self) -> bool:
        with self._app.app_context():
            return self._still_has_key()


def host_of(app: Flask) -> Host:
    """The application's host in this process."""
    host: Host | None = app.extensions.get("mcpshop_mcp_host")
    if host is None or host.pid != os.getpid():
        with _making:
            host = app.extensions.get("mcpshop_mcp_host")
            if host is None or host.pid != os.getpid():
                host = app.extensions["mcpshop_mcp_host"] = _make(app)
    return host


def _make(app: Flask) -> Host:
    settings: Settings = app.extensions["mcpshop_settings"]
    loop = serving_loop()
    begin_batching(app)
    # It tells of every session and request.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return Host(loop, build_server(app, loop), security_of(settings), sessions=settings.mcp_sessions)


def security_of(settings: Settings) -> TransportSecuritySettings:
    """Which Host and Origin headers are ours (against DNS rebinding).

    A shop that only this machine can reach, with no proxy before it, answers to this machine's names. Elsewhere
    the names must be set to be checked; the key, which no web page has, is checked always.
    """
    names: Iterable[str] = settings.mcp_allowed_hosts.split()
    if not names and not settings.trusted_proxies and _is_loopback(settings.host):
        names = LOOPBACK
    hosts = [form for name in names for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("https", "http")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=bool(hosts), allowed_hosts=hosts, allowed_origins=origins
    )


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def scope_of(environ: dict[str, Any], visit: Visit) -> Message:
    """The request as ASGI has it; who calls stands in `state` and `user`, which no client can set."""
    path = environ.get("PATH_INFO", "/")
    token = AccessToken(token="", client_id=visit.principal, scopes=[])
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "root_path": "",
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": list(_headers(environ)),
        "client": (environ.get("REMOTE_ADDR", ""), 0),
        "server": (environ.get("SERVER_NAME", ""), int(environ.get("SERVER_PORT") or 0)),
        "state": {STATE_KEY: visit},
        # A session belongs to who opened it; the SDK compares this.
        "user": AuthenticatedUser(token),
    }


def _headers(environ: dict[str, Any]) -> Iterable[tuple[bytes, bytes]]:
    for key, value in environ.items():
        if key in PRIVATE:
            continue
        if key.startswith("HTTP_"):
            name = key[5:]
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            name = key
        else:
            continue
        yield name.replace("_", "-").lower().encode("latin-1"), cast(str, value).encode("latin-1")
