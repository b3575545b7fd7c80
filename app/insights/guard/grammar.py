"""Which nodes a query may consist of, and which parts each may have. All else is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from app.insights.guard.limits import MAX_NAME_CHARS, MAX_NUMBER_CHARS
from app.insights.guard.reasons import Rejected

BINARY = "this expression"
QUERY_ENDS = "order limit offset with_"
GRAMMAR: Mapping[type[exp.Expr], str] = {
    # Queries
    exp.Select: f"expressions distinct from_ joins where group having windows {QUERY_ENDS}",
    exp.Union: f"this expression distinct {QUERY_ENDS}",
    exp.Except: f"this expression distinct {QUERY_ENDS}",
    exp.Intersect: f"this expression distinct {QUERY_ENDS}",
    exp.Subquery: "this alias",
    exp.With: "expressions",
    exp.CTE: "this alias",
    exp.TableAlias: "this columns",
    exp.From: "this",
    exp.Join: "this on using side kind",
    exp.Table: "this db alias",
    exp.Where: "this",
    exp.Group: "expressions",
    exp.Having: "this",
    exp.Order: "this expressions",
    exp.Ordered: "this desc nulls_first",
    exp.Limit: "expression",
    exp.Offset: "expression",
    exp.Distinct: "expressions",
    # Names and values
    exp.Alias: "this alias",
    exp.Column: "this table db",
    exp.Star: "",
    exp.Identifier: "this quoted",
    exp.Literal: "this is_string",
    exp.Boolean: "this",
    exp.Null: "",
    exp.Var: "this",
    exp.Interval: "this unit",
    exp.DataType: "this expressions nested",
    exp.DataTypeParam: "this",
    # Operators
    exp.Paren: "this",
    exp.Neg: "this",
    exp.Not: "this",
    **dict.fromkeys(
        (exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ), BINARY
    ),
    **dict.fromkeys((exp.Is, exp.Like), f"{BINARY} negate"),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, exp.Escape), BINARY),
    exp.Div: f"{BINARY} typed safe",
    exp.Between: "this low high",
    exp.In: "this expressions query",
    exp.Exists: "this",
    exp.Tuple: "expressions",
    exp.Case: "this ifs default",
    exp.If: "this true false",
    # Calls
    exp.Anonymous: "this expressions",
    exp.Cast: "this to",
    exp.Extract: BINARY,
    exp.GroupConcat: "this separator",
    exp.CurrentDate: "",
    exp.CurrentTimestamp: "",
    exp.Localtime: "",
    exp.Localtimestamp: "",
    exp.Window: "this partition_by order spec alias over",
    exp.WindowSpec: "kind start start_side end end_side",
}
PARTS = {node: frozenset(parts.split()) for node, parts in GRAMMAR.items()}
NUMBER = re.compile(r"\d+(\.\d+)?")
JOINS = {
    ("", ""),
    ("", "INNER"),
    ("", "CROSS"),
    ("LEFT", ""),
    ("LEFT", "OUTER"),
    ("RIGHT", ""),
    ("RIGHT", "OUTER"),
}
# What a reader calls these parts.
SPOKEN = {"with_": "WITH", "from_": "FROM", "operation_modifiers": "SELECT modifier", "locks": "FOR UPDATE"}


def check_grammar(tree: exp.Expr) -> None:
    """Refuse every node and every part of a node that is not in the list."""
    for node in tree.walk():
        allowed = PARTS.get(type(node))
        if allowed is None:
            raise Rejected("CONSTRUCT", what=_spoken(type(node).__name__))
        for part, value in node.args.items():
            if value and part not in allowed:
                raise Rejected("CONSTRUCT", what=SPOKEN.get(part, part.upper().replace("_", " ").strip()))
        _check_value(node)


def _check_value(node: exp.Expr) -> None:
    if isinstance(node, exp.Literal) and not node.is_string:
        text = str(node.this)
        if len(text) > MAX_NUMBER_CHARS or not NUMBER.fullmatch(text):
            raise Rejected("NUMBER", what=text[:MAX_NUMBER_CHARS])
    elif isinstance(node, exp.Join):
        if (str(node.args.get("side") or "").upper(), str(node.args.get("kind") or "").upper()) not in JOINS:
            raise Rejected(
                "CONSTRUCT", what=f"{node.args.get('side') or ''} {node.args.get('kind') or ''} JOIN".strip()
            )
    elif isinstance(node, exp.Tuple):
        if not isinstance(node.parent, exp.In) or node.arg_key != "this" or not node.parent.args.get("query"):
            raise Rejected("CONSTRUCT", what="(a, b)")
    elif isinstance(node, exp.Identifier):
        name = str(node.this)
        if not name.strip() or len(name) > MAX_NAME_CHARS or set(name) & set("\"'`"):
            raise Rejected("NAME", what=name[:MAX_NAME_CHARS])


def _spoken(class_name: str) -> str:
    """GroupingSets -> GROUPING SETS."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name).upper()
