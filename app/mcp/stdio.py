"""The server on standard input and output, for one group. Whoever can start it here needs no key."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from flask import Flask
from mcp.server.stdio import stdio_server

from app.mcp.changes import ChangeBus, tell_sessions
from app.mcp.server import build_server
from app.mcp.visit import Visit
from app.web.aio import Loop, ThreadsHome


def serve_stdio(app: Any, group_id: int, code: str, locale: str) -> None:
    """Serve until the input ends. Only the protocol goes to standard output; logs go to standard error."""
    real = cast(Flask, app._get_current_object())
    logging.getLogger("mcp").setLevel(logging.WARNING)
    asyncio.run(_serve(real, group_id, code, locale))


async def _serve(app: Flask, group_id: int, code: str, locale: str) -> None:
    loop = Loop(asyncio.get_running_loop(), ThreadsHome())
    visit = Visit(app=app, loop=loop, group_id=group_id, code=code, locale=locale)
    server = build_server(app, loop, visit)
    async with stdio_server() as (incoming, outgoing):
        # The one session ends with the process.
        options = tell_sessions(server, ChangeBus(loop, app), lambda _context, _ending: None)
        await server.run(incoming, outgoing, options)
