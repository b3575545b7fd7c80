"""The server of the conformance suite's fixtures: it takes the place of the shop's behind the same bridge."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least

from tests.mcp import conformance_questions
from tests.mcp.conformance_tools import BUS, TOOLS, Answer, Context, embedded, png

TEMPLATE = "test://template/{id}/data"
PLAIN = {
    "test://static-text": ("text/plain", "This is the content of the static text resource."),
    "test://watched-resource": ("text/plain", "Watched."),
}
PROMPTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


class Events(EventStore):
    """Events of the streams that clients resume, in memory."""

    def __init__(self) -> None:
        self._events: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        self._count = 0

    async def store_event(self, stream_id: str, message: Any) -> str:
        self._count += 1
        self._events[stream_id].append((self._count, message))
        return f"{self._count}:{stream_id}"

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        number, _, stream_id = last_event_id.partition(":")
        if stream_id not in self._events:
            return None
        for count, message in list(self._events[stream_id]):
            if count > int(number) and message is not None:
                await send_callback(EventMessage(message, f"{count}:{stream_id}"))
        return stream_id


async def list_tools(context: Context, params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[
            types.Tool(name=name, description=f"Fixture {name}", input_schema=schema)
            for name, (schema, _) in TOOLS.items()
        ]
    )


async def call_tool(context: Context, params: types.CallToolRequestParams) -> Answer:
    if params.name not in TOOLS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    return await TOOLS[params.name][1](context, params)


async def list_resources(context: Context, params: Any) -> types.ListResourcesResult:
    kinds = {**{uri: kind for uri, (kind, _) in PLAIN.items()}, "test://static-binary": "image/png"}
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=uri.rpartition("/")[2], description=f"Fixture {uri}", mime_type=kind)
            for uri, kind in kinds.items()
        ]
    )


async def list_templates(context: Context, params: Any) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template=TEMPLATE, name="template", description="Fixture", mime_type="application/json"
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(
    context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = params.uri
    filled = re.fullmatch(r"test://template/([^/]+)/data", uri)
    if uri in PLAIN:
        kind, words = PLAIN[uri]
    elif filled:
        number = filled[1]
        kind, words = (
            "application/json",
            f'{{"id":"{number}","templateTest":true,"data":"Data for ID: {number}"}}',
        )
    elif uri == "test://static-binary":
        blob = types.BlobResourceContents(uri=uri, mime_type="image/png", blob=png())
        return types.ReadResourceResult(contents=[blob])
    else:
        is_new = is_version_at_least(context.protocol_version, "2026-07-28")
        raise MCPError(types.INVALID_PARAMS if is_new else -32002, "Resource not found", {"uri": uri})
    return types.ReadResourceResult(
        contents=[types.TextResourceContents(uri=uri, mime_type=kind, text=words)]
    )


async def nothing(context: Context, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


async def list_prompts(context: Context, params: Any) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=f"Fixture {name}",
                arguments=[
                    types.PromptArgument(name=one, description="A blank", required=True) for one in names
                ],
            )
            for name, names in PROMPTS.items()
        ]
    )


async def get_prompt(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = params.arguments or {}
    said: list[Any]
    match params.name:
        case "test_simple_prompt":
            said = ["This is a simple prompt for testing."]
        case "test_prompt_with_arguments":
            said = [f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"]
        case "test_prompt_with_embedded_resource":
            resource = embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            said = [resource, "Please process the embedded resource above."]
        case "test_prompt_with_image":
            image = types.ImageContent(type="image", data=png(), mime_type="image/png")
            said = [image, "Please analyze the image above."]
        case "test_input_required_result_prompt":
            return await conformance_questions.prompt_that_asks(context, params)
        case _:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    contents = [types.TextContent(type="text", text=one) if isinstance(one, str) else one for one in said]
    return types.GetPromptResult(
        messages=[types.PromptMessage(role="user", content=content) for content in contents]
    )


async def complete(context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    words = ["paris", "park", "party"]
    found = [word for word in words if word.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=found, total=len(found), has_more=False))


def build() -> Server[Any]:
    with warnings.catch_warnings():
        # Logging is deprecated since 2026-07-28, and older clients still set its level.
        warnings.simplefilter("ignore")
        server: Server[Any] = Server(
            "conformance-fixtures",
            version="1",
            on_list_tools=list_tools,
            on_call_tool=call_tool,
            on_list_resources=list_resources,
            on_list_resource_templates=list_templates,
            on_read_resource=read_resource,
            on_subscribe_resource=nothing,
            on_unsubscribe_resource=nothing,
            on_list_prompts=list_prompts,
            on_get_prompt=get_prompt,
            on_completion=complete,
            on_set_logging_level=nothing,
            on_subscriptions_listen=ListenHandler(BUS),
        )
    server.middleware.append(
        RequestStateBoundary(RequestStateSecurity(keys=[b"k" * 32]), default_audience="fixtures")
    )
    return server
