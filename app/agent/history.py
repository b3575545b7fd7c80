"""A conversation's rows as a model's messages: valid, within a budget, never cut inside a tool call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from app.conversations.models import Message as Row
from app.llm.client import Message
from app.tools.limits import shorten, to_json

LOST = to_json({"error": {"code": "INTERRUPTED", "message": "The result was lost."}})
SPOKEN = frozenset({"user", "assistant", "consultant"})


def build(rows: Sequence[Row], *, max_chars: int, max_result_chars: int) -> list[Message]:
    """The newest messages that fit into `max_chars`, beginning with a user's.

    A call and its results are one unit. The newest unit is kept whatever its size: its results were bounded
    one by one.
    """
    kept: list[list[Message]] = []
    used = 0
    for unit in reversed(list(_units(rows, max_result_chars))):
        size = sum(len(to_json(message)) for message in unit)
        if kept and used + size > max_chars:
            break
        kept.append(unit)
        used += size
    kept.reverse()
    while len(kept) > 1 and kept[0][0]["role"] != "user":
        kept.pop(0)
    return [message for unit in kept for message in unit]


def _units(rows: Sequence[Row], max_result_chars: int) -> Iterable[list[Message]]:
    results = {(row.run_id, row.tool_call_id): row for row in rows if row.role == "tool"}
    for row in rows:
        if row.role == "assistant" and row.tool_calls:
            found = [results.get((row.run_id, call["id"])) for call in row.tool_calls]
            answers = [
                _result(call, result, max_result_chars)
                for call, result in zip(row.tool_calls, found, strict=True)
            ]
            yield [call_message("", row.tool_calls), *answers]
        elif row.role in SPOKEN and row.content:
            role = "user" if row.role == "user" else "assistant"
            yield [{"role": role, "content": row.content}]


def _result(call: dict[str, Any], row: Row | None, max_chars: int) -> Message:
    content = row.content if row is not None else LOST
    if len(content) > max_chars:
        content = to_json(shorten(json.loads(content), max_chars)[0])
    return {"role": "tool", "tool_call_id": call["id"], "content": content}


def call_message(text: str, calls: Iterable[dict[str, Any]]) -> Message:
    """An assistant message with tool calls in OpenAI's form; `calls` have id, name and arguments."""
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": to_json(call["arguments"])},
            }
            for call in calls
        ],
    }
