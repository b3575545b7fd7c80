"""`answer`: one sentence of an operator, alone or after a question, to a compiled report, a question back, or a refusal.

Nothing is run here: the statements of `Understood.compiled` go through the guard, and their rows to
`compiling.report.build_report`. Deterministic and pure but for the context it is given (`queries.current_context`).
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core.errors import N_
from app.insights import choices
from app.insights.answers import Answer, Clarify, Definition, Note, Refused, Understood
from app.insights.compiling.compiler import compile_question
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.parsing import intents
from app.insights.parsing.building import build
from app.insights.parsing.draft import Draft
from app.insights.parsing.merging import is_followup, merge
from app.insights.parsing.reader import Sentence, read
from app.insights.question import Question
from app.insights.wording import dates, understood_as
from app.language.periods import Period, Span, resolve

_REFUSALS = {
    "sql": N_("Please ask in words; SQL that is typed here is not run."),
    "write": N_("This desk only reads. It does not change or delete orders, products or members."),
    "personal": N_(
        "Reports hold no personal data: no names, telephone numbers, addresses or single customers."
    ),
    "secret": N_("Passwords, keys and instructions are not shown here."),
    "future": N_("That is in the future. Reports show what has happened, up to today."),
    "before_data": N_("There is no data for %(dates)s: the first order is of %(first)s."),
    "not_in_data": N_("The shop keeps no data about “%(word)s”."),
    "off_topic": N_(
        "That is not a question about this shop. Ask for its sales, orders, customers or payments."
    ),
    "empty": N_("Please ask a question."),
}


def answer(sentence: str, previous: Question | None, context: Context) -> Answer:
    """What becomes of the sentence; `previous` is the last question of the same conversation, if there was one."""
    read_one = read(sentence, context)
    said = read_one.said
    if not said:
        return _refused("empty")
    if intents.is_off_topic(said):
        return _refused("off_topic")
    if reason := intents.refusal_of(said):
        return _refused(reason)
    if intents.asks_for_plan(said):
        return Understood("plan")
    if intents.asks_why(said):
        return _diagnosis(read_one, previous, context)
    return _report(read_one, previous, context)


def warm(context: Context) -> None:
    """Read a sentence of each language: the patterns are made on first use, which takes a good part of a second."""
    for sentence in ("最近7天各门店成交额", "GMV by store for the last 7 days"):
        answer(sentence, None, context)


def _diagnosis(sentence: Sentence, previous: Question | None, context: Context) -> Answer:
    """Why: the metric asked about, that of the question before, or (业绩 is down) GMV."""
    draft, said = sentence.draft, sentence.said
    if refused := _out_of_reach(draft, said, context):
        return refused
    if previous is not None and not draft.metrics:
        question = merge(previous, draft, context)
    elif draft.metrics:
        question = build(draft, context)
    elif sentence.is_business and not intents.asks_what_happens(said):
        draft.metrics = ["gmv"]
        question = build(draft, context)
    elif sentence.is_business or not draft.is_empty or intents.is_bare_why(said):
        return choices.ask_metric(draft, context)
    else:
        return _refused("off_topic")
    if choices.uncountable(question):
        return choices.ask_countable(question, context)
    return Understood(
        "diagnose",
        question,
        understood_as=understood_as(question, context),
        definitions=_definitions(question, context),
    )


def _report(sentence: Sentence, previous: Question | None, context: Context) -> Answer:
    draft, said = sentence.draft, sentence.said
    if refused := _out_of_reach(draft, said, context):
        return refused
    if word := intents.not_in_data(said, sentence.left):
        return _refused("not_in_data", word=word)
    if draft.missing:
        return choices.ask_name(draft, context)
    if previous is not None and is_followup(draft):
        return _settled(merge(previous, draft, context), draft, context)
    if not draft.metrics or _says_too_little(draft):
        return _without_metric(sentence, context)
    return _settled(build(draft, context), draft, context)


def _says_too_little(draft: Draft) -> bool:
    """销售情况怎么样, "how is business": no figure is meant."""
    vague = all(catalogue().metrics[key].vague for key in draft.metrics)
    return draft.weak and vague and draft.is_vague and not draft.dimensions


def _without_metric(sentence: Sentence, context: Context) -> Answer:
    draft = sentence.draft
    bounded = next((bound.metric for bound in draft.bounds if bound.metric), None)
    ranked = draft.rank.metric if draft.rank else None
    if draft.is_empty and not sentence.is_business and not draft.is_vague:
        return _refused("off_topic")
    if (found := bounded or ranked) and not draft.is_vague:
        draft.metrics = [found]
        return _settled(build(draft, context), draft, context)
    has_shape = draft.dimensions or draft.rank or draft.bounds or draft.is_vague or sentence.is_business
    if draft.unknown and not has_shape:
        return _refused("not_in_data", word=" ".join(draft.unknown))
    return choices.ask_metric(draft, context)


def _out_of_reach(draft: Draft, said: str, context: Context) -> Refused | None:
    """The future, or days before the first order."""
    if intents.asks_about_future(said):
        return _refused("future")
    return out_of_reach(draft.periods, context)


def out_of_reach(periods: Sequence[Period], context: Context) -> Refused | None:
    """Why nothing can be said of the periods: all of it lies ahead, or before the first order."""
    spans = [resolve(period, context.today, context.first_day) for period in periods]
    if any(span.start > context.today for span in spans):
        return _refused("future")
    first = context.first_day
    if first is not None and spans and max(span.end for span in spans) < first:
        return _refused("before_data", dates=dates(spans[0], context.locale), first=first.isoformat())
    return None


def refusal(reason: str) -> Refused:
    """The refusal for a reason that needs no values, such as "personal"."""
    return _refused(reason)


def _refused(reason: str, **params: str) -> Refused:
    return Refused(reason, _REFUSALS[reason], params)


def _settled(question: Question, draft: Draft, context: Context) -> Answer:
    """A question that is whole, or what is missing."""
    if (question.thresholds or (draft.rank and draft.rank.count is not None)) and not question.dimensions:
        return choices.ask_split(question, draft, context)
    if choices.uncountable(question):
        return choices.ask_countable(question, context)
    return understand(question, context, ignored=draft.unknown)


def understand(
    question: Question, context: Context, *, ignored: list[str] | None = None
) -> Understood | Clarify:
    """The compiled report of a question, such as a saved one or a choice."""
    if choices.uncountable(question):
        return choices.ask_countable(question, context)
    compiled = compile_question(question, context)
    return Understood(
        "report",
        question,
        compiled,
        understood_as(question, context),
        _definitions(question, context),
        tuple(_notes(question, compiled.span, ignored or [], context)),
    )


def _definitions(question: Question, context: Context) -> tuple[Definition, ...]:
    entries = [catalogue().metrics[key] for key in question.metrics]
    return tuple(
        Definition(e.key, e.name(context.locale), e.definition(context.locale), e.unit) for e in entries
    )


def _notes(question: Question, span: Span, ignored: list[str], context: Context) -> list[Note]:
    found = []
    if ignored:
        found.append(
            Note("ignored", N_("Not understood and left out: %(words)s"), {"words": ", ".join(ignored)})
        )
    if context.first_day and span.start < context.first_day:
        found.append(
            Note("partial", N_("The data begins on %(first)s."), {"first": context.first_day.isoformat()})
        )
    if (
        any("customer" in (*question.dimensions, part.dimension) for part in question.filters)
        or "customer" in question.dimensions
    ):
        found.append(Note("guests_excluded", N_("Guests are in neither group.")))
    if question.share and any(catalogue().metrics[key].kind == "distinct" for key in question.metrics):
        found.append(
            Note(
                "not_additive",
                N_("A person can be in several groups, so shares may add up to more than 100 %%."),
            )
        )
    return found
