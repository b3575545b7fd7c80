"""Campaigns in words and charts, for pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from app.campaigns.estimates import Risk
from app.campaigns.results import Results
from app.campaigns.rules import FIELDS
from app.campaigns.states import STATE_LABELS
from app.core.errors import N_
from app.web.i18n import show_date

FIELD_LABELS: Mapping[str, str] = {key: field.label for key, field in FIELDS.items()}
OPERATORS: Mapping[str, str] = {
    "==": N_("is"),
    "!=": N_("is not"),
    ">=": N_("at least"),
    "<=": N_("at most"),
    ">": N_("more than"),
    "<": N_("less than"),
    "in": N_("one of"),
    "not_in": N_("none of"),
}
OFFERS: Mapping[str, str] = {
    "full_reduction": N_("Amount off"),
    "discount": N_("Percent still paid"),
    "points": N_("Points"),
}
METRICS: Mapping[str, str] = {
    "gmv": N_("GMV"),
    "orders": N_("Orders"),
    "aov": N_("Average order value"),
    "repeat_rate": N_("Repeat rate"),
    "new_buyers": N_("New buyers"),
    "returning_buyers": N_("Returning buyers"),
}
STATE_PILLS: Mapping[str, str] = {
    "pending": "pending",
    "running": "running",
    "published": "published",
    "failed": "failed",
    "ended": "expired",
}
GAPS: Mapping[str, str] = {
    "budget": N_("Budget"),
    "duration_days": N_("Days"),
    "target_segment": N_("Segment"),
    "offer": N_("Offer"),
}
EXAMPLES = (
    N_("Win back members who haven't ordered in 60 days with 50 off 300, budget 8,000 yuan, two weeks"),
    N_("15 percent off for returning customers, budget 20k, 14 days"),
    N_("Double points for level 3 and above for a week"),
)


def state_label(state: str) -> str:
    """A campaign's state in the reader's language."""
    return str(gettext(STATE_LABELS[state]))


def risk_text(risk: Risk) -> str:
    """A risk with its figures."""
    return str(gettext(risk.text, **risk.params)) if risk.params else str(gettext(risk.text))


def metric_label(name: str) -> str:
    """A figure of success; one of another program's plan stays as it is."""
    return str(gettext(METRICS[name])) if name in METRICS else name


def charts_of(results: Results) -> list[str]:
    """Two charts by day, as JSON for `data-chart`; none before anything happened."""
    if not results.redeemed and not results.gmv_cents:
        return []
    days = [show_date(day.day) for day in results.days]
    sales = {
        gettext("Redeemers"): [day.gmv_cents / 100 for day in results.days],
        gettext("Matched group"): [day.matched_cents / 100 for day in results.days],
    }
    used = {gettext("Redeemed"): [day.redeemed for day in results.days]}
    return [
        _chart("line", gettext("GMV of redeemers and of the matched group"), days, sales, gettext("yuan")),
        _chart("bar", gettext("Redemptions"), days, used, ""),
    ]


def _chart(kind: str, title: str, categories: list[str], series: Mapping[str, list[Any]], unit: str) -> str:
    told = [{"name": name, "values": values} for name, values in series.items()]
    return json.dumps(
        {"kind": kind, "title": title, "categories": categories, "series": told, "unit": unit},
        ensure_ascii=False,
    )
