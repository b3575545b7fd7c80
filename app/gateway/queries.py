"""Reads of agents and their versions."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.orm import selectinload

from app.core.errors import NotFound
from app.db import db
from app.gateway.models import Agent, AgentVersion


def list_enabled(purpose: str) -> list[Agent]:
    """The agents that are asked for a purpose, in the order they are asked; one statement, no cache.

    Each `versions` holds only those with traffic. They are copies for reading, which belong to no session: a change
    of another process counts at once, and another thread may have them.
    """
    found: dict[int, Agent] = {}
    for row in db.session.connection().execute(_enabled, {"purpose": purpose}):
        values = row._mapping
        agent = found.get(values["agent_id"])
        if agent is None:
            agent = Agent(**{name: values[f"agent_{name}"] for name in _AGENT})
            found[agent.id] = agent
        if values["version_id"] is not None:
            agent.versions.append(AgentVersion(**{name: values[f"version_{name}"] for name in _VERSION}))
    return list(found.values())


# Made once: every answer asks it. Of tables, which takes a third of the time of mapped objects.
_AGENT = ("id", "name", "purpose", "priority", "monthly_budget_cents")
_VERSION = (
    "id", "agent_id", "number", "provider", "base_url", "model", "app_id", "sealed_key", "system_prompt", "temperature",
    "max_tokens", "tools", "weight",
)  # fmt: skip
_agents, _versions = cast(Table, Agent.__table__), cast(Table, AgentVersion.__table__)
_enabled = (
    select(
        *(_agents.c[name].label(f"agent_{name}") for name in _AGENT),
        *(_versions.c[name].label(f"version_{name}") for name in _VERSION),
    )
    .select_from(
        _agents.outerjoin(_versions, (_versions.c.agent_id == _agents.c.id) & (_versions.c.weight > 0))
    )
    .where(_agents.c.purpose == bindparam("purpose"), _agents.c.enabled, _agents.c.deleted_at.is_(None))
    .order_by(_agents.c.priority, _agents.c.id, _versions.c.number)
)


def list_agents(purpose: str | None = None) -> list[Agent]:
    """All agents that are not deleted, by purpose and in the order they are asked; two statements."""
    statement = select(Agent).options(selectinload(Agent.versions)).where(Agent.deleted_at.is_(None))
    if purpose is not None:
        statement = statement.where(Agent.purpose == purpose)
    return list(db.session.scalars(statement.order_by(Agent.purpose, Agent.priority, Agent.id)))


def get_agent(agent_id: int, *, for_update: bool = False) -> Agent:
    """An agent with all its versions; locked when it is to be changed. Raises NotFound, also for a deleted one."""
    statement = (
        select(Agent)
        .options(selectinload(Agent.versions))
        .where(Agent.id == agent_id, Agent.deleted_at.is_(None))
        .execution_options(populate_existing=True)
    )
    agent = db.session.scalar(statement.with_for_update() if for_update else statement)
    if agent is None:
        raise NotFound()
    return agent


def get_version(agent: Agent, number: int) -> AgentVersion:
    """A version of an agent by its number. Raises NotFound."""
    found = next((each for each in agent.versions if each.number == number), None)
    if found is None:
        raise NotFound()
    return found


def leading_version(agent: Agent) -> AgentVersion:
    """The version that an edit starts from: the one with most of the traffic, the newest of equals."""
    return max(agent.versions, key=lambda each: (each.weight, each.number))


def is_name_taken(name: str, *, but: int | None = None) -> bool:
    """True when another agent has the name, whatever its case."""
    statement = select(Agent.id).where(func.lower(Agent.name) == name.lower(), Agent.id != (but or 0))
    return db.session.scalar(statement.limit(1)) is not None
