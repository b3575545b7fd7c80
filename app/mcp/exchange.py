"""One HTTP request on its way between a WSGI view and an ASGI application on the process's loop.

The view's greenlet (or thread) waits for what the application sends and hands it on; the application waits for
the request's body, which is there whole (it is small), and for the client to leave.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from logging import getLogger
from typing import Any

from flask import Response

from app.web.aio import Loop

log = getLogger(__name__)
Message = dict[str, Any]
Asgi = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
# How often the view looks whether the client is still there.
LOOK_SECONDS = 0.5
# How far the application may be ahead of a client that reads slowly, in chunks.
AHEAD = 64
SLOW_SECONDS = 0.02
# How long an application may clean up after its client has left.
LEAVE_SECONDS = 5.0
# These are the WSGI server's to say.
NOT_OURS = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length"})
END = "end"


class Exchange:
    """A request and its response. `is_over` tells the view that nobody wants the rest: called twice a second."""

    def __init__(self, loop: Loop, scope: Message, body: bytes, is_over: Callable[[], bool]) -> None:
        self._loop = loop
        self._scope = scope
        self._body: bytes | None = body
        self._is_over = is_over
        self._gone = asyncio.Event()
        # From the loop to the view; a plain queue where threads are plain, gevent's where they are greenlets.
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._sent = self._taken = 0
        self._task: asyncio.Task[Any] | None = None
        self._end: asyncio.TimerHandle | None = None

    def begin(self, application: Asgi) -> None:
        """Start the application on the loop."""
        self._loop.spawn(self._run(application))

    def response(self) -> Response:
        """The response: whole when it is one piece, else a stream; 500 when the application failed to start one."""
        start = self._next()
        if start is None or start["type"] != "http.response.start":
            self.leave()
            return Response(status=500)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        is_whole = any(name == "content-length" for name, _ in headers)
        response = Response(self._whole() if is_whole else self._stream(), status=start["status"])
        del response.headers["Content-Type"]
        for name, value in headers:
            if name not in NOT_OURS:
                response.headers.add(name, value)
        # A client that is gone before the stream began never runs the stream's own clean-up.
        response.call_on_close(self.leave)
        return response

    def leave(self) -> None:
        """Tell the application that its client is gone; harmless when it has finished."""
        if not self._gone.is_set():
            self._loop.call(self._leave)

    def _whole(self) -> bytes:
        return b"".join(self._chunks())

    def _stream(self) -> Iterator[bytes]:
        # The server sends the headers with the first chunk, and the first event may be long in coming.
        yield b""
        try:
            yield from filter(None, self._chunks())
        finally:
            self.leave()

    def _chunks(self) -> Iterator[bytes]:
        while (message := self._next()) is not None and message["type"] != END:
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return

    def _next(self) -> Message | None:
        """The application's next message; None when the client is gone."""
        while True:
            try:
                message = self._inbox.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if self._is_over():
                    self.leave()
                    return None
            else:
                self._taken += 1
                return message

    # What follows runs on the loop.

    async def _run(self, application: Asgi) -> None:
        self._task = asyncio.current_task()
        try:
            await application(self._scope, self._receive, self._send)
        except Exception:
            log.exception("exchange_failed path=%s", self._scope["path"])
        finally:
            self._task = None
            if self._end is not None:
                self._end.cancel()
            self._put({"type": END})

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        while self._sent - self._taken >= AHEAD and not self._gone.is_set():
            await asyncio.sleep(SLOW_SECONDS)
        if not self._gone.is_set():
            self._put(message)

    def _put(self, message: Message) -> None:
        self._sent += 1
        self._loop.home.post(partial(self._inbox.put, message))

    def _leave(self) -> None:
        self._gone.set()
        if self._task is not None:
            self._end = self._loop.asyncio.call_later(LEAVE_SECONDS, self._task.cancel)
