"""What OpenAI's chat completions, and the strictest of those who copy them, demand of a request's messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
KEYS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}


def problems(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Why a provider would answer 400; empty when none would."""
    return list(_problems(messages))


def _problems(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    ids: set[str] = set()
    waiting: list[str] = []
    for number, message in enumerate(messages):
        yield from (f"{number}: {wrong}" for wrong in _form_problems(number, message))
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                yield f"{number}: a result without a call"
            waiting = [id_ for id_ in waiting if id_ != message.get("tool_call_id")]
            continue
        if waiting:
            yield f"{number}: calls without a result {waiting}"
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
        if len(set(waiting)) < len(waiting) or ids & set(waiting):
            yield f"{number}: the same id twice"
        ids |= set(waiting)
    if waiting:
        yield f"calls without a result at the end {waiting}"


def _form_problems(number: int, message: dict[str, Any]) -> Iterator[str]:
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
    if role not in KEYS or set(message) - KEYS[role]:
        yield f"no such message {message}"
    if (role == "system") != (number == 0) or (number == 1 and role != "user"):
        yield f"{role} out of place"
    if calls is not None:
        yield from _call_problems(calls)
    elif not isinstance(content, str) or (not content and role != "tool"):
        yield "says nothing"


def _call_problems(calls: list[dict[str, Any]]) -> Iterator[str]:
    if not calls:
        yield "an empty list of calls"
    for call in calls:
        if set(call) != {"id", "type", "function"} or call["type"] != "function":
            yield f"no such call {call}"
        if not ID.fullmatch(call["id"]) or not NAME.fullmatch(call["function"]["name"]):
            yield f"no such id or name {call}"
        try:
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
        except (ValueError, AssertionError):
            yield "arguments that are no JSON object"
