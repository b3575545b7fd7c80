"""The form of an answer in JSON: schemas that strict providers take, and the one object in what a model said."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from app.llm.forms import NoObject, find_object, form_of


class Leaf(BaseModel):
    word: Literal["a", "b"] = Field(description="one of two")


class Tree(BaseModel):
    leaves: list[Leaf] = Field(max_length=3)
    best: Leaf | None = None
    size: float = Field(default=1, ge=0)


def test_every_property_is_required_and_no_other_is_allowed() -> None:
    form = form_of(Tree, "tree")
    schema = json.loads(json.dumps(form.schema))
    assert (form.name, schema["type"], schema["additionalProperties"]) == ("tree", "object", False)
    assert schema["required"] == ["leaves", "best", "size"]
    leaf = schema["$defs"]["Leaf"]
    assert (leaf["required"], leaf["additionalProperties"]) == (["word"], False)
    assert leaf["properties"]["word"] == {"type": "string", "enum": ["a", "b"], "description": "one of two"}
    assert schema["properties"]["best"]["anyOf"] == [{"$ref": "#/$defs/Leaf"}, {"type": "null"}]
    assert not {"default", "minimum", "maxItems", "title"} & set(words_in(schema))


def words_in(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        return [*schema, *(word for part in schema.values() for word in words_in(part))]
    return [word for part in schema for word in words_in(part)] if isinstance(schema, list) else []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('```json\n{"a": {"b": "}"}}\n``` and so on', {"a": {"b": "}"}}),
        ('Well, {"a": "{"} it is.', {"a": "{"}),
        ('<thinking>{"b": 2}</thinking>{"a": 1}', {"a": 1}),
        ('in {braces} comes {"a": 1}', {"a": 1}),
        ("", None),
        ("no braces", None),
        ('"words"', None),
        ("[]", None),
        ('{"a": 1', None),
        ("{'a': 1}", None),
        ('{"a": Infinity}', None),
        ('{"a": 1, "a": 2}', None),
        ('{"a": 1} or {"b": 2}', None),
        ('```\n{"a": 1}\n```\n```\n{"b": 1}\n```', None),
    ],
)
def test_the_one_object_is_found(said: str, found: dict[str, Any] | None) -> None:
    if found is None:
        with pytest.raises(NoObject):
            find_object(said)
    else:
        assert find_object(said) == found


@given(st.text(alphabet='{}[]":,ab1\\`\n <>', max_size=200))
def test_no_text_breaks_it(said: str) -> None:
    with suppress(NoObject):
        assert isinstance(find_object(said), dict)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=4))
def test_an_object_alone_is_found_as_it_is(value: dict[str, Any]) -> None:
    assert find_object(json.dumps(value)) == value
