"""How long a text an expression can make: REPLACE in REPLACE and CONCAT over CTEs grow without any forbidden function."""

from __future__ import annotations

from sqlglot import exp

from app.insights.guard.limits import COLUMN_SIZE, CONCATENATED_SIZE, MAX_TEXT_SIZE
from app.insights.guard.reasons import Rejected

GROWING = {"CONCAT", "CONCAT_WS", "REPLACE"}


def check_sizes(select: exp.Select) -> None:
    """Refuse a SELECT in which a text could become longer than MAX_TEXT_SIZE."""
    for node in select.walk():
        if isinstance(node, exp.Anonymous) and node.name.upper() in GROWING and size_of(node) > MAX_TEXT_SIZE:
            raise Rejected("ARGUMENTS", what=node.name.upper())


def size_of(node: exp.Expr | None) -> int:
    """The most characters that the value can have."""
    if node is None:
        return 0
    if isinstance(node, exp.Literal):
        return len(node.name)
    if isinstance(node, exp.Column):
        return int(node.meta.get("size", COLUMN_SIZE))
    if isinstance(node, exp.GroupConcat):
        return CONCATENATED_SIZE
    parts = [
        size_of(child) for child in node.iter_expressions() if not isinstance(child, exp.DataType | exp.Var)
    ]
    name = node.name.upper() if isinstance(node, exp.Anonymous) else ""
    if name == "REPLACE":
        return parts[0] * max(1, parts[2])
    if name == "CONCAT":
        return sum(parts)
    if name == "CONCAT_WS":
        return sum(parts[1:]) + parts[0] * len(parts)
    return max(parts, default=COLUMN_SIZE)
