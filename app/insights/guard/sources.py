"""What stands in FROM under a name of its own: tables, CTEs, and the columns that USING merges."""

from __future__ import annotations

from sqlglot import exp

from app.insights.guard.columns import column_of
from app.insights.guard.reasons import Rejected
from app.insights.guard.relations import BASE, Scope, Source
from app.insights.schema import SCHEMA_NAME, SUMS


def named_source(node: exp.Table, scope: Scope) -> Source:
    """The table or CTE that a name means; the node is rewritten as it shall run."""
    if not isinstance(node.this, exp.Identifier):
        raise Rejected("CONSTRUCT", what="FROM")
    name, alias = node.name, node.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        raise Rejected("CONSTRUCT", what="AS")
    spoken = alias.name if alias is not None and alias.name else name
    cte = None if node.db else scope.ctes.get(name.lower())
    table = name.lower()
    if cte is None and (table not in BASE or (node.db and node.db.lower() != SCHEMA_NAME)):
        known = ", ".join(sorted(set(BASE) - SUMS))
        raise Rejected("TABLE", what=f"{node.db}.{name}" if node.db else name, known=known)
    written = cte.name if cte else table
    node.set("db", None)
    node.set("this", exp.to_identifier(written, quoted=True))
    node.set(
        "alias", exp.TableAlias(this=exp.to_identifier(spoken, quoted=True)) if spoken != written else None
    )
    if cte:
        return Source(spoken, cte.relation, is_base=False)
    scope.tally.tables.add(table)
    return Source(spoken, BASE[table], is_base=True)


def merge_columns(join: exp.Join, before: list[Source], source: Source, scope: Scope) -> None:
    """USING (x) becomes ON a.x = b.x; of the two columns one is seen afterwards."""
    equalities = []
    for identifier in join.args["using"]:
        left = [item for item in before if _has(scope, item, identifier.name)]
        right = source.relation.field_named(identifier.name)
        if len(left) != 1 or right is None:
            raise Rejected(
                "COLUMN" if not left or right is None else "AMBIGUOUS", what=identifier.name, known=""
            )
        found = left[0].relation.field_named(identifier.name)
        assert found is not None  # noqa: S101 - _has said so
        equalities.append(exp.EQ(this=column_of(left[0], found), expression=column_of(source, right)))
        merged = left[0] if join.args.get("side") == "RIGHT" else source
        scope.hidden.add((merged.alias.lower(), right.name.lower()))
    join.set("using", None)
    join.set("on", exp.and_(*equalities))


def _has(scope: Scope, source: Source, name: str) -> bool:
    """True when an unqualified name can mean a column of the source."""
    return any(item.name.lower() == name.lower() for item in scope.visible(source))
