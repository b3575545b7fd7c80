"""What may be spent: by one person in a day, by one agent in a month, both of the shop's zone.

A run that has begun is always finished, and counts for `RESERVED_TOKENS` until its tokens are known. So a limit is
overshot by what the runs that were let in use beyond that: one, or those that were asked for in the same moment.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, case, func, select

from app.conversations.models import Run
from app.core.actor import Actor
from app.core.clock import business_day, now
from app.core.errors import N_, RateLimited
from app.db import db
from app.gateway.models import Agent, AgentVersion
from app.gateway.pricing import MICROS_PER_CENT
from app.runtime import settings

BUILTIN = "builtin"
RESERVED_TOKENS = 4_000
BUSY_SECONDS = 30


class BudgetExceeded(RateLimited):
    """What may be spent on answers is spent (429); `retry_after` says when there is more."""

    code = "BUDGET_EXCEEDED"
    default_message = N_("The assistant's budget is used up for now. Please come back later.")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a person has used today: tokens and millionths of a yuan of paid models, and answers under way."""

    tokens: int
    micros: int
    running: int
    has_paid_model: bool


def check_user(actor: Actor) -> None:
    """Refuse another answer to a person whose day's budget is used up. Raises BudgetExceeded.

    Guests count by their browser session. While only the built-in model is there nobody is refused.
    """
    tokens, cents = settings().agent_user_daily_tokens, settings().agent_user_daily_cents
    if not tokens and not cents:
        return
    spent = _spent_today(actor.subject)
    if not spent.has_paid_model:
        return
    if (tokens and spent.tokens >= tokens) or (cents and spent.micros >= cents * MICROS_PER_CENT):
        raise _until_midnight()
    if tokens and spent.running and spent.tokens + spent.running * RESERVED_TOKENS >= tokens:
        raise BudgetExceeded(
            N_("Your other answers are still being made. Wait for them, then ask again."),
            retry_after=BUSY_SECONDS,
        )


def spent_this_month_micros(agent_id: int) -> int:
    """What an agent's answers have cost this month, in millionths of a yuan; one indexed statement."""
    return spent_this_month((agent_id,)).get(agent_id, 0)


def spent_this_month(agent_ids: Collection[int]) -> dict[int, int]:
    """The same for several agents at once; who has spent nothing is left out."""
    rows = db.session.execute(
        select(AgentVersion.agent_id, func.sum(Run.cost_micros))
        .join(Run, Run.agent_version_id == AgentVersion.id)
        .where(AgentVersion.agent_id.in_(agent_ids), Run.day >= _today().replace(day=1))
        .group_by(AgentVersion.agent_id)
    )
    return {agent_id: int(micros) for agent_id, micros in rows}


def _today() -> date:
    return business_day(now(), settings().shop_timezone)


def _until_midnight() -> BudgetExceeded:
    zone = settings().shop_timezone
    # By the calendar, not 24 hours: the zone's clock may change in the night.
    end = datetime.combine(_today() + timedelta(days=1), time(), ZoneInfo(zone))
    return BudgetExceeded(
        N_("You have used up today's share of the assistant. You can ask again from %(when)s (%(zone)s)."),
        when=f"{end:%Y-%m-%d %H:%M}",
        zone=zone,
        retry_after=math.ceil((end - now()).total_seconds()),
    )


def _spent_today(subject: str) -> Spent:
    row = db.session.connection().execute(_spent_by, {"subject": subject, "today": _today()}).one()
    return Spent(int(row[0]), int(row[1]), int(row[2]), settings().llm_is_configured or bool(row[3]))


# Agents that are on and whose model costs something.
_paid_agents = (
    select(Agent.id)
    .join(AgentVersion, AgentVersion.agent_id == Agent.id)
    .where(
        AgentVersion.provider != BUILTIN,
        AgentVersion.weight > 0,
        Agent.enabled,
        Agent.deleted_at.is_(None),
    )
)
# Made once: every message of a customer asks it.
_spent_by = select(
    func.coalesce(func.sum(Run.prompt_tokens + Run.completion_tokens), 0),
    func.coalesce(func.sum(Run.cost_micros), 0),
    func.coalesce(func.sum(case((Run.active_in.is_not(None), 1), else_=0)), 0),
    _paid_agents.exists(),
).where(Run.owner == bindparam("subject"), Run.day == bindparam("today"), Run.provider != BUILTIN)
