"""Agents as JSON: what comes in and what goes out. A key goes in and never out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.gateway.keys import masked_key
from app.gateway.models import Agent, AgentVersion
from app.gateway.queries import leading_version
from app.gateway.results import VersionResult
from app.gateway.rules import (
    MAX_WEIGHT,
    AgentValues,
    Budget,
    Flag,
    Key,
    MaxTokens,
    Name,
    Note,
    Priority,
    Prompt,
    Provider,
    Purpose,
    ShortText,
    Temperature,
    Tools,
    Url,
    Weight,
)
from app.gateway.trial import Trial
from app.web.api import Schema

MAX_DAYS = 365
Number = Annotated[int, Field(ge=1, le=999_999)]


class AgentIn(AgentValues, Schema):
    """A new agent."""


class AgentPatch(Schema):
    """A change; what is left out stays as in `from_version`, else as in the version with most of the traffic.

    An empty `api_key` keeps the key. A changed field of a version makes a new version, which takes all the
    traffic unless `weight` is given.
    """

    name: Name | None = None
    purpose: Purpose | None = None
    priority: Priority | None = None
    enabled: Flag | None = None
    monthly_budget_cents: Budget | None = None
    provider: Provider | None = None
    base_url: Url | None = None
    model: ShortText | None = None
    app_id: ShortText | None = None
    api_key: Key | None = None
    clear_key: Flag | None = None
    system_prompt: Prompt | None = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    tools: Tools | None = None
    weight: Weight | None = None
    note: Note | None = None
    from_version: Number | None = None


# For these null says something: no limit, the model's own, every tool. Elsewhere it is as good as left out.
NULLABLE = frozenset({"monthly_budget_cents", "temperature", "max_tokens", "tools"})


def changes_of(patch: AgentPatch) -> dict[str, object]:
    """What a patch changes."""
    given = patch.model_dump(exclude_unset=True, exclude={"from_version"})
    return {name: value for name, value in given.items() if value is not None or name in NULLABLE}


class SharesIn(Schema):
    """Weights by version number; versions that are not named get no traffic."""

    shares: dict[Number, Annotated[int, Field(ge=0, le=MAX_WEIGHT, strict=True)]] = Field(max_length=1_000)


class TrialIn(Schema):
    """Which version to try; the one with most of the traffic unless one is named."""

    version: Number | None = None


class AgentQuery(Schema):
    """Which agents to list."""

    purpose: Purpose | None = None


class ResultsQuery(Schema):
    """How far to look back."""

    days: int = Field(30, ge=1, le=MAX_DAYS)


class VersionOut(BaseModel):
    """One immutable version. `share` is its part of the agent's traffic, 0 to 1."""

    id: int
    number: int
    provider: str
    base_url: str
    model: str
    app_id: str
    has_key: bool
    key_masked: str
    system_prompt: str
    temperature: float | None
    max_tokens: int | None
    tools: list[str] | None
    weight: int
    share: float
    note: str
    created_by: int | None
    created_at: datetime


class AgentOut(BaseModel):
    """An agent; the fields of a version are those of `version`, the one with most of the traffic."""

    id: int
    name: str
    purpose: str
    priority: int
    enabled: bool
    monthly_budget_cents: int | None
    version: int
    provider: str
    base_url: str
    model: str
    app_id: str
    has_key: bool
    key_masked: str
    system_prompt: str
    temperature: float | None
    max_tokens: int | None
    tools: list[str] | None
    weight: int
    created_at: datetime
    updated_at: datetime
    versions: list[VersionOut]


class UsageOut(BaseModel):
    """Tokens as the service counted them."""

    prompt_tokens: int
    completion_tokens: int


class TrialErrorOut(BaseModel):
    """`detail` is what the service said."""

    code: str
    message: str
    detail: str


class TrialOut(BaseModel):
    """A real call: how long it took, what was said first, or why nothing was."""

    version: int
    provider: str
    model: str
    latency_ms: int
    first_token_ms: int | None
    words: str
    usage: UsageOut | None
    error: TrialErrorOut | None


class ResultOut(BaseModel):
    """What became of one version's answers. Times are milliseconds, `error_rate` is 0 to 1."""

    version_id: int
    number: int
    provider: str
    model: str
    weight: int
    answers: int
    errors: int
    error_rate: float
    first_word_p50_ms: int | None
    first_word_p95_ms: int | None
    asked: int
    orders: int
    ratings: int
    rating_average: float | None
    thumbs_up: int
    thumbs_down: int


def agent_json(agent: Agent) -> AgentOut:
    """The JSON form of an agent with its versions, newest first."""
    leading = leading_version(agent)
    whole = sum(version.weight for version in agent.versions) or 1
    versions = sorted(agent.versions, key=lambda version: -version.number)
    return AgentOut(
        id=agent.id,
        name=agent.name,
        purpose=agent.purpose,
        priority=agent.priority,
        enabled=agent.enabled,
        monthly_budget_cents=agent.monthly_budget_cents,
        version=leading.number,
        created_at=agent.created_at,
        updated_at=agent.updated_at,
        versions=[version_json(version, whole) for version in versions],
        **_settings(leading),
    )


def version_json(version: AgentVersion, whole: int) -> VersionOut:
    """The JSON form of a version; `whole` is the sum of its agent's weights."""
    return VersionOut(
        id=version.id,
        number=version.number,
        share=round(version.weight / whole, 4),
        note=version.note,
        created_by=version.created_by,
        created_at=version.created_at,
        **_settings(version),
    )


def _settings(version: AgentVersion) -> dict[str, object]:
    shown = {name: value for name, value in version.settings().items() if name != "sealed_key"}
    key = masked_key(version)
    return {**shown, "has_key": bool(version.sealed_key), "key_masked": key, "weight": version.weight}


def trial_json(trial: Trial, message: str) -> TrialOut:
    """The JSON form of a try; `message` is its error's in the reader's language."""
    error, usage = trial.error, trial.usage
    return TrialOut(
        version=trial.version,
        provider=trial.provider,
        model=trial.model,
        latency_ms=trial.latency_ms,
        first_token_ms=trial.first_token_ms,
        words=trial.words,
        usage=UsageOut(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
        if usage
        else None,
        error=TrialErrorOut(code=error.code, message=message, detail=error.detail) if error else None,
    )


def result_json(result: VersionResult) -> ResultOut:
    """The JSON form of a version's figures."""
    return ResultOut(**{name: getattr(result, name) for name in ResultOut.model_fields})
