"""What the automation's states and steps are called, and its charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import format_date, gettext

from app.core.errors import N_
from app.onboarding.figures import Figures
from app.onboarding.workflow import Status, Step, StepStatus

STATUSES = {
    Status.PENDING.value: N_("Waiting"),
    Status.RUNNING.value: N_("At work"),
    Status.RETRYING.value: N_("Will be tried again"),
    Status.DONE.value: N_("Done"),
    Status.FAILED.value: N_("Failed"),
    Status.SKIPPED.value: N_("Left out"),
}
STEP_STATUSES = {
    StepStatus.WAITING.value: N_("Waiting"),
    StepStatus.DONE.value: N_("Done"),
    StepStatus.FAILED.value: N_("Failed"),
    StepStatus.SKIPPED.value: N_("Left out"),
}
STEPS = {
    Step.CONVERSATION.value: N_("Conversation opened"),
    Step.TOOLS.value: N_("Customer read"),
    Step.AGENT.value: N_("Welcome written"),
    Step.WELCOME.value: N_("Welcome sent"),
    Step.NOTIFIED.value: N_("Consultants told"),
}
REASONS = {"off": N_("The automation was off."), "rollout": N_("Outside of the rollout.")}
STRATEGIES = {"agent": N_("Written by the agent"), "template": N_("The template")}
ASSIGNMENTS = {
    "claim_first": N_("Whoever claims first"),
    "round_robin": N_("Offered in turn"),
    "least_loaded": N_("Offered to whoever has the fewest customers"),
}
# The dot of a state, by the keys of ui.status_pill.
PILLS = {"retrying": "pending", "done": "ok", "skipped": "denied", "waiting": "pending"}


def pill_of(status: str) -> str:
    """The kind of pill a state has."""
    return PILLS.get(status, status)


def seconds_of(milliseconds: int | None) -> str:
    """Milliseconds for reading."""
    if milliseconds is None:
        return "–"
    return f"{milliseconds} ms" if milliseconds < 1_000 else f"{milliseconds / 1000:.2f} s"


def percent_of(share: float | None) -> str:
    """A share for reading."""
    return "–" if share is None else f"{share:.1%}"


def charts_of(figures: Figures) -> list[dict[str, Any]]:
    """The dashboard's charts in the form of static/js/charts.js."""
    days = [format_date(day.day, "MM-dd") for day in figures.days]
    steps = [gettext(STEPS[each.step.value]) for each in figures.steps]
    return [
        _chart(
            "stacked", gettext("Registrations by day"), days,
            (gettext("By the agent"), [day.done - day.fallback for day in figures.days]),
            (gettext("By the template"), [day.fallback for day in figures.days]),
            (gettext("Failed"), [day.failed for day in figures.days]),
            (gettext("Under way"), [day.open for day in figures.days]),
        ),
        _chart(
            "bar", gettext("Time of each step"), steps,
            ("p50", [each.p50_ms for each in figures.steps]),
            ("p95", [each.p95_ms for each in figures.steps]),
            unit="ms",
        ),
    ]  # fmt: skip


def _chart(
    kind: str, title: str, categories: Sequence[str], *series: tuple[str, Sequence[Any]], unit: str = ""
) -> dict[str, Any]:
    told = [{"name": name, "values": values} for name, values in series]
    return {"kind": kind, "title": title, "categories": categories, "series": told, "unit": unit}
