"""A follow-up: what was said changes the question before, and the rest of it stays."""

from __future__ import annotations

from typing import Any

from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.parsing.building import build, finish, listed, threshold_of, top_of
from app.insights.parsing.draft import Draft
from app.insights.question import TIME, Filter, Question, Top


def is_followup(draft: Draft) -> bool:
    """Whether the sentence goes on with the question before: it says so, or it has no metric of its own."""
    if draft.is_empty or draft.missing:
        return draft.is_followup and bool(draft.missing)
    return not draft.metrics or (draft.is_followup and not (draft.periods and draft.dimensions))


def merge(previous: Question, draft: Draft, context: Context) -> Question:
    """The question before with what the draft says."""
    if not draft.metrics:
        draft.metrics = list(previous.metrics)
        alone = build(draft, context)
        metrics = previous.metrics
    else:
        alone = build(draft, context)
        metrics = (
            tuple(dict.fromkeys((*previous.metrics, *draft.metrics))) if draft.adds else tuple(draft.metrics)
        )
    filters = _filters(previous, draft)
    dimensions = _dimensions(previous, alone, draft) or listed(filters, draft)
    is_same_split = tuple(key for key in dimensions if key not in TIME) == previous.groups
    fields: dict[str, Any] = {
        "metrics": metrics,
        "dimensions": dimensions,
        "filters": filters,
        "period": alone.period if draft.periods else previous.period,
        "comparison": alone.comparison
        or (None if draft.periods and _was_named(previous) else previous.comparison),
        "share": draft.share or (previous.share and is_same_split),
        "daily": draft.daily or previous.daily,
        "top": top_of(draft.rank, metrics, dimensions, draft)
        or (_same_top(previous, metrics) if is_same_split else None),
        "thresholds": tuple(
            threshold_of(bound, metrics, share=draft.share or previous.share) for bound in draft.bounds
        )
        or (previous.thresholds if is_same_split else ()),
    }
    return finish(fields)


def _same_top(previous: Question, metrics: tuple[str, ...]) -> Top | None:
    """The ranking before, by the new metric where its own is gone."""
    top = previous.top
    return top if top is None or top.metric in metrics else top.model_copy(update={"metric": metrics[0]})


def _was_named(previous: Question) -> bool:
    return previous.comparison is not None and previous.comparison.kind == "period"


def _dimensions(previous: Question, alone: Question, draft: Draft) -> tuple[str, ...]:
    """A new split takes the place of the old one, a new step that of the old step; "also by" keeps both."""
    said = tuple(key for key in alone.dimensions if key not in TIME)
    groups = () if draft.ungrouped else previous.groups
    if said and draft.adds:
        groups = tuple(dict.fromkeys((*groups, *said)))
    elif said:
        groups = said
    step = alone.grain or (None if draft.ungrouped else previous.grain)
    return (*groups, step)[:4] if step else groups[:4]


def _filters(previous: Question, draft: Draft) -> tuple[Filter, ...]:
    """A filter replaces those of its family: Beijing after Shanghai, a store after its city. "Without" takes values out."""
    kept = list(previous.filters)
    for new in draft.filters:
        if new.operator == "not_in":
            kept = [rest for old in kept if (rest := _without(old, new)) is not None]
            if not any(old.dimension == new.dimension and old.operator == "in" for old in previous.filters):
                kept.append(new)
        else:
            family = catalogue().dimensions[new.dimension].family
            same = [old for old in kept if catalogue().dimensions[old.dimension].family == family]
            if (
                draft.adds
                and len(same) == 1
                and same[0].dimension == new.dimension
                and same[0].operator == "in"
            ):
                new = new.model_copy(update={"values": tuple(dict.fromkeys((*same[0].values, *new.values)))})
            kept = [*(old for old in kept if old not in same), new]
    return tuple(kept[:12])


def _without(old: Filter, new: Filter) -> Filter | None:
    if (old.dimension, old.operator) != (new.dimension, "in"):
        return old
    values = tuple(value for value in old.values if value not in new.values)
    return old.model_copy(update={"values": values}) if values else None
