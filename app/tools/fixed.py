"""Arguments that a group fixes: checked when they are saved, out of the caller's sight and reach, set in each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from app.core.errors import N_, InvalidParam
from app.tools.spec import Arguments, ToolSpec
from app.web.field_messages import field_messages

Values = Mapping[str, Any]
NOT_YOURS = N_("This is set by the shop for this key. Leave it out.")
WHOLE = "body"
UNKNOWN = N_("The tool has no such argument.")


def open_schema(spec: ToolSpec, fixed: Values) -> dict[str, Any]:
    """The JSON Schema of what is left for the caller to say; shared, not to be changed."""
    schema = spec.input_schema()
    if not fixed:
        return schema
    left = {name: told for name, told in schema.get("properties", {}).items() if name not in fixed}
    required = [name for name in schema.get("required", ()) if name not in fixed]
    return {**schema, "properties": left, "required": required}


def validated(spec: ToolSpec, given: Values, fixed: Values) -> Arguments:
    """The arguments of a call. Raises InvalidParam when the caller names a fixed one, pydantic's ValidationError."""
    if taken := given.keys() & fixed.keys():
        raise InvalidParam(fields=dict.fromkeys(sorted(taken), NOT_YOURS))
    return spec.arguments.model_validate({**given, **fixed})


def check_fixed(spec: ToolSpec, fixed: Values) -> None:
    """Refuse what the tool could not be called with. Raises InvalidParam, with the argument's name in `fields`.

    Each argument is looked at by itself: what is missing is the caller's to say.
    """
    known = spec.input_schema().get("properties", {})
    if unknown := fixed.keys() - known.keys():
        raise InvalidParam(fields=dict.fromkeys(sorted(unknown), UNKNOWN))
    try:
        spec.arguments.model_validate(dict(fixed))
    except ValidationError as error:
        # A place inside of an argument ("goals.0", "category.int") is shown at the argument.
        found = {place.partition(".")[0]: text for place, text in field_messages(error).items()}
        if wrong := {name: text for name, text in found.items() if name in fixed or name == WHOLE}:
            raise InvalidParam(fields=wrong) from error
