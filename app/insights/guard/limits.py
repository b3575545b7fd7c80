"""How large a query may be. What is longer, deeper or wider than this is no question about a shop."""

from __future__ import annotations

from sqlglot import exp

from app.insights.guard.reasons import Rejected

MAX_SQL_CHARS = 8_000
MAX_GENERATED_CHARS = 64_000
MAX_PARENTHESES = 32
MAX_TREE_DEPTH = 100
MAX_SELECT_DEPTH = 6
MAX_SELECTS = 24
MAX_CTES = 6
MAX_JOINS = 6
MAX_UNIONS = 12
MAX_IN_LIST = 500
MAX_COLUMNS = 100
# Tables that are read when every CTE is put in where it is named: two uses double the work, six CTEs of that are 64.
MAX_READS = 24
MAX_OFFSET = 100_000
# Characters: what a column of a table can hold, what GROUP_CONCAT is cut at, what an expression may come to.
COLUMN_SIZE = 200
CONCATENATED_SIZE = 65_536
MAX_TEXT_SIZE = 1_000_000
MAX_NUMBER_CHARS = 20
MAX_NAME_CHARS = 64


def at_most(limit: int, count: int, what: str) -> None:
    """Rejected when there are more of `what` than the limit."""
    if count > limit:
        raise Rejected("TOO_MANY", what=what, limit=limit)


def check_size(tree: exp.Expr) -> None:
    """Refuse trees that are deep or wide; walks without recursion."""
    waiting: list[tuple[exp.Expr, int, int]] = [(tree, 1, 0)]
    counts = {exp.Select: 0, exp.CTE: 0, exp.SetOperation: 0}
    while waiting:
        node, depth, selects = waiting.pop()
        selects += isinstance(node, exp.Select)
        if depth > MAX_TREE_DEPTH or selects > MAX_SELECT_DEPTH:
            raise Rejected("TOO_DEEP")
        for kind in counts:
            counts[kind] += isinstance(node, kind)
        _check_width(node)
        waiting.extend((child, depth + 1, selects) for child in node.iter_expressions())
    at_most(MAX_SELECTS, counts[exp.Select], "SELECT")
    at_most(MAX_CTES, counts[exp.CTE], "CTE")
    at_most(MAX_UNIONS, counts[exp.SetOperation], "UNION")


def _check_width(node: exp.Expr) -> None:
    if isinstance(node, exp.In):
        at_most(MAX_IN_LIST, len(node.expressions), "IN")
    elif isinstance(node, exp.Select):
        at_most(MAX_JOINS, len(node.args.get("joins") or ()), "JOIN")
        at_most(MAX_COLUMNS, len(node.expressions), "SELECT")


def cap_rows(query: exp.Query, max_rows: int) -> tuple[int, bool]:
    """Give the outermost query a LIMIT of at most `max_rows`: the limit it has now, and whether that was our doing."""
    limit = query.args.get("limit")
    asked = plain_number(limit.expression) if limit is not None else None
    if asked is not None and asked <= max_rows:
        return asked, False
    query.set("limit", exp.Limit(expression=exp.Literal.number(max_rows)))
    return max_rows, True


def check_paging(query: exp.Query) -> None:
    """LIMIT and OFFSET of any level are plain numbers; OFFSET is bounded and has a LIMIT."""
    limit, offset = query.args.get("limit"), query.args.get("offset")
    if limit is not None:
        plain_number(limit.expression)
    if offset is not None and (limit is None or plain_number(offset.expression) > MAX_OFFSET):
        raise Rejected("LIMIT", limit=MAX_OFFSET)


def plain_number(node: exp.Expr | None) -> int:
    """The value of a literal whole number; Rejected for anything else."""
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdecimal():
        return int(node.this)
    raise Rejected("LIMIT", limit=MAX_OFFSET)
