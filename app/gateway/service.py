"""Changing agents. A version is a row that never changes but in its share of the traffic: an edit makes a new one.

Callers check a new address with `check_address` before they open the transaction: names are looked up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapper

from app.audit.service import changed as told
from app.audit.service import record
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam
from app.db import db
from app.gateway.keys import key_for, seal
from app.gateway.models import Agent, AgentVersion
from app.gateway.queries import get_agent, get_version, is_name_taken, leading_version
from app.gateway.rules import (
    AGENT_FIELDS,
    FULL_WEIGHT,
    MAX_WEIGHT,
    VERSION_FIELDS,
    AgentValues,
    check_together,
    without_unused,
)
from app.tools.registry import registry

ADMIN = Role.ADMIN


@dataclass(frozen=True, slots=True)
class Saved:
    """What an edit did: the agent, and the version it made, None when no field of a version was changed."""

    agent: Agent
    version: AgentVersion | None


def create_agent(actor: Actor, values: Mapping[str, Any]) -> Agent:
    """A new agent with version 1. `values` are those of `AgentValues`.

    Raises Forbidden, InvalidParam, pydantic's ValidationError, Conflict NAME_TAKEN.
    """
    actor.require_role(ADMIN)
    wanted = without_unused(AgentValues.model_validate(dict(values)))
    check_together(wanted, has_key=bool(wanted.api_key), known_tools=known_tools())
    agent = Agent(**{name: getattr(wanted, name) for name in AGENT_FIELDS})
    _add_version(actor, agent, wanted, sealed_key=seal(wanted.api_key), weight=wanted.weight)
    db.session.add(agent)
    _flush_name(agent)
    record(actor, "agent.created", agent.id, name=agent.name, provider=wanted.provider, model=wanted.model)
    return agent


def update_agent(
    actor: Actor,
    agent_id: int,
    changes: Mapping[str, Any],
    *,
    from_version: int | None = None,
    seen: str | None = None,
    idle: bool = False,
) -> Saved:
    """Change what `changes` names; the rest stays as in version `from_version`, else as in the leading one.

    A changed field of a version makes a new version. It takes all the traffic unless `weight` says how much, or
    none of it with `idle`. `weight` without such a change is the base's new share.
    With `seen` (`stamp_of` when the form was made) an edit that somebody else overtook is refused: Conflict
    EDIT_CONFLICT. A key does not move to another host with an edit of the address: it has to be entered again.
    Raises as `create_agent` does, and NotFound.
    """
    actor.require_role(ADMIN)
    agent = get_agent(agent_id, for_update=True)
    if seen is not None and seen != stamp_of(agent):
        raise Conflict(N_("Somebody else changed this agent meanwhile."), code="EDIT_CONFLICT")
    base = leading_version(agent) if from_version is None else get_version(agent, from_version)
    wanted = _merged(agent, base, changes)
    has_key = bool(wanted.api_key or (base.sealed_key and not wanted.clear_key))
    check_together(wanted, has_key=has_key, known_tools=known_tools() | set(base.tools or ()))
    key = key_for(base, wanted)
    details = {
        name: told(getattr(agent, name), getattr(wanted, name))
        for name in AGENT_FIELDS
        if getattr(agent, name) != getattr(wanted, name)
    }
    for name in AGENT_FIELDS:
        setattr(agent, name, getattr(wanted, name))
    agent.updated_at = now()
    weight = 0 if idle else wanted.weight
    if _is_new(base, wanted, key):
        version: AgentVersion | None = _add_version(actor, agent, wanted, sealed_key=key, weight=weight)
    else:
        version = None
        _set_weight(agent, base, wanted.weight)
    _flush_name(agent)
    if version is not None:
        details["version"] = str(version.number)
    record(actor, "agent.changed", agent.id, details, name=agent.name)
    return Saved(agent, version)


def roll_back(actor: Actor, agent_id: int, number: int) -> AgentVersion:
    """Give all the traffic to one version. Raises Forbidden, NotFound."""
    actor.require_role(ADMIN)
    agent = get_agent(agent_id, for_update=True)
    chosen = get_version(agent, number)
    _give_all(agent, chosen)
    agent.updated_at = now()
    db.session.flush()
    record(actor, "agent.rolled_back", agent.id, name=agent.name, version=number)
    return chosen


def set_shares(actor: Actor, agent_id: int, weights: Mapping[int, int]) -> Agent:
    """Share the traffic: weights by version id; a version that is not named gets none.

    Raises Forbidden, NotFound, InvalidParam for an unknown version, a weight out of bounds, or no traffic at all.
    """
    actor.require_role(ADMIN)
    agent = get_agent(agent_id, for_update=True)
    if not weights.keys() <= {version.id for version in agent.versions}:
        raise InvalidParam(fields={"shares": N_("The agent has no such version.")})
    if any(not 0 <= weight <= MAX_WEIGHT for weight in weights.values()):
        raise InvalidParam(fields={"shares": N_("A share is a number from 0 to 1000.")})
    if not any(weights.values()):
        raise _nothing_answers("shares")
    for version in agent.versions:
        version.weight = weights.get(version.id, 0)
    agent.updated_at = now()
    db.session.flush()
    shares = {f"v{version.number}": version.weight for version in agent.versions if version.weight}
    record(actor, "agent.shares_set", agent.id, shares, name=agent.name)
    return agent


def delete_agent(actor: Actor, agent_id: int) -> None:
    """Take an agent away for good. The rows stay for the runs that name them, the name is free again."""
    actor.require_role(ADMIN)
    agent = get_agent(agent_id, for_update=True)
    agent.enabled, agent.deleted_at, agent.updated_at = False, now(), now()
    record(actor, "agent.deleted", agent.id, name=agent.name)
    # No name that can be entered has a tab.
    agent.name = f"{agent.name}\tdeleted {agent.id}"
    db.session.flush()


def stamp_of(agent: Agent) -> str:
    """Marks a state of an agent: it is another after every change."""
    return f"{agent.updated_at:%Y%m%d%H%M%S%f}"


def known_tools() -> set[str]:
    """The names and the groups of all tools."""
    return {spec.name for spec in registry} | {spec.category for spec in registry}


def _merged(agent: Agent, base: AgentVersion, changes: Mapping[str, Any]) -> AgentValues:
    present = {name: getattr(agent, name) for name in AGENT_FIELDS}
    present |= {name: getattr(base, name) for name in VERSION_FIELDS}
    return without_unused(AgentValues.model_validate({**present, **changes}))


def _is_new(base: AgentVersion, wanted: AgentValues, sealed_key: str) -> bool:
    """True when something of a version differs from its base."""
    same = all(getattr(wanted, name) == getattr(base, name) for name in VERSION_FIELDS)
    return not same or sealed_key != base.sealed_key


def _add_version(
    actor: Actor, agent: Agent, wanted: AgentValues, *, sealed_key: str, weight: int | None
) -> AgentVersion:
    """The next version; without a weight it takes all the traffic."""
    version = AgentVersion(
        number=max((each.number for each in agent.versions), default=0) + 1,
        sealed_key=sealed_key,
        weight=FULL_WEIGHT,
        note=wanted.note,
        created_by=actor.user_id,
        **{name: getattr(wanted, name) for name in VERSION_FIELDS},
    )
    agent.versions.append(version)
    if weight is None:
        _give_all(agent, version)
    _set_weight(agent, version, weight)
    return version


def _give_all(agent: Agent, chosen: AgentVersion) -> None:
    for version in agent.versions:
        version.weight = FULL_WEIGHT if version is chosen else 0


def _set_weight(agent: Agent, version: AgentVersion, weight: int | None) -> None:
    if weight is None:
        return
    version.weight = weight
    if not any(each.weight for each in agent.versions):
        raise _nothing_answers("weight")


def _nothing_answers(field: str) -> InvalidParam:
    told = N_("One version at least needs traffic. To stop the agent, switch it off.")
    return InvalidParam(fields={field: told})


def _flush_name(agent: Agent) -> None:
    taken = Conflict(
        N_("There is an agent of this name already."),
        code="NAME_TAKEN",
        fields={"name": N_("There is an agent of this name already.")},
    )
    with db.session.no_autoflush:
        if is_name_taken(agent.name, but=agent.id):
            raise taken
    try:
        db.session.flush()
    except IntegrityError as error:
        raise taken from error


@event.listens_for(AgentVersion, "before_update")
def _keep_versions_as_they_are(_mapper: Mapper[Any], _connection: Any, version: AgentVersion) -> None:
    """Runs, results and roll back rely on it, so it is no matter of discipline."""
    state = inspect(version)
    changed = {each.key for each in state.attrs if each.history.has_changes()} - {"weight", "agent"}
    if changed:
        raise RuntimeError(f"a version never changes; an edit makes a new one: {sorted(changed)}")
