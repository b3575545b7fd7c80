"""UNION, EXCEPT and INTERSECT in a form that SQLite, MySQL and MariaDB all read alike."""

from __future__ import annotations

from sqlglot import exp

from app.insights.guard.limits import plain_number
from app.insights.guard.reasons import Rejected
from app.insights.guard.relations import Relation


def check_binding(query: exp.SetOperation, part: str) -> None:
    """Engines differ in whether INTERSECT binds first; parentheses would say it."""
    branch = query.args[part]
    kinds = {type(branch), type(query)}
    if isinstance(branch, exp.SetOperation) and len(kinds) > 1 and exp.Intersect in kinds:
        raise Rejected("CONSTRUCT", what="INTERSECT")


def flatten_branch(query: exp.SetOperation, part: str) -> None:
    """SQLite takes no parentheses in a UNION: a branch with its own ORDER BY or LIMIT becomes a derived table."""
    branch = query.args[part]
    inner = branch
    while isinstance(inner, exp.Subquery):
        if inner.args.get("alias"):
            raise Rejected("CONSTRUCT", what="AS")
        inner = inner.this
    mixed = isinstance(inner, exp.SetOperation) and (part == "expression" or type(inner) is not type(query))
    ends = any(inner.args.get(name) for name in ("order", "limit", "offset", "with_"))
    if mixed or ends:
        inner.pop()
        inner = select_all_of(inner)
    query.set(part, inner)


def select_all_of(query: exp.Query) -> exp.Select:
    derived = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("part", quoted=True)))
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=derived))


def order_union(ordered: exp.Ordered, relation: Relation) -> None:
    """A UNION is ordered by its columns, by name or number."""
    key = ordered.this
    if isinstance(key, exp.Literal):
        position_of(key, len(relation.fields))
        return
    item = relation.field_named(key.name) if isinstance(key, exp.Column) and not key.table else None
    if item is None:
        raise Rejected(
            "COLUMN", what=key.name or "ORDER BY", known=", ".join(f.name for f in relation.fields)
        )
    ordered.set("this", exp.Literal.number(relation.fields.index(item) + 1))


def position_of(key: exp.Literal, count: int) -> int:
    """The index that a number in GROUP BY or ORDER BY stands for."""
    number = plain_number(key)
    if not 1 <= number <= count:
        raise Rejected("COLUMN", what=str(number), known=f"1-{count}")
    return number - 1
