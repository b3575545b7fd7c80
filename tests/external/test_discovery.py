"""What a server says of its tools is bounded and cleaned before it is kept."""

from __future__ import annotations

from typing import Any

import pytest

from app.external.discovery import (
    BAD_NAME,
    BAD_SCHEMA,
    MAX_DESCRIPTION,
    MAX_TOOLS,
    TOO_MANY,
    TWICE,
    name_here,
    read_tools,
)

PLAIN: dict[str, Any] = {"type": "object", "properties": {"q": {"type": "string"}}}


def one(**told: Any) -> Any:
    return read_tools([{"name": "search", "inputSchema": PLAIN, **told}])


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


def test_a_tool_is_taken_with_its_hints() -> None:
    (tool,) = one(description=" Finds. ", annotations={"readOnlyHint": True, "title": "T", "else": 1}).tools
    assert (tool.name, tool.description, tool.hints) == ("search", "Finds.", {"readOnlyHint": True})
    assert tool.input_schema == PLAIN


def test_texts_lose_what_nobody_sees_and_end_somewhere() -> None:
    schema = {
        **PLAIN,
        "properties": {"q": {"type": "string", "description": "a\u202eb<|im_start|>" + "x" * 999}},
    }
    (tool,) = one(description="x" * 5_000 + "\u200b", inputSchema=schema).tools
    assert len(tool.description) == MAX_DESCRIPTION
    told = tool.input_schema["properties"]["q"]["description"]
    assert told.startswith("ab‹|im_start|>") and len(told) == 300


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "array"},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {"q": {"$ref": "http://127.0.0.1/secret"}}},
        {"type": "object", "properties": {"q": {"$ref": "file:///etc/passwd"}}},
        {"type": "object", "properties": {"q": {"enum": ["x" * 30_000]}}},
        nested(40),
    ],
)
def test_schemas_that_cannot_be_used_are_left_out(schema: Any) -> None:
    assert one(inputSchema=schema).skipped == (f"search: {BAD_SCHEMA}",)


def test_a_schema_may_point_into_itself() -> None:
    schema = {**PLAIN, "properties": {"q": {"$ref": "#/$defs/q"}}, "$defs": {"q": {"type": "string"}}}
    assert one(inputSchema=schema).tools[0].input_schema == schema


@pytest.mark.parametrize("name", ["", "two words", "x" * 129, "ключ", "a\nb"])
def test_names_that_cannot_be_used_are_left_out(name: str) -> None:
    found = one(name=name)
    assert found.tools == () and found.skipped[0].endswith(BAD_NAME)


def test_names_that_a_database_takes_for_the_same_are_taken_once() -> None:
    found = read_tools({"name": name, "inputSchema": PLAIN} for name in ("Find", "find"))
    assert [tool.name for tool in found.tools] == ["Find"] and found.skipped == (f"find: {TWICE}",)


def test_no_server_has_more_tools_than_are_taken() -> None:
    found = read_tools({"name": f"t{number}", "inputSchema": PLAIN} for number in range(MAX_TOOLS + 50))
    assert len(found.tools) == MAX_TOOLS
    assert len(found.skipped) == 20 and all(line.endswith(TOO_MANY) for line in found.skipped)


def test_names_here_fit_every_model_and_are_nobody_elses() -> None:
    taken = {"crm_find", "crm_a_b"}
    assert name_here("crm", "search", taken.__contains__) == "crm_search"
    assert name_here("crm", "a.b/c", taken.__contains__) == "crm_a_b_c"
    other = name_here("crm", "a.b", taken.__contains__)
    assert other.startswith("crm_a_b_") and other not in taken
    long = name_here("crm", "x" * 128, taken.__contains__)
    assert len(long) == 64 and long == name_here("crm", "x" * 128, taken.__contains__)
    assert long != name_here("crm", "x" * 127 + "y", taken.__contains__)
