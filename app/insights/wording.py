"""Saying a question back: in the words it could be asked with, and as the line "understood as ..." with dates."""

from __future__ import annotations

from datetime import date

from app.insights.compiling.compiler import base_span
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context, Names
from app.insights.question import TIME, Filter, Question, Threshold
from app.language.periods import Period, Span, resolve

_UNITS = {
    "zh": {"day": "天", "week": "周", "month": "个月", "quarter": "个季度", "year": "年"},
    "en": {"day": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year"},
}
_NAMED = {
    ("day", 0): ("今天", "today"),
    ("day", 1): ("昨天", "yesterday"),
    ("day", 2): ("前天", "the day before yesterday"),
    ("week", 0): ("本周", "this week"),
    ("week", 1): ("上周", "last week"),
    ("month", 0): ("本月", "this month"),
    ("month", 1): ("上月", "last month"),
    ("quarter", 0): ("本季度", "this quarter"),
    ("quarter", 1): ("上季度", "last quarter"),
    ("year", 0): ("今年", "this year"),
    ("year", 1): ("去年", "last year"),
}
_STEPS = {
    "zh": {"day": "每天", "week": "每周", "month": "每月"},
    "en": {"day": "by day", "week": "by week", "month": "by month"},
}
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
_LISTED = 5


def phrase(question: Question, context: Context) -> str:
    """The question as somebody could ask it; `parsing.reader` understands it again (metrics, splits, filters, period)."""
    known, locale = catalogue(), context.locale
    metrics = [known.metrics[key].name(locale) for key in question.metrics]
    where = [_filter(part, context.names, locale) for part in question.filters]
    period = period_name(question.period, context)
    if locale == "en":
        splits = [known.dimensions[key].name("en").lower() for key in question.groups]
        steps = [_STEPS["en"][key] for key in question.dimensions if key in TIME]
        by = [f"by {' and '.join(splits)}"] if splits else []
        said = [" and ".join(metrics), *by, *steps, *(f"in {name}" for name in where), _for(period)]
        return " ".join(said)
    splits = [f"各{known.dimensions[key].zh}" for key in question.groups]
    steps = [_STEPS["zh"][key] for key in question.dimensions if key in TIME]
    return f"{period}{''.join(where)}{''.join(splits)}{''.join(steps)}{'的' if where or splits or steps else ''}{'、'.join(metrics)}"


def _for(period: str) -> str:
    return (
        period
        if period.startswith(("today", "yesterday", "this", "last week", "last month"))
        else f"for {period}"
    )


def period_name(period: Period, context: Context) -> str:
    """The period in words, or its dates."""
    english = context.locale == "en"
    if period.kind == "rolling":
        unit = _UNITS[context.locale][period.unit]
        return (
            f"the last {period.count} {unit}{'s' if period.count > 1 else ''}"
            if english
            else f"最近{period.count}{unit}"
        )
    named = (
        _NAMED.get((period.unit, period.back)) if period.kind == "calendar" and period.count == 1 else None
    )
    if named:
        return named[english]
    if period.kind == "all":
        return "all time" if english else "全部时间"
    return dates(resolve(period, context.today, context.first_day), context.locale)


def dates(span: Span, locale: str) -> str:
    """The dates of a span; one where it is a day."""
    first, last = (_iso(day) for day in (span.start, span.end))
    return first if first == last else f"{first} {'to' if locale == 'en' else '至'} {last}"


def _iso(day: date) -> str:
    return day.isoformat()


def understood_as(question: Question, context: Context) -> str:
    """What the report shows, with the dates it resolved to, in one line."""
    english, known = context.locale == "en", catalogue()
    parts = [
        (", " if english else "、").join(_metric(key, question, context.locale) for key in question.metrics)
    ]
    if question.dimensions:
        names = [known.dimensions[key].name(context.locale) for key in question.dimensions]
        parts.append(f"by {', '.join(names).lower()}" if english else f"按{'、'.join(names)}")
    parts += [_filter(part, context.names, context.locale) for part in question.filters]
    parts += [_threshold(bound, context.locale) for bound in question.thresholds]
    parts += _ranking(question, context)
    return " · ".join([*parts, *_period_parts(question, context)])


def _metric(key: str, question: Question, locale: str) -> str:
    name = catalogue().metrics[key].name(locale)
    if question.daily and not question.grain and catalogue().metrics[key].kind != "ratio":
        name = f"{name} per day" if locale == "en" else f"日均{name}"
    if question.share and catalogue().metrics[key].kind != "ratio":
        name = f"{name} and its share" if locale == "en" else f"{name}及占比"
    return name


def _period_parts(question: Question, context: Context) -> list[str]:
    span = resolve(question.period, context.today, context.first_day)
    said, name = dates(span, context.locale), period_name(question.period, context)
    found = [said if name == said else f"{said} ({name})" if context.locale == "en" else f"{said}（{name}）"]
    base = base_span(question.comparison, span, context)
    if base is not None:
        found.append(f"{'against' if context.locale == 'en' else '对比'} {dates(base, context.locale)}")
    return found


def _ranking(question: Question, context: Context) -> list[str]:
    top = question.top
    if top is None or top.count is None:
        return []
    name = catalogue().metrics[top.metric].name(context.locale)
    if context.locale == "en":
        by = f"change in {name}" if top.by == "change" else name
        each = f" per {catalogue().dimensions[top.per].en.lower()}" if top.per else ""
        return [f"{'top' if top.descending else 'bottom'} {top.count} by {by}{each}"]
    by = f"{name}变化" if top.by == "change" else name
    each = f"{_STEPS['zh'].get(top.per) or '每个' + catalogue().dimensions[top.per].zh}" if top.per else ""
    return [f"{each}{by}{'最高' if top.descending else '最低'}的 {top.count} 个"]


def _threshold(bound: Threshold, locale: str) -> str:
    entry = catalogue().metrics[bound.metric]
    name = entry.name(locale)
    if bound.by == "change":
        name = f"change in {name}" if locale == "en" else f"{name}变化"
    elif bound.by == "share":
        name = f"share of {name}" if locale == "en" else f"{name}占比"
    if bound.value is None:
        value = "the average" if locale == "en" else "平均值"
    elif entry.unit == "ratio" or bound.by != "value":
        value = f"{bound.value:.1%}"
    else:
        value = f"{bound.value:,.10g}"
    return f"{name} {_SIGNS[bound.comparator]} {value}"


def _filter(part: Filter, names: Names, locale: str) -> str:
    """The values of a filter; many of them are counted."""
    english = locale == "en"
    said = [names.label(part.dimension, value, locale) for value in part.values]
    if part.operator in ("ge", "le"):
        tail = {"ge": (" and above", "以上"), "le": (" and below", "以下")}[part.operator]
        return said[0] + tail[not english]
    shown = (" or " if english else "、").join(said[:_LISTED])
    if len(said) > _LISTED:
        shown += f" and {len(said) - _LISTED} more" if english else f"等 {len(said)} 个"
    if part.operator == "not_in":
        return f"without {shown}" if english else f"不含{shown}"
    return shown
