"""The dashboard's words and charts."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from flask_babel import format_date, gettext, ngettext

from app.admin.dashboard import ANSWERS, DELIVERY, OUTBOX, TOOLS, WELCOME, Dashboard, Trouble
from app.consultants.figures import DeskFigures, Waits
from app.core.errors import N_
from app.gateway.usage_text import source_name
from app.mcp.log_text import chart_of, kind_name
from app.onboarding.texts import STEPS, percent_of, seconds_of

AREAS = {
    WELCOME: N_("Welcome"),
    ANSWERS: N_("Answers of the assistant"),
    TOOLS: N_("Tools"),
    DELIVERY: N_("Notifications"),
    OUTBOX: N_("Not delivered yet"),
}
# Where each can be looked at; what has no page of its own is in the log.
PLACES = {WELCOME: "/admin/automation", ANSWERS: "/admin/usage", TOOLS: "/admin/mcp/logs?outcome=error"}
PROCESS_KINDS = {"web": N_("Web"), "worker": N_("Worker"), "scheduler": N_("Scheduler")}
CHANNELS = {"in_app": N_("On the page"), "web_push": N_("Web Push"), "email": N_("E-mail")}
ENDINGS = {"error": N_("Ended in an error"), "interrupted": N_("Interrupted")}
MEGABYTE = 1024 * 1024

__all__ = ["AREAS", "PLACES", "PROCESS_KINDS", "STEPS", "percent_of", "seconds_of", "source_name"]


def what_of(trouble: Trouble) -> str:
    """What went wrong, in the reader's language."""
    if trouble.area == WELCOME:
        return str(gettext(STEPS[trouble.what]))
    if trouble.area == ANSWERS:
        return str(gettext(ENDINGS[trouble.what]))
    if trouble.area == DELIVERY:
        return str(gettext(CHANNELS[trouble.what]))
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
    return span_of(max(0, int(time.time() - started_at)))


def span_of(seconds: int | None) -> str:
    """A span of time in its largest whole unit."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return str(ngettext("%(num)s second", "%(num)s seconds", seconds))
    if seconds < 3_600:
        return str(ngettext("%(num)s minute", "%(num)s minutes", seconds // 60))
    if seconds < 2 * 86_400:
        return str(ngettext("%(num)s hour", "%(num)s hours", seconds // 3_600))
    return str(ngettext("%(num)s day", "%(num)s days", seconds // 86_400))


def wait_of(seconds: int | None) -> str:
    """A wait to the second: 4:05 are four minutes."""
    if seconds is None:
        return "–"
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d}"


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
    if shown.desk.claims.total:
        found.append(_waits_chart(shown.desk))
    if shown.calls.total.figures.calls:
        found.append(chart_of(shown.series))
    return found


# Until so many minutes, in a chart of waits.
STEPS_IN_MINUTES = (1, 2, 5, 10, 30)


def _waits_chart(desk: DeskFigures) -> dict[str, Any]:
    """How many were claimed and answered within so many minutes."""
    names = [gettext("up to %(minutes)s min", minutes=each) for each in STEPS_IN_MINUTES]
    return {
        "kind": "bar",
        "title": gettext("Until the claim and until the first answer"),
        "categories": [*names, gettext("longer")],
        "series": [
            {"name": gettext("Claim"), "values": _spread(desk.claims)},
            {"name": gettext("First answer"), "values": _spread(desk.answers)},
        ],
        "unit": "",
    }


def _spread(waits: Waits) -> list[int]:
    upto = [waits.within(timedelta(minutes=each)) for each in STEPS_IN_MINUTES]
    return [later - before for before, later in zip([0, *upto], [*upto, waits.total], strict=True)]
