"""Agents as the console shows them: who is asked in which order, what a version changed, figures for charts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from app.core.errors import N_
from app.gateway.breaker import State, state_of
from app.gateway.budgets import spent_this_month
from app.gateway.models import Agent, AgentVersion
from app.gateway.pricing import MICROS_PER_CENT
from app.gateway.queries import leading_version, list_agents
from app.gateway.results import VersionResult
from app.gateway.routing import settings_circuit
from app.gateway.rules import PURPOSES, VERSION_FIELDS
from app.runtime import settings
from app.tools.registry import registry

PURPOSE_LABELS = {
    "shop": N_("Shopping assistant"),
    "welcome": N_("Welcoming new customers"),
    "operations": N_("Store operations"),
    "consultant": N_("Consultants' desk"),
}
PROVIDER_LABELS = {
    "openai": N_("OpenAI-compatible"),
    "dify": N_("Dify application"),
    "builtin": N_("Built-in model"),
}
FIELD_LABELS = {
    "provider": N_("Provider"),
    "base_url": N_("Service address"),
    "model": N_("Model"),
    "app_id": N_("Application id"),
    "temperature": N_("Temperature"),
    "max_tokens": N_("Maximum tokens"),
    "tools": N_("Tools"),
}
BREAKER_LABELS = {
    State.CLOSED: ("ok", N_("In order")),
    State.OPEN: ("failed", N_("Paused after failures")),
    State.HALF_OPEN: ("pending", N_("Being tried again")),
}
ToolChoices = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One that is asked for a purpose. `agent` is None for the settings' model and the built-in one.

    `state` is enabled, disabled, spent (its month's budget), or unused (it is in line but never reached); `shares` are
    (version number, percent); `breaker` is a pill's (status, label).
    """

    title: str
    provider: str
    model: str
    state: str
    agent: Agent | None = None
    shares: tuple[tuple[int, int], ...] = ()
    breaker: tuple[str, str] | None = None
    spent_cents: int = 0


def chains() -> dict[str, list[Step]]:
    """For every purpose, who is asked in which order."""
    agents = list_agents()
    spent = spent_this_month([agent.id for agent in agents]) if agents else {}
    return {purpose: list(_chain(purpose, agents, spent)) for purpose in PURPOSES}


def _chain(purpose: str, agents: Sequence[Agent], spent: Mapping[int, int]) -> Iterator[Step]:
    mine = [agent for agent in agents if agent.purpose == purpose]
    for agent in mine:
        yield _step(agent, spent.get(agent.id, 0))
    configured = settings()
    if configured.llm_is_configured:
        # The settings' model is for shops without agents; beside them it is not asked.
        state = "unused" if any(agent.enabled for agent in mine) else "enabled"
        title = gettext("From the settings (LLM_*)")
        yield Step(
            title, "openai", configured.llm_model_name, state, breaker=_breaker(settings_circuit(purpose))
        )
    yield Step(gettext("Built-in"), "builtin", "", "enabled")


def _step(agent: Agent, spent_micros: int) -> Step:
    leading = leading_version(agent)
    return Step(
        title=agent.name,
        provider=leading.provider,
        model=leading.model or leading.app_id,
        state=_state_of(agent, spent_micros),
        agent=agent,
        shares=tuple(shares_of(agent)),
        breaker=_breaker(f"agent:{agent.id}:v{leading.number}"),
        spent_cents=spent_micros // MICROS_PER_CENT,
    )


def _state_of(agent: Agent, spent_micros: int) -> str:
    budget = agent.monthly_budget_cents
    if not agent.enabled:
        return "disabled"
    return "spent" if budget is not None and spent_micros >= budget * MICROS_PER_CENT else "enabled"


def shares_of(agent: Agent) -> Iterator[tuple[int, int]]:
    """The versions with traffic and their percent."""
    whole = sum(version.weight for version in agent.versions)
    for version in agent.versions:
        if version.weight:
            yield version.number, round(100 * version.weight / whole)


def breaker_of(version: AgentVersion) -> tuple[str, str]:
    """The state of a version's circuit breaker as a pill's (status, label)."""
    return _breaker(f"agent:{version.agent_id}:v{version.number}")


def _breaker(key: str) -> tuple[str, str]:
    status, label = BREAKER_LABELS[state_of(key)]
    return status, gettext(label)


def tool_choices(kept: Sequence[str] = ()) -> dict[str, list[str]]:
    """Names of tools by category; `kept` are those of a version, shown even when there is no such tool now."""
    found: dict[str, list[str]] = {}
    for spec in registry:
        found.setdefault(spec.category, []).append(spec.name)
    known = {name for category, names in found.items() for name in (category, *names)}
    gone = [name for name in kept if name not in known]
    return {**found, **{name: [] for name in gone}}


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in the table: `changes` tell what differs from the one before."""

    version: AgentVersion
    percent: int
    who: str
    changes: list[str]


def version_rows(agent: Agent, names: Mapping[int, str]) -> list[VersionRow]:
    """The versions, newest first."""
    percents = dict(shares_of(agent))
    rows = []
    for before, version in zip([None, *agent.versions], agent.versions, strict=False):
        who = names.get(version.created_by or 0, "–")
        rows.append(
            VersionRow(version, percents.get(version.number, 0), who, list(_changes(before, version)))
        )
    return rows[::-1]


def _changes(before: AgentVersion | None, version: AgentVersion) -> Iterator[str]:
    if before is None:
        yield gettext("First version")
        return
    for name in VERSION_FIELDS:
        old, new = getattr(before, name), getattr(version, name)
        if old != new:
            yield _change(name, old, new)
    if before.sealed_key != version.sealed_key:
        yield gettext("Key")


def _change(name: str, old: Any, new: Any) -> str:
    if name == "system_prompt":
        return str(gettext("System prompt (%(length)s characters)", length=len(new)))
    return f"{gettext(FIELD_LABELS[name])}: {_shown(name, old)} → {_shown(name, new)}"


def _shown(name: str, value: Any) -> str:
    if name == "provider":
        return str(gettext(PROVIDER_LABELS[value]))
    if name == "tools":
        return str(gettext("all") if value is None else ", ".join(value) or gettext("none"))
    return "–" if value in (None, "") else str(value)


def charts_of(results: Sequence[VersionResult]) -> list[str]:
    """Two charts of the versions with answers, as JSON for `data-chart`; none where there is nothing to compare."""
    told = [result for result in reversed(results) if result.answers or result.errors]
    if not told:
        return []
    categories = [gettext("Version %(number)s", number=result.number) for result in told]
    first_words = {
        "P50": [result.first_word_p50_ms for result in told],
        "P95": [result.first_word_p95_ms for result in told],
    }
    endings = {
        gettext("Answers"): [result.answers for result in told],
        gettext("Errors"): [result.errors for result in told],
        gettext("Orders"): [result.orders for result in told],
    }
    return [
        _chart(gettext("Time to the first word"), categories, first_words, gettext("ms")),
        _chart(gettext("What became of the answers"), categories, endings, ""),
    ]


def _chart(title: str, categories: list[str], series: Mapping[str, Sequence[int | None]], unit: str) -> str:
    told = [{"name": name, "values": list(values)} for name, values in series.items()]
    return json.dumps(
        {"kind": "bar", "title": title, "categories": categories, "series": told, "unit": unit},
        ensure_ascii=False,
    )
