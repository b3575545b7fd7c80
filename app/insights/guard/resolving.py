"""Queries, from the inside out: sources by scope, then every clause; the tree is rewritten as it is checked."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from app.insights.guard.columns import Names, expand_stars, resolve
from app.insights.guard.joins import check_joins
from app.insights.guard.kinds import kind_of
from app.insights.guard.library import is_aggregate
from app.insights.guard.limits import MAX_NAME_CHARS, check_paging, plain_number
from app.insights.guard.parsing import DIALECT
from app.insights.guard.reasons import Rejected
from app.insights.guard.relations import Cte, Field, Relation, Scope, Source, Tally
from app.insights.guard.sizes import check_sizes, size_of
from app.insights.guard.sources import merge_columns, named_source
from app.insights.guard.unions import check_binding, flatten_branch, order_union, position_of, select_all_of

CTE_PREFIX = "cte_"


def resolve_query(query: exp.Expr, outer: Scope | None, ctes: dict[str, Cte], tally: Tally) -> Relation:
    """Check a SELECT or UNION and all in it; what it offers to the query around it."""
    if isinstance(query, exp.Subquery):
        return resolve_query(query.this, outer, ctes, tally)
    if not isinstance(query, exp.Select | exp.SetOperation):
        raise Rejected("CONSTRUCT", what=type(query).__name__.upper())
    check_paging(query)
    ctes = _with_ctes(query, ctes, tally)
    if isinstance(query, exp.SetOperation):
        return _resolve_union(query, outer, ctes, tally)
    return _resolve_select(query, Scope(ctes, tally, outer))


def _with_ctes(query: exp.Query, ctes: dict[str, Cte], tally: Tally) -> dict[str, Cte]:
    """The CTEs known in a query. Each sees those before it, never itself."""
    clause = query.args.get("with_")
    known = dict(ctes)
    for cte in clause.expressions if clause is not None else ():
        alias: exp.TableAlias = cte.args["alias"]
        name = alias.name
        if not name or (name.lower() in known and name.lower() not in ctes):
            raise Rejected("AMBIGUOUS", what=name)
        relation = resolve_query(cte.this, None, known, tally)
        if alias.args.get("columns"):
            relation = relation.renamed([column.name for column in alias.args["columns"]])
        relation.check_names()
        written = f"{CTE_PREFIX}{name}"[:MAX_NAME_CHARS]
        alias.set("this", exp.to_identifier(written, quoted=True))
        known[name.lower()] = Cte(written, relation)
    return known


def _resolve_union(
    query: exp.SetOperation, outer: Scope | None, ctes: dict[str, Cte], tally: Tally
) -> Relation:
    branches = []
    for part in ("this", "expression"):
        check_binding(query, part)
        relation = resolve_query(query.args[part], outer, ctes, tally)
        flatten_branch(query, part)
        branches.append(relation)
    left, right = branches
    if len(left.fields) != len(right.fields):
        raise Rejected("CONSTRUCT", what="UNION")
    for ordered in _ordered(query):
        order_union(ordered, left)
    is_folded = bool(query.args.get("distinct")) or (left.is_folded and right.is_folded)
    fields = tuple(
        replace(
            one,
            is_key=bool(query.args.get("distinct")) or (one.is_key and other.is_key),
            size=max(one.size, other.size),
        )
        for one, other in zip(left.fields, right.fields, strict=True)
    )
    return Relation(fields, _limit_is_one(query), left.reads + right.reads, is_folded)


def _resolve_select(select: exp.Select, scope: Scope) -> Relation:
    _resolve_sources(select, scope)
    plain = Names(scope, _subquery)
    if select.args.get("where"):
        resolve(select.args["where"], plain)
    select.set("expressions", _resolve_items(select, plain))
    items: list[exp.Expr] = select.expressions
    aliases = {
        item.alias.lower(): item.this
        for item in items
        if isinstance(item, exp.Alias) and item.meta.get("is_written")
    }
    grouped = _resolve_group(select, Names(scope, _subquery, aliases), items)
    if select.args.get("having"):
        _resolve_having(select, scope, aliases, grouped)
    for window in select.args.get("windows") or ():
        resolve(window, Names(scope, _subquery, aliases))
    for ordered in _ordered(select):
        _resolve_order(ordered, Names(scope, _subquery, aliases), len(items))
    check_joins(select, scope)
    check_sizes(select)
    return _offer(select, scope, items, grouped)


def _subquery(query: exp.Query, scope: Scope) -> Relation:
    """A query inside an expression; it sees the columns around it."""
    relation = resolve_query(query, scope, dict(scope.ctes), scope.tally)
    holder = query.parent.parent if isinstance(query.parent, exp.Subquery) else query.parent
    if isinstance(holder, exp.In) and query.args.get("limit"):
        # MySQL and MariaDB take no LIMIT directly inside IN (...).
        wrapped = query.copy()
        query.replace(select_all_of(wrapped))
    return relation


def _resolve_sources(select: exp.Select, scope: Scope) -> None:
    start = select.args.get("from_")
    if start is not None:
        _add_source(start.this, scope)
    for join in select.args.get("joins") or ():
        before = list(scope.sources.values())
        source = _add_source(join.this, scope)
        if join.args.get("using"):
            merge_columns(join, before, source, scope)
        if join.args.get("on"):
            resolve(join.args["on"], Names(scope, _subquery))


def _add_source(node: exp.Expr, scope: Scope) -> Source:
    """Bring a table, a CTE or a derived table into the scope and write its name as it shall run."""
    if isinstance(node, exp.Table):
        source = named_source(node, scope)
    elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select | exp.SetOperation):
        alias = node.args.get("alias")
        if alias is None or not alias.name or alias.args.get("columns"):
            raise Rejected("CONSTRUCT", what="(SELECT ...)")
        relation = resolve_query(node.this, None, dict(scope.ctes), scope.tally)
        relation.check_names()
        source = Source(alias.name, relation, is_base=False)
    else:
        raise Rejected("CONSTRUCT", what="FROM")
    scope.add(source)
    return source


def _resolve_items(select: exp.Select, names: Names) -> list[exp.Expr]:
    """The SELECT list: stars expanded, names resolved, and every item under a name that both engines show."""
    resolved: list[exp.Expr] = []
    for item in expand_stars(select.expressions, names.scope):
        written = isinstance(item, exp.Alias)
        name = item.alias if written else _shown_name(item)
        value = resolve(item.this if written else item, names)
        alias = exp.Alias(this=value.copy(), alias=exp.to_identifier(name, quoted=True))
        alias.meta["is_written"] = written
        resolved.append(alias)
    return resolved


def _shown_name(item: exp.Expr) -> str:
    """A column's own name; of an expression its text."""
    if isinstance(item, exp.Column):
        return item.name
    text = DIALECT.generate(item, comments=False).replace('"', "'").replace("`", "")
    return text[:MAX_NAME_CHARS].strip()


def _resolve_group(select: exp.Select, names: Names, items: list[exp.Expr]) -> list[exp.Expr]:
    """GROUP BY: a number or an alias becomes the expression it stands for."""
    group = select.args.get("group")
    if group is None:
        return []
    keys = []
    for key in group.expressions:
        if isinstance(key, exp.Literal) and not key.is_string:
            keys.append(items[position_of(key, len(items))].this.copy())
        else:
            keys.append(resolve(key, names).copy())
    group.set("expressions", keys)
    return keys


def _resolve_having(
    select: exp.Select, scope: Scope, aliases: dict[str, exp.Expr], grouped: list[exp.Expr]
) -> None:
    keys = {key.name.lower() for key in grouped if isinstance(key, exp.Column)}
    meant = {name: value for name, value in aliases.items() if name not in keys}
    resolve(select.args["having"], Names(scope, _subquery, meant, prefers_aliases=True))


def _resolve_order(ordered: exp.Ordered, names: Names, count: int) -> None:
    key = ordered.this
    if isinstance(key, exp.Literal):
        position_of(key, count)
    elif isinstance(key, exp.Column) and not key.table and key.name.lower() in names.aliases:
        # As the SELECT list spells it; all engines look there first.
        written = names.aliases[key.name.lower()].find_ancestor(exp.Alias)
        assert written is not None  # noqa: S101 - aliases are made of these
        ordered.set("this", exp.column(exp.to_identifier(written.alias, quoted=True)))
    else:
        resolve(ordered, names)


def _ordered(query: exp.Query) -> list[exp.Ordered]:
    order = query.args.get("order")
    return list(order.expressions) if order is not None else []


def _offer(select: exp.Select, scope: Scope, items: list[exp.Expr], grouped: list[exp.Expr]) -> Relation:
    """What the SELECT is to the query around it."""
    distinct = bool(select.args.get("distinct"))
    keys = {DIALECT.generate(key) for key in grouped}
    fields = tuple(
        Field(
            item.alias,
            kind_of(item.this),
            distinct or _is_key(item.this, keys, bool(grouped)),
            size_of(item.this),
        )
        for item in items
    )
    folds = not grouped and any(is_aggregate(node) for item in items for node in _own_nodes(item))
    one_row = folds or not scope.sources or _limit_is_one(select)
    return Relation(fields, one_row, max(scope.reads, 1), distinct or bool(grouped))


def _own_nodes(item: exp.Expr) -> list[exp.Expr]:
    """The nodes of an expression without those of the queries in it."""
    return list(item.walk(prune=lambda node: isinstance(node, exp.Query)))


def _is_key(value: exp.Expr, grouped: set[str], has_groups: bool) -> bool:
    if has_groups:
        return DIALECT.generate(value) in grouped
    return isinstance(value, exp.Column) and bool(value.meta.get("is_key"))


def _limit_is_one(query: exp.Query) -> bool:
    limit = query.args.get("limit")
    return limit is not None and plain_number(limit.expression) <= 1
