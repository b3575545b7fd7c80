"""What a server says of its tools, made fit for keeping: bounded, cleaned, refused where it is not usable. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from app.core.errors import N_
from app.language.visible import cleaned

MAX_TOOLS = 200
MAX_NAME, MAX_TOOL_NAME = 128, 64
MAX_DESCRIPTION, MAX_PART = 1_000, 300
MAX_SCHEMA, MAX_DEPTH = 20_000, 20
MAX_SKIPPED = 20
NAME = re.compile(r"[\x21-\x7e]{1,128}")
TEXTS = frozenset({"description", "title"})
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# For nobody but people who write schemas, and with room for whole stories.
DROPPED = frozenset({"examples", "$comment"})
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
BAD_NAME = N_("the name cannot be used")
TWICE = N_("there is another of this name")
TOO_MANY = N_("there are more than can be taken")
BAD_SCHEMA = N_("the arguments are described in a way that cannot be used")
REASONS = (BAD_NAME, TWICE, TOO_MANY, BAD_SCHEMA)


class Unusable(Exception):
    """Why a tool cannot be taken: one of REASONS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A tool of a server. `hints` are those of its annotations that are true or false."""

    name: str
    description: str
    input_schema: dict[str, Any]
    hints: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Findings:
    """The usable tools, and a line "name: reason" for each of the others (a few of them); the reason is a msgid."""

    tools: tuple[Found, ...]
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a server was like when it was looked at."""

    found: Findings
    server_name: str
    protocol: str


def read_tools(described: Iterable[dict[str, Any]]) -> Findings:
    """Tools as the protocol describes them ({name, description, inputSchema, annotations})."""
    tools: dict[str, Found] = {}
    skipped: list[str] = []
    for each in described:
        name = str(each.get("name") or "")
        try:
            if len(tools) >= MAX_TOOLS:
                raise Unusable(TOO_MANY)
            # Databases compare names without regard to case.
            if name.lower() in tools:
                raise Unusable(TWICE)
            tools[name.lower()] = _read(name, each)
        except Unusable as error:
            skipped.append(f"{clean(name, 60) or '?'}: {error}")
    return Findings(tuple(tools.values()), tuple(skipped[:MAX_SKIPPED]))


def _read(name: str, told: dict[str, Any]) -> Found:
    if not NAME.fullmatch(name):
        raise Unusable(BAD_NAME)
    annotations = told.get("annotations")
    given = annotations if isinstance(annotations, dict) else {}
    return Found(
        name=name,
        description=clean(str(told.get("description") or given.get("title") or ""), MAX_DESCRIPTION),
        input_schema=read_schema(told.get("inputSchema")),
        hints={hint: given[hint] for hint in HINTS if isinstance(given.get(hint), bool)},
    )


def read_schema(schema: Any) -> dict[str, Any]:
    """A schema of an object, its texts cleaned; it points to nothing outside itself. Raises Unusable."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise Unusable(BAD_SCHEMA)
    if not isinstance(schema.get("properties", {}), dict):
        raise Unusable(BAD_SCHEMA)
    read: dict[str, Any] = _walk(schema, 0)
    if len(json.dumps(read, ensure_ascii=False)) > MAX_SCHEMA:
        raise Unusable(BAD_SCHEMA)
    return read


def _walk(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Unusable(BAD_SCHEMA)
    if isinstance(value, list):
        return [_walk(item, depth + 1) for item in value]
    if isinstance(value, str):
        return clean(value, MAX_SCHEMA)
    if not isinstance(value, dict):
        return value
    for key in REFERENCES:
        # A property may well be called so; then it is a schema.
        if isinstance(value.get(key), str) and not value[key].startswith("#"):
            raise Unusable(BAD_SCHEMA)
    return {key: _member(key, item, depth) for key, item in value.items() if key not in DROPPED}


def _member(key: str, value: Any, depth: int) -> Any:
    if key in TEXTS and isinstance(value, str):
        return clean(value, MAX_PART)
    return _walk(value, depth + 1)


def clean(text: str, length: int) -> str:
    """A text without what nobody sees, cut to a length."""
    text = cleaned(text).strip()
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def name_here(prefix: str, name: str, is_taken: Callable[[str], bool]) -> str:
    """What a tool is called here: its name after the prefix, in letters that every model takes, and no other's."""
    plain = f"{prefix}_{re.sub(r'[^A-Za-z0-9_-]', '_', name)}"
    if len(plain) <= MAX_TOOL_NAME and not is_taken(plain):
        return plain
    mark = hashlib.sha256(name.encode()).hexdigest()
    for length in range(6, len(mark) // 2):
        marked = f"{plain[: MAX_TOOL_NAME - length - 1]}_{mark[:length]}"
        if not is_taken(marked):
            return marked
    raise ValueError("no name is left")
