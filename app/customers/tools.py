"""What consultants, operators and their agents may learn about customers and plan for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.core.actor import Actor, Role
from app.customers import analysis, care, dialogues, preferences, profiles
from app.tools.spec import Arguments, ToolSpec, tool

CONSULTANTS = (Role.CONSULTANT,)
KNOWING = (Role.CONSULTANT, Role.OPERATOR)
UserId = Annotated[int, Field(ge=1, le=2**31 - 1, description="The customer's number, from search_users")]
ConversationId = Annotated[
    str, Field(min_length=1, max_length=32, description="The conversation's id (session_id)")
]
Budget = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False, description="Budget in yuan")]
Goal = Annotated[str, Field(min_length=1, max_length=400)]


class ProfileArguments(Arguments):
    """Whose profile."""

    user_id: UserId
    include_details: bool = Field(False, description="Also e-mail, phone and the latest orders")


class SearchArguments(Arguments):
    """Whom to look for."""

    q: str = Field(
        min_length=1, max_length=100, description="Part of a name, e-mail address or phone, or a number"
    )


class AnalysisArguments(Arguments):
    """Whom to analyse, and how far."""

    user_id: UserId
    analysis_type: analysis.Kind = Field(
        "basic",
        description="basic: orders, recency, spend; detailed: also what and where; predictive: also churn risk and what is next",
    )


class CustomerArguments(Arguments):
    """Whose preferences."""

    user_id: UserId


class ConversationArguments(Arguments):
    """Which conversation."""

    conversation_id: ConversationId


class PlanArguments(Arguments):
    """For whom, for what, for how much."""

    user_id: UserId
    goals: Annotated[list[Goal], Field(min_length=1, max_length=care.MAX_GOALS)] | Goal = Field(
        description="What the plan is for, e.g. 干皮 补水, hair loss, better sleep"
    )
    budget: Budget


class OptimizeArguments(Arguments):
    """The plan, and a new budget if it has changed."""

    plan: care.Plan = Field(description="A plan of generate_plan: goals, budget, items with sku and quantity")
    budget: Budget | None = None


@tool(
    category="user",
    zh="查看一位顾客的资料：名称、等级、门店、订单数、消费；可选联系方式和最近订单。",
    en="Read a customer's profile: name, level, store, orders, spend; contact and latest orders if asked for.",
    arguments=ProfileArguments,
    roles=CONSULTANTS,
)
def get_user_profile(actor: Actor, arguments: ProfileArguments) -> dict[str, Any]:
    details = arguments.include_details
    return {"profile": profiles.read_profile(arguments.user_id, actor.locale, include_details=details)}


@tool(
    category="user",
    zh="按编号、用户名、邮箱或手机号查找顾客。",
    en="Find customers by number, name, e-mail address or phone.",
    arguments=SearchArguments,
    roles=CONSULTANTS,
)
def search_users(actor: Actor, arguments: SearchArguments) -> dict[str, Any]:
    return {"users": profiles.find_customers(arguments.q, actor.locale)}


@tool(
    category="customer",
    zh="分析一位顾客：最近购买、频次、消费金额、偏好品类、流失风险，全部来自其本人的订单，不作猜测。",
    en="Analyse a customer: recency, frequency, spend, favourite shelves, churn risk; from their own orders, nothing guessed.",
    arguments=AnalysisArguments,
    roles=KNOWING,
)
def analyze_customer(actor: Actor, arguments: AnalysisArguments) -> dict[str, Any]:
    kind = arguments.analysis_type
    return {"analysis": analysis.analyse_customer(arguments.user_id, kind, actor.locale)}


@tool(
    category="customer",
    zh="查看一位顾客的偏好：常买的品类和商品、价位、在对话中提到的需求、看过的商品。",
    en="A customer's preferences: favourite shelves and products, price range, wishes said in talks, products opened.",
    arguments=CustomerArguments,
    roles=KNOWING,
)
def get_customer_preferences(actor: Actor, arguments: CustomerArguments) -> dict[str, Any]:
    return {"preferences": preferences.read_preferences(arguments.user_id, actor.locale)}


@tool(
    category="consultation",
    zh="查看一位顾客与助手的一段对话：状态和最近的消息。",
    en="Read a customer's conversation with the assistant: its status and latest messages.",
    arguments=ConversationArguments,
    roles=CONSULTANTS,
)
def get_conversation_data(_actor: Actor, arguments: ConversationArguments) -> dict[str, Any]:
    return dialogues.read_dialogue(arguments.conversation_id)


@tool(
    category="consultation",
    zh="概括一段对话：顾客问了什么、看过哪些商品、购物车和订单。",
    en="Summarise a conversation: what was asked, which products were shown, cart and orders.",
    arguments=ConversationArguments,
    roles=CONSULTANTS,
    timeout_seconds=dialogues.SECONDS + 5,
)
def summarize_conversation(actor: Actor, arguments: ConversationArguments) -> dict[str, Any]:
    return dialogues.summarise_dialogue(actor, arguments.conversation_id)


@tool(
    category="treatment",
    zh="为一位顾客制定护理方案：在预算内用真实在售的商品和服务，并说明理由。",
    en="Make a care plan for a customer: real products and services in stock, within the budget, with reasons.",
    arguments=PlanArguments,
    roles=CONSULTANTS,
)
def generate_plan(actor: Actor, arguments: PlanArguments) -> dict[str, Any]:
    return {"plan": care.make_plan(arguments.user_id, arguments.goals, arguments.budget, actor.locale)}


@tool(
    category="treatment",
    zh="优化护理方案：按今天的价格和库存、可选的新预算重新选配，并说明改动的理由。",
    en="Improve a care plan by today's prices and stock and, if given, a new budget; says what changed and why.",
    arguments=OptimizeArguments,
    roles=CONSULTANTS,
)
def optimize_plan(actor: Actor, arguments: OptimizeArguments) -> dict[str, Any]:
    return {"plan": care.improve_plan(arguments.plan, arguments.budget, actor.locale)}


TOOLS: tuple[ToolSpec, ...] = (
    get_user_profile,
    search_users,
    analyze_customer,
    get_customer_preferences,
    get_conversation_data,
    summarize_conversation,
    generate_plan,
    optimize_plan,
)
