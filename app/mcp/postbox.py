"""Messages for the SSE sessions of another process of the shop, by way of Redis.

A session lives in the process that holds its stream, and a client's messages may reach any. Each process with
sessions has a list in Redis that it takes messages from, and a key there tells of each session whose it is.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from logging import getLogger
from typing import cast

from flask import Flask
from redis.exceptions import RedisError

from app.core.ids import new_id
from app.runtime import redis
from app.web import sse

log = getLogger(__name__)
OWNER_KEY = "mcp:sse:session:"
BOX_KEY = "mcp:sse:box:"
ALIVE_KEY = "mcp:sse:alive:"
# How long a wait for a message is, and so how soon an empty box is shut.
WAIT_SECONDS = 1
# Of a process that was killed: so long its sessions seem to be there.
ALIVE_SECONDS = 10
OWNER_SECONDS = 24 * 3_600
# What nobody takes is not kept.
BOX_SECONDS, MAX_WAITING = 60, 1_000
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message on its way: `body` is JSON-RPC, `locale` and `request_id` those of the request it came with."""

    session_id: str
    body: str
    locale: str
    request_id: str


class Postbox:
    """This process's box; `deliver` gets what arrives while `is_used` says so."""

    def __init__(self, app: Flask, deliver: Callable[[Letter], None], is_used: Callable[[], bool]) -> None:
        self._app = app
        self._deliver = deliver
        self._is_used = is_used
        self._id = new_id()
        self._lock = threading.Lock()
        self._is_open = False

    def own(self, session_id: str, principal: str) -> None:
        """Say that a session is in this process; from here on messages for it are taken."""
        with self._app.app_context():
            try:
                redis().set(ALIVE_KEY + self._id, 1, ex=ALIVE_SECONDS)
                redis().set(OWNER_KEY + session_id, json.dumps([self._id, principal]), ex=OWNER_SECONDS)
            except RedisError as error:
                # Its messages are understood where they arrive here.
                log.warning("sse_session_not_shared error=%s", error)
        with self._lock:
            starts, self._is_open = not self._is_open, True
        if starts:
            threading.Thread(target=self._run, daemon=True, name="mcp-postbox").start()

    def disown(self, session_id: str) -> None:
        """The session has ended."""
        with self._app.app_context():
            try:
                redis().delete(OWNER_KEY + session_id)
            except RedisError as error:
                log.warning("sse_session_not_ended error=%s", error)

    def send(self, letter: Letter, principal: str) -> bool:
        """Hand a message to the process that has the session.

        False when there is no such session of this principal, or the process with it has gone. Raises RedisError.
        """
        with self._app.app_context():
            found = cast(str | None, redis().get(OWNER_KEY + letter.session_id))
            owner, owned_by = json.loads(found) if found else ("", "")
            if not found or owned_by != principal or not redis().exists(ALIVE_KEY + owner):
                return False
            box = BOX_KEY + owner
            with redis().pipeline() as pipeline:
                pipeline.rpush(box, json.dumps(asdict(letter)))
                pipeline.ltrim(box, -MAX_WAITING, -1)
                pipeline.expire(box, BOX_SECONDS)
                pipeline.execute()
            return True

    def _run(self) -> None:
        with self._app.app_context():
            while not sse.is_stopping() and self._goes_on():
                try:
                    self._take()
                except RedisError as error:
                    log.warning("sse_postbox_without_redis error=%s", error)
                    time.sleep(RETRY_SECONDS)

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_open = self._is_used()
            return self._is_open

    def _take(self) -> None:
        redis().set(ALIVE_KEY + self._id, 1, ex=ALIVE_SECONDS)
        found = cast(tuple[str, str] | None, redis().blpop([BOX_KEY + self._id], timeout=WAIT_SECONDS))
        if found is not None:
            self._deliver(Letter(**json.loads(found[1])))
