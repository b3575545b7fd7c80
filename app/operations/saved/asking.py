"""What a saved report asks, found in what a person or a program sends, and its answer with today's dates."""

from __future__ import annotations

from typing import Any

from app.core.actor import Actor
from app.core.errors import N_, InvalidParam
from app.db import db
from app.insights.names import Context
from app.insights.queries import current_context
from app.insights.question import Question
from app.insights.saved.asked import read_question
from app.insights.saved.models import SavedReport
from app.insights.steps import Steps
from app.operations.desk import answer_question
from app.operations.queries import get_record
from app.operations.schemas import DeskAnswer
from app.runtime import settings


def context_for(locale: str) -> Context:
    """Names and days as they are now. Lets go of the connection: a report has one of its own."""
    context = current_context(settings().shop_timezone, locale)
    db.session.rollback()
    return context


def find_question(actor: Actor, question: Any, run_id: str, locale: str) -> Question:
    """The question of an answer of the actor's own (`run_id`), or one that was sent as it is.

    Raises NotFound for another's answer, InvalidParam for what is no report's question.
    """
    if run_id:
        question = get_record(actor, run_id).question
        if question is None:
            raise InvalidParam(
                N_("That answer is not a report."), fields={"run_id": N_("That answer is not a report.")}
            )
    return read_question(question, context_for(locale))


def run_now(report: SavedReport, locale: str) -> DeskAnswer:
    """The report with today's dates, in the reader's language. Raises what the runner raises."""
    name, question = report.name, report.question
    return answer_question(question, name, context_for(locale), Steps())
