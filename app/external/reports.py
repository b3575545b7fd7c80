"""What links find out of their servers, kept where all processes see it."""

from __future__ import annotations

import time
from logging import getLogger

from flask import Flask

from app.db import in_transaction
from app.external import toolbox
from app.external.circuit import close_circuit
from app.external.connection import Connection
from app.external.discovery import Findings, Look
from app.web.aio import Loop

log = getLogger(__name__)
# A server that goes on as it was is written down so often.
AGAIN_SECONDS = 60.0


class Report:
    """The reporter of one link. What cannot be kept is logged: the calls go on."""

    def __init__(self, app: Flask, loop: Loop, server_id: int, revision: int) -> None:
        self._app = app
        self._loop = loop
        self._server_id = server_id
        self._revision = revision
        self._last: Look | str | None = None
        self._told_at = 0.0

    async def up(self, connection: Connection, found: Findings) -> None:
        """The server is there, with these tools."""
        look = Look(found, connection.server_name, connection.protocol)
        if self._is_news(look):
            await self._loop.run_at_home(lambda: self._keep(look))

    async def down(self, reason: str) -> None:
        """The server is away."""
        if self._is_news(reason):
            await self._loop.run_at_home(lambda: self._keep(reason))

    def _is_news(self, what: Look | str) -> bool:
        now = time.monotonic()
        if what == self._last and now - self._told_at < AGAIN_SECONDS:
            return False
        self._last, self._told_at = what, now
        return True

    def _keep(self, what: Look | str) -> None:
        try:
            with self._app.app_context():
                if isinstance(what, str):
                    in_transaction(lambda: toolbox.mark_down(self._server_id, self._revision, what))
                    return
                in_transaction(lambda: toolbox.mark_up(self._server_id, self._revision, what))
                close_circuit(self._server_id)
        except Exception:
            self._last = None
            log.exception("mcp_server_state_not_kept server=%s", self._server_id)
