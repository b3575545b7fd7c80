"""What agents may do about campaigns: draft a plan. Publishing one is a person's."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from pydantic import Field

from app.campaigns.counting import drafting_facts, estimate_plan
from app.campaigns.drafting import MAX_BRIEF, draft_plan
from app.campaigns.estimates import Estimate
from app.campaigns.presentation import GAPS, risk_text
from app.core.actor import Actor, Role
from app.core.money import yuan
from app.tools.spec import Arguments, ToolSpec, tool


class BriefArguments(Arguments):
    """The wish."""

    brief: str = Field(
        min_length=1,
        max_length=MAX_BRIEF,
        description="One sentence: goal, budget, days, audience and offer, as far as they are known",
    )


@tool(
    category="insights",
    zh="按一句话拟一份活动方案，并由系统估算人数、核销、成本和毛利。只是草稿：上架由运营在页面上点击。",
    en="A campaign plan from one sentence, with people, redemptions, cost and margin counted by the shop. A draft: "
    "an operator publishes it on the page.",
    arguments=BriefArguments,
    roles=(Role.OPERATOR, Role.ADMIN),
)
def draft_campaign_plan(actor: Actor, arguments: BriefArguments) -> dict[str, Any]:
    drafted = draft_plan(arguments.brief, drafting_facts(), actor.locale)
    return {
        "plan": drafted.plan.as_json(),
        "filled_with_defaults": [gettext(GAPS[name]) for name in drafted.plan_fixed],
        "estimate": _figures(estimate_plan(drafted.plan)),
        "publish_at": "/ops/campaigns/new",
    }


def _figures(found: Estimate) -> dict[str, Any]:
    """Amounts in yuan with two decimals and in cents."""
    amounts: dict[str, str | int] = {}
    for name in ("basket", "discount", "cost", "worst_cost", "revenue", "margin"):
        cents = getattr(found, f"{name}_cents")
        amounts |= {name: yuan(cents), f"{name}_cents": cents}
    return {
        "members": found.counts.members,
        "accounts": found.counts.accounts,
        "redemptions": found.redemptions,
        "incremental": found.incremental,
        **amounts,
        "discount_depth_percent": found.depth_percent,
        "can_be_published": found.is_publishable,
        "risks": [{"level": risk.level, "text": risk_text(risk)} for risk in found.risks],
    }


TOOLS: tuple[ToolSpec, ...] = (draft_campaign_plan,)
