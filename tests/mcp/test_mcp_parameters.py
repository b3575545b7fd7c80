"""Parameters of tools read from a JSON Schema, and values read from what a person typed."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import Field

from app.mcp.documentation import example_of
from app.mcp.parameters import NO_JSON, NO_WHOLE_NUMBER, Parameter, parameters_of, read_all
from app.tools.spec import Arguments


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Everything(Arguments):
    text: str = Field(max_length=9)
    long: str = Field("", max_length=500)
    count: int = Field(3, ge=1, le=5)
    price: float | None = None
    flag: bool = False
    sort: Literal["up", "down"] = "up"
    size: Literal[1, 2] | None = None
    colour: Colour = Colour.RED
    rows: list[int] = []
    goal: dict[str, Any] | None = None
    either: str | int | None = None


PARAMETERS = {one.name: one for one in parameters_of(Everything.model_json_schema())}


def test_every_argument_has_its_control() -> None:
    assert {name: one.control for name, one in PARAMETERS.items()} == {
        "text": "text", "long": "long", "count": "integer", "price": "number", "flag": "flag", "sort": "choice",
        "size": "choice", "colour": "choice", "rows": "json", "goal": "json", "either": "text",
    }  # fmt: skip
    count = PARAMETERS["count"]
    assert (count.low, count.high, count.default, count.is_required) == (1, 5, 3, False)
    assert PARAMETERS["colour"].choices == ("red", "blue") and PARAMETERS["size"].choices == (1, 2)
    assert PARAMETERS["text"].is_required and PARAMETERS["text"].max_length == 9


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("text", "a b ", "a b "),
        ("text", "", None),
        ("count", " 4 ", 4),
        ("count", "", None),
        ("price", "1.5", 1.5),
        ("price", "2", 2),
        ("flag", "false", False),
        ("size", "2", 2),
        ("colour", "blue", "blue"),
        ("rows", "[1, 2]", [1, 2]),
        ("goal", '{"a": 1}', {"a": 1}),
        ("either", "12", "12"),
    ],
)
def test_what_was_typed_becomes_a_value_and_text_again(name: str, typed: str, value: Any) -> None:
    one = PARAMETERS[name]
    assert one.read(typed) == value and type(one.read(typed)) is type(value)
    if value is not None:
        assert one.read(one.typed(value)) == value


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("count", "4.5"), ("count", "four"), ("count", "9" * 5_000), ("price", "nan"), ("price", "1e999"), ("price", "x"),
        ("flag", "yes"), ("sort", "sideways"), ("size", "3"), ("rows", "["), ("goal", "[" * 30_000), ("text", "x" * 20_001),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(name: str, typed: str) -> None:
    with pytest.raises(ValueError):
        PARAMETERS[name].read(typed)


def test_all_that_is_wrong_is_told_at_once() -> None:
    values, wrong = read_all(
        list(PARAMETERS.values()), {"text": "x", "count": "y", "rows": "{", "strange": "z"}
    )
    assert values == {"text": "x"} and wrong == {"count": NO_WHOLE_NUMBER, "rows": NO_JSON}


def test_an_example_keeps_to_the_schema() -> None:
    assert example_of(Everything.model_json_schema()) == {"text": "…"}
    assert example_of({"properties": {}}) == {}
    for one in PARAMETERS.values():
        if not one.is_required:
            Everything.model_validate({"text": "x", one.name: one.example()})


def test_schemas_of_strangers_are_read_as_far_as_they_go() -> None:
    schema = {
        "properties": {
            "odd": True,
            "loop": {"$ref": "#/$defs/Loop"},
            "either": {"type": ["string", "null"], "enum": ["a", None]},
            "free": {},
        },
        "$defs": {"Loop": {"$ref": "#/$defs/Loop"}},
    }
    found = {one.name: one for one in parameters_of(schema)}
    assert [one.control for one in found.values()] == ["json", "json", "choice", "json"]
    assert found["either"].choices == ("a",)
    assert Parameter(name="x").example() == "…"
