"""The HTTP+SSE transport of 2024-11-05, for clients that know no other: a stream to listen on, and a way to post.

The SDK's transport does it on the process's loop. What it does not know is that the shop has several processes: a
message that reaches another one than its session's is handed on (`app.mcp.postbox`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any

import mcp_types as types
from flask import Flask, Response
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecurityMiddleware
from pydantic import ValidationError
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response as Answer

from app.config import Settings
from app.core.errors import N_, RateLimited
from app.mcp.changes import ChangeBus, tell_sessions
from app.mcp.exchange import Exchange, Message
from app.mcp.host import Watch, scope_of, security_of
from app.mcp.postbox import Letter, Postbox
from app.mcp.server import build_server
from app.mcp.visit import STATE_KEY, Context, Visit
from app.tools.call_batch import begin_batching
from app.web.aio import serving_loop

MESSAGES = "/messages/"
SESSION_ID = re.compile(rb"session_id=([0-9a-f]{32})")
# In a scope's state: the session that a message is for.
SESSION_KEY = "mcpshop_sse_session"
# Of one caller in one process: each holds a stream open.
MOST_SESSIONS = 100
RETRY_AFTER_SECONDS = 5
_making = Lock()


@dataclass(slots=True, eq=False)
class Session:
    """A client that listens; `scope` is that of its stream. It has its id from the moment it is told it."""

    visit: Visit
    scope: Message
    id: str = ""
    endings: list[Callable[[], None]] = field(default_factory=list)

    def end(self) -> None:
        """Stop what was begun for it."""
        for ending in self.endings:
            ending()


class SseHost:
    """The sessions of this process; made on the first request, after the fork."""

    def __init__(self, app: Flask) -> None:
        security = security_of(_settings(app))
        self.pid = os.getpid()
        self._loop = serving_loop()
        self._server = build_server(app, self._loop)
        self._options = tell_sessions(self._server, ChangeBus(self._loop, app), _keep)
        self._transport = SseServerTransport(MESSAGES, security)
        self._security = TransportSecurityMiddleware(security)
        self._sessions: dict[str, Session] = {}
        self._postbox = Postbox(app, self._deliver, lambda: bool(self._sessions))

    def listen(
        self, visit: Visit, environ: dict[str, Any], still_allowed: Callable[[], bool], base: str
    ) -> Response:
        """Open a session under the path `base` and stream what is said in it. Raises RateLimited."""
        scope = {**scope_of(environ, visit), "root_path": base}
        session = Session(visit, scope)
        self._check_room(visit.principal)
        exchange = Exchange(self._loop, scope, b"", Watch(visit, environ, still_allowed).is_over)
        exchange.begin(partial(self._serve, session))
        return exchange.response()

    def post(self, visit: Visit, environ: dict[str, Any], body: bytes) -> Response:
        """Take a message for a session, whichever process has it."""
        exchange = Exchange(self._loop, scope_of(environ, visit), body, lambda: False)
        exchange.begin(self._take)
        return exchange.response()

    def _check_room(self, principal: str) -> None:
        open_ones = [one for one in list(self._sessions.values()) if one.visit.principal == principal]
        if len(open_ones) >= MOST_SESSIONS:
            raise RateLimited(
                N_("Too many open streams. Close a window and try again."), retry_after=RETRY_AFTER_SECONDS
            )

    # What follows runs on the loop.

    async def _serve(self, session: Session, scope: Message, receive: Any, send: Any) -> None:
        refused = await self._security.validate_request(Request(scope, receive), is_post=False)
        if refused is not None:
            await refused(scope, receive, send)
            return

        async def tell(message: MutableMapping[str, Any]) -> None:
            found = SESSION_ID.search(message.get("body", b"")) if not session.id else None
            if found:
                # Before the client knows where to post.
                await self._begin(session, found[1].decode())
            await send(message)

        try:
            async with self._transport.connect_sse(scope, receive, tell) as (incoming, outgoing):
                await self._server.run(incoming, outgoing, self._options)
        finally:
            self._end(session)

    async def _begin(self, session: Session, session_id: str) -> None:
        session.id = session_id
        self._sessions[session_id] = session
        await self._loop.run_at_home(partial(self._postbox.own, session_id, session.visit.principal))

    def _end(self, session: Session) -> None:
        session.end()
        if self._sessions.pop(session.id, None) is not None:
            self._loop.home.start(partial(self._postbox.disown, session.id))

    async def _take(self, scope: Message, receive: Any, send: Any) -> None:
        named = SESSION_ID.search(scope["query_string"])
        session_id = named[1].decode() if named else ""
        session = self._sessions.get(session_id)
        if session_id and session is None:
            await (await self._pass_on(session_id, scope, receive))(scope, receive, send)
            return
        scope["state"][SESSION_KEY] = session
        await self._transport.handle_post_message(scope, receive, send)

    async def _pass_on(self, session_id: str, scope: Message, receive: Any) -> Answer:
        """The answer to a message for a session that is not in this process: what the SDK's transport would say."""
        request = Request(scope, receive)
        refused = await self._security.validate_request(request, is_post=True)
        if refused is not None:
            return refused
        body = await request.body()
        try:
            types.jsonrpc_message_adapter.validate_json(body, by_name=False)
        except ValidationError:
            return Answer("Could not parse message", status_code=400)
        visit: Visit = scope["state"][STATE_KEY]
        letter = Letter(
            session_id=session_id, body=body.decode(), locale=visit.locale, request_id=visit.request_id
        )
        try:
            sent = await self._loop.run_at_home(partial(self._postbox.send, letter, visit.principal))
        except RedisError:
            return Answer("Could not reach the session", status_code=503)
        return (
            Answer("Accepted", status_code=202) if sent else Answer("Could not find session", status_code=404)
        )

    def _deliver(self, letter: Letter) -> None:
        """From the postbox's greenlet."""
        self._loop.spawn(self._hand_over(letter))

    async def _hand_over(self, letter: Letter) -> None:
        session = self._sessions.get(letter.session_id)
        if session is None:
            return

        async def receive() -> Message:
            return {"type": "http.request", "body": letter.body.encode(), "more_body": False}

        async def send(_message: MutableMapping[str, Any]) -> None:
            """Who sent the letter has been answered."""

        await self._transport.handle_post_message(_scope_of_letter(session, letter), receive, send)


def _scope_of_letter(session: Session, letter: Letter) -> Message:
    visit = replace(session.visit, locale=letter.locale, request_id=letter.request_id)
    headers = [one for one in session.scope["headers"] if not one[0].startswith(b"content-")]
    return {
        **session.scope,
        "method": "POST",
        "query_string": f"session_id={letter.session_id}".encode(),
        "headers": [*headers, (b"content-type", b"application/json")],
        "state": {STATE_KEY: visit, SESSION_KEY: session},
    }


def _keep(context: Context, ending: Callable[[], None]) -> None:
    assert context.request is not None  # noqa: S101 - each message of this transport is posted
    session: Session = context.request.scope["state"][SESSION_KEY]
    session.endings.append(ending)


def _settings(app: Flask) -> Settings:
    settings: Settings = app.extensions["mcpshop_settings"]
    return settings


def sse_of(app: Flask) -> SseHost:
    """The application's sessions in this process."""
    host: SseHost | None = app.extensions.get("mcpshop_mcp_sse")
    if host is None or host.pid != os.getpid():
        with _making:
            host = app.extensions.get("mcpshop_mcp_sse")
            if host is None or host.pid != os.getpid():
                begin_batching(app)
                host = app.extensions["mcpshop_mcp_sse"] = SseHost(app)
    return host
