"""Tables that are read together must belong together.

The sources of a SELECT are points; an equality between columns of two of them, on its own or joined by AND in ON or WHERE,
is a line when one side is a key. All sources that can have more than one row must hang together. So there is no product of
two tables, neither by comma nor by a condition that relates nothing (`ON 1 = 1`, `ON a.id = a.id`, `OR`) or little
(`ON a.status = b.status`).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.insights.guard.reasons import Rejected
from app.insights.guard.relations import Scope

OUTER = ""
# What leaves a key a key: a change of form, not of content.
FORMS = {
    "DATE",
    "DATE_FORMAT",
    "DATE_ADD",
    "DATE_SUB",
    "CONVERT_TZ",
    "COALESCE",
    "IFNULL",
    "LOWER",
    "UPPER",
    "TRIM",
}
BOUNDS = (exp.LT, exp.LTE, exp.GT, exp.GTE)


def check_joins(select: exp.Select, scope: Scope) -> None:
    """Refuse a SELECT whose tables, or whose subquery and the SELECT around it, are not related."""
    conditions = list(_conditions(select))
    _check_connected(scope, conditions)
    if scope.reads_outer and any(source.is_base for source in scope.sources.values()):
        _check_correlation(scope, conditions)


def _check_connected(scope: Scope, conditions: list[exp.Expr]) -> None:
    many = {key for key, source in scope.sources.items() if not source.relation.has_one_row}
    if len(many) < 2:
        return
    lines = [line for condition in conditions if (line := _line(condition, scope))]
    lines.extend(_ranges(conditions, scope))
    reached, waiting = set[str](), [min(many)]
    while waiting:
        here = waiting.pop()
        reached.add(here)
        waiting.extend(
            other
            for line in lines
            if here in line
            for other in line
            if other in many and other not in reached
        )
    if many - reached:
        raise Rejected(
            "JOIN", what=", ".join(scope.sources[key].alias for key in scope.sources if key in many)
        )


def _conditions(select: exp.Select) -> Iterator[exp.Expr]:
    """What must hold for every row: the parts of ON and WHERE that AND joins."""
    waiting = [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on")]
    if select.args.get("where"):
        waiting.append(select.args["where"].this)
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.And):
            waiting.extend((node.this, node.expression))
        elif isinstance(node, exp.Paren):
            waiting.append(node.this)
        else:
            yield node


def _line(node: exp.Expr, scope: Scope) -> frozenset[str] | None:
    """The two sources that an equality relates by a key; two small derived tables by a comparison of keys too."""
    if not isinstance(node, (exp.EQ, exp.NullSafeEQ, exp.Between, *BOUNDS)):
        return None
    left, right = _plain_column(node.this), _plain_column(node.args.get("expression") or node.args.get("low"))
    if left is None or right is None:
        return None
    ends = frozenset((_end(left, scope), _end(right, scope)))
    if len(ends) < 2 or OUTER in ends:
        return None
    if isinstance(node, exp.EQ | exp.NullSafeEQ):
        return ends if left.meta["is_key"] or right.meta["is_key"] else None
    small = all(column.meta["is_folded"] and column.meta["is_key"] for column in (left, right))
    return ends if small else None


def _ranges(conditions: list[exp.Expr], scope: Scope) -> Iterator[frozenset[str]]:
    """A value of one source between two columns of another: an order and the coupons that were valid then."""
    below: dict[tuple[str, str], set[str]] = {}
    above: dict[tuple[str, str], set[str]] = {}
    for value, low, high in _bounds(conditions):
        for bound, known in ((low, below), (high, above)):
            if bound is not None and _end(value, scope) != _end(bound, scope):
                known.setdefault((_end(value, scope), _end(bound, scope)), set()).add(bound.name)
    for ends in below.keys() & above.keys():
        if OUTER not in ends and below[ends] != above[ends]:
            yield frozenset(ends)


def _bounds(
    conditions: list[exp.Expr],
) -> Iterator[tuple[exp.Column, exp.Column | None, exp.Column | None]]:
    """Triples of a value, its lower and its upper bound, read in both directions."""
    for node in conditions:
        if isinstance(node, exp.Between):
            value, low, high = (_plain_column(node.args[part]) for part in ("this", "low", "high"))
            if value is not None:
                yield value, low, high
        elif isinstance(node, BOUNDS):
            left, right = _plain_column(node.this), _plain_column(node.expression)
            if left is not None and right is not None:
                if isinstance(node, exp.LT | exp.LTE):
                    left, right = right, left
                yield left, right, None
                yield right, None, left


def _check_correlation(scope: Scope, conditions: list[exp.Expr]) -> None:
    """A subquery that runs for each row of the outer SELECT must be able to look its own rows up."""
    for node in conditions:
        if isinstance(node, exp.EQ | exp.NullSafeEQ):
            left, right = _plain_column(node.this), _plain_column(node.expression)
            if left is not None and right is not None and OUTER in {_end(left, scope), _end(right, scope)}:
                return
    raise Rejected("JOIN", what=", ".join(source.alias for source in scope.sources.values()))


def _end(column: exp.Column, scope: Scope) -> str:
    """The source of a column; OUTER for one of the SELECT around."""
    key = column.table.lower()
    return key if key in scope.sources else OUTER


def _plain_column(node: exp.Expr | None) -> exp.Column | None:
    """The column that an expression is, perhaps in another form."""
    if isinstance(node, exp.Column):
        return node
    if isinstance(node, exp.Paren | exp.Cast):
        return _plain_column(node.this)
    if isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Literal | exp.Interval):
        return _plain_column(node.this)
    if isinstance(node, exp.Anonymous) and node.name.upper() in FORMS:
        columns = [
            argument for argument in node.expressions if not isinstance(argument, exp.Literal | exp.Interval)
        ]
        return _plain_column(columns[0]) if len(columns) == 1 else None
    return None
