"""Arguments are checked by a foreign schema, which may be made to harm."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from app.external.arguments import CANNOT_CHECK, TOO_LARGE, arguments_for


def wrong(schema: dict[str, Any], given: Any) -> dict[str, str]:
    """What is wrong, by place."""
    try:
        arguments_for({"type": "object", **schema}).model_validate(given)
    except ValidationError as error:
        return {
            ".".join(map(str, item["loc"])): item["msg"].removeprefix("Value error, ")
            for item in error.errors()
        }
    return {}


def test_what_fits_is_passed_on_as_it_was_given() -> None:
    given = {"q": "x", "schema": 1, "model_config": None, "deep": {"list": [1, {"a": "b"}]}}
    checked = arguments_for({"type": "object", "properties": {"q": {"type": "string"}}}).model_validate(given)
    assert checked.model_dump(mode="json") == given


def test_what_does_not_fit_is_told_at_its_place() -> None:
    schema = {
        "properties": {"a": {"type": "integer", "maximum": 3}, "b": {"$ref": "#/$defs/b"}},
        "required": ["a"],
        "$defs": {"b": {"type": "object", "required": ["c"]}},
        "additionalProperties": False,
    }
    assert wrong(schema, {"a": 1, "b": {"c": 1}}) == {}
    assert wrong(schema, {"b": {}}) == {"a": "Field required", "b.c": "Field required"}
    assert wrong(schema, {"a": 9}) == {"a": "9 is greater than the maximum of 3"}
    assert "unexpected" in wrong(schema, {"a": 1, "x": 1})[""]


def test_older_drafts_are_understood() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"x": {"items": [{"type": "integer"}]}},
    }
    assert list(wrong(schema, {"x": ["a"]})) == ["x.0"]


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        ({"properties": {"q": {"pattern": "(a+)+$"}}}, {"q": "a" * 40 + "!"}),
        ({"patternProperties": {"(a+)+$": {}}, "additionalProperties": False}, {"a" * 40 + "!": 1}),
        ({"properties": {"q": {"uniqueItems": True}}}, {"q": [[number] for number in range(9_000)]}),
    ],
)
def test_expressions_that_take_for_ever_are_left_to_the_server(schema: dict[str, Any], given: Any) -> None:
    started = time.monotonic()
    assert wrong(schema, given) == {}
    assert time.monotonic() - started < 2


def test_references_without_end_come_to_an_end() -> None:
    doubling = {
        f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}, {"$ref": f"#/$defs/a{number + 1}"}]}
        for number in range(30)
    }
    started = time.monotonic()
    assert wrong({"$defs": {**doubling, "a30": {}}, "$ref": "#/$defs/a0"}, {}) == {"": CANNOT_CHECK}
    assert wrong({"allOf": [{"$ref": "#"}]}, {}) == {"": CANNOT_CHECK}
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "schema", [{"properties": {"q": {"type": "nonsense"}}}, {"properties": {"q": {"$ref": "#/x"}}}]
)
def test_nothing_is_sent_unchecked(schema: dict[str, Any]) -> None:
    assert wrong(schema, {"q": 1}) == {"": CANNOT_CHECK}


def test_arguments_are_bounded() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    assert wrong({}, {"q": "x" * 200_000}) == {"": TOO_LARGE}
    assert wrong({}, {"q": deep}) == {"": TOO_LARGE}
