"""The arguments of an attached server's tool: checked here by the JSON Schema that the server gave.

A schema is foreign: it may be made to cost time without end. So it is bounded in size and depth when it is taken
(`discovery`), its regular expressions are left to the server, references are counted, and nothing is ever fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, ClassVar, Self

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError as Wrong
from jsonschema.validators import extend
from pydantic import ValidationError
from pydantic_core import InitErrorDetails
from referencing import Registry

from app.core.errors import N_
from app.tools.spec import Arguments

MAX_CHARS, MAX_DEPTH = 100_000, 32
MAX_REFERENCES = 2_000
MAX_ERRORS = 10
MAX_TEXT = 200
TOO_LARGE = N_("These arguments are too large.")
CANNOT_CHECK = N_("These arguments cannot be checked.")
_left: ContextVar[int] = ContextVar("references_left", default=0)


class CannotCheck(Exception):
    """The schema does not come to an end."""


def _reference(validator: Any, reference: Any, instance: Any, schema: Any) -> Iterator[Any]:
    left = _left.get() - 1
    _left.set(left)
    if left < 0:
        raise CannotCheck
    yield from Draft202012Validator.VALIDATORS["$ref"](validator, reference, instance, schema) or ()


def _additional(validator: Any, extra: Any, instance: Any, schema: Any) -> Iterator[Any]:
    # Beside patterns it would try them.
    if "patternProperties" not in schema:
        keyword = Draft202012Validator.VALIDATORS["additionalProperties"]
        yield from keyword(validator, extra, instance, schema) or ()


def _pass(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> None:
    return None


_LEFT_TO_THE_SERVER = (
    "$dynamicRef", "$recursiveRef", "pattern", "patternProperties", "unevaluatedProperties", "unevaluatedItems",
    "uniqueItems",
)  # fmt: skip
_KEYWORDS = {
    **dict.fromkeys(_LEFT_TO_THE_SERVER, _pass),
    "$ref": _reference,
    "additionalProperties": _additional,
}
_Latest, _Seventh = extend(Draft202012Validator, _KEYWORDS), extend(Draft7Validator, _KEYWORDS)
_OLD = re.compile(r"draft-0[3-7]")


class RemoteArguments(Arguments, extra="allow"):
    """What is passed on to a server, as it was given."""

    schema_given: ClassVar[dict[str, Any]] = {}

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """Raises pydantic's ValidationError with the argument's name for each thing that is wrong."""
        if errors := find_errors(cls.schema_given, obj):
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return super().model_validate(obj, **how)


def arguments_for(schema: dict[str, Any]) -> type[RemoteArguments]:
    """The class of arguments for a schema; the same one for the same schema."""
    return _class_of(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=4_000)
def _class_of(schema: str) -> type[RemoteArguments]:
    return type("RemoteArguments", (RemoteArguments,), {"schema_given": json.loads(schema)})


def find_errors(schema: dict[str, Any], given: Any) -> list[InitErrorDetails]:
    """What is wrong with arguments, as pydantic has it."""
    try:
        if not _is_small(given):
            return [_error((), given, TOO_LARGE)]
        _left.set(MAX_REFERENCES)
        found: list[InitErrorDetails] = []
        kind = _Seventh if _OLD.search(str(schema.get("$schema"))) else _Latest
        for wrong in kind(schema, registry=Registry()).iter_errors(given):
            found.extend(_details(wrong))
            if len(found) >= MAX_ERRORS:
                break
        return found
    # There is no end to what can be wrong with a foreign schema; nothing is sent unchecked.
    except Exception:
        return [_error((), given, CANNOT_CHECK)]


def _details(wrong: Wrong) -> Iterator[InitErrorDetails]:
    place = tuple(wrong.absolute_path)
    if wrong.validator == "required" and isinstance(wrong.instance, dict):
        for name in wrong.validator_value:
            if name not in wrong.instance:
                yield {"type": "missing", "loc": (*place, name), "input": wrong.instance}
        return
    text = wrong.message if len(wrong.message) <= MAX_TEXT else f"{wrong.message[:MAX_TEXT]}…"
    yield _error(place, wrong.instance, text)


def _error(place: tuple[str | int, ...], given: Any, text: str) -> InitErrorDetails:
    return {"type": "value_error", "loc": place, "input": given, "ctx": {"error": ValueError(text)}}


def _is_small(given: Any) -> bool:
    return len(json.dumps(given, ensure_ascii=False)) <= MAX_CHARS and _depth(given, 0) <= MAX_DEPTH


def _depth(value: Any, above: int) -> int:
    if above > MAX_DEPTH or not isinstance(value, dict | list):
        return above
    inside = value.values() if isinstance(value, dict) else value
    return max((_depth(each, above + 1) for each in inside), default=above)
