"""The program with tools for tests and an open address for the conformance suite's fixtures.

For `gunicorn -c gunicorn.conf.py tests.mcp.program:app`. The open address exists nowhere else: it is registered here,
not by any setting.
"""

from __future__ import annotations

from flask import Flask, Response, request

from app.factory import create_app
from app.mcp import views
from app.mcp.host import Host, security_of
from app.mcp.visit import Visit
from app.tools.registry import registry
from app.web.aio import process_loop
from app.web.auth import PUBLIC, access
from tests.mcp import conformance_server, odd_tools

# No group can have this code.
OPEN = "/mcp/-conformance"


def open_fixtures(app: Flask) -> None:
    """Serve the fixtures to everybody, through the same bridge as the shop's own server."""
    hosts: list[Host] = []

    @app.route(OPEN, methods=views.METHODS)
    @access(PUBLIC)
    def conformance() -> Response:
        settings = app.extensions["mcpshop_settings"]
        loop = process_loop()
        if not hosts:
            hosts.append(
                Host(
                    loop,
                    conformance_server.build(),
                    security_of(settings),
                    sessions=settings.mcp_sessions,
                    event_store=conformance_server.Events() if settings.mcp_sessions else None,
                    retry_interval=500 if settings.mcp_sessions else None,
                )
            )
        visit = Visit(app=app, loop=loop, group_id=0, code="conformance", locale="en")
        return hosts[0].answer(visit, request.environ, request.get_data(), lambda: True)


app = create_app()
registry.add_all(odd_tools.TOOLS)
open_fixtures(app)
