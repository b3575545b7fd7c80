"""The JSON that a model is asked for: a schema that strict providers take, and finding the object in what it said. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from app.llm.client import AnswerForm

# What strict providers understand of JSON Schema; bounds are checked when the answer is read.
_KEPT = ("type", "enum", "const", "description", "$ref")
_FENCE = re.compile(r"```[A-Za-z0-9_-]*\s*\n(.*?)```", re.S)
# Models that think aloud do so between these.
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.S | re.I)
MAX_PLACES = 20


class NoObject(ValueError):
    """There is no JSON object in the text, or more than one."""


def form_of(model: type[BaseModel], name: str) -> AnswerForm:
    """The form of an answer that `model` reads: every property required, no others, no bounds."""
    return AnswerForm(name, strict_schema(model.model_json_schema()))


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as https://platform.openai.com/docs/guides/structured-outputs#supported-schemas wants it."""
    found: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if "$defs" in schema:
        found["$defs"] = {name: strict_schema(part) for name, part in schema["$defs"].items()}
    if isinstance(schema.get("items"), Mapping):
        found["items"] = strict_schema(schema["items"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        found["anyOf"] = [strict_schema(each) for each in options]
    if schema.get("type") == "object":
        parts = schema.get("properties", {})
        found["properties"] = {name: strict_schema(part) for name, part in parts.items()}
        found |= {"required": list(parts), "additionalProperties": False}
    return found


def find_object(text: str) -> dict[str, Any]:
    """The one JSON object in an answer, which may stand in a fence or between words. Raises NoObject.

    Numbers that JSON does not know (NaN, Infinity) and keys that come twice are refused.
    """
    text = _THOUGHT.sub("", text).strip()
    for candidates in ([text], [match[1] for match in _FENCE.finditer(text)], _inside(text)):
        found = [each for each in map(_read, candidates) if isinstance(each, dict)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NoObject("more than one JSON object")
    raise NoObject("no JSON object")


def _read(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _inside(text: str) -> Iterator[str]:
    """The texts of the objects that stand between words; few places are tried."""
    at = text.find("{")
    for _ in range(MAX_PLACES):
        if at < 0:
            return
        try:
            end = _DECODER.raw_decode(text, at)[1]
            yield text[at:end]
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)


def _unknown(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


_DECODER = json.JSONDecoder(parse_constant=_unknown, object_pairs_hook=_unique)
