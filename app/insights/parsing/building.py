"""From what was said to the fields of a question: which metric is ranked, what is split, what is compared."""

from __future__ import annotations

from typing import Any

from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.parsing.draft import Bound, Draft, Rank
from app.insights.question import TIME, Comparison, Filter, Question, Threshold, Top
from app.language.periods import Period, calendar, resolve, rolling

GOODS = ("category", "product")
LISTED = 10


def build(draft: Draft, context: Context) -> Question:
    """A question of its own. The draft has at least one metric."""
    dimensions = _dimensions(draft, context)
    metrics = _metrics(draft)
    comparison, period = _periods(draft, _default_days(metrics[0], dimensions), context)
    return finish(
        {
            "metrics": metrics,
            "dimensions": dimensions,
            "filters": tuple(draft.filters),
            "period": period,
            "comparison": comparison or (Comparison() if _needs_comparison(draft) else None),
            "share": draft.share,
            "daily": draft.daily,
            "top": top_of(draft.rank, metrics, dimensions, draft),
            "thresholds": tuple(threshold_of(bound, metrics, share=draft.share) for bound in draft.bounds),
        }
    )


def finish(fields: dict[str, Any]) -> Question:
    """The question, with what belongs together made to fit: goods are counted by their items, ratios have no share."""
    reach = {*fields["dimensions"], *(part.dimension for part in fields["filters"])}
    if reach & set(GOODS):
        fields = _as_goods(fields)
    if all(catalogue().metrics[key].kind == "ratio" for key in fields["metrics"]):
        fields["share"] = False
    if "level" in reach or all(catalogue().metrics[key].source == "members" for key in fields["metrics"]):
        fields["filters"] = tuple(part for part in fields["filters"] if part.dimension != "membership")
    fields["metrics"] = tuple(
        dict.fromkeys(
            (*fields["metrics"], *(bound.metric for bound in fields["thresholds"]), *_ranked(fields["top"]))
        )
    )[:8]
    return Question(**fields)


def _ranked(top: Top | None) -> tuple[str, ...]:
    return (top.metric,) if top else ()


def _as_goods(fields: dict[str, Any]) -> dict[str, Any]:
    """By category or product there is no GMV, whose discounts belong to whole orders, but category sales."""

    def swap(key: str) -> str:
        return "category_sales" if key == "gmv" else key

    top: Top | None = fields["top"]
    return {
        **fields,
        "metrics": tuple(dict.fromkeys(swap(key) for key in fields["metrics"])),
        "top": top and top.model_copy(update={"metric": swap(top.metric)}),
        "thresholds": tuple(
            bound.model_copy(update={"metric": swap(bound.metric)}) for bound in fields["thresholds"]
        ),
    }


def _metrics(draft: Draft) -> tuple[str, ...]:
    return tuple(draft.metrics[:8])


def _dimensions(draft: Draft, context: Context) -> tuple[str, ...]:
    """The splits: those said, the step of a trend, and what two or more values of one kind are named for."""
    found = list(draft.dimensions)
    if draft.trend and not any(step in found for step in TIME):
        found.append(_step_of(draft, context))
    groups = [key for key in found if key not in TIME]
    if not groups:
        found = [*listed(tuple(draft.filters), draft), *found]
    return tuple(sorted(dict.fromkeys(found), key=lambda key: key in TIME))[:4]


def listed(filters: tuple[Filter, ...], draft: Draft) -> tuple[str, ...]:
    """The dimensions of which several values are named, unless their total is wanted."""
    return () if draft.ungrouped else tuple(part.dimension for part in filters if _is_list(part))


def _is_list(part: Filter) -> bool:
    """Shanghai and Beijing, online and offline: one row for each. 口红 is one thing, however many SKUs it is."""
    return (
        part.operator == "in" and len(part.values) >= 2 and part.dimension not in ("product", "level")
    ) or (part.operator == "in" and part.dimension == "level" and len(part.values) == 2)


def _step_of(draft: Draft, context: Context) -> str:
    days = resolve(draft.periods[0], context.today, context.first_day).days if draft.periods else 7
    return "day" if days <= 45 else "week" if days <= 200 else "month"


def _needs_comparison(draft: Draft) -> bool:
    return bool(draft.rank and draft.rank.by == "change") or any(
        bound.by == "change" for bound in draft.bounds
    )


def _default_days(metric: str, dimensions: tuple[str, ...]) -> int:
    """How far back without a word on it: the metric's days, and for a series some of its steps at least."""
    known = catalogue()
    return max(
        known.metrics[metric].default_days, *(known.dimensions[key].default_days for key in dimensions), 0
    )


def _periods(draft: Draft, default_days: int, context: Context) -> tuple[Comparison | None, Period]:
    """The period, and what it is compared with. Of two named ones the later is reported, the earlier compared with."""
    kinds: dict[str, Comparison] = {"previous": Comparison(), "year": Comparison(kind="year")}
    comparison = kinds.get(draft.comparison or "")
    if not draft.periods:
        return comparison, rolling(default_days)
    if len(draft.periods) == 1:
        period = draft.periods[0]
        if draft.against_named and period.kind == "rolling":  # vs the previous 7 days
            return Comparison(), period
        if draft.against_named and period.kind == "calendar" and period.back > 0:
            return Comparison(kind="period", period=period), calendar(period.unit, period.back - 1)
        return comparison, period
    if draft.periods[0] == draft.periods[1]:  # the last 14 days against the previous 14 days
        return Comparison(), draft.periods[0]
    earlier, later = sorted(
        draft.periods[:2], key=lambda each: resolve(each, context.today, context.first_day).start
    )
    return Comparison(kind="period", period=earlier), later


def threshold_of(bound: Bound, metrics: tuple[str, ...], *, share: bool = False) -> Threshold:
    """A threshold with its metric; per cents of a ratio are 0..1 even where the sign was left out."""
    metric = bound.metric or metrics[0]
    value = bound.value
    if share and bound.percent and catalogue().metrics[metric].kind != "ratio":
        return Threshold(metric=metric, comparator=bound.comparator, value=value, by="share")
    is_ratio = catalogue().metrics[metric].unit == "ratio"
    if value is not None and is_ratio and not bound.percent and bound.by == "value" and value > 1:
        value /= 100
    return Threshold(metric=metric, comparator=bound.comparator, value=value, by=bound.by)


def top_of(
    rank: Rank | None, metrics: tuple[str, ...], dimensions: tuple[str, ...], draft: Draft
) -> Top | None:
    """The ranking. A superlative without a number is one group, or a list of them where the plural was used."""
    if rank is None or not dimensions:
        return None
    metric = rank.metric if rank.metric in metrics else metrics[0]
    descending = rank.descending
    if rank.best and not catalogue().metrics[metric].higher_is_better:
        descending = not descending
    count = rank.count if rank.count != 0 else (LISTED if draft.plural or rank.is_list else 1)
    return Top(
        metric=metric,
        count=count,
        descending=descending,
        by=rank.by,
        per=draft.per if draft.per in dimensions else None,
    )
