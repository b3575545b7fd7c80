"""The demo shop's names without a database, and the fields of an answer as the question list writes them."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from typing import Any

from app.demo.loader import CATALOGUE
from app.insights.answers import Answer, Clarify, Refused
from app.insights.compiling.compiler import base_span
from app.insights.names import CategoryName, Context, Names, ProductName, StoreName
from app.insights.question import Question
from app.insights.questions import answer
from app.language.normalise import detect_language
from app.language.periods import resolve

TODAY, FIRST_DAY = date(2026, 11, 21), date(2026, 8, 24)


@cache
def demo_names() -> Names:
    data = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return Names(
        tuple(StoreName(s["id"], s["name"], s["name_en"], s["city"], s["city_en"]) for s in data["stores"]),
        tuple(CategoryName(c["id"], c["name"], c["name_en"]) for c in data["categories"]),
        tuple(ProductName(p["sku"], p["name"], p["name_en"]) for p in data["products"]),
    )


def context(locale: str = "zh", **values: Any) -> Context:
    return Context(
        **{"names": demo_names(), "today": TODAY, "first_day": FIRST_DAY, "locale": locale, **values}
    )


def ask(sentence: str, previous: Question | None = None) -> Answer:
    return answer(sentence, previous, context(detect_language(sentence)))


def fields(sentence: str) -> dict[str, Any]:
    """What the answer is, in the form of own_questions.jsonl."""
    return {"question": sentence, **answer_fields(ask(sentence))}


def answer_fields(found: Answer) -> dict[str, Any]:
    if isinstance(found, Refused):
        return {"expect": "refuse", "reason": found.reason}
    if isinstance(found, Clarify):
        return {"expect": "clarify", "reason": found.reason}
    return {"expect": found.intent, **(question_fields(found.question) if found.question else {})}


def question_fields(question: Question) -> dict[str, Any]:
    """The fields of a question that are not empty, with the dates of its periods."""
    span = resolve(question.period, TODAY, FIRST_DAY)
    base = base_span(question.comparison, span, context())
    values = {
        "metrics": list(question.metrics),
        "by": list(question.dimensions),
        "filters": [[part.dimension, part.operator, *part.values] for part in question.filters],
        "dates": [str(span.start), str(span.end)],
        "against": [str(base.start), str(base.end)] if base else None,
        "share": question.share,
        "daily": question.daily,
        "top": question.top and question.top.model_dump(exclude_defaults=True),
        "thresholds": [bound.model_dump(exclude_defaults=True) for bound in question.thresholds],
    }
    return {name: value for name, value in values.items() if value}
