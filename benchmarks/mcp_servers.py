"""What `benchmarks.mcp` measures beside the program: a bare SDK server with the same query, and the program without its log.

`python -m benchmarks.mcp_servers PORT` serves the bare one; `benchmarks.mcp_servers:without_log()` is for gunicorn.
"""

from __future__ import annotations

import sys
from typing import Any

import mcp_types as types
from flask import Flask
from mcp.server import Server

from app.catalogue.tools import list_products
from app.core.actor import Actor
from app.factory import create_app
from app.tools import call_log
from app.tools.limits import to_json


def without_log() -> Flask:
    """The program as it is, but that calls leave no row."""
    call_log.record = lambda *_: None  # type: ignore[assignment]
    return create_app()


def bare(app: Flask) -> Server[Any]:
    """One tool, no key, no executor, no log."""
    tool = types.Tool(
        name="list_products", description="Find products", input_schema=list_products.input_schema()
    )
    actor = Actor(locale="en")

    async def on_list_tools(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool])

    async def on_call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        with app.app_context():
            arguments = list_products.arguments.model_validate(params.arguments or {})
            found = list_products.run(actor, arguments)
        assert isinstance(found, dict)
        text = types.TextContent(type="text", text=to_json(found))
        return types.CallToolResult(content=[text], structured_content=found)

    server: Server[Any] = Server(
        "bare",
        version="1",
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
        get_tool_input_schema=lambda _name: None,
    )
    server.middleware.clear()
    return server


def main() -> None:
    """Serve the bare server with uvicorn."""
    import uvicorn

    application = bare(create_app()).streamable_http_app(stateless_http=True)
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
