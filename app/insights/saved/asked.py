"""Questions that come from outside: read strictly, and proven to be answerable before they are kept."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from app.core.errors import N_, InvalidParam
from app.insights.answers import Understood
from app.insights.guard import Moment, check
from app.insights.names import Context
from app.insights.question import Question
from app.insights.questions import understand
from app.language.periods import LONGEST_DAYS, resolve
from app.runtime import settings

MAX_QUESTION_CHARS = 20_000


def read_question(raw: Any, context: Context) -> Question:
    """A question as JSON text or object. Raises InvalidParam for what is none, or cannot be counted, or is too long."""
    try:
        question = Question.model_validate(_object(raw))
        _check_length(question, context)
        understood = understand(question, context)
        if not isinstance(understood, Understood) or understood.compiled is None:
            raise _wrong()
        moment = Moment.current(context.timezone)
        for statement in understood.compiled.statements:
            check(statement.sql, max_rows=settings().sql_max_rows, moment=moment, with_sums=True)
    except (ValidationError, ValueError, OverflowError, RecursionError) as error:
        raise _wrong() from error
    return question


def _object(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    if len(raw) > MAX_QUESTION_CHARS:
        raise ValueError("too long")
    return json.loads(raw)


def _check_length(question: Question, context: Context) -> None:
    """Every day of a period may become a row, so a hostile one would keep us busy for long."""
    compared = question.comparison.period if question.comparison else None
    for period in (question.period, *([compared] if compared else [])):
        if resolve(period, context.today, context.first_day).days > LONGEST_DAYS:
            raise ValueError("too many days")


def _wrong() -> InvalidParam:
    return InvalidParam(fields={"question": N_("This is not a question that a report can answer.")})
