"""SQLite's words for what MySQL's grammar says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.generators.sqlite import SQLiteGenerator

from app.insights.guard import sqlite_dates as dates
from app.insights.guard.kinds import kind_of
from app.insights.schema import Kind

RENAMED = {
    "UCASE": "UPPER", "LCASE": "LOWER", "CHAR_LENGTH": "LENGTH", "CHARACTER_LENGTH": "LENGTH", "GREATEST": "MAX",
    "LEAST": "MIN", "SUBSTRING": "SUBSTR", "MID": "SUBSTR",
}  # fmt: skip
TYPES = {"CHAR": "TEXT", "VARCHAR": "TEXT", "TEXT": "TEXT", "DOUBLE": "REAL", "FLOAT": "REAL"}
Call = Callable[[Any, list[str], exp.Anonymous], str]


class SqliteGenerator(SQLiteGenerator):
    """SQLite's words for MySQL's functions."""

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        name = expression.name.upper()
        arguments = [self.sql(argument) for argument in expression.expressions]
        special = CALLS.get(name)
        if special is not None:
            return special(self, arguments, expression)
        if name in dates.PARTS or name in ("QUARTER", "WEEKDAY", "DAYOFWEEK"):
            return dates.part(name, arguments[0])
        return f"{RENAMED.get(name, name)}({', '.join(arguments)})"

    def add_sql(self, expression: exp.Add) -> str:
        return self._shifted(expression, 1) or super().add_sql(expression)

    def sub_sql(self, expression: exp.Sub) -> str:
        return self._shifted(expression, -1) or super().sub_sql(expression)

    def _shifted(self, expression: exp.Add | exp.Sub, sign: int) -> str:
        """`date + INTERVAL 7 DAY` in either order; empty when there is no interval."""
        moment, interval = expression.this, expression.expression
        if isinstance(moment, exp.Interval):
            moment, interval = interval, moment
        if not isinstance(interval, exp.Interval):
            return ""
        return self.shift(moment, interval, sign)

    def shift(self, moment: exp.Expr, interval: exp.Interval, sign: int) -> str:
        """A date or moment and a number of units."""
        return dates.add(
            self.sql(moment), kind_of(moment), sign * steps_of(interval), interval.text("unit").upper()
        )

    def intdiv_sql(self, expression: exp.IntDiv) -> str:
        left, right = self.sql(expression, "this"), self.sql(expression, "expression")
        return f"CAST(CAST({left} AS REAL) / {right} AS INTEGER)"

    def extract_sql(self, expression: exp.Extract) -> str:
        return dates.part(expression.name.upper(), self.sql(expression, "expression"))

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        value, name = self.sql(expression, "this"), expression.to.this.name
        if isinstance(expression.this, exp.Literal) and kind_of(expression) in (Kind.DATE, Kind.DATETIME):
            return value
        if name in ("DATE", "DATETIME", "TIMESTAMP"):
            return f"{'DATE' if name == 'DATE' else 'DATETIME'}({value})"
        if name == "DECIMAL":
            digits = expression.to.expressions[1:]
            return f"ROUND(CAST({value} AS REAL), {self.sql(digits[0]) if digits else 0})"
        if name in TYPES:
            text = f"CAST({value} AS {TYPES[name]})"
            size = expression.to.expressions
            return f"SUBSTR({text}, 1, {self.sql(size[0])})" if size and TYPES[name] == "TEXT" else text
        return f"CAST(ROUND({value}) AS INTEGER)"

    def groupconcat_sql(self, expression: exp.GroupConcat) -> str:
        """SQLite 3.40 knows no order here, and no separator beside DISTINCT: it is put in the place of the comma."""
        inner = expression.this.this if isinstance(expression.this, exp.Order) else expression.this
        separator = self.sql(expression, "separator") or "','"
        if not isinstance(inner, exp.Distinct):
            return f"GROUP_CONCAT({self.sql(inner)}, {separator})"
        joined = f"GROUP_CONCAT(DISTINCT {self.sql(inner.expressions[0])})"
        return joined if separator == "','" else f"REPLACE({joined}, ',', {separator})"


def _count(generator: SqliteGenerator, arguments: list[str], call: exp.Anonymous) -> str:
    """COUNT(DISTINCT a, b): rows where one is NULL are not counted, as in MySQL."""
    inner = call.expressions[0]
    if isinstance(inner, exp.Distinct) and len(inner.expressions) > 1:
        joined = " || CHAR(31) || ".join(generator.sql(item) for item in inner.expressions)
        return f"COUNT(DISTINCT {joined})"
    return f"COUNT({', '.join(arguments)})"


def _shift(sign: int) -> Call:
    def shift(generator: SqliteGenerator, arguments: list[str], call: exp.Anonymous) -> str:
        moment, interval = call.expressions
        return generator.shift(moment, interval, sign)

    return shift


def _timestamp_add(generator: SqliteGenerator, arguments: list[str], call: exp.Anonymous) -> str:
    unit, steps, moment = call.expressions
    return dates.add(arguments[2], kind_of(moment), number_of(steps), unit.name.upper())


def _floor(value: str, sign: str) -> str:
    """SQLite has FLOOR only where it was built with it."""
    whole = f"CAST({value} AS INTEGER)"
    return f"({whole} {'-' if sign == '<' else '+'} ({value} {sign} {whole}))"


def _truncate(value: str, digits: int) -> str:
    return f"(CAST({value} * {10**digits} AS INTEGER) / {10**digits}.0)"


def _field(arguments: list[str]) -> str:
    cases = " ".join(f"WHEN {value} THEN {number}" for number, value in enumerate(arguments[1:], start=1))
    return f"CASE {arguments[0]} {cases} ELSE 0 END"


def _concat_ws(arguments: list[str]) -> str:
    """What is NULL is left out, its separator too."""
    separator = arguments[0]
    parts = " || ".join(f"COALESCE({separator} || {value}, '')" for value in arguments[1:])
    return f"SUBSTR({parts}, LENGTH({separator}) + 1)"


def _spread(value: str, name: str) -> str:
    """Variance and standard deviation from the sums of the values and of their squares."""
    mean = f"AVG(CAST({value} AS REAL))"
    variance = f"MAX(0, AVG(CAST({value} AS REAL) * {value}) - {mean} * {mean})"
    if name.endswith("_SAMP"):
        variance = f"({variance} * COUNT({value}) / NULLIF(COUNT({value}) - 1, 0))"
    return f"SQRT({variance})" if name.startswith("STD") else variance


CALLS: Mapping[str, Call] = {
    **{
        name: lambda _, a, call: _spread(f"({a[0]})", call.name.upper())
        for name in ("STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP")
    },
    "CONCAT_WS": lambda _, a, call: _concat_ws(a),
    "MONTHNAME": lambda _, a, call: dates.named("MONTHNAME", a[0]),
    "DAYNAME": lambda _, a, call: dates.named("DAYNAME", a[0]),
    "STR_TO_DATE": lambda _, a, call: f"{'DATETIME' if '%H' in a[1] else 'DATE'}({a[0]})",
    "COUNT": _count,
    "DATE_ADD": _shift(1),
    "ADDDATE": _shift(1),
    "DATE_SUB": _shift(-1),
    "SUBDATE": _shift(-1),
    "TIMESTAMPADD": _timestamp_add,
    "TIMESTAMPDIFF": lambda _, a, call: dates.difference(call.expressions[0].name.upper(), a[1], a[2]),
    "DATEDIFF": lambda _, a, call: dates.difference("DAY", f"DATE({a[1]})", f"DATE({a[0]})"),
    "DATE_FORMAT": lambda _, a, call: dates.formatted(a[0], call.expressions[1].name),
    "DAYOFMONTH": lambda _, a, call: dates.part("DAY", a[0]),
    "LAST_DAY": lambda _, a, call: f"DATE({a[0]}, 'start of month', '+1 month', '-1 day')",
    "WEEK": lambda _, a, call: dates.week(a[0], _mode(call)),
    "WEEKOFYEAR": lambda _, a, call: dates.week(a[0], "3"),
    "YEARWEEK": lambda _, a, call: dates.year_week(a[0], _mode(call)),
    "CONVERT_TZ": lambda _, a, call: dates.shifted_zone(a[0], *(zone.name for zone in call.expressions[1:])),
    "UNIX_TIMESTAMP": lambda _, a, call: f"CAST(STRFTIME('%s', {a[0]}) AS INTEGER)",
    "CONCAT": lambda _, a, call: f"({' || '.join(a)})" if len(a) > 1 else f"CAST({a[0]} AS TEXT)",
    "LEFT": lambda _, a, call: f"SUBSTR({a[0]}, 1, {a[1]})",
    "RIGHT": lambda _, a, call: f"SUBSTR({a[0]}, -{a[1]})",
    "LENGTH": lambda _, a, call: f"LENGTH(CAST({a[0]} AS BLOB))",
    "LOCATE": lambda _, a, call: f"INSTR({a[1]}, {a[0]})",
    "ISNULL": lambda _, a, call: f"(({a[0]}) IS NULL)",
    "MOD": lambda _, a, call: f"(({a[0]}) % ({a[1]}))",
    "FLOOR": lambda _, a, call: _floor(f"({a[0]})", "<"),
    "CEIL": lambda _, a, call: _floor(f"({a[0]})", ">"),
    "CEILING": lambda _, a, call: _floor(f"({a[0]})", ">"),
    "TRUNCATE": lambda _, a, call: _truncate(f"({a[0]})", number_of(call.expressions[1])),
    "FIELD": lambda _, a, call: _field(a),
    "COALESCE": lambda _, a, call: f"COALESCE({', '.join(a)})" if len(a) > 1 else a[0],
}


def _mode(call: exp.Anonymous) -> str:
    return call.expressions[1].name if len(call.expressions) > 1 else "0"


def steps_of(interval: exp.Interval) -> int:
    """The number of an INTERVAL, which the guard has made a literal."""
    return number_of(interval.this)


def number_of(node: exp.Expr) -> int:
    """A literal whole number, perhaps negative."""
    return -int(node.this.name) if isinstance(node, exp.Neg) else int(node.name)


class GuardSqlite(SQLite):
    """SQLite, written by SqliteGenerator."""

    Generator = SqliteGenerator
