"""What may be written inside calls and beside them: sizes, units, formats and windows that mean the same everywhere."""

from __future__ import annotations

from sqlglot import exp

from app.insights.guard.library import (
    DATE_FORMATS,
    FUNCTIONS,
    INTERVAL_CALLS,
    MAX_STEPS,
    MAX_WILDCARDS,
    TYPES,
    UNITS,
)
from app.insights.guard.reasons import Rejected


def is_date_format(node: exp.Expr) -> bool:
    """A pattern of letters that SQLite can be told to write as well."""
    if not (isinstance(node, exp.Literal) and node.is_string and len(node.name) <= 40):
        return False
    letters = iter(node.name)
    return all(next(letters, "") in DATE_FORMATS for letter in letters if letter == "%")


def is_whole(node: exp.Expr, most: int) -> bool:
    """A whole number that is written out, `most` at most; negative ones too."""
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or not inner.name.isdecimal() or int(inner.name) > most:
        return False
    return not isinstance(node, exp.Neg) or most == MAX_STEPS


def check_unit(node: exp.Expr | str | None, units: set[str], call: str) -> None:
    """The word DAY, MONTH and so on, which the parser may have taken for a column."""
    name = node.name.upper() if isinstance(node, exp.Var | exp.Column) else ""
    if name not in units or (isinstance(node, exp.Column) and (node.table or node.this.quoted)):
        raise Rejected("ARGUMENTS", what=call)


def check_interval(node: exp.Interval) -> None:
    """A written-out number of units, added to or taken from something."""
    parent = node.parent
    is_term = isinstance(parent, exp.Add | exp.Sub) and (
        node.arg_key == "expression" or isinstance(parent, exp.Add)
    )
    is_argument = isinstance(parent, exp.Anonymous) and parent.name.upper() in INTERVAL_CALLS
    count = node.this.this if isinstance(node.this, exp.Neg) else node.this
    plain = isinstance(count, exp.Literal) and count.name.removeprefix("-").isdecimal()
    if not (is_term or is_argument) or not plain or abs(int(count.name)) > MAX_STEPS:
        raise Rejected("CONSTRUCT", what="INTERVAL")
    check_unit(node.args.get("unit"), UNITS, "INTERVAL")
    steps = -int(count.name) if isinstance(node.this, exp.Neg) else int(count.name)
    node.set("this", exp.Literal.number(steps) if steps >= 0 else exp.Neg(this=exp.Literal.number(-steps)))


def check_cast(node: exp.Cast) -> None:
    """One of a few types, with sizes that are written out."""
    name = node.to.this.name if isinstance(node.to.this, exp.DataType.Type) else ""
    sizes = [parameter.this for parameter in node.to.expressions]
    if (
        name not in TYPES
        or not all(is_whole(size, 65) for size in sizes)
        or (sizes and name not in ("DECIMAL", "CHAR", "VARCHAR"))
    ):
        raise Rejected("ARGUMENTS", what="CAST")


def check_group_concat(node: exp.GroupConcat) -> None:
    """One value, perhaps DISTINCT, and a short separator."""
    separator = node.args.get("separator")
    inner = node.this.this if isinstance(node.this, exp.Order) else node.this
    several = isinstance(inner, exp.Distinct) and len(inner.expressions) != 1
    if several or (
        separator is not None and not (isinstance(separator, exp.Literal) and len(separator.name) <= 10)
    ):
        raise Rejected("ARGUMENTS", what="GROUP_CONCAT")


def check_window(node: exp.Window) -> None:
    """OVER belongs to an aggregate or a window function; without a call it is a WINDOW clause."""
    call = node.this
    is_call = isinstance(call, exp.Anonymous) and call.name.upper() in FUNCTIONS
    if not is_call and not (isinstance(call, exp.Identifier) and node.arg_key == "windows"):
        raise Rejected("CONSTRUCT", what="OVER")
    spec = node.args.get("spec")
    if spec is None:
        return
    for end in (spec.args.get("start"), spec.args.get("end")):
        if not (end is None or isinstance(end, str) or is_whole(end, 1_000)):
            raise Rejected("CONSTRUCT", what="ROWS")


def check_distinct(node: exp.Distinct) -> None:
    """DISTINCT in a call: of an aggregate, several only for COUNT."""
    call = node.parent.parent if isinstance(node.parent, exp.Order) else node.parent
    name = (
        "GROUP_CONCAT" if isinstance(call, exp.GroupConcat) else call.name.upper() if call is not None else ""
    )
    role = FUNCTIONS[name].role if name in FUNCTIONS else "aggregate"
    stars = any(isinstance(item, exp.Star) for item in node.expressions)
    if role != "aggregate" or stars or (len(node.expressions) > 1 and name != "COUNT"):
        raise Rejected("ARGUMENTS", what=name or "DISTINCT")


def check_escape(node: exp.Escape) -> None:
    """LIKE ... ESCAPE with one written-out character."""
    mark = node.expression
    if not (isinstance(node.this, exp.Like) and isinstance(mark, exp.Literal) and len(mark.name) == 1):
        raise Rejected("CONSTRUCT", what="ESCAPE")


def check_like(node: exp.Like) -> None:
    """Each % in a pattern multiplies the ways in which it can match."""
    if node.expression.name.count("%") > MAX_WILDCARDS:
        raise Rejected("TOO_MANY", what="%", limit=MAX_WILDCARDS)
