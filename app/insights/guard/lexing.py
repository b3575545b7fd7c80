"""The text by MySQL's rules, before any parser sees it.

Databases disagree about where a string or a comment ends: backslashes, double quotes, `--` without a space,
comments in comments, comments that MySQL carries out. What they could read differently is refused here; what is left
means the same to all of them.
"""

from __future__ import annotations

import re
import unicodedata

from app.insights.guard.limits import MAX_NAME_CHARS, MAX_PARENTHESES, MAX_SQL_CHARS
from app.insights.guard.reasons import Rejected

TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<name>`[^`]*`)|(?P<line>(?:\#|--(?=[ \t\r\n]|\Z))[^\n]*)"""
    r"""|(?P<block>/\*.*?\*/)|(?P<word>[^\W]+)|(?P<space>[ \t\r\n]+)|(?P<sign>.)""",
    re.DOTALL,
)
# Executable comments of MySQL and MariaDB, hints of the optimizer, and comments that may or may not nest.
ACTIVE_COMMENT = re.compile(r"/\*(?:[!+]|M!|m!)|/\*.*/\*", re.DOTALL)
SIGNS = frozenset("()+-*/%,.<>=!;")


def clean(sql: str) -> str:
    """The statement without comments and without the semicolon at its end. Rejected for what is ambiguous."""
    if len(sql) > MAX_SQL_CHARS:
        raise Rejected("TOO_LONG", limit=MAX_SQL_CHARS)
    if "\\" in sql:
        raise Rejected("BACKSLASH")
    pieces = [_checked(match) for match in TOKEN.finditer(sql)]
    _check_parentheses(pieces)
    while pieces and pieces[-1].isspace():
        pieces.pop()
    if pieces and pieces[-1] == ";":
        pieces.pop()
    if ";" in pieces:
        raise Rejected("STATEMENTS")
    text = "".join(pieces).strip()
    _check_first_word(text)
    return text


def _checked(match: re.Match[str]) -> str:
    """One piece of the text as it may stay; a comment becomes a space."""
    kind, piece = match.lastgroup, match.group()
    if kind == "line":
        return " "
    if kind == "block":
        if ACTIVE_COMMENT.match(piece):
            raise Rejected("COMMENT")
        return " "
    if kind == "text":
        _check_printable(piece)
    elif kind == "name":
        _check_name(piece[1:-1])
    elif kind == "word":
        _check_word(piece)
    elif kind == "sign":
        _check_sign(piece, match.string[match.start() : match.start() + 2])
    return piece


def _check_printable(piece: str) -> None:
    """Control characters and what changes the direction or the width of text have no business in a query."""
    for character in piece:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character not in "\t\r\n":
            raise Rejected("CHARACTER", what=f"U+{ord(character):04X}")


def _check_name(name: str) -> None:
    _check_printable(name)
    if (
        not name.strip()
        or name != name.strip()
        or len(name) > MAX_NAME_CHARS
        or set(name) & set("\"'\t\r\n;")
    ):
        raise Rejected("NAME", what=name[:MAX_NAME_CHARS])


def _check_word(word: str) -> None:
    """Letters of any script, but none that has a plainer equivalent (full-width letters and digits)."""
    if len(word) > MAX_NAME_CHARS:
        raise Rejected("NAME", what=word[:MAX_NAME_CHARS])
    if not word.isascii() and unicodedata.normalize("NFKC", word) != word:
        raise Rejected("CHARACTER", what=word)
    _check_printable(word)


def _check_sign(sign: str, pair: str) -> None:
    if sign == '"':
        raise Rejected("QUOTES")
    if sign in "'`" or pair == "/*":
        raise Rejected("UNCLOSED")
    if pair in ("--", "*/"):
        raise Rejected("COMMENT")
    if sign not in SIGNS:
        raise Rejected("CHARACTER", what=sign if sign.isprintable() else f"U+{ord(sign):04X}")


def _check_parentheses(pieces: list[str]) -> None:
    """Before the parser, which would recurse for each."""
    depth = 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        if depth > MAX_PARENTHESES:
            raise Rejected("TOO_DEEP")


def _check_first_word(text: str) -> None:
    if not text:
        raise Rejected("EMPTY")
    first = re.match(r"[\s(]*(\w*)", text)
    if first is None or first.group(1).upper() not in ("SELECT", "WITH"):
        raise Rejected("NOT_SELECT")
