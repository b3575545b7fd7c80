"""A model fills the question that the catalogue answers, where our own grammar did not understand a sentence.

What it fills is the same structure that the parser fills, with the same checks: metrics and dimensions of the catalogue, values
that the shop has, dates that have data. The reader sees it as the line "understood as", and nothing that the model wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.insights import choices
from app.insights.answers import Understood
from app.insights.compiling.compiler import Compiled
from app.insights.guard import Rejected
from app.insights.metrics.catalogue import catalogue
from app.insights.modelling.tasks import Task, Wrong
from app.insights.modelling.values import fit_values, known_values
from app.insights.names import Context
from app.insights.parsing.building import finish
from app.insights.question import TIME, Comparison, Question
from app.insights.questions import out_of_reach, understand
from app.insights.reporting import check_report
from app.language.periods import EARLIEST, Period, between, calendar, resolve, rolling

MAX_SENTENCE = 500
WhyNot = Literal["off_topic", "not_in_data", "unclear"]


class Reply(BaseModel):
    """What the model makes of a sentence: a question of the catalogue, one for SQL of its own, or none."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["question", "sql", "no"] = Field(
        description="question: the catalogue's metrics answer it; sql: none of them fits, but the tables hold it; no: neither"
    )
    question: Question | None = Field(description="with answer=question, else null")
    why_not: WhyNot | None = Field(description="with answer=no, else null")


PROMPT = """You turn one sentence of a retail chain's store manager into a question for a reporting system. You never answer it yourself and never invent figures.

Metrics (key: meaning):
{metrics}

Dimensions (key: meaning; values for filters):
{dimensions}

A question: metrics (1 to 8 keys), dimensions (what to split by; day, week and month make a series), filters (dimension, operator in | not_in, or ge | le for level, and values), period, comparison (previous: the equal length before; year: a year before; period: a named one), share (of the total), daily (per day), top (metric, count, descending, by value | change | share, per), thresholds (metric, comparator gt | ge | lt | le, value, by).
A period: kind rolling with unit and count (the last 7 days: day, 7), kind calendar with unit and back (0 this, 1 last; count whole units), kind dates with start and end (YYYY-MM-DD), or kind all. Without a period in the sentence: rolling, day, 7.
Ratios are 0 to 1. Amounts are yuan. Today is {today}. The first day with data is {first_day}.
Take a previous question, where there is one, as what the sentence may change.
Answer "no" with why_not for the future, for single people or their personal data, for changing anything, for other topics (off_topic), for what neither metrics nor tables hold (not_in_data), or when you cannot tell what is meant (unclear). Tables, for answer "sql": orders, order_items, products with stock, categories, stores, members (level, since when, total spent), coupons, campaigns."""


def fill_task(
    sentence: str, previous: Question | None, context: Context
) -> Task[Reply, Understood | WhyNot | None]:
    """The task; its value is what was understood, None for SQL of its own, or why it cannot be answered."""
    data = [
        ("question", sentence[:MAX_SENTENCE]),
        ("names of the shop", json.dumps(known_values(sentence, context), ensure_ascii=False)),
    ]
    if previous is not None:
        data.append(("previous question", previous.model_dump_json(exclude_defaults=True)))
    prompt = PROMPT.format(
        metrics="\n".join(_metrics()),
        dimensions="\n".join(_dimensions()),
        today=context.today,
        first_day=context.first_day or context.today,
    )

    def check(reply: Reply) -> Understood | WhyNot | None:
        if reply.answer == "no":
            return reply.why_not or "unclear"
        if reply.answer == "sql":
            return None
        if reply.question is None:
            raise Wrong(code="MISSING", problem="answer=question needs a question")
        return _understood(reply.question, context)

    return Task(name="report_question", prompt=prompt, data=data, reply=Reply, check=check)


def _metrics() -> Iterator[str]:
    for entry in catalogue().metrics.values():
        yield f"- {entry.key}: {entry.zh} / {entry.en} ({entry.unit}). {entry.definition_en}"


def _dimensions() -> Iterator[str]:
    for entry in catalogue().dimensions.values():
        values = f"; {', '.join(entry.values)}" if entry.values else ""
        yield f"- {entry.key}: {entry.zh} / {entry.en}{values}"


def _understood(question: Question, context: Context) -> Understood:
    """The question as the parser would have built it. Raises Wrong with what does not fit."""
    fitted = _fit(question, context)
    periods = [fitted.period]
    if fitted.comparison is not None and fitted.comparison.period is not None:
        periods.append(fitted.comparison.period)
    refused = out_of_reach(periods[:1], context)
    if refused is not None:
        raise Wrong(
            code="PERIOD", problem=refused.reason, first_day=str(context.first_day), today=str(context.today)
        )
    if (fitted.thresholds or (question.top and question.top.count)) and not fitted.dimensions:
        raise Wrong(code="SPLIT", problem="top and thresholds need a dimension")
    if wrong := choices.uncountable(fitted):
        raise Wrong(code="COMBINATION", problem="not counted by these dimensions or filters", metrics=wrong)
    found = understand(fitted, context)
    if not isinstance(found, Understood):
        raise Wrong(code="COMBINATION", problem=found.reason)
    if found.compiled is not None:
        _check_size(found.compiled, context)
    return found


def _check_size(compiled: Compiled, context: Context) -> None:
    """A series of years by the day makes more SQL than the guard lets pass."""
    try:
        check_report(compiled, context)
    except Rejected as error:
        raise Wrong(code=error.reason, problem=error.text()) from error


def _fit(question: Question, context: Context) -> Question:
    dimensions = _in_order(question.dimensions)
    comparison = question.comparison
    if comparison is not None:
        is_named = comparison.kind == "period"
        if is_named and comparison.period is None:
            raise Wrong(code="PERIOD", problem="comparison.kind=period needs a period")
        named = _bounded(comparison.period, context) if is_named and comparison.period else None
        comparison = Comparison(kind=comparison.kind, period=named)
    by = {question.top.by if question.top else "value", *(bound.by for bound in question.thresholds)}
    if "change" in by and comparison is None:
        comparison = Comparison()
    top = question.top
    if top is not None and top.per is not None and top.per not in dimensions:
        top = top.model_copy(update={"per": None})
    return finish(
        {
            "metrics": tuple(dict.fromkeys(question.metrics)),
            "dimensions": dimensions,
            "filters": tuple(fit_values(part, context) for part in question.filters),
            "period": _bounded(question.period, context),
            "comparison": comparison,
            "share": question.share or "share" in by,
            "daily": question.daily,
            "top": top if dimensions else None,
            "thresholds": question.thresholds,
        }
    )


def _in_order(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, and one step of time at the end."""
    steps = [key for key in dimensions if key in TIME]
    return tuple(dict.fromkeys([*(key for key in dimensions if key not in TIME), *steps[:1]]))


def _bounded(period: Period, context: Context) -> Period:
    """The period with its numbers in bounds. Raises Wrong for dates that nobody means."""
    if period.kind == "rolling":
        return rolling(period.count, period.unit)
    if period.kind == "calendar":
        return calendar(period.unit, period.back, period.count)
    if period.kind == "all":
        return Period("all")
    if period.start is None:
        raise Wrong(code="PERIOD", problem="kind=dates needs a start")
    found = between(period.start, period.end)
    span = resolve(found, context.today, context.first_day)
    if span.start < EARLIEST:
        raise Wrong(code="PERIOD", problem="no such dates", first_day=str(context.first_day))
    return found
