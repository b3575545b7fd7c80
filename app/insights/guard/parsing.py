"""From clean text to one tree, by MySQL's grammar."""

from __future__ import annotations

import logging
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ParseError
from sqlglot.parsers.mysql import MySQLParser

from app.insights.guard.reasons import Rejected

# Functions whose arguments have a grammar of their own.
SPECIAL_CALLS = ("CAST", "EXTRACT", "GROUP_CONCAT")
SPECIAL_WORDS = ("CASE", "IF")


class GuardParser(MySQLParser):
    """MySQL's grammar without knowledge of functions: each call stays the name and the arguments that were written.

    So the allow-list of functions compares names, and nothing is rewritten into a function that nobody wrote.
    """

    FUNCTIONS: ClassVar = {}
    FUNCTION_PARSERS: ClassVar = {name: MySQLParser.FUNCTION_PARSERS[name] for name in SPECIAL_CALLS}
    NO_PAREN_FUNCTION_PARSERS: ClassVar = {
        name: MySQLParser.NO_PAREN_FUNCTION_PARSERS[name] for name in SPECIAL_WORDS
    }


class GuardMySQL(MySQL):
    """MySQL with one kind of string quotation and one kind of escape, as the lexer left the text."""

    Parser = GuardParser

    class Tokenizer(MySQL.Tokenizer):
        QUOTES: ClassVar = ["'"]
        STRING_ESCAPES: ClassVar = ["'"]


DIALECT = GuardMySQL()
# It would write what it cannot parse, a stranger's text, into our log.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def parse(text: str) -> exp.Query:
    """The one SELECT (or UNION of such) that the text is."""
    try:
        trees = DIALECT.parse(text)
    except RecursionError:
        raise Rejected("TOO_DEEP") from None
    except ParseError as error:
        raise Rejected("SYNTAX", what=_place(error)) from error
    except Exception as error:  # Whatever a parser stumbles over is not SQL that we understand.
        raise Rejected("SYNTAX", what=type(error).__name__) from error
    if len(trees) != 1:
        raise Rejected("STATEMENTS")
    tree = trees[0]
    while isinstance(tree, exp.Subquery) and set(_present(tree)) == {"this"}:
        tree = tree.this
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise Rejected("NOT_SELECT")
    return tree


def _present(node: exp.Expr) -> list[str]:
    return [name for name, value in node.args.items() if value]


def _place(error: ParseError) -> str:
    """Where the parser stopped, in a few words."""
    if not error.errors:
        return "?"
    first = error.errors[0]
    before, here, after = (
        str(first.get(part) or "") for part in ("start_context", "highlight", "end_context")
    )
    return f"{before[-30:]}{here}{after[:30]}".strip()
