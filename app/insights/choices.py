"""Asking back: what is unclear, and two to four questions to choose from."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from app.core.errors import N_
from app.insights.answers import Choice, Clarify
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.parsing.building import build, finish
from app.insights.parsing.draft import Draft, Rank
from app.insights.question import Filter, Question
from app.insights.wording import phrase

MOST = 4
FEWEST = 2
_METRICS = ("gmv", "orders", "aov", "repeat_rate")
_GOODS_METRICS = ("units", "category_sales", "buyers")
_MEMBER_METRICS = ("new_members", "buyers", "spend_per_buyer", "repeat_rate")
_SPLITS = ("store", "channel", "category", "city")


def ask_metric(draft: Draft, context: Context) -> Clarify:
    """No metric was named: offer the usual ones with all else that was said."""
    if [part.dimension for part in draft.filters] == ["membership"] and not draft.dimensions:
        draft.filters = []
        found = [question for metric in _MEMBER_METRICS if (question := _with_metric(draft, metric, context))]
        return _clarify("metric", N_("Which figure do you mean?"), found, context)
    reach = {*draft.dimensions, *(part.dimension for part in draft.filters)}
    offered = _GOODS_METRICS if reach & {"product", "category"} else _METRICS
    questions = [question for metric in offered if (question := _with_metric(draft, metric, context))]
    return _clarify("metric", N_("Which figure do you mean?"), questions, context)


def _with_metric(draft: Draft, metric: str, context: Context) -> Question | None:
    draft.metrics = [metric]
    if draft.rank is not None:
        draft.rank = Rank(draft.rank.count, draft.rank.descending, metric, draft.rank.by, draft.rank.best)
    question = build(draft, context)
    return question if is_countable(question) else None


def is_countable(question: Question) -> bool:
    """Whether each metric has a formula for every split and filter."""
    return not uncountable(question)


def uncountable(question: Question) -> list[str]:
    """The metrics that cannot be split or filtered so."""
    reach = (*question.dimensions, *(part.dimension for part in question.filters))
    return [key for key in question.metrics if catalogue().sources_of(key, reach) is None]


def ask_split(question: Question, draft: Draft, context: Context) -> Clarify:
    """A ranking or a threshold of nothing: offer what could be ranked."""
    found = []
    for dimension in _SPLITS:
        draft.dimensions = [dimension]
        candidate = build(draft, context)
        found += [candidate] if is_countable(candidate) else []
    return _clarify("split", N_("Of what: stores, channels, categories or cities?"), found, context)


def ask_countable(question: Question, context: Context) -> Clarify:
    """A metric that the data does not hold by that split or filter: offer it without, or others with."""
    wrong = uncountable(question)
    rest = tuple(key for key in question.metrics if key not in wrong)
    return _clarify(
        "combination",
        N_("%(metric)s is not counted by %(dimension)s."),
        [*_without_metrics(question, rest), *_without_splits(question, wrong), *_instead(question)],
        context,
        metric=", ".join(catalogue().metrics[key].name(context.locale) for key in wrong),
        dimension=", ".join(
            catalogue().dimensions[key].name(context.locale) for key in _culprits(question, wrong)
        ),
    )


def _culprits(question: Question, wrong: Iterable[str]) -> list[str]:
    reach = dict.fromkeys((*question.dimensions, *(part.dimension for part in question.filters)))
    return [key for key in reach if any(catalogue().sources_of(metric, (key,)) is None for metric in wrong)]


def _without_metrics(question: Question, rest: tuple[str, ...]) -> Iterator[Question]:
    if rest:
        yield _changed(question, metrics=rest, thresholds=(), top=None)


def _without_splits(question: Question, wrong: Iterable[str]) -> Iterator[Question]:
    culprits = _culprits(question, wrong)
    groups = tuple(key for key in question.dimensions if key not in culprits)
    filters = tuple(part for part in question.filters if part.dimension not in culprits)
    for dimensions in (groups, tuple(dict.fromkeys(("store", *groups)))):
        yield _changed(question, dimensions=dimensions, filters=filters, top=None)


def _instead(question: Question) -> Iterator[Question]:
    for metric in (*_GOODS_METRICS, "orders"):
        yield _changed(question, metrics=(metric,), thresholds=(), top=None, share=False)


def ask_name(draft: Draft, context: Context) -> Clarify:
    """A store or city that the chain does not have: offer those that sound alike, then the others, or all."""
    kind, name = draft.missing[0]
    dimension = "city" if kind == "city" else "store"
    draft.missing = []
    draft.metrics = draft.metrics or ["gmv"]
    base = build(draft, context)
    values = _alike(name, dimension, context)
    found = [
        _changed(base, filters=(*base.filters, Filter(dimension=dimension, values=(value,))))
        for value in values
    ]
    everything = _changed(base, dimensions=tuple(dict.fromkeys((dimension, *base.dimensions)))[:4])
    return _clarify(
        "name",
        N_("There is no “%(name)s” in this shop. Which one do you mean?"),
        [*found[: MOST - 1], everything],
        context,
        name=name,
    )


def _alike(name: str, dimension: str, context: Context) -> list[str]:
    stores = context.names.stores
    spoken: dict[str, str] = {}
    for store in stores:
        value = store.city if dimension == "city" else store.name
        english = store.city_en if dimension == "city" else store.name_en
        spoken |= {value: value, english.lower(): value}
    near = difflib.get_close_matches(name.lower(), list(spoken), n=MOST, cutoff=0.3)
    return list(dict.fromkeys([*(spoken[each] for each in near), *spoken.values()]))


def _changed(question: Question, **fields: object) -> Question:
    return finish({**{name: getattr(question, name) for name in Question.model_fields}, **fields})


def _clarify(
    reason: str, message: str, questions: Iterable[Question], context: Context, **params: str
) -> Clarify:
    """Two to four different choices; where the question left fewer than two, the usual reports."""
    found: dict[str, Question] = {}
    for question in questions:
        if is_countable(question):
            found.setdefault(phrase(question, context), question)
    for metric in _METRICS if len(found) < FEWEST else ():
        question = Question(metrics=(metric,))
        found.setdefault(phrase(question, context), question)
    return Clarify(
        reason,
        message,
        params,
        tuple(Choice(text, question) for text, question in list(found.items())[:MOST]),
    )
