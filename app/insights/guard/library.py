"""The functions that a query may call, by MySQL's names.

Left out on purpose: whatever reads files, sleeps, locks, tells about the server, makes long texts (REPEAT, LPAD),
matches regular expressions, or has no equal in SQLite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Function:
    """`most` is None for any number. `role`: scalar, aggregate, or window (which needs OVER)."""

    least: int
    most: int | None
    role: str = "scalar"


def _declare(text: str, role: str = "scalar") -> dict[str, Function]:
    """`NAME:1` one argument, `NAME:1-2` one or two, `NAME:2+` two or more."""
    declared = {}
    for word in text.split():
        name, _, count = word.partition(":")
        least, dash, most = count.rstrip("+").partition("-")
        upper = int(most) if dash else None if count.endswith("+") else int(least)
        declared[name] = Function(int(least), upper, role)
    return declared


FUNCTIONS: Mapping[str, Function] = {
    **_declare("COUNT:1+ SUM:1 AVG:1 MIN:1 MAX:1", "aggregate"),
    **_declare("STD:1 STDDEV:1 STDDEV_POP:1 STDDEV_SAMP:1 VARIANCE:1 VAR_POP:1 VAR_SAMP:1", "aggregate"),
    **_declare(
        "ROW_NUMBER:0 RANK:0 DENSE_RANK:0 PERCENT_RANK:0 CUME_DIST:0 NTILE:1 LAG:1-3 LEAD:1-3", "window"
    ),
    **_declare("FIRST_VALUE:1 LAST_VALUE:1 NTH_VALUE:2", "window"),
    **_declare("COALESCE:1+ IFNULL:2 NULLIF:2 ISNULL:1 GREATEST:2+ LEAST:2+ FIELD:2+"),
    **_declare("ABS:1 SIGN:1 ROUND:1-2 FLOOR:1 CEIL:1 CEILING:1 TRUNCATE:2 MOD:2 SQRT:1"),
    **_declare(
        "CONCAT:1+ CONCAT_WS:2+ REPLACE:3 UPPER:1 LOWER:1 UCASE:1 LCASE:1 TRIM:1 LTRIM:1 RTRIM:1 LENGTH:1 CHAR_LENGTH:1"
    ),
    **_declare("CHARACTER_LENGTH:1 SUBSTRING:2-3 SUBSTR:2-3 MID:3 LEFT:2 RIGHT:2 INSTR:2 LOCATE:2"),
    **_declare(
        "DATE:1 YEAR:1 QUARTER:1 MONTH:1 DAY:1 DAYOFMONTH:1 DAYOFWEEK:1 DAYOFYEAR:1 WEEKDAY:1 HOUR:1 MINUTE:1"
    ),
    **_declare(
        "SECOND:1 WEEK:1-2 WEEKOFYEAR:1 YEARWEEK:1-2 LAST_DAY:1 DATE_FORMAT:2 DATEDIFF:2 TIMESTAMPDIFF:3"
    ),
    **_declare("DATE_ADD:2 DATE_SUB:2 ADDDATE:2 SUBDATE:2 TIMESTAMPADD:3 CONVERT_TZ:3 UNIX_TIMESTAMP:1"),
    **_declare("MONTHNAME:1 DAYNAME:1 STR_TO_DATE:2"),
    **_declare(
        "NOW:0 CURDATE:0 CURRENT_DATE:0 CURRENT_TIMESTAMP:0 LOCALTIME:0 LOCALTIMESTAMP:0 UTC_TIMESTAMP:0"
    ),
}
TODAY = {"CURDATE", "CURRENT_DATE"}
NOW = {"NOW", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "UTC_TIMESTAMP"}
NOW_NODES = (exp.CurrentTimestamp, exp.Localtime, exp.Localtimestamp)
UNITS = {"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
EXTRACTED = {"SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "QUARTER", "YEAR"}
INTERVAL_CALLS = {"DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE"}
MAX_STEPS = 10_000
ZONES = {f"{sign}{hour:02d}:{minute}" for sign in "+-" for hour in range(15) for minute in ("00", "30", "45")}
DATE_FORMATS = set("YymdHisSjTvxuwcekMbWa%")
READ_FORMATS = {"%Y-%m-%d", "%Y-%m-%d %H:%i:%s"}
SPREADS = {"STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP"}
MAX_WILDCARDS = 8
TYPES = {
    "DATE",
    "DATETIME",
    "TIMESTAMP",
    "CHAR",
    "VARCHAR",
    "TEXT",
    "BIGINT",
    "UBIGINT",
    "INT",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
}


def is_aggregate(node: exp.Expr) -> bool:
    """True for a call that folds rows, unless it has an OVER."""
    if isinstance(node.parent, exp.Window) and node.arg_key == "this":
        return False
    return isinstance(node, exp.GroupConcat) or (
        isinstance(node, exp.Anonymous) and role_of(node) == "aggregate"
    )


def role_of(call: exp.Anonymous) -> str:
    """scalar, aggregate or window."""
    return FUNCTIONS[call.name.upper()].role
