"""What SQL that a model wrote may show, beyond what the guard lets run: figures of groups that come from the data.

The guard keeps columns with personal data out. A model could still list single customers, look one up by number, or write a
figure of its own into the query; so each SELECT of the checked text is read from the inside out for what its rows and
columns tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from sqlglot import exp

from app.insights.guard.library import is_aggregate
from app.insights.guard.parsing import parse
from app.insights.guard.writing import PREDICATES
from app.insights.modelling.literals import check_literals
from app.insights.modelling.tasks import Wrong
from app.insights.schema import TABLES


class Told(IntEnum):
    """What an expression tells of a single person or order."""

    NOTHING = 0
    TRAIT = 1
    IDENTITY = 2


# Tables whose rows are single people, orders or lines of orders.
SINGLE = frozenset({"members", "orders", "order_items"})
IDENTITIES = {"members": {"id"}, "orders": {"id", "member_id"}, "order_items": {"id", "order_id"}}
TRAITS = {"members": {"created_at", "total_spent"}, "orders": {"created_at", "paid_at"}}
# What makes a group of a moment or an amount.
COARSE = frozenset(
    [
        "DATE",
        "YEAR",
        "QUARTER",
        "MONTH",
        "DAY",
        "DAYOFMONTH",
        "DAYOFWEEK",
        "DAYOFYEAR",
        "WEEKDAY",
        "HOUR",
        "WEEK",
        "WEEKOFYEAR",
        "YEARWEEK",
        "LAST_DAY",
        "DATEDIFF",
        "TIMESTAMPDIFF",
        "MONTHNAME",
        "DAYNAME",
        "FLOOR",
        "CEIL",
        "CEILING",
        "TRUNCATE",
        "ISNULL",
    ]
)
FINE_FORMATS = ("%i", "%s", "%S", "%T", "%r", "%f")
LOGIC = (*PREDICATES, exp.And, exp.Or, exp.Not, exp.Exists)
COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.In,
    exp.Between,
    exp.Like,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a relation. `stems`: it is made from what is stored."""

    told: Told = Told.NOTHING
    stems: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query offers. `is_single`: each row is one person, one order or one line of an order."""

    fields: Mapping[str, Field]
    is_single: bool


BASE: Mapping[str, Rows] = {
    table: Rows(
        {
            name: Field(
                Told.IDENTITY
                if name in IDENTITIES.get(table, ())
                else Told.TRAIT
                if name in TRAITS.get(table, ())
                else Told.NOTHING
            )
            for name in columns
        },
        table in SINGLE,
    )
    for table, columns in TABLES.items()
}


def check_disclosure(checked_sql: str, sentence: str) -> None:
    """Raises Wrong for a query whose result would be no figures of groups. `checked_sql` is the guard's text for MySQL."""
    query = parse(checked_sql)
    rows = _read(query, _Scope())
    if rows.is_single or any(each.told for each in rows.fields.values()):
        raise Wrong(
            code="SINGLE",
            problem="rows or columns of single people, orders or order lines are not shown: aggregate them, count people, "
            "group by what many share",
        )
    if not any(each.stems for each in rows.fields.values()):
        raise Wrong(code="NO_DATA", problem="no column comes from the tables")
    check_literals(query, sentence)


@dataclass(slots=True)
class _Scope:
    """Sources by alias; those of the SELECT around a subquery are seen as well. The guard has qualified every column."""

    ctes: dict[str, Rows] = field(default_factory=dict)
    sources: dict[str, Rows] = field(default_factory=dict)

    def field_of(self, column: exp.Column) -> Field:
        rows = self.sources.get(column.table)
        return rows.fields.get(column.name, Field()) if rows else Field()


def _read(query: exp.Expr, outer: _Scope) -> Rows:
    if isinstance(query, exp.Subquery):
        return _read(query.this, outer)
    scope = _Scope(dict(outer.ctes), dict(outer.sources))
    clause = query.args.get("with_")
    for cte in clause.expressions if clause is not None else ():
        scope.ctes[cte.alias] = _renamed(_read(cte.this, scope), cte.args["alias"])
    if isinstance(query, exp.SetOperation):
        return _united(_read(query.this, scope), _read(query.expression, scope))
    assert isinstance(query, exp.Select)  # noqa: S101 - the guard lets nothing else pass
    return _read_select(query, scope)


def _renamed(rows: Rows, alias: exp.TableAlias) -> Rows:
    names = [column.name for column in alias.args.get("columns") or ()]
    return Rows(dict(zip(names, rows.fields.values(), strict=True)), rows.is_single) if names else rows


def _united(left: Rows, right: Rows) -> Rows:
    pairs = zip(left.fields.items(), right.fields.values(), strict=True)
    fields = {
        name: Field(max(one.told, other.told), one.stems or other.stems) for (name, one), other in pairs
    }
    return Rows(fields, left.is_single or right.is_single)


def _read_select(select: exp.Select, scope: _Scope) -> Rows:
    sources = list(_sources(select, scope))
    scope.sources.update(sources)
    _check_look_ups(select, scope)
    items = {item.alias: item.this for item in select.expressions if isinstance(item, exp.Alias)}
    fields = {name: Field(_told(value, scope), _stems(value, scope)) for name, value in items.items()}
    if any(isinstance(item, exp.Star) for item in select.expressions):
        # The guard writes one around a subquery of IN, over one source.
        fields |= {name: each for _, rows in sources for name, each in rows.fields.items()}
    group = select.args.get("group")
    if group is not None:
        is_single = any(_told(key, scope) for key in group.expressions)
    elif any(is_aggregate(node) for value in items.values() for node in _own(value)):
        is_single = False
    elif select.args.get("distinct"):
        is_single = any(each.told for each in fields.values())
    else:
        is_single = any(rows.is_single for _, rows in sources)
    return Rows(fields, is_single)


def _sources(select: exp.Select, scope: _Scope) -> Iterator[tuple[str, Rows]]:
    for part in _parts(select):
        if isinstance(part, exp.Table):
            yield part.alias or part.name, scope.ctes.get(part.name) or BASE[part.name]
        else:
            yield part.alias, _read(part, scope)


def _parts(select: exp.Select) -> list[exp.Expr]:
    """What stands in FROM and JOIN."""
    start = select.args.get("from_")
    return [
        *([start.this] if start is not None else []),
        *(join.this for join in select.args.get("joins") or ()),
    ]


def _told(node: exp.Expr, scope: _Scope) -> Told:
    """What an expression tells of one row; a comparison tells nothing, and `_check_look_ups` has seen it."""
    if isinstance(node, exp.Column):
        return scope.field_of(node).told
    if isinstance(node, exp.Query | exp.Subquery):
        return max((each.told for each in _read(node, scope).fields.values()), default=Told.NOTHING)
    if isinstance(node, LOGIC) or node.name.upper() == "COUNT":
        return Told.NOTHING
    if isinstance(node, exp.Window):
        return _told(node.this, scope)
    inner = max((_told(child, scope) for child in node.iter_expressions()), default=Told.NOTHING)
    hides = (is_aggregate(node) and not isinstance(node, exp.GroupConcat)) or _is_coarse(node)
    return Told.NOTHING if hides and inner is Told.TRAIT else inner


def _is_coarse(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
        if name == "DATE_FORMAT":
            return not any(mark in node.expressions[1].name for mark in FINE_FORMATS)
        return name in COARSE
    if isinstance(node, exp.Cast):
        return bool(node.to.this.name == "DATE")
    return isinstance(node, exp.Extract | exp.IntDiv)


def _stems(node: exp.Expr, scope: _Scope) -> bool:
    """True for what depends on the data; a label written out does not."""
    if isinstance(node, exp.Column):
        return scope.field_of(node).stems
    if isinstance(node, exp.Query | exp.Subquery):
        return any(each.stems for each in _read(node, scope).fields.values())
    if is_aggregate(node) or isinstance(node, exp.Window):
        return node.name.upper() == "COUNT" or any(_stems(each, scope) for each in node.iter_expressions())
    return any(_stems(child, scope) for child in node.iter_expressions())


def _check_look_ups(select: exp.Select, scope: _Scope) -> None:
    """Refuse comparing the number of a person or an order with one that is written out: that looks somebody up."""
    # What stands in FROM has been read.
    known = {id(select), *(id(part.this) for part in _parts(select))}
    for node in _own(select):
        if isinstance(node, exp.Query) and id(node) not in known:
            _read(node, scope)
        if not isinstance(node, COMPARISONS) or isinstance(node.args.get("query"), exp.Expr):
            continue
        sides = [side for side in node.iter_expressions() if not isinstance(side, exp.Query | exp.Subquery)]
        names = [_told(side, scope) is Told.IDENTITY for side in sides]
        others = [side for side, is_one in zip(sides, names, strict=True) if not is_one]
        others = [side for side in others if not isinstance(side, exp.Null)]
        if any(names) and any(side.find(exp.Column) is None for side in others):
            raise Wrong(code="LOOK_UP", problem="a single person or order cannot be looked up by its number")


def _own(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression without those of the queries in it."""
    yield from node.walk(prune=lambda each: each is not node and isinstance(each, exp.Query))
