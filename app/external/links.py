"""All connections of this process to attached servers."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator
from logging import getLogger
from threading import Lock

import mcp_types as types
from flask import Flask

from app.config import Settings
from app.external.connection import quieten
from app.external.discovery import Look
from app.external.errand import Errand, Say
from app.external.link import Link, Pace, Want
from app.external.reports import Report
from app.external.target import Target
from app.tools.cancellation import Cancellation
from app.web.aio import Loop, process_loop

log = getLogger(__name__)
EXTENSION = "mcpshop_links"
LOOK_SECONDS, CLOSE_SECONDS = 25.0, 15.0
MAX_SAID = 500
_making = Lock()


class Links:
    """One link per server, made on first use. The links themselves are touched on the loop only."""

    def __init__(self, app: Flask, loop: Loop, pace: Pace) -> None:
        self.pid = os.getpid()
        self._app = app
        self._loop = loop
        self._pace = pace
        self._links: dict[int, Link] = {}

    def call(
        self, target: Target, want: Want, cancellation: Cancellation
    ) -> Generator[str, None, types.CallToolResult]:
        """Call a tool, following what it says. Raises as `Link.call` does, and Cancelled."""

        async def work(say: Say) -> types.CallToolResult:
            async def on_progress(progress: float, total: float | None, message: str | None) -> None:
                say(_as_text(progress, total, message))

            return await self._link(target).call(want, on_progress)

        return (yield from Errand(self._loop, work).follow(cancellation))

    def look(self, target: Target) -> Look:
        """Ask a server for its tools, connecting when need be. Raises Unreachable, TimeoutError."""

        async def work(_say: Say) -> Look:
            return await self._link(target).look()

        return Errand(self._loop, work).wait(LOOK_SECONDS)

    def keep_only(self, revisions: Collection[tuple[int, int]]) -> None:
        """End the connections to all but these servers, by id and revision."""
        self._loop.call(self._drop_others, frozenset(revisions))

    def close(self) -> None:
        """End all connections and wait until nothing of them is left."""

        async def work(_say: Say) -> None:
            links = list(self._links.values())
            self._links.clear()
            for link in links:
                await link.close()

        Errand(self._loop, work).wait(CLOSE_SECONDS)

    def _link(self, target: Target) -> Link:
        link = self._links.get(target.id)
        if link is None or link.target.revision != target.revision:
            if link is not None:
                self._loop.spawn(link.close())
            report = Report(self._app, self._loop, target.id, target.revision)
            link = self._links[target.id] = Link(self._loop, target, report, self._pace)
        return link

    def _drop_others(self, kept: frozenset[tuple[int, int]]) -> None:
        for server_id, link in list(self._links.items()):
            if (server_id, link.target.revision) not in kept:
                del self._links[server_id]
                self._loop.spawn(link.close())


def links_of(app: Flask) -> Links:
    """The application's connections in this process."""
    found = find_links(app)
    if found is None:
        with _making:
            found = find_links(app)
            if found is None:
                quieten()
                settings: Settings = app.extensions["mcpshop_settings"]
                pace = Pace(look=settings.mcp_server_look_seconds)
                found = app.extensions[EXTENSION] = Links(app, process_loop(), pace)
    return found


def find_links(app: Flask) -> Links | None:
    """The same, if there are any yet."""
    found: Links | None = app.extensions.get(EXTENSION)
    return found if found is not None and found.pid == os.getpid() else None


def _as_text(progress: float, total: float | None, message: str | None) -> str:
    if message:
        return message[:MAX_SAID] + "\n"
    return f"{progress:g} / {total:g}\n" if total is not None else f"{progress:g}\n"
