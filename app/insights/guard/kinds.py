"""Whether an expression is a date or a moment: SQLite keeps both as text and has to be told which to write."""

from __future__ import annotations

from sqlglot import exp

from app.insights.schema import Kind

DATES = {"DATE", "LAST_DAY"}
SHIFTS = {"DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE"}
SAME = {
    "COALESCE",
    "IFNULL",
    "NULLIF",
    "GREATEST",
    "LEAST",
    "MIN",
    "MAX",
    "LAG",
    "LEAD",
    "FIRST_VALUE",
    "LAST_VALUE",
}
LONG_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}


def kind_of(node: exp.Expr | None) -> Kind:
    """What the expression holds; UNKNOWN where dates are not concerned."""
    if isinstance(node, exp.Alias | exp.Paren | exp.Window | exp.Subquery):
        return kind_of(node.this)
    if isinstance(node, exp.Column):
        return Kind(node.meta.get("kind", Kind.UNKNOWN))
    if isinstance(node, exp.Cast):
        return {"DATE": Kind.DATE, "DATETIME": Kind.DATETIME, "TIMESTAMP": Kind.DATETIME}.get(
            node.to.this.name, Kind.UNKNOWN
        )
    if isinstance(node, exp.Literal) and node.is_string:
        return Kind.DATE if len(node.name) == len("2026-01-01") else Kind.DATETIME
    if isinstance(node, exp.If | exp.Case):
        first = node.args["ifs"][0] if isinstance(node, exp.Case) else node
        return kind_of(first.args.get("true"))
    if isinstance(node, exp.Select) and len(node.expressions) == 1:
        return kind_of(node.expressions[0])
    if isinstance(node, exp.Add | exp.Sub):
        return _shifted(node.this, node.expression)
    return _kind_of_call(node) if isinstance(node, exp.Anonymous) else Kind.UNKNOWN


def _kind_of_call(call: exp.Anonymous) -> Kind:
    name = call.name.upper()
    if name in DATES:
        return Kind.DATE
    if name in SHIFTS:
        return _shifted(call.expressions[0], call.expressions[1])
    if name == "TIMESTAMPADD":
        return stepped(kind_of(call.expressions[2]), call.expressions[0].name.upper())
    if name == "STR_TO_DATE":
        return Kind.DATETIME if "%H" in call.expressions[1].name else Kind.DATE
    if name == "CONVERT_TZ":
        return Kind.DATETIME
    return kind_of(call.expressions[0]) if name in SAME else Kind.UNKNOWN


def _shifted(left: exp.Expr, right: exp.Expr) -> Kind:
    """A date and days give a date; a date and hours give a moment."""
    if isinstance(left, exp.Interval):
        left, right = right, left
    if not isinstance(right, exp.Interval):
        return Kind.UNKNOWN
    return stepped(kind_of(left), right.text("unit").upper())


def stepped(kind: Kind, unit: str) -> Kind:
    """What a date or moment becomes when units are added to it."""
    return Kind.DATE if kind is Kind.DATE and unit in LONG_UNITS else Kind.DATETIME
