"""What is asked about: one metric, its filters and two periods, and which way it was said to have gone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta

from app.insights.compiling.compiler import base_span
from app.insights.diagnosis.anatomy import Anatomy, anatomy
from app.insights.diagnosis.gathering import Gatherer, source_of
from app.insights.diagnosis.model import Direction, Unit
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.question import Comparison, Question
from app.language.periods import Span, before, resolve

USUAL = "gmv"
_DOWN = re.compile(
    r"下降|下跌|下滑|跌|降|掉|变?少|变?低|变?差|减少|缩水|走低|走弱|萎缩|不好|不行|糟|惨"
    r"|(?<![a-z])(?:drop\w*|fall\w*|fell|declin\w*|decreas\w*|down|lower\w*|fewer|less|worse\w*|slump\w*|dip\w*|shr[aiu]nk\w*|lost|losing|weak\w*|poor\w*|bad|low)(?![a-z])"
)
_UP = re.compile(
    r"上升|上涨|涨|升高?|提高|提升|变?高|变?多|增[长加多]|走高|变好|飙升|猛增"
    r"|(?<![a-z])(?:r[aio]s[ei]\w*|risen|increas\w*|grow\w*|grew|up|higher|more|better|improv\w*|jump\w*|surg\w*|climb\w*|gain\w*)(?![a-z])"
)
_NOT_UP = re.compile(
    r"[没不未](?:有|怎么|见|再)?(?:涨|增|升|提|上)|(?<![a-z])(?:not|n't|isn't|didn't|no longer|stop(?:ped)?)(?: \w+){0,2} (?:grow\w*|ris\w*|increas\w*|improv\w*|going up)"
)


def asked_direction(sentence: str) -> Direction | None:
    """Which way the sentence says it went, or None where it does not say."""
    said = sentence.lower()
    if _NOT_UP.search(said):
        return "down"
    down, up = _DOWN.search(said), _UP.search(said)
    if down and up:
        return "down" if down.start() < up.start() else "up"
    return "down" if down else "up" if up else None


def direction_words(text: str) -> list[Direction]:
    """The words for up and down in a text, in order."""
    said = text.lower()
    found = [(match.start(), "down") for match in _DOWN.finditer(said)] + [
        (match.start(), "up") for match in _UP.finditer(said)
    ]
    return [way for _, way in sorted(found)]  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Subject:
    """One metric under its filters in two periods."""

    question: Question
    metric: str
    parts: Anatomy
    span: Span
    base: Span
    asked: Direction | None
    context: Context
    gatherer: Gatherer
    # The period it was said to be compared with, where that is of another length.
    named_base: Span | None = None

    @property
    def name(self) -> str:
        return catalogue().metrics[self.metric].name(self.context.locale)

    @property
    def unit(self) -> Unit:
        return catalogue().metrics[self.metric].unit

    @property
    def change_unit(self) -> Unit:
        """A ratio in per cent changes by points."""
        return "points" if self.unit == "ratio" else self.unit

    @property
    def is_recent(self) -> bool:
        """Whether the period ends today, so that stock as it is now says something of it."""
        return (self.context.today - self.span.end).days <= 1

    @property
    def has_other_weekdays(self) -> bool:
        """Whether the two periods hold different days of the week, so that a total moves by itself."""
        return bool(self.span.days % 7) and bool((self.span.start - self.base.start).days % 7)

    @property
    def weekday_twin(self) -> Span | None:
        """The latest earlier period with the same days of the week, where the base has others; None where it would overlap the base."""
        days = timedelta(days=7 * math.ceil(self.span.days / 7))
        twin = Span(self.span.start - days, self.span.end - days)
        is_apart = twin.end < self.base.start or twin.start > self.base.end
        return twin if self.has_other_weekdays and is_apart else None

    def earlier(self, most: int) -> list[Span]:
        """Periods of the same length before the base, latest first, as far as there is data."""
        first, found, last = self.context.first_day, list[Span](), self.base
        while len(found) < most:
            last = before(last)
            if first is None or last.start < first:
                break
            found.append(last)
        return found


def subject_of(question: Question | None, context: Context, sentence: str) -> Subject:
    """The metric and periods to look into; GMV of the last 7 days where nothing else was said."""
    asked = question or Question(metrics=(USUAL,))
    metric, source = asked.metrics[0], source_of(asked.metrics[0], asked.filters)
    if source is None:
        asked, metric, source = Question(metrics=(USUAL,), period=asked.period), USUAL, "orders"
    span = resolve(asked.period, context.today, context.first_day)
    named = base_span(asked.comparison or Comparison(), span, context) or before(span)
    base = as_long_as(span, named)
    plain = Question(
        metrics=(metric,),
        filters=asked.filters,
        period=asked.period,
        comparison=asked.comparison or Comparison(),
    )
    gatherer = Gatherer(context, asked.filters)
    said = asked_direction(sentence) if sentence else "down"
    return Subject(
        plain,
        metric,
        anatomy(metric, source),
        span,
        base,
        said,
        context,
        gatherer,
        None if named == base else named,
    )


def as_long_as(span: Span, named: Span) -> Span:
    """The base with as many days as the period: of a longer one its first days (this month so far against the same days
    of the last), of a shorter one also days before it. Totals of unequal periods would say little of a cause."""
    if named.days > span.days:
        return Span(named.start, named.start + timedelta(days=span.days - 1))
    start = named.end - timedelta(days=span.days - 1)
    return Span(start, named.end) if named.end < span.start or start > span.end else before(span)
