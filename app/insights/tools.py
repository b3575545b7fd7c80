"""What agents may do for an operator: ask for figures, reports and what the shop knows. All of it only reads."""

from __future__ import annotations

from typing import Any, Literal

from flask_babel import gettext
from pydantic import Field

from app.core.actor import Actor, Role
from app.core.errors import N_
from app.db import db
from app.insights.answers import Understood
from app.insights.asking import DIMENSIONS, METRICS, FilterPart, question_of
from app.insights.diagnosis import service
from app.insights.knowledge.search import MAX_QUERY, search_documents
from app.insights.names import Context
from app.insights.queries import current_context
from app.insights.questions import answer, out_of_reach, understand
from app.insights.steps import Steps
from app.insights.telling import told_answer, told_diagnosis
from app.runtime import settings
from app.tools.spec import Arguments, ToolSpec, tool

MAX_QUESTION = 500
OPERATORS = (Role.OPERATOR, Role.ADMIN)
_OTHER_TOOLS = {
    "diagnose": ("diagnose", N_("This asks for a reason. Call diagnose with it.")),
    "plan": ("draft_campaign_plan", N_("This asks for a campaign. Call draft_campaign_plan with it.")),
}


class MetricArguments(Arguments):
    """Which figures."""

    metrics: list[str] = METRICS
    dimensions: list[str] = DIMENSIONS
    filters: list[FilterPart] = Field(default_factory=list, max_length=12, description="Only rows that match")
    period: str = Field(
        min_length=1,
        max_length=80,
        description="In words or dates: last 7 days, 上周, this month, 2026-11, 2026-11-01 to 2026-11-20",
    )
    compare: Literal["previous", "year"] | None = Field(
        default=None,
        description="previous: with the equal length before; year: with the same dates a year ago",
    )


class ReportArguments(Arguments):
    """A question."""

    question: str = Field(
        min_length=1,
        max_length=MAX_QUESTION,
        description="One sentence, Chinese or English, as the operator said it",
    )


class KnowledgeArguments(Arguments):
    """What to look for."""

    q: str = Field(min_length=1, max_length=MAX_QUERY, description="Words or a question, Chinese or English")
    limit: int = Field(default=4, ge=1, le=10, description="How many documents")


def _context(actor: Actor) -> Context:
    """Names and days as they are now. The session lets go of its connection: the report has one of its own."""
    context = current_context(settings().shop_timezone, actor.locale)
    db.session.rollback()
    return context


def _elsewhere(intent: str) -> dict[str, Any]:
    name, message = _OTHER_TOOLS[intent]
    return {"status": "other_tool", "tool": name, "message": gettext(message)}


@tool(
    category="insights",
    zh="按指标、维度、筛选和时间段查询经营数据。返回列、行、口径、时间段和 SQL。",
    en="Figures by metric, dimension, filter and period. Returns columns, rows, definitions, period and SQL.",
    arguments=MetricArguments,
    roles=OPERATORS,
)
def query_metrics(actor: Actor, arguments: MetricArguments) -> dict[str, Any]:
    context = _context(actor)
    question = question_of(
        metrics=arguments.metrics,
        dimensions=arguments.dimensions,
        filters=arguments.filters,
        period=arguments.period,
        compare=arguments.compare,
        context=context,
    )
    found = out_of_reach([question.period], context) or understand(question, context)
    return told_answer(found, context)


@tool(
    category="insights",
    zh="用一句话要报表，例如“最近7天各门店成交额”。听不明白时会给出可选的问法。",
    en="A report from one sentence, such as “GMV by store for the last 7 days”. Asks back with choices where it is unclear.",
    arguments=ReportArguments,
    roles=OPERATORS,
)
def ask_report(actor: Actor, arguments: ReportArguments) -> dict[str, Any]:
    context = _context(actor)
    found = answer(arguments.question, None, context)
    if isinstance(found, Understood) and found.intent in _OTHER_TOOLS:
        return _elsewhere(found.intent)
    return told_answer(found, context)


@tool(
    category="insights",
    zh="某个指标为什么变了：先核实是否真的变了，再拆解、排查、引用知识库。每条结论标明来自数据（data）还是知识库（kb）。",
    en="Why a figure moved: verified first, then taken apart, checked and set against the knowledge base. Each claim "
    "says whether it comes from data or from a document (kb).",
    arguments=ReportArguments,
    roles=OPERATORS,
    timeout_seconds=60,
)
def diagnose(actor: Actor, arguments: ReportArguments) -> dict[str, Any]:
    context = _context(actor)
    found = answer(arguments.question, None, context)
    if isinstance(found, Understood) and found.intent == "plan":
        return _elsewhere("plan")
    if not isinstance(found, Understood):
        return told_answer(found, context)
    return told_diagnosis(service.diagnose(found.question, context, Steps(), sentence=arguments.question))


@tool(
    category="insights",
    zh="查经营知识库：指标口径、常见原因与排查方法、活动打法、风险。引用时请注明文档。",
    en="Search the knowledge base: definitions, usual causes and checks, campaign playbooks, risks. Cite the document.",
    arguments=KnowledgeArguments,
    roles=OPERATORS,
)
def search_knowledge(actor: Actor, arguments: KnowledgeArguments) -> dict[str, Any]:
    hits = search_documents(arguments.q, actor.locale, arguments.limit)
    documents = [
        {"key": hit.key, "title": hit.title, "content": hit.content, "tags": list(hit.tags)} for hit in hits
    ]
    return {"documents": documents, "count": len(documents)}


TOOLS: tuple[ToolSpec, ...] = (query_metrics, ask_report, diagnose, search_knowledge)
