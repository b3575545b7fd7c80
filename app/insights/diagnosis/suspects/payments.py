"""Failed payments by store and by channel: a rate that rose, and stands out from the others', and what it cost."""

from __future__ import annotations

import math

from app.insights.diagnosis.anatomy import anatomy
from app.insights.diagnosis.gathering import WHOLE, Key
from app.insights.diagnosis.model import Cause, Column, Figure, Value
from app.insights.diagnosis.statistics import NOISE_Z, SMALL, Sums, critical, z_of
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding

DIMENSIONS = ("store", "channel")


def check_payments(subject: Subject) -> Finding | None:
    """Failure rates in both periods by store and channel; None where the filters name goods, which a failed order is not counted by."""
    if any(part.dimension in ("category", "product", "customer") for part in subject.question.filters):
        return None
    parts = anatomy("payment_failure_rate", "attempts")
    gather, rows, sql, causes, limit = subject.gatherer, [], [], [], 0.0
    groups: list[tuple[str, Key, Sums, Sums, Sums, Sums]] = []
    for dimension in DIMENSIONS:
        (now, ran), (then, ran_base) = (
            gather.sums(parts, subject.span, dimension),
            gather.sums(parts, subject.base, dimension),
        )
        sql += [ran, ran_base]
        whole_now, whole_then = _sum(now), _sum(then)
        groups += [
            (dimension, key, now.get(key, Sums()), then.get(key, Sums()), whole_now, whole_then)
            for key in {**then, **now}
        ]
        if dimension == "store":
            groups.insert(0, ("", WHOLE, whole_now, whole_then, Sums(), Sums()))
    values = _order_values(subject)
    limit = critical(len(groups))
    for place, (dimension, key, now_, then_, whole_now, whole_then) in enumerate(groups):
        rows.append(_row(subject, dimension, key, (now_, then_), whole_now - now_, values))
        score = _score(
            now_,
            then_,
            whole_now - now_ if dimension else Sums(),
            whole_then - then_ if dimension else Sums(),
        )
        if abs(score) >= limit and now_.n >= SMALL and then_.n >= SMALL:
            kind = f"payment_failures:{dimension or 'all'}"
            causes.append(
                Cause(kind, str(rows[place][0]), "up" if score > 0 else "down", "payments", place, score)
            )
    causes.sort(key=lambda cause: -abs(cause.score))
    if any(cause.kind != "payment_failures:all" for cause in causes):
        causes = [cause for cause in causes if cause.kind != "payment_failures:all"]
    return Finding("payments", _figure(subject, rows, tuple(sql)), tuple(causes))


def _sum(groups: dict[Key, Sums]) -> Sums:
    whole = Sums()
    for each in groups.values():
        whole = whole + each
    return whole


def _score(now: Sums, then: Sums, others_now: Sums, others_then: Sums) -> float:
    """Its own change, where it also went further than the others' (both periods, a difference of differences)."""
    own = z_of(now, then, is_ratio=True)
    if not others_now.y or not others_then.y or not now.y or not then.y:
        return own
    apart = (now.x / now.y - then.x / then.y) - (others_now.x / others_now.y - others_then.x / others_then.y)
    spread = sum(each.variance(is_ratio=True) for each in (now, then, others_now, others_then))
    beyond = apart / math.sqrt(spread) if spread > 0 else 0.0
    return own if abs(beyond) >= NOISE_Z and beyond * own > 0 else 0.0


def _order_values(subject: Subject) -> dict[Key, float]:
    """AOV by store in the period: what a failed order would have been worth."""
    if any(part.dimension in ("category", "product") for part in subject.question.filters):
        return {}
    sums, _ = subject.gatherer.sums(anatomy("aov", "orders"), subject.span, "store")
    whole = _sum(sums)
    found: dict[Key, float] = {key: each.x / each.y for key, each in sums.items() if each.y}
    if whole.y:
        found[WHOLE] = whole.x / whole.y
    return found


def _row(
    subject: Subject,
    dimension: str,
    key: Key,
    sums: tuple[Sums, Sums],
    others: Sums,
    values: dict[Key, float],
) -> tuple[Value, ...]:
    now, then = sums
    locale = subject.context.locale
    label = (
        subject.context.names.label(dimension, key, locale)
        if dimension
        else "All"
        if locale == "en"
        else "全部"
    )
    rate_now, rate_then = (each.x / each.y if each.y else None for each in (now, then))
    others_rate = others.x / others.y if others.y else None
    extra = None if rate_then is None else now.x - now.y * rate_then
    value = values.get(key if dimension == "store" else WHOLE)
    return (
        label,
        round(then.y),
        round(now.y),
        round(then.x),
        round(now.x),
        rate_then,
        rate_now,
        None if rate_now is None or rate_then is None else rate_now - rate_then,
        others_rate if dimension else None,
        None if rate_now is None or others_rate is None or not dimension else rate_now - others_rate,
        extra,
        value,
        None if extra is None or value is None else round(extra * value, 2),
    )


def _figure(subject: Subject, rows: list[tuple[Value, ...]], sql: tuple[str, ...]) -> Figure:
    english = subject.context.locale == "en"

    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("门店或渠道", "Store or channel"), "text", "label"),
        Column("tries_then", said("对比期支付笔数", "Attempts before"), "count", "sample"),
        Column("tries_now", said("本期支付笔数", "Attempts now"), "count", "sample"),
        Column("failed_then", said("对比期失败", "Failed before"), "count", "then"),
        Column("failed_now", said("本期失败", "Failed now"), "count", "now"),
        Column("rate_then", said("对比期失败率", "Failure rate before"), "ratio", "then"),
        Column("rate_now", said("本期失败率", "Failure rate now"), "ratio", "now"),
        Column("change", said("变化", "Change"), "points", "change"),
        Column("others_now", said("其余的本期失败率", "Others' failure rate now"), "ratio", "now"),
        Column("apart", said("高出其余", "Above the others"), "points", "change"),
        Column("extra", said("多出的失败笔数", "Failures above before"), "number", "other"),
        Column("value", said("客单价", "AOV"), "yuan", "now"),
        Column("lost", said("估计损失成交额", "Estimated GMV lost"), "yuan", "other"),
    )
    return Figure(
        "payments",
        said("支付失败：按门店和渠道", "Failed payments by store and channel"),
        columns,
        tuple(rows),
        sql,
    )
