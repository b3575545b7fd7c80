"""Coupons that began or ended, against what customers really used: the share of orders with a discount."""

from __future__ import annotations

from datetime import timedelta

from app.insights.compiling.literals import utc_start
from app.insights.diagnosis.anatomy import Anatomy
from app.insights.diagnosis.gathering import WHOLE
from app.insights.diagnosis.model import Cause, Column, Figure, Value
from app.insights.diagnosis.statistics import SMALL, Sums, critical, z_of
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding

DISCOUNTED = Anatomy(
    "orders", "orders", "row", "CASE WHEN o.original_amount > o.amount THEN 1 ELSE 0 END", "1", ()
)
GIVEN = Anatomy("orders", "orders", "row", "(o.original_amount - o.amount)", "o.original_amount", ())
MOST_COUPONS = 20


def check_offers(subject: Subject) -> Finding | None:
    """Discounts used in both periods, and the coupons that began or ended meanwhile."""
    if any(part.dimension in ("category", "product") for part in subject.question.filters):
        return None
    gather, sql = subject.gatherer, []
    rows: list[tuple[Value, ...]] = []
    causes = []
    english = subject.context.locale == "en"
    for row, (name, parts) in enumerate(
        (
            (("用了优惠的订单占比", "Share of orders with a discount")[english], DISCOUNTED),
            (("折扣率", "Discount rate")[english], GIVEN),
        )
    ):
        (now, ran), (then, ran_base) = gather.sums(parts, subject.span), gather.sums(parts, subject.base)
        sql += [ran, ran_base]
        a, b = now[WHOLE], then[WHOLE]
        rows.append(_row(name, a, b))
        score = z_of(a, b, is_ratio=True)
        if abs(score) >= critical(2) and min(a.n, b.n) >= SMALL:
            causes.append(Cause("discounts", name, "up" if score > 0 else "down", "discounts", row, score))
    coupons = _coupons(subject)
    return Finding(
        "discounts", _figure(english, rows, tuple(sql)), tuple(causes[:1]), (coupons,) if coupons.rows else ()
    )


def _row(name: str, now: Sums, then: Sums) -> tuple[Value, ...]:
    a, b = now.value(is_ratio=True), then.value(is_ratio=True)
    change = None if a is None or b is None else a - b
    return (name, b, a, change, round(then.n), round(now.n))


def _figure(english: bool, rows: list[tuple[Value, ...]], sql: tuple[str, ...]) -> Figure:
    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("指标", "Figure"), "text", "label"),
        Column("then", said("对比期", "Before"), "ratio", "then"),
        Column("now", said("本期", "Now"), "ratio", "now"),
        Column("change", said("变化", "Change"), "points", "change"),
        Column("n_then", said("对比期订单数", "Orders before"), "count", "sample"),
        Column("n_now", said("本期订单数", "Orders now"), "count", "sample"),
    )
    return Figure("discounts", said("优惠使用", "Discounts used"), columns, tuple(rows), sql)


def _coupons(subject: Subject) -> Figure:
    english, zone = subject.context.locale == "en", subject.context.timezone
    start = utc_start(min(subject.base.start, subject.span.start), zone)
    end = utc_start(subject.span.end + timedelta(days=1), zone)
    fetched = subject.gatherer.fetch(
        "SELECT c.name, c.type, c.start_at, c.end_at FROM coupons c WHERE c.status = 'published' AND "  # noqa: S608 - literals of ours
        f"((c.end_at >= '{start}' AND c.end_at < '{end}') OR (c.start_at >= '{start}' AND c.start_at < '{end}')) "
        f"ORDER BY c.end_at, c.id LIMIT {MOST_COUPONS}"
    )
    rows: list[tuple[Value, ...]] = []
    for name, kind, began, ended in fetched.rows:
        state = ("结束", "Ended")[english] if str(ended) < str(end) else ("开始", "Began")[english]
        rows.append((str(name), str(kind), str(began)[:10], str(ended)[:10], state))

    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("优惠券", "Coupon"), "text", "label"),
        Column("kind", said("类型", "Kind"), "text"),
        Column("began", said("开始", "Began"), "date"),
        Column("ended", said("结束", "Ends"), "date"),
        Column("state", said("期间", "Meanwhile"), "text"),
    )
    return Figure(
        "coupons",
        said("期间开始或结束的优惠券", "Coupons that began or ended"),
        columns,
        tuple(rows),
        (fetched.sql,),
    )
