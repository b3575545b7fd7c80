"""The channel mix: each channel's share of the orders, and what its orders are worth."""

from __future__ import annotations

import math

from app.insights.diagnosis.anatomy import anatomy
from app.insights.diagnosis.decomposing import shift_share
from app.insights.diagnosis.model import Cause, Column, Figure, Value
from app.insights.diagnosis.statistics import SMALL, Sums, critical
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding

LEAST_SHIFT = 0.03


def check_channels(subject: Subject) -> Finding | None:
    """Shares of orders by channel; None where the question is of one channel or of goods."""
    reach = {part.dimension for part in subject.question.filters}
    if reach & {"channel", "category", "product"}:
        return None
    gather, english = subject.gatherer, subject.context.locale == "en"
    parts = anatomy("aov", "orders")
    (now, sql), (then, base_sql) = (
        gather.sums(parts, subject.span, "channel"),
        gather.sums(parts, subject.base, "channel"),
    )
    whole_now, whole_then = (sum(each.y for each in sums.values()) for sums in (now, then))
    if not whole_now or not whole_then:
        return None
    effects = shift_share({k: (s.x, s.y) for k, s in now.items()}, {k: (s.x, s.y) for k, s in then.items()})
    rows: list[tuple[Value, ...]] = []
    causes = []
    keys = sorted({**then, **now}, key=lambda key: -abs(effects[key].mix))
    for row, key in enumerate(keys):
        a, b = now.get(key, Sums()), then.get(key, Sums())
        p1, p0 = a.y / whole_now, b.y / whole_then
        label = subject.context.names.label("channel", key, subject.context.locale)
        rows.append((label, p0, p1, p1 - p0, _value(b), _value(a), effects[key].mix, round(b.n), round(a.n)))
        score = _score(p1, p0, whole_now, whole_then)
        if (
            abs(score) >= critical(len(keys))
            and abs(p1 - p0) >= LEAST_SHIFT
            and min(whole_now, whole_then) >= SMALL
        ):
            causes.append(Cause("channel_mix", label, "up" if score > 0 else "down", "channels", row, score))
    return Finding("channels", _figure(english, rows, (sql, base_sql)), tuple(causes))


def _value(sums: Sums) -> float | None:
    return sums.value(is_ratio=True)


def _score(p1: float, p0: float, n1: float, n0: float) -> float:
    pooled = (p1 * n1 + p0 * n0) / (n1 + n0)
    spread = pooled * (1 - pooled) * (1 / n1 + 1 / n0)
    return (p1 - p0) / math.sqrt(spread) if spread > 0 else 0.0


def _figure(english: bool, rows: list[tuple[Value, ...]], sql: tuple[str, str]) -> Figure:
    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("渠道", "Channel"), "text", "label"),
        Column("share_then", said("对比期订单占比", "Share of orders before"), "ratio", "then"),
        Column("share_now", said("本期订单占比", "Share of orders now"), "ratio", "now"),
        Column("change", said("占比变化", "Change in share"), "points", "change"),
        Column("value_then", said("对比期客单价", "AOV before"), "yuan", "then"),
        Column("value_now", said("本期客单价", "AOV now"), "yuan", "now"),
        Column("mix", said("对客单价的结构影响", "Effect of the mix on AOV"), "yuan", "other"),
        Column("n_then", said("对比期订单数", "Orders before"), "count", "sample"),
        Column("n_now", said("本期订单数", "Orders now"), "count", "sample"),
    )
    return Figure("channels", said("渠道结构", "Channel mix"), columns, tuple(rows), sql)
