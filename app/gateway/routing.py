"""Which ways there are to an answer, in the order they are tried.

Agents are read anew for every run, so a change counts at once in every process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.core.crypto import SealBroken
from app.gateway.alerts import raise_alert
from app.gateway.budgets import BudgetExceeded, spent_this_month
from app.gateway.models import Agent, AgentVersion
from app.gateway.pricing import MICROS_PER_CENT
from app.gateway.providers import BUILTIN, OPENAI, callers_model, model_of, settings_model
from app.gateway.queries import list_enabled
from app.llm.client import ChatModel
from app.llm.gateway import ModelOptions, builtin_model, override
from app.runtime import settings

# Those that may be asked now.
Agents = Collection[Agent]
SETTINGS, CALLER, OVERRIDE = "settings", "caller", "override"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to an answer.

    `key` is its name for the log: agent:7:v3, settings, caller, builtin or override (a test's); `circuit` the one for
    the breaker. `system_prompt` is "" for the shop's own; `tools` are names and categories, None for all that the actor
    may use.
    """

    key: str
    model: ChatModel
    circuit: str = ""
    agent_id: int | None = None
    agent_name: str = ""
    version_id: int | None = None
    provider: str = OPENAI
    system_prompt: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    tools: frozenset[str] | None = None
    monthly_budget_cents: int | None = None

    @property
    def model_name(self) -> str:
        """The name that is shown and stored."""
        return self.model.name

    @property
    def is_ours(self) -> bool:
        """True for what the shop has configured: it has a breaker, and its failures are somebody's business."""
        return self.agent_id is not None or self.key == SETTINGS

    def admits(self, tool: str, category: str) -> bool:
        """True when the model may be given the tool."""
        return self.tools is None or tool in self.tools or category in self.tools


def settings_circuit(purpose: str) -> str:
    """The breaker of the settings' model, one for each purpose as agents have them: what fails for a welcome in the
    background, by its own request, must not turn a customer away."""
    return f"{SETTINGS}:{purpose}"


def routes_for(
    purpose: str, subject: str, options: ModelOptions, agents: Agents | None = None
) -> list[Route]:
    """The ways to an answer for somebody (`Actor.subject`), in the order they are tried, the built-in model last.

    A caller's own model is the only one, and stands in for nobody. `agents` are what `check_agents` has found a
    moment ago; else they are read. Raises BudgetExceeded when every agent that is configured has used up its
    month's budget. Call it outside of a transaction.
    """
    model = override()
    if model is not None:
        return [Route(key=OVERRIDE, model=model)]
    if options.base_url is not None:
        return [Route(key=CALLER, model=callers_model(options))]
    if agents is None:
        agents = _affordable(list_enabled(purpose))
    routes = [route for agent in agents if (route := _route(agent, subject)) is not None]
    # Where there are agents, some are left: see `_affordable`.
    if not agents and settings().llm_is_configured:
        model = settings_model(options.model_name)
        routes = [Route(key=SETTINGS, model=model, circuit=settings_circuit(purpose))]
    return [*routes, builtin_route()]


def builtin_route() -> Route:
    """The way that is always open."""
    return Route(key=BUILTIN, model=builtin_model(), provider=BUILTIN)


def check_agents(purpose: str, options: ModelOptions) -> Agents:
    """The agents that `routes_for` is to be given; for use inside of a transaction. Raises BudgetExceeded as it does."""
    if options.base_url is None and override() is None:
        return _affordable(list_enabled(purpose))
    return ()


def pick_version(versions: Sequence[AgentVersion], subject: str, agent_id: int) -> AgentVersion | None:
    """The version that somebody always gets while the weights stay: the hash of both falls into its share."""
    shared = sorted((each for each in versions if each.weight > 0), key=lambda each: each.number)
    total = sum(each.weight for each in shared)
    digest = hashlib.sha256(f"{subject}:{agent_id}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") * total >> 64
    for version in shared:
        place -= version.weight
        if place < 0:
            return version
    return None


def _route(agent: Agent, subject: str) -> Route | None:
    version = pick_version(agent.versions, subject, agent.id)
    if version is None:
        return None
    key = f"agent:{agent.id}:v{version.number}"
    try:
        model = model_of(version)
    except SealBroken:
        raise_alert(key, agent.name, "key")
        return None
    return Route(
        key=key,
        model=model,
        circuit=key,
        agent_id=agent.id,
        agent_name=agent.name,
        version_id=version.id,
        provider=version.provider,
        system_prompt=version.system_prompt,
        temperature=version.temperature,
        max_tokens=version.max_tokens,
        tools=None if version.tools is None else frozenset(version.tools),
        monthly_budget_cents=agent.monthly_budget_cents,
    )


def _affordable(agents: Sequence[Agent]) -> Agents:
    """The agents that have money left this month. Raises BudgetExceeded when there are agents and none has."""
    limited = {
        agent.id: agent.monthly_budget_cents for agent in agents if agent.monthly_budget_cents is not None
    }
    if not limited:
        return agents
    spent = spent_this_month(limited)
    left = [
        agent
        for agent in agents
        if agent.id not in limited or spent.get(agent.id, 0) < limited[agent.id] * MICROS_PER_CENT
    ]
    if not left:
        raise BudgetExceeded()
    return left
