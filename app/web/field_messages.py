"""pydantic's findings in the reader's language: what is wrong with a field, and what would be right."""

from __future__ import annotations

from flask_babel import gettext
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.core.errors import N_

# By pydantic's error type; places are the keys of the error's context.
TEXTS = {
    "missing": N_("This is needed."),
    "string_type": N_("This must be text."),
    "string_too_short": N_("At least %(min_length)s characters."),
    "string_too_long": N_("At most %(max_length)s characters."),
    "string_pattern_mismatch": N_("This does not have the right form."),
    "string_unicode": N_("This must be text."),
    "int_type": N_("This must be a whole number."),
    "int_parsing": N_("This must be a whole number."),
    "int_parsing_size": N_("This number is too large."),
    "int_from_float": N_("This must be a whole number."),
    "float_type": N_("This must be a number."),
    "float_parsing": N_("This must be a number."),
    "decimal_type": N_("This must be a number."),
    "decimal_parsing": N_("This must be a number."),
    "finite_number": N_("This must be a number."),
    "bool_type": N_("This must be true or false."),
    "bool_parsing": N_("This must be true or false."),
    "greater_than_equal": N_("At least %(ge)s."),
    "greater_than": N_("More than %(gt)s."),
    "less_than_equal": N_("At most %(le)s."),
    "less_than": N_("Less than %(lt)s."),
    "literal_error": N_("One of: %(expected)s."),
    "enum": N_("One of: %(expected)s."),
    "list_type": N_("This must be a list."),
    "dict_type": N_("This must be an object."),
    "model_type": N_("This must be an object."),
    "model_attributes_type": N_("This must be an object."),
    "too_long": N_("At most %(max_length)s entries."),
    "too_short": N_("At least %(min_length)s entries."),
    "extra_forbidden": N_("This is not known here."),
}
OTHERWISE = N_("This value is not valid.")


def field_messages(error: ValidationError) -> dict[str, str]:
    """Field names (dotted; "body" for the whole) and what is wrong with each."""
    return {".".join(map(str, item["loc"])) or "body": _message(item) for item in error.errors()}


def _message(item: ErrorDetails) -> str:
    if item["type"] == "value_error":
        # Our own validators raise ValueError with a marked msgid.
        return str(gettext(str(item["ctx"]["error"])))
    text = TEXTS.get(item["type"], OTHERWISE)
    return str(gettext(text, **item.get("ctx", {})))
