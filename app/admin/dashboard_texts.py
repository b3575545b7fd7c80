"""The dashboard's words and charts."""

from __future__ import annotations

import time
from typing import Any

from flask_babel import format_date, gettext, ngettext

from app.admin.dashboard import ANSWERS, OUTBOX, TOOLS, WELCOME, Dashboard, Trouble
from app.core.errors import N_
from app.gateway.usage_text import source_name
from app.mcp.log_text import chart_of, kind_name
from app.onboarding.texts import STEPS, percent_of, seconds_of

AREAS = {
    WELCOME: N_("Welcome"),
    ANSWERS: N_("Answers of the assistant"),
    TOOLS: N_("Tools"),
    OUTBOX: N_("Not delivered yet"),
}
# Where each can be looked at; what has no page of its own is in the log.
PLACES = {WELCOME: "/admin/automation", ANSWERS: "/admin/usage", TOOLS: "/admin/mcp/logs?outcome=error"}
PROCESS_KINDS = {"web": N_("Web"), "worker": N_("Worker"), "scheduler": N_("Scheduler")}
ENDINGS = {"error": N_("Ended in an error"), "interrupted": N_("Interrupted")}
MEGABYTE = 1024 * 1024

__all__ = ["AREAS", "PLACES", "PROCESS_KINDS", "STEPS", "percent_of", "seconds_of", "source_name"]


def what_of(trouble: Trouble) -> str:
    """What went wrong, in the reader's language."""
    if trouble.area == WELCOME:
        return str(gettext(STEPS[trouble.what]))
    if trouble.area == ANSWERS:
        return str(gettext(ENDINGS[trouble.what]))
    return trouble.what or str(gettext("Unknown tools"))


def kind_of(trouble: Trouble) -> str:
    """The kind of error in words, where it has some."""
    return kind_name(trouble.code)


def size_of(size: int) -> str:
    """Bytes for reading."""
    megabytes = size / MEGABYTE
    return f"{megabytes:,.0f} MB" if megabytes < 1024 else f"{megabytes / 1024:,.1f} GB"


def age_of(started_at: float) -> str:
    """How long a process has been running."""
    seconds = max(0, int(time.time() - started_at))
    if seconds < 60:
        return str(ngettext("%(num)s second", "%(num)s seconds", seconds))
    if seconds < 3_600:
        return str(ngettext("%(num)s minute", "%(num)s minutes", seconds // 60))
    if seconds < 2 * 86_400:
        return str(ngettext("%(num)s hour", "%(num)s hours", seconds // 3_600))
    return str(ngettext("%(num)s day", "%(num)s days", seconds // 86_400))


def charts_of(shown: Dashboard) -> list[dict[str, Any]]:
    """The page's charts in the form of static/js/charts.js; only of what there is."""
    found = []
    if shown.welcomes.registrations:
        days = shown.welcomes.days
        found.append(
            {
                "kind": "stacked",
                "title": gettext("Registrations by day"),
                "categories": [format_date(day.day, "MM-dd") for day in days],
                "series": [
                    {"name": gettext("By the agent"), "values": [day.done - day.fallback for day in days]},
                    {"name": gettext("By the template"), "values": [day.fallback for day in days]},
                    {"name": gettext("Failed"), "values": [day.failed for day in days]},
                    {"name": gettext("Under way"), "values": [day.open for day in days]},
                ],
                "unit": "",
            }
        )
    if shown.calls.total.figures.calls:
        found.append(chart_of(shown.series))
    return found
