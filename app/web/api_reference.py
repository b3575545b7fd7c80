"""The API for people: what the endpoints declare (app.web.api.ENDPOINTS), in a few words each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from app.web.api import ENDPOINTS
from app.web.openapi import in_order, path_of, responses_of


@dataclass(frozen=True, slots=True)
class ReadableEndpoint:
    """One endpoint on the page for people. Fields are (name, type, whether required, description)."""

    method: str
    path: str
    summary: str
    who: str
    body: list[tuple[str, str, bool, str]]
    query: list[tuple[str, str, bool, str]]
    statuses: list[tuple[int, str]]

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.method}{self.path}".lower()).strip("-")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """All endpoints by tag, for people."""

    groups: Mapping[str, list[ReadableEndpoint]]


def describe_for_reading() -> Reference:
    """The endpoints by tag; the same object until another endpoint is declared."""
    return _reference_of(len(ENDPOINTS))


@cache
def _reference_of(_count: int) -> Reference:
    groups: dict[str, list[ReadableEndpoint]] = {}
    for told in in_order():
        statuses = [(int(status), answer["description"]) for status, answer in responses_of(told)]
        level = "" if told.access.level == "public" else told.access.level
        who = ", ".join(sorted(told.access.roles)) or level
        groups.setdefault(told.tag, []).append(
            ReadableEndpoint(
                told.method,
                path_of(told.rule),
                told.summary,
                who,
                list(_fields(told.body)),
                list(_fields(told.query)),
                statuses,
            )
        )
    return Reference(groups)


def _fields(model: type[BaseModel] | None) -> Iterator[tuple[str, str, bool, str]]:
    if model is None:
        return
    schema = model.model_json_schema()
    for name, described in schema.get("properties", {}).items():
        yield name, _type_of(described), name in schema.get("required", ()), described.get("description", "")


def _type_of(described: Mapping[str, Any]) -> str:
    """A type in a word or two: `integer`, `string | null`, `array of ...`."""
    if "anyOf" in described:
        return " | ".join(dict.fromkeys(_type_of(each) for each in described["anyOf"]))
    if "enum" in described:
        return " | ".join(map(str, described["enum"]))
    if "$ref" in described:
        return str(described["$ref"]).rsplit("/", 1)[-1]
    if described.get("type") == "array":
        return f"array of {_type_of(described.get('items', {}))}"
    return str(described.get("type", "any"))
