"""Many generated runs, the same every time."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from sqlalchemy import Insert, func, insert, literal, select

from app.conversations.models import Conversation, Run
from app.core.clock import business_day, now
from app.db import db, transaction
from app.gateway.models import Agent, AgentVersion

ZONE = "Asia/Shanghai"
PEOPLE = 3_000
MADE = 5_000
STATUSES = ["done"] * 95 + ["error"] * 3 + ["aborted"] * 2


def make_agent(name: str = "Shop", *, purpose: str = "shop", versions: int = 1, **values: Any) -> list[int]:
    """An enabled agent of an OpenAI-compatible provider; the ids of its versions."""
    defaults = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": f"{name.lower()}-model"}
    agent_values = {key: values.pop(key) for key in ("enabled", "monthly_budget_cents") if key in values}
    agent = Agent(name=name, purpose=purpose, **agent_values)
    agent.versions = [
        AgentVersion(number=number, **{**defaults, **values}) for number in range(1, versions + 1)
    ]
    with transaction() as session:
        session.add(agent)
        session.flush()
        return [version.id for version in agent.versions]


def make_conversation(owner: str = "user:1", **values: Any) -> str:
    """A conversation; its id."""
    conversation = Conversation(owner=owner, **values)
    with transaction() as session:
        session.add(conversation)
        session.flush()
        return conversation.id


def make_run(owner: str = "user:1", **values: Any) -> str:
    """A finished run of a paid model; its id."""
    conversation_id = values.pop("conversation_id", None) or make_conversation(owner)
    defaults = {"status": "done", "provider": "openai", "model": "m"}
    run = Run(conversation_id=conversation_id, owner=owner, **{**defaults, **values})
    with transaction() as session:
        session.add(run)
        session.flush()
        return run.id


def fill(count: int, *, days: int) -> None:
    """So many runs of four versions and the model of the settings, spread over the last days.

    5,000 are made here; the database makes the others from them, which is ten times as fast.
    """
    dice = random.Random(3)
    versions = [None, *make_agent("Fast", versions=2), *make_agent("Wise", purpose="consultant", versions=2)]
    talks = [{"id": f"talk{number:06}", "owner": "user:1"} for number in range(1_000)]
    made = min(count, MADE)
    rows = [_row(dice, number, days, dice.choice(versions), talks) for number in range(made)]
    with transaction():
        db.session.execute(insert(Conversation), talks)
        db.session.execute(insert(Run), rows)
    for number in range(1, count // made):
        with transaction():
            db.session.execute(_copy(number))


def _copy(number: int) -> Insert:
    """The first rows again, with other ids, people and times."""
    changed = {
        "id": literal(f"{number:06}") + func.substr(Run.id, 7),
        "owner": literal(f"user:{number}") + func.substr(Run.id, 30),
        "first_token_ms": Run.first_token_ms + number * 7,
        "duration_ms": Run.duration_ms + number * 31,
    }
    columns = [column.name for column in Run.__table__.columns]
    values = select(*(changed.get(name, getattr(Run, name)) for name in columns)).where(
        Run.id < f"{MADE:032x}"
    )
    return insert(Run).from_select(columns, values)


def _row(
    dice: random.Random, number: int, days: int, version: int | None, talks: list[dict[str, str]]
) -> dict[str, Any]:
    begun = now() - timedelta(seconds=dice.random() * (days - 1) * 86_400)
    return {
        "id": f"{number:032x}",
        "conversation_id": talks[number % len(talks)]["id"],
        "owner": f"user:{dice.randint(1, PEOPLE)}",
        "status": dice.choice(STATUSES),
        "model": f"model-{version}",
        "provider": "openai",
        "agent_version_id": version,
        "prompt_tokens": dice.randint(100, 5_000),
        "completion_tokens": dice.randint(10, 800),
        "cost_micros": dice.randint(10, 50_000),
        "first_token_ms": dice.randint(50, 4_000),
        "duration_ms": dice.randint(500, 20_000),
        "attempts": dice.choice([1, 1, 1, 2]),
        "started_at": begun,
        "day": business_day(begun, ZONE),
        "finished_at": begun,
    }
