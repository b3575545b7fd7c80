"""What a segment's rules may say: fields, operators, values. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.core.errors import N_

Operator = Literal["==", "!=", ">", ">=", "<", "<=", "in", "not_in"]
EQUALITIES = ("==", "!=")
SETS = ("in", "not_in")
COMPARISONS = ("==", "!=", ">", ">=", "<", "<=")
# How others write the same.
ALIASES = {"=": "==", "eq": "==", "ne": "!=", "<>": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
MAX_VALUES = 50
MAX_TEXT = 60


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a member. `label` is a msgid; numbers lie between `least` and `most`, `words` are all texts allowed."""

    label: str
    kind: Literal["whole", "amount", "text"]
    least: int = 0
    most: int = 0
    words: tuple[str, ...] = ()
    sets: bool = True

    @property
    def operators(self) -> tuple[str, ...]:
        base = EQUALITIES if self.kind == "text" else COMPARISONS
        return (*base, *SETS) if self.sets else base


FIELDS: Mapping[str, Field] = {
    "level": Field(N_("Member level"), "whole", 1, 5),
    "store": Field(N_("Store number"), "whole", 1, 1_000_000),
    "city": Field(N_("City"), "text"),
    "days_since_last_order": Field(N_("Days since the last order"), "whole", 0, 3_650, sets=False),
    "orders_count": Field(N_("Paid orders so far"), "whole", 0, 100_000),
    "total_spent": Field(N_("Spent so far in yuan"), "amount", 0, 100_000_000, sets=False),
    "member_days": Field(N_("Days as a member"), "whole", 0, 36_500, sets=False),
    "customer_type": Field(N_("New or returning"), "text", words=("new", "returning"), sets=False),
    "category_bought": Field(N_("Category bought"), "text"),
}


def problem_of(field: str, operator: str, value: Any) -> str | None:
    """Why a rule makes no sense (a msgid), or None."""
    known = FIELDS.get(field)
    if known is None:
        return N_("There is no such property of members.")
    if operator not in known.operators:
        return N_("This comparison does not fit the property.")
    is_list = isinstance(value, list)
    if is_list != (operator in SETS):
        return N_("A list of values goes with in and not_in, one value with the others.")
    values = value if is_list else [value]
    if not 0 < len(values) <= MAX_VALUES:
        return N_("Between 1 and 50 values.")
    return None if all(_fits(known, each) for each in values) else N_("This value does not fit the property.")


def _fits(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if field.kind == "text":
        return isinstance(value, str) and _is_name(value) and (not field.words or value in field.words)
    if field.kind == "whole" and not isinstance(value, int):
        return False
    return isinstance(value, int | float) and math.isfinite(value) and field.least <= value <= field.most


def _is_name(text: str) -> bool:
    """Backslashes mean different things to different databases."""
    return 0 < len(text.strip()) <= MAX_TEXT and "\\" not in text and text.isprintable()
