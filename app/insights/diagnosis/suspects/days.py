"""Days on which a store sold nothing, and a today that is not over."""

from __future__ import annotations

from datetime import timedelta

from app.insights.diagnosis.gathering import Fetched
from app.insights.diagnosis.model import Cause, Column, Figure, Value
from app.insights.diagnosis.statistics import critical, poisson_silence, z_of_counts
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding
from app.language.periods import Span

# Of a usual day's orders: with fewer, today has only begun.
PART_OF_A_DAY = 0.6


def check_closed_days(subject: Subject) -> Finding | None:
    """Stores with days without an order where there usually are several; None where the question is of goods."""
    if any(
        part.dimension in ("category", "product", "customer", "level") for part in subject.question.filters
    ):
        return None
    last = (
        subject.span.end - timedelta(days=1)
        if subject.span.end == subject.context.today
        else subject.span.end
    )
    if last < subject.span.start:
        return None
    span = Span(subject.span.start, last)
    now, then = _by_store(subject, span), _by_store(subject, subject.base)
    english = subject.context.locale == "en"
    opened = {str(name): (int(days), int(orders)) for name, days, orders in now.rows}
    rows: list[tuple[Value, ...]] = []
    causes: list[Cause] = []
    before = sorted(then.rows, key=lambda row: str(row[0]))
    for name, days, orders in before:
        open_now, orders_now = opened.get(str(name), (0, 0))
        closed_then, closed_now = subject.base.days - int(days), span.days - open_now
        pace = int(orders) / subject.base.days
        label = subject.context.names.label("store", name, subject.context.locale)
        rows.append(
            (
                label,
                int(days),
                open_now,
                closed_then,
                closed_now,
                round(pace, 2),
                int(orders),
                orders_now,
                round(pace * closed_now, 1),
            )
        )
        extra = closed_now - closed_then * span.days / subject.base.days
        score = poisson_silence(pace * extra) if extra >= 1 else 0.0
        if score >= critical(max(1, len(before))):
            causes.append(Cause("closed_days", label, "down", "open_days", len(rows) - 1, -score))
    return Finding("open_days", _figure(english, rows, (now.sql, then.sql)), tuple(causes))


def _by_store(subject: Subject, span: Span) -> Fetched:
    select = subject.gatherer.select("orders", span, reach=("store",))
    head = f"WITH {select.ctes}\n" if select.ctes else ""
    return subject.gatherer.fetch(
        f"{head}SELECT s.name AS store, COUNT(DISTINCT o.paid_on) AS open_days, COUNT(*) AS order_count\n{select.tables}\nGROUP BY s.name"
    )


def _figure(english: bool, rows: list[tuple[Value, ...]], sql: tuple[str, ...]) -> Figure:
    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("门店", "Store"), "text", "label"),
        Column("open_then", said("对比期有单天数", "Days with orders before"), "count", "then"),
        Column("open_now", said("本期有单天数", "Days with orders now"), "count", "now"),
        Column("closed_then", said("对比期无单天数", "Days without before"), "count", "then"),
        Column("closed_now", said("本期无单天数", "Days without now"), "count", "now"),
        Column("pace", said("对比期日均订单", "Orders a day before"), "number", "then"),
        Column("n_then", said("对比期订单数", "Orders before"), "count", "sample"),
        Column("n_now", said("本期订单数", "Orders now"), "count", "sample"),
        Column("missed", said("估计少掉的订单", "Orders missed (estimate)"), "number", "other"),
    )
    return Figure("open_days", said("门店营业天数", "Days the stores sold"), columns, tuple(rows), sql)


def check_today(subject: Subject) -> Finding | None:
    """A period that ends today while today is not over: how far today is behind a usual day."""
    context = subject.context
    if subject.span.end != context.today or subject.parts.source == "members":
        return None
    if any(part.dimension in ("category", "product") for part in subject.question.filters):
        return None
    today = Span(context.today, context.today)
    usual = Span(context.today - timedelta(days=7), context.today - timedelta(days=1))
    if context.first_day is None or usual.start < context.first_day:
        return None
    counts, sql = [], []
    for span in (today, usual):
        select = subject.gatherer.select("orders", span)
        head = f"WITH {select.ctes}\n" if select.ctes else ""
        fetched = subject.gatherer.fetch(f"{head}SELECT COUNT(*) AS order_count\n{select.tables}")
        counts.append(int(fetched.rows[0][0] or 0))
        sql.append(fetched.sql)
    mean = counts[1] / usual.days
    english = context.locale == "en"
    columns = (
        Column("label", "Day" if english else "日期", "date", "label"),
        Column("orders", "Orders so far" if english else "至今订单数", "count", "now"),
        Column("usual", "Orders on a usual day" if english else "前 7 天日均订单数", "number", "then"),
        Column("part", "Part of a usual day" if english else "相当于平日", "ratio", "now"),
    )
    row: tuple[Value, ...] = (
        context.today.isoformat(),
        counts[0],
        round(mean, 2),
        counts[0] / mean if mean else None,
    )
    figure = Figure("today", "Today so far" if english else "今天到目前为止", columns, (row,), tuple(sql))
    score = z_of_counts(counts[0], counts[1], 1, usual.days)
    is_partial = mean > 0 and counts[0] / mean < PART_OF_A_DAY and score <= -3
    return Finding(
        "today",
        figure,
        (Cause("today_partial", context.today.isoformat(), "down", "today", 0, score),) if is_partial else (),
    )
