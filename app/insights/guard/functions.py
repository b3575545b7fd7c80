"""Every call of a query is compared with the library, and gets the values of today and now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from app.insights.guard import arguments
from app.insights.guard.library import (
    EXTRACTED,
    FUNCTIONS,
    INTERVAL_CALLS,
    MAX_STEPS,
    NOW,
    NOW_NODES,
    READ_FORMATS,
    SPREADS,
    TODAY,
    UNITS,
    ZONES,
)
from app.insights.guard.moments import Moment
from app.insights.guard.reasons import Rejected

CHECKS: Mapping[type[exp.Expr], Callable[[Any], None]] = {
    exp.Interval: arguments.check_interval,
    exp.Cast: arguments.check_cast,
    exp.GroupConcat: arguments.check_group_concat,
    exp.Window: arguments.check_window,
    exp.Escape: arguments.check_escape,
    exp.Like: arguments.check_like,
}


def check_functions(tree: exp.Expr, moment: Moment) -> None:
    """Refuse unknown functions and values; write the values of today and now into the tree."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Anonymous):
            _check_call(node, moment)
        elif isinstance(node, exp.CurrentDate):
            node.replace(_today(moment))
        elif isinstance(node, NOW_NODES):
            node.replace(_now(moment))
        elif isinstance(node, exp.Extract):
            arguments.check_unit(node.this, EXTRACTED, "EXTRACT")
        elif isinstance(node, exp.Distinct):
            if node.expressions:
                arguments.check_distinct(node)
        elif type(node) in CHECKS:
            CHECKS[type(node)](node)


def _check_call(call: exp.Anonymous, moment: Moment) -> None:
    if not isinstance(call.this, str):
        raise Rejected("FUNCTION", what=call.name)
    name, values = call.name.upper(), call.expressions
    known = FUNCTIONS.get(name)
    if known is None:
        raise Rejected("FUNCTION", what=name)
    if len(values) < known.least or (known.most is not None and len(values) > known.most):
        raise Rejected("ARGUMENTS", what=name)
    over = isinstance(call.parent, exp.Window) and call.arg_key == "this"
    if (known.role == "window" and not over) or (known.role == "scalar" and over):
        raise Rejected("ARGUMENTS", what=name)
    if any(isinstance(argument, exp.Star) for argument in values) and (name != "COUNT" or len(values) > 1):
        raise Rejected("ARGUMENTS", what=name)
    _check_arguments(call, name)
    if over and len(values) == 3:
        _take_default(call)
    if name in TODAY:
        call.replace(_today(moment))
    elif name in NOW:
        call.replace(_now(moment))


def _take_default(call: exp.Anonymous) -> None:
    """LAG(x, 1, 0) OVER w becomes COALESCE(LAG(x, 1) OVER w, 0): MariaDB knows no default there."""
    window, default = call.parent, call.expressions[2].pop()
    assert window is not None  # noqa: S101 - the caller looked
    outer = exp.Anonymous(this="COALESCE", expressions=[])
    window.replace(outer)
    outer.set("expressions", [window, default])


def _check_arguments(call: exp.Anonymous, name: str) -> None:
    """What must be written out, so that both engines do the same with it; INTERVAL only where it is added."""
    values = call.expressions
    fits = RULES[name](call, values) if name in RULES else True
    strays = name not in INTERVAL_CALLS and any(isinstance(value, exp.Interval) for value in values)
    if strays or not fits:
        raise Rejected("ARGUMENTS", what=name)


def _has_interval(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return isinstance(values[1], exp.Interval) and not isinstance(values[0], exp.Interval)


def _has_unit(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    """The parser took the unit for a column; it becomes the word it is."""
    arguments.check_unit(values[0], UNITS, call.name.upper())
    values[0].replace(exp.Var(this=values[0].name.upper()))
    return call.name.upper() == "TIMESTAMPDIFF" or arguments.is_whole(values[1], MAX_STEPS)


def _has_mode(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return all(isinstance(value, exp.Literal) and value.name in ("0", "1", "3") for value in values[1:])


def _has_digits(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return all(arguments.is_whole(value, 10) for value in values[1:])


def _has_length(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return arguments.is_whole(values[1], 1_000) and values[1].name != "0"


def _has_offset(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return all(arguments.is_whole(value, 1_000) for value in values[1:2])


def _has_zones(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return all(isinstance(zone, exp.Literal) and zone.name in ZONES for zone in values[1:])


def _is_plain(call: exp.Anonymous, values: list[exp.Expr]) -> bool:
    return not isinstance(call.parent, exp.Window) and not isinstance(values[0], exp.Distinct)


RULES: Mapping[str, Callable[[exp.Anonymous, list[exp.Expr]], bool]] = {
    **dict.fromkeys(INTERVAL_CALLS, _has_interval),
    **dict.fromkeys(("TIMESTAMPDIFF", "TIMESTAMPADD"), _has_unit),
    **dict.fromkeys(("ROUND", "TRUNCATE"), _has_digits),
    **dict.fromkeys(("WEEK", "YEARWEEK"), _has_mode),
    **dict.fromkeys(("LEFT", "RIGHT"), _has_length),
    **dict.fromkeys(("LAG", "LEAD", "NTH_VALUE"), _has_offset),
    **dict.fromkeys(SPREADS, _is_plain),
    "NTILE": lambda _, values: arguments.is_whole(values[0], 1_000),
    "CONCAT_WS": lambda _, values: isinstance(values[0], exp.Literal),
    "STR_TO_DATE": lambda _, values: isinstance(values[1], exp.Literal) and values[1].name in READ_FORMATS,
    "DATE_FORMAT": lambda _, values: arguments.is_date_format(values[1]),
    "CONVERT_TZ": _has_zones,
}


def _today(moment: Moment) -> exp.Cast:
    return exp.cast(exp.Literal.string(moment.today.isoformat()), exp.DataType.Type.DATE)


def _now(moment: Moment) -> exp.Cast:
    text = moment.now.replace(tzinfo=None, microsecond=0).isoformat(" ")
    return exp.cast(exp.Literal.string(text), exp.DataType.Type.DATETIME)
