"""Every column by hand: each name becomes `source`.`column` of the allow-list, or the query is refused.

MySQL's order: ORDER BY looks for an alias first when it is nothing but a name; GROUP BY and expressions look for a column
first; HAVING looks for what is grouped by, then for an alias. Except in ORDER BY, where all engines agree, an alias that
was meant is replaced by its expression, so that no engine can take it for a column of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from app.insights.guard.library import is_aggregate
from app.insights.guard.reasons import Rejected
from app.insights.guard.relations import Field, Relation, Scope, Source
from app.insights.schema import SCHEMA_NAME

Subquery = Callable[[exp.Query, Scope], Relation]


@dataclass(frozen=True, slots=True)
class Names:
    """How names are looked up in one clause. `aliases` are the resolved expressions of the SELECT list."""

    scope: Scope
    resolve_query: Subquery
    aliases: Mapping[str, exp.Expr] = field(default_factory=dict)
    prefers_aliases: bool = False


def resolve(node: exp.Expr, names: Names) -> exp.Expr:
    """Resolve all names in an expression, in place; the expression that stands there now."""
    if isinstance(node, exp.Column):
        return _replaced(node, _meaning(node, names))
    if isinstance(node, exp.Select | exp.SetOperation):
        names.scope.count_reads(names.resolve_query(node, names.scope).reads)
        return node
    if isinstance(node, exp.Subquery):
        if node.args.get("alias"):
            raise Rejected("CONSTRUCT", what="AS")
        resolve(node.this, names)
        return node
    inner = names
    if names.prefers_aliases and is_aggregate(node):
        # What is folded are rows, and rows have columns.
        inner = Names(names.scope, names.resolve_query, names.aliases)
    for child in list(node.iter_expressions()):
        if not isinstance(child, exp.Identifier | exp.DataType | exp.Var):
            resolve(child, inner)
    return node


def _replaced(node: exp.Expr, meaning: exp.Expr) -> exp.Expr:
    if node.parent is not None:
        node.replace(meaning)
    return meaning


def _meaning(node: exp.Column, names: Names) -> exp.Expr:
    """The column of a source, or what an alias stands for."""
    name, table = node.name, node.table
    if isinstance(node.this, exp.Star) or not name:
        raise Rejected("CONSTRUCT", what="*")
    if node.db and node.db.lower() != SCHEMA_NAME:
        raise Rejected("TABLE", what=f"{node.db}.{table}", known=SCHEMA_NAME)
    alias = None if table else names.aliases.get(name.lower())
    if alias is not None and names.prefers_aliases:
        return in_parentheses(alias)
    found = names.scope.find(name, table)
    if found is not None:
        return column_of(*found)
    if alias is not None:
        return in_parentheses(alias)
    return _of_outer(name, table, names.scope)


def _of_outer(name: str, table: str, scope: Scope) -> exp.Column:
    """A column of a SELECT around this one."""
    between = set(scope.sources)
    outer = scope.outer
    while outer is not None:
        found = outer.find(name, table)
        if found is not None:
            if found[0].alias.lower() in between:
                raise Rejected("AMBIGUOUS", what=found[0].alias)
            scope.reads_outer = True
            return column_of(*found)
        between |= set(outer.sources)
        outer = outer.outer
    known = sorted({item.name for source in _meant(table, scope) for item in source.relation.fields})
    raise Rejected("COLUMN", what=f"{table}.{name}" if table else name, known=", ".join(known)[:400])


def _meant(table: str, scope: Scope) -> list[Source]:
    source = scope.sources.get(table.lower())
    return [source] if source else list(scope.sources.values())


def column_of(source: Source, item: Field) -> exp.Column:
    """The column, written as the guard writes it; its kind goes along for the generators."""
    column = exp.column(
        exp.to_identifier(item.name, quoted=True), table=exp.to_identifier(source.alias, quoted=True)
    )
    column.meta["kind"] = item.kind
    column.meta["is_key"] = item.is_key
    column.meta["size"] = item.size
    column.meta["is_folded"] = source.relation.is_folded
    return column


def in_parentheses(node: exp.Expr) -> exp.Expr:
    """A copy that can stand anywhere."""
    plain = isinstance(node, exp.Column | exp.Anonymous | exp.Paren | exp.Case | exp.Cast | exp.Window)
    return node.copy() if plain else exp.Paren(this=node.copy())


def expand_stars(items: list[exp.Expr], scope: Scope) -> list[exp.Expr]:
    """`*` and `t.*` become the columns of the allow-list."""
    expanded: list[exp.Expr] = []
    for item in items:
        if isinstance(item, exp.Star):
            if not scope.sources:
                raise Rejected("CONSTRUCT", what="*")
            pairs = [
                (source, column) for source in scope.sources.values() for column in scope.visible(source)
            ]
        elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            pairs = _all_of(item, scope)
        else:
            expanded.append(item)
            continue
        expanded.extend(column_of(source, column) for source, column in pairs)
    return expanded


def _all_of(star: exp.Column, scope: Scope) -> list[tuple[Source, Field]]:
    source = scope.sources.get(star.table.lower())
    if source is None or (star.db and star.db.lower() != SCHEMA_NAME):
        raise Rejected(
            "TABLE", what=star.table, known=", ".join(item.alias for item in scope.sources.values())
        )
    return [(source, item) for item in source.relation.fields]
