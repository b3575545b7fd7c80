"""The call log and its statistics for people: names of errors, durations, charts, JSON to read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask_babel import format_date, format_datetime, gettext

from app.core.errors import N_
from app.mcp.statistics import Series
from app.tools.call_counts import HOUR
from app.tools.groups import find_group

KINDS = {
    "INVALID_PARAM": N_("Wrong arguments"),
    "NOT_FOUND": N_("Not found"),
    "UNAUTHORIZED": N_("Not signed in"),
    "FORBIDDEN": N_("Not allowed"),
    "CONFLICT": N_("Not possible"),
    "INSUFFICIENT_STOCK": N_("Not enough stock"),
    "CONFIRMATION_VOID": N_("Confirmation void"),
    "RATE_LIMITED": N_("Over the limit"),
    "TIMEOUT": N_("Timed out"),
    "CANCELLED": N_("Cancelled"),
    "UPSTREAM": N_("Outside service"),
    "UNAVAILABLE": N_("Not available"),
    "INTERNAL": N_("Fault of ours"),
    "DENIED": N_("Refused"),
    "UNKNOWN": N_("Not known"),
}
# Whose fault it is decides the colour: ours, or nobody's that an admin must look after.
OURS = frozenset({"INTERNAL", "TIMEOUT", "UPSTREAM", "UNAVAILABLE"})


def kind_name(code: str) -> str:
    """A kind of error in the reader's language; a code without a name as it is."""
    return str(gettext(KINDS[code])) if code in KINDS else code


def group_name(group_id: int | None) -> str:
    """A group's name, from the process's copy."""
    if not group_id:
        return str(gettext("Without a key"))
    group = find_group(group_id)
    return group.name if group else str(gettext("Deleted group %(id)s", id=group_id))


def tool_name(name: str) -> str:
    """A tool as statistics name it."""
    return name or str(gettext("Unknown tools"))


def duration(milliseconds: int | None) -> str:
    """Milliseconds for reading."""
    if milliseconds is None:
        return "–"
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def percent(share: float) -> str:
    """A share for reading."""
    return f"{100 * share:.1f}%"


def readable(text: str) -> str:
    """What was logged, its JSON indented; what was cut stays as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def chart_of(series: Series) -> dict[str, Any]:
    """Calls over time in the form of static/js/charts.js."""
    is_hourly = series.span == HOUR
    return {
        "kind": "stacked",
        "title": gettext("Calls per hour") if is_hourly else gettext("Calls per day"),
        "categories": list(labels(series)),
        "series": [
            {"name": gettext("Done"), "values": [point.calls - point.errors for point in series.points]},
            {"name": gettext("Errors"), "values": [point.errors for point in series.points]},
        ],
        "unit": "",
    }


def labels(series: Series) -> Iterable[str]:
    """The hours or days of a series, in the shop's zone."""
    for point in series.points:
        if series.span == HOUR:
            yield str(format_datetime(point.start, "MM-dd HH:mm"))
        else:
            yield str(format_date(point.start, "MM-dd"))
