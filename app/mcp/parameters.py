"""The parameters of a tool, read from its JSON Schema: for a table, for a form, and back from the form. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.core.errors import N_

Kind = Literal["string", "integer", "number", "boolean", "array", "object"]
Control = Literal["text", "long", "integer", "number", "choice", "flag", "json"]
KINDS = ("string", "integer", "number", "boolean", "array", "object")
LONG_TEXT = 200
MAX_TYPED = 20_000
EXAMPLES: dict[str, Any] = {
    "string": "…",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "object": {},
}
NO_NUMBER = N_("This must be a number.")
NO_WHOLE_NUMBER = N_("This must be a whole number.")
NO_JSON = N_("This is not valid JSON.")
NO_CHOICE = N_("This cannot be chosen.")
TOO_LONG = N_("At most 20,000 characters.")
FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument. `kinds` are JSON types, none for anything; null is not among them, it is as good as left out."""

    name: str
    told: str = ""
    kinds: tuple[str, ...] = ()
    is_required: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    max_length: int | None = None
    examples: tuple[Any, ...] = ()

    @property
    def control(self) -> Control:
        """What one fills it in with."""
        if self.choices:
            return "choice"
        if not self.kinds or {"array", "object"} & set(self.kinds):
            return "json"
        if "number" in self.kinds:
            return "number"
        if "string" in self.kinds:
            return "long" if (self.max_length or 0) > LONG_TEXT else "text"
        return "integer" if "integer" in self.kinds else "flag"

    def example(self) -> Any:
        """A value to show."""
        for found in (*self.examples, self.default, *self.choices):
            if found not in (None, ""):
                return found
        kind = self.kinds[0] if self.kinds else "string"
        return self.low if self.low is not None and kind in ("integer", "number") else EXAMPLES[kind]

    def typed(self, value: Any) -> str:
        """A value as one would type it."""
        if value is None:
            return ""
        return (
            value
            if isinstance(value, str) and self.control != "json"
            else json.dumps(value, ensure_ascii=False)
        )

    def read(self, text: str) -> Any:
        """The value of what was typed, None for nothing. Raises ValueError with a msgid."""
        if len(text) > MAX_TYPED:
            raise ValueError(TOO_LONG)
        if self.control in ("text", "long"):
            return text or None
        clean = text.strip()
        return self._read(clean) if clean else None

    def _read(self, text: str) -> Any:
        if self.control == "choice":
            return _chosen(text, {self.typed(choice): choice for choice in self.choices})
        if self.control == "flag":
            return _chosen(text, FLAGS)
        if self.control == "json":
            return _json(text)
        return _number(text, is_whole=self.control == "integer")


def parameters_of(schema: Mapping[str, Any]) -> list[Parameter]:
    """The parameters of an object's schema, in its order."""
    required = set(schema.get("required", ()))
    return [
        _parameter(name, part if isinstance(part, dict) else {}, schema, is_required=name in required)
        for name, part in schema.get("properties", {}).items()
    ]


def read_all(
    parameters: Sequence[Parameter], typed: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed, by name: the values of what was filled in, and msgids of what is wrong."""
    values, wrong = {}, {}
    for one in parameters:
        try:
            value = one.read(typed.get(one.name, ""))
        except ValueError as error:
            wrong[one.name] = str(error)
        else:
            if value is not None:
                values[one.name] = value
    return values, wrong


def _parameter(
    name: str, part: Mapping[str, Any], whole: Mapping[str, Any], *, is_required: bool
) -> Parameter:
    forms = list(_forms(part, whole))
    kinds = [kind for form in forms for kind in _kinds(form)]
    choices = [choice for form in forms for choice in _choices(form) if choice is not None]
    lengths = [form["maxLength"] for form in forms if "maxLength" in form]
    return Parameter(
        name=name,
        told=str(
            part.get("description") or next((f["description"] for f in forms if "description" in f), "")
        ),
        kinds=tuple(dict.fromkeys(kinds)),
        is_required=is_required,
        default=part.get("default"),
        # With another form beside the list, the list is no bound.
        choices=tuple(choices) if all(map(_is_closed, forms)) else (),
        low=_bound(forms, "minimum", "exclusiveMinimum"),
        high=_bound(forms, "maximum", "exclusiveMaximum"),
        max_length=lengths[0] if lengths else None,
        examples=tuple(part.get("examples", ())),
    )


def _forms(part: Mapping[str, Any], whole: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The alternatives of a part, references followed; null aside."""
    reference = part.get("$ref")
    if isinstance(reference, str) and depth < 8:
        found = whole.get("$defs", {}).get(reference.rpartition("/")[2], {})
        yield from _forms(found, whole, depth + 1)
        return
    several = part.get("anyOf") or part.get("oneOf") or part.get("allOf")
    if isinstance(several, list) and depth < 8:
        for each in several:
            yield from _forms(each, whole, depth + 1)
    elif part.get("type") != "null":
        yield part


def _kinds(form: Mapping[str, Any]) -> list[str]:
    named = form.get("type")
    kinds = named if isinstance(named, list) else [named]
    if named is None and (choices := _choices(form)):
        kinds = ["string" if isinstance(choice, str) else "number" for choice in choices]
    return [kind for kind in kinds if kind in KINDS]


def _choices(form: Mapping[str, Any]) -> list[Any]:
    return [form["const"]] if "const" in form else list(form.get("enum", ()))


def _is_closed(form: Mapping[str, Any]) -> bool:
    return "const" in form or "enum" in form


def _bound(forms: Sequence[Mapping[str, Any]], *names: str) -> float | None:
    found = [form[name] for form in forms for name in names if isinstance(form.get(name), int | float)]
    return found[0] if found else None


def _chosen(text: str, choices: Mapping[str, Any]) -> Any:
    if text not in choices:
        raise ValueError(NO_CHOICE)
    return choices[text]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(NO_JSON) from error


def _number(text: str, *, is_whole: bool) -> int | float:
    try:
        return int(text) if is_whole or text.lstrip("+-").isdigit() else _finite(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(NO_WHOLE_NUMBER if is_whole else NO_NUMBER) from error


def _finite(text: str) -> float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value
