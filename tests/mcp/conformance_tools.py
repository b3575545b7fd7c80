"""The tools that `@modelcontextprotocol/conformance` calls, by its names and texts; nothing of the shop's."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError

Context = ServerRequestContext[Any, Any]
Answer = types.CallToolResult | types.InputRequiredResult
Tool = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
TOOLS: dict[str, tuple[dict[str, Any], Tool]] = {}
BUS = InMemorySubscriptionBus()


def tool(schema: dict[str, Any] = NOTHING) -> Callable[[Tool], Tool]:
    def keep(function: Tool) -> Tool:
        TOOLS[function.__name__] = (schema, function)
        return function

    return keep


def wants(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def text(words: str, **values: Any) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=words)], **values)


def png() -> str:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return base64.b64encode(
        data + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    ).decode()


def wav() -> str:
    """One silent sample."""
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", 1)
    return base64.b64encode(b"RIFF" + struct.pack("<I", len(head) + 2) + head + b"\x80\0").decode()


def embedded(uri: str, kind: str, words: str) -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=kind, text=words)
    return types.EmbeddedResource(type="resource", resource=contents)


@tool()
async def test_simple_text(context: Context, params: types.CallToolRequestParams) -> Answer:
    return text("This is a simple text response for testing.")


@tool()
async def test_image_content(context: Context, params: types.CallToolRequestParams) -> Answer:
    image = types.ImageContent(type="image", data=png(), mime_type="image/png")
    return types.CallToolResult(content=[image])


@tool()
async def test_audio_content(context: Context, params: types.CallToolRequestParams) -> Answer:
    audio = types.AudioContent(type="audio", data=wav(), mime_type="audio/wav")
    return types.CallToolResult(content=[audio])


@tool()
async def test_embedded_resource(context: Context, params: types.CallToolRequestParams) -> Answer:
    words = "This is an embedded resource content."
    return types.CallToolResult(content=[embedded("test://embedded-resource", "text/plain", words)])


@tool()
async def test_multiple_content_types(context: Context, params: types.CallToolRequestParams) -> Answer:
    mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return types.CallToolResult(
        content=[
            types.TextContent(type="text", text="Multiple content types test:"),
            types.ImageContent(type="image", data=png(), mime_type="image/png"),
            mixed,
        ]
    )


async def say(context: Context, words: str) -> None:
    await context.session.send_log_message("info", words, "fixtures", related_request_id=context.request_id)


@tool()
async def test_tool_with_logging(context: Context, params: types.CallToolRequestParams) -> Answer:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await say(context, words)
        await asyncio.sleep(0.05)
    return text("Logged three times.")


@tool()
async def test_logging_tool(context: Context, params: types.CallToolRequestParams) -> Answer:
    await say(context, "A message for those who asked for it")
    return text("Logged once.")


@tool()
async def test_error_handling(context: Context, params: types.CallToolRequestParams) -> Answer:
    return text("This tool intentionally returns an error for testing", is_error=True)


@tool()
async def test_tool_with_progress(context: Context, params: types.CallToolRequestParams) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return text("Done step by step.")


@tool(wants(prompt={"type": "string"}))
async def test_sampling(context: Context, params: types.CallToolRequestParams) -> Answer:
    content = types.TextContent(type="text", text=str((params.arguments or {})["prompt"]))
    answer = await context.session.create_message(
        [types.SamplingMessage(role="user", content=content)],
        max_tokens=100,
        related_request_id=context.request_id,
    )
    return text(f"LLM response: {getattr(answer.content, 'text', answer.content)}")


async def elicit(context: Context, message: str, schema: dict[str, Any]) -> types.ElicitResult:
    return await context.session.elicit_form(message, schema, related_request_id=context.request_id)


def told(answer: types.ElicitResult, words: str) -> Answer:
    return text(f"{words}: action={answer.action}, content={json.dumps(answer.content)}")


@tool(wants(message={"type": "string"}))
async def test_elicitation(context: Context, params: types.CallToolRequestParams) -> Answer:
    schema = wants(
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    )
    return told(await elicit(context, str((params.arguments or {})["message"]), schema), "User response")


@tool()
async def test_elicitation_sep1034_defaults(context: Context, params: types.CallToolRequestParams) -> Answer:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": True},
        },
    }
    return told(await elicit(context, "Check the defaults", schema), "Elicitation completed")


def titled(word: str, *titles: str) -> list[dict[str, str]]:
    return [{"const": f"{word}{number}", "title": title} for number, title in enumerate(titles, 1)]


@tool()
async def test_elicitation_sep1330_enums(context: Context, params: types.CallToolRequestParams) -> Answer:
    plain = ["option1", "option2", "option3"]
    choices = titled("value", "First Option", "Second Option", "Third Option")
    several = titled("value", "First Choice", "Second Choice", "Third Choice")
    schema = {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": plain},
            "titledSingle": {"type": "string", "oneOf": choices},
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
            "titledMulti": {"type": "array", "items": {"anyOf": several}},
        },
    }
    return told(await elicit(context, "Choose", schema), "Elicitation completed")


@tool()
async def test_reconnection(context: Context, params: types.CallToolRequestParams) -> Answer:
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await asyncio.sleep(0.1)
    return text("Reconnection test completed")


JSON_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@tool(JSON_SCHEMA)
async def json_schema_2020_12_tool(context: Context, params: types.CallToolRequestParams) -> Answer:
    return text("Schema kept.")


@tool({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}})
async def test_mirrored_argument(context: Context, params: types.CallToolRequestParams) -> Answer:
    return text(f"Region: {(params.arguments or {}).get('region')}")


def lacks(**wanted: Any) -> MCPError:
    data = types.MissingRequiredClientCapabilityErrorData(
        required_capabilities=types.ClientCapabilities(**wanted)
    ).model_dump(by_alias=True, mode="json", exclude_none=True)
    return MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "The client lacks a capability", data)


@tool()
async def test_missing_capability(context: Context, params: types.CallToolRequestParams) -> Answer:
    declared = context.session.client_capabilities
    if declared is None or declared.sampling is None:
        raise lacks(sampling=types.SamplingCapability())
    return text("The client can be asked for samples.")


@tool()
async def test_trigger_tool_change(context: Context, params: types.CallToolRequestParams) -> Answer:
    await BUS.publish(ToolsListChanged())
    return text("Told.")


@tool()
async def test_trigger_prompt_change(context: Context, params: types.CallToolRequestParams) -> Answer:
    await BUS.publish(PromptsListChanged())
    return text("Told.")
