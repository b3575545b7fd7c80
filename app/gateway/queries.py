"""Reads of agents and their versions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import User
from app.core.errors import NotFound
from app.db import db
from app.gateway.models import Agent, AgentVersion


def list_enabled(purpose: str) -> list[Agent]:
    """The agents that are asked for a purpose, in the order they are asked; one statement, no cache.

    Each `versions` holds only those with traffic. Meant for reading: rows are read anew even when the session
    knows them, so that a change of another process counts at once.
    """
    statement = (
        select(Agent)
        .options(joinedload(Agent.versions.and_(AgentVersion.weight > 0)))
        .where(Agent.purpose == purpose, Agent.enabled, Agent.deleted_at.is_(None))
        .order_by(Agent.priority, Agent.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement).unique())


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


def names_of_users(ids: Collection[int | None]) -> dict[int, str]:
    """User names by id."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows: Any = db.session.execute(select(User.id, User.username).where(User.id.in_(wanted)))
    return {row.id: row.username for row in rows}
