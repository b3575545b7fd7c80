"""The checked tree as SQL, for MySQL and MariaDB and for SQLite."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from app.insights.guard.generate import GuardSqlite
from app.insights.guard.kinds import kind_of
from app.insights.guard.limits import MAX_GENERATED_CHARS
from app.insights.guard.parsing import GuardMySQL
from app.insights.guard.reasons import Rejected
from app.insights.schema import Kind

PREDICATES = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.Is,
    exp.Like,
    exp.In,
    exp.Between,
)
LOOSER = (*PREDICATES, exp.Not, exp.And, exp.Or, exp.Escape)


def add_parentheses(tree: exp.Expr) -> None:
    """Engines rank comparisons, NOT, AND and OR differently: an operand that is one of these gets parentheses."""
    for node in list(tree.walk()):
        loose: tuple[type[exp.Expr], ...] = LOOSER if isinstance(node, (*PREDICATES, exp.Neg)) else ()
        if isinstance(node, exp.Not):
            loose = (exp.And, exp.Or, exp.Not)
        for child in list(node.iter_expressions()):
            if isinstance(child, loose):
                child.replace(exp.Paren(this=child.copy()))


def ignore_case(tree: exp.Expr) -> None:
    """Texts are equal whatever their case in MySQL's collations; SQLite has to be told, where a text is written out.

    Not for `sku`, whose index would be of no use then.
    """
    for node in list(tree.walk()):
        if isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ):
            sides = (node.this, node.expression)
            columns = [side for side in sides if _is_word(side)] if any(map(_is_text, sides)) else []
        elif isinstance(node, exp.In | exp.Case) and _is_word(node.this):
            columns = [node.this]
        else:
            continue
        for column in columns:
            column.replace(exp.Collate(this=column.copy(), expression=exp.Var(this="NOCASE")))


def _is_word(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Column) and kind_of(node) is Kind.TEXT and node.name != "sku"


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string


def write(tree: exp.Expr) -> tuple[str, str]:
    """The SQL for SQLite and for MySQL. Rejected when it would become too long."""
    add_parentheses(tree)
    options: dict[str, Any] = {"identify": True, "comments": False, "unsupported_level": ErrorLevel.RAISE}
    try:
        mysql = GuardMySQL().generate(tree, **options)
        ignore_case(tree)
        texts = (GuardSqlite().generate(tree, copy=False, **options), mysql)
    except RecursionError:
        raise Rejected("TOO_DEEP") from None
    except SqlglotError as error:
        raise Rejected("CONSTRUCT", what=str(error)[:80]) from error
    if max(map(len, texts)) > MAX_GENERATED_CHARS:
        raise Rejected("TOO_LONG", limit=MAX_GENERATED_CHARS)
    return texts
