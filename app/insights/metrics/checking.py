"""Checking the catalogue: entries that contradict each other, words that two metrics claim, SQL that the guard refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from app.core.errors import DomainError
from app.insights.compiling.compiler import compile_question
from app.insights.guard import Rejected, check
from app.insights.metrics.catalogue import Catalogue, Metric
from app.insights.names import Context, Names
from app.insights.question import TIME, Question
from app.language.normalise import normalise
from app.language.periods import rolling
from app.sales.stale import KINDS, Stale

_TODAY = date(2026, 1, 31)
# From the orders; from the sums by day; from both.
_CONTEXTS = [
    Context(Names(), _TODAY, stale=stale)
    for stale in (None, Stale(), Stale({kind: frozenset([_TODAY]) for kind in KINDS}))
]


def findings(catalogue: Catalogue) -> Iterator[str]:
    """What is wrong, one sentence each; nothing when all is well. The SQL is checked, not run."""
    yield from _references(catalogue)
    yield from _shared_words(catalogue)
    for metric in catalogue.metrics.values():
        yield from _own_words(metric)
        yield from _sql(metric, catalogue)


def _references(catalogue: Catalogue) -> Iterator[str]:
    for metric in catalogue.metrics.values():
        yield from (
            f"metric {metric.key}: no source {source}"
            for source in metric.formulas
            if source not in catalogue.sources
        )
        yield from (
            f"metric {metric.key}: no join {need}" for need in metric.needs if need not in catalogue.joins
        )
    for dimension in catalogue.dimensions.values():
        known = dimension.columns.keys() <= catalogue.sources.keys()
        yield from [] if known else [f"dimension {dimension.key}: a column of a source that there is not"]
        yield from (
            f"dimension {dimension.key}: no join {need}"
            for need in dimension.needs
            if need not in catalogue.joins
        )
        if not dimension.time and not (dimension.columns and dimension.nouns_zh and dimension.nouns_en):
            yield f"dimension {dimension.key}: columns and nouns in both languages are needed"


def _shared_words(catalogue: Catalogue) -> Iterator[str]:
    """A word of two metrics would mean whichever was read last."""
    for kind in ("words", "weak"):
        owners: dict[str, set[str]] = defaultdict(set)
        for metric in catalogue.metrics.values():
            for word in (*getattr(metric, f"{kind}_zh"), *getattr(metric, f"{kind}_en")):
                owners[word.replace("-", " ")].add(metric.key)
        yield from (
            f"“{word}” is a word of {' and '.join(sorted(keys))}"
            for word, keys in owners.items()
            if len(keys) > 1
        )


def _own_words(metric: Metric) -> Iterator[str]:
    """Words are compared with normalised text, and a metric is understood by its own name."""
    words = {*metric.words_zh, *metric.words_en, *metric.weak_zh, *metric.weak_en}
    yield from (
        f"metric {metric.key}: write “{word}” as “{normalise(word)}”"
        for word in sorted(words)
        if normalise(word) != word
    )
    names = {normalise(metric.zh), normalise(metric.en)}
    yield from (
        f"metric {metric.key}: its name “{name}” is none of its words" for name in sorted(names - words)
    )


def _sql(metric: Metric, catalogue: Catalogue) -> Iterator[str]:
    """Every formula by every dimension it can be split by, alone and as a series."""
    for dimension in ("", *catalogue.dimensions):
        dimensions = (dimension,) if dimension else ()
        if catalogue.sources_of(metric.key, dimensions) is None:
            continue
        for split in {dimensions, (*dimensions, "day")} if dimension not in TIME else {dimensions}:
            question = Question(metrics=(metric.key,), dimensions=split, period=rolling(7))
            try:
                for sql in _written(question):
                    check(sql, with_sums=True)
            except (Rejected, DomainError, KeyError, ValueError) as error:
                yield f"metric {metric.key} by {', '.join(split) or 'nothing'}: {error}"


def _written(question: Question) -> set[str]:
    """The SQL of a question in each context."""
    return {item.sql for context in _CONTEXTS for item in compile_question(question, context).statements}
