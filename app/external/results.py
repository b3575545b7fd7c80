"""What a server's tool answered, as a result of ours: bounded, without what only a screen could show. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mcp_types as types

from app.external.discovery import clean

MAX_TEXT = 200_000
MAX_ERROR = 400
MAX_BLOCKS = 100


def as_dict(answer: types.CallToolResult) -> dict[str, Any]:
    """The structured content where there is one, else the texts; files and pictures by name and kind only."""
    structured = answer.structured_content
    blocks = list(_blocks(answer.content))
    others = [block for block in blocks if "text" not in block or len(block) > 1]
    if isinstance(structured, dict) and structured:
        return (
            {**structured, "attachments": others}
            if others and "attachments" not in structured
            else structured
        )
    texts = [block["text"] for block in blocks if set(block) == {"text"}]
    result: dict[str, Any] = {"text": "\n\n".join(texts)[:MAX_TEXT]} if texts or not others else {}
    return {**result, "attachments": others} if others else result


def error_text(answer: types.CallToolResult) -> str:
    """What the server said went wrong."""
    structured = answer.structured_content
    if isinstance(structured, dict):
        told = structured.get("error")
        message = told.get("message") if isinstance(told, dict) else told
        if isinstance(message, str) and message.strip():
            return clean(message, MAX_ERROR)
    texts = [block["text"] for block in _blocks(answer.content) if "text" in block]
    return clean(" ".join(texts), MAX_ERROR)


def _blocks(content: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for block in content[:MAX_BLOCKS]:
        if isinstance(block, types.TextContent):
            yield {"text": block.text}
        elif isinstance(block, types.ImageContent | types.AudioContent):
            yield {"type": block.type, "mime_type": block.mime_type}
        elif isinstance(block, types.ResourceLink):
            yield {"type": "link", "uri": str(block.uri), "name": block.name}
        elif isinstance(block, types.EmbeddedResource):
            yield _embedded(block.resource)


def _embedded(resource: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "resource", "uri": str(resource.uri)}
    text = getattr(resource, "text", None)
    if isinstance(text, str):
        found["text"] = text[:MAX_TEXT]
    return found
