"""Figures and texts that a model wrote into a query: none may look like a result.

A condition may compare with anything. What is shown or calculated with may hold small numbers, those of calendars and units,
and those that the operator said or a condition compares with (a label "over 500" beside `amount > 500`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from app.insights.guard.writing import PREDICATES
from app.insights.modelling.tasks import Wrong
from app.language.normalise import normalise
from app.language.numbers import find_numbers

SMALL = 100.0
UNITS = frozenset({365.0, 366.0, 1_000.0, 3_600.0, 10_000.0, 86_400.0, 1_000_000.0, 100_000_000.0})
MAX_LABEL = 64
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_DAY = re.compile(r"\d{4}-\d\d(?:-\d\d)?(?: \d\d:\d\d(?::\d\d)?)?")
_ADDRESS = re.compile(r"://|www\.|@", re.I)


def check_literals(query: exp.Expr, sentence: str) -> None:
    """Raises Wrong for a figure or a text in what is shown that is neither said nor compared with."""
    known = numbers_in(sentence) | {number for text in _compared(query) for number in numbers_in(text)}
    for select in query.find_all(exp.Select):
        for item in select.expressions:
            _check_text(item.alias, known)
            for literal in _shown(item):
                if literal.is_string:
                    _check_text(literal.name, known)
                elif not is_plain(float(literal.name)) and float(literal.name) not in known:
                    raise Wrong(
                        code="LITERAL", problem="figures come from the tables only", what=literal.name
                    )


def numbers_in(text: str) -> set[float]:
    """The numbers of a text, in digits and in words (3万, 20k), as they stand."""
    found = {float(each) for each in _DIGITS.findall(text.replace(",", ""))}
    return found | {float(each.value) for each in find_numbers(normalise(text))}


def is_plain(number: float) -> bool:
    """True for what no reader takes for a result."""
    return abs(number) <= SMALL or abs(number) in UNITS


def _check_text(text: str, known: set[float]) -> None:
    if len(text) > MAX_LABEL or _ADDRESS.search(text):
        raise Wrong(code="LABEL", problem="labels are short", what=text[:MAX_LABEL])
    for number in numbers_in(_DAY.sub("", text)) - known:
        if not is_plain(number):
            raise Wrong(
                code="LABEL",
                problem="a label holds a figure that is not in the question",
                what=text[:MAX_LABEL],
            )


def _shown(node: exp.Expr) -> Iterator[exp.Literal]:
    """The literals of an expression that may become part of a result: not those it compares with, nor of queries in it."""
    for each in node.walk(prune=lambda one: isinstance(one, (*PREDICATES, exp.Query, exp.DataType))):
        if isinstance(each, exp.Literal):
            yield each


def _compared(query: exp.Expr) -> Iterator[str]:
    for node in query.find_all(*PREDICATES):
        yield from (literal.name for literal in node.find_all(exp.Literal))
