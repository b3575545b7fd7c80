"""Why SQL is refused: a code for programs, a text for people, and what it is about for a model's second attempt."""

from __future__ import annotations

from app.core.errors import N_, InvalidParam

MESSAGES = {
    "EMPTY": N_("There is no SQL here."),
    "TOO_LONG": N_("The SQL is longer than %(limit)s characters."),
    "BACKSLASH": N_("A backslash means different things to different databases; leave it out."),
    "QUOTES": N_("Write texts in single quotes and names in backquotes; double quotes are not accepted."),
    "UNCLOSED": N_("A quotation or comment is not closed."),
    "COMMENT": N_("This comment could be carried out or be read differently; leave comments out."),
    "CHARACTER": N_("The character %(what)s is not accepted in SQL."),
    "NAME": N_("The name %(what)s is not accepted."),
    "NUMBER": N_("The number %(what)s is not accepted."),
    "SYNTAX": N_("The SQL cannot be parsed: %(what)s"),
    "STATEMENTS": N_("One statement at a time."),
    "NOT_SELECT": N_("Only a SELECT may run."),
    "CONSTRUCT": N_("%(what)s is not accepted here."),
    "FUNCTION": N_("The function %(what)s is not accepted."),
    "ARGUMENTS": N_("The function %(what)s is not accepted with these arguments."),
    "TABLE": N_("There is no table %(what)s. Tables: %(known)s."),
    "COLUMN": N_("There is no column %(what)s. Columns: %(known)s."),
    "AMBIGUOUS": N_("The name %(what)s could mean several things; say of which table."),
    "JOIN": N_("The tables %(what)s are not joined by an equality of their keys."),
    "TOO_MANY": N_("Too many %(what)s: at most %(limit)s."),
    "TOO_DEEP": N_("The SQL is nested too deeply."),
    "LIMIT": N_("LIMIT and OFFSET need plain numbers, OFFSET at most %(limit)s."),
}


class Rejected(InvalidParam):
    """SQL that does not pass (422). `reason` is a key of MESSAGES; `params["what"]` names the offending part.

    >>> Rejected("TABLE", what="users", known="orders").text()
    'There is no table users. Tables: orders.'
    """

    code = "SQL_REJECTED"

    def __init__(self, reason: str, **params: str | int) -> None:
        self.reason = reason
        super().__init__(MESSAGES[reason])
        self.params = dict(params)
        self.args = (self.text(),)
