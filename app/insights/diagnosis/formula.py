"""The change by the formula of the metric: GMV = buyers x orders per buyer x AOV (and guests), AOV = pieces x price x what discounts leave."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.insights.diagnosis.anatomy import Anatomy, anatomy
from app.insights.diagnosis.decomposing import log_mean_factors, rounded_to
from app.insights.diagnosis.gathering import WHOLE
from app.insights.diagnosis.model import Column, Figure, Unit
from app.insights.diagnosis.subject import Subject

Factor = tuple[str, Unit, float, float, float]
_NAMES = {
    "buyers": ("购买会员数", "Buyers"),
    "frequency": ("会员人均订单数", "Orders per buyer"),
    "value": ("会员客单价", "Members' AOV"),
    "guest_orders": ("散客订单数", "Guests' orders"),
    "guest_value": ("散客客单价", "Guests' AOV"),
    "pieces": ("每单件数", "Units per order"),
    "price": ("件单价", "Price per unit"),
    "kept": ("折后占原价", "Left after discounts"),
}


def formula_figure(subject: Subject) -> Figure | None:
    """The factors in both periods and what each did to the change, which they add up to; None for other metrics."""
    if any(part.dimension in ("category", "product") for part in subject.question.filters):
        return None
    works = {"gmv": _gmv, "orders": _orders, "aov": _aov}
    if subject.metric not in works or subject.parts.source != "orders":
        return None
    factors, sql = works[subject.metric](subject)
    if not factors:
        return None
    english = subject.context.locale == "en"
    columns = (
        Column("label", "Factor" if english else "因素", "text", "label"),
        Column("then", "Before" if english else "对比期", "number", "then"),
        Column("now", "Now" if english else "本期", "number", "now"),
        Column("relative", "Change in %" if english else "变化率", "ratio", "change"),
        Column(
            "contribution", "Contribution" if english else "对总变化的贡献", subject.change_unit, "change"
        ),
    )
    factors.sort(key=lambda each: -abs(each[4]))
    parts = [part for *_, part in factors]
    if subject.unit == "yuan" and not subject.parts.is_ratio:
        parts = rounded_to(parts, math.fsum(parts), 2)
    rows = tuple(
        (_NAMES[key][english], round(then, 6), round(now, 6), now / then - 1, part)
        for (key, _, now, then, _), part in zip(factors, parts, strict=True)
    )
    title = f"Change of {subject.name} by formula" if english else f"{subject.name}变化按公式拆分"
    return Figure("formula", title, columns, rows, sql)


def _product(keys: Sequence[tuple[str, Unit]], now: Sequence[float], then: Sequence[float]) -> list[Factor]:
    parts = log_mean_factors(now, then)
    if parts is None:
        return []
    return [(key, unit, a, b, part) for (key, unit), a, b, part in zip(keys, now, then, parts, strict=True)]


def _people(subject: Subject) -> tuple[list[tuple[float, float, float, float, float]], tuple[str, ...]]:
    """Buyers, members' orders and GMV, guests' orders and GMV: now, then."""
    found, sql = [], []
    for span in (subject.span, subject.base):
        select = subject.gatherer.select("orders", span)
        fetched = subject.gatherer.fetch(
            "".join(
                [
                    f"WITH {select.ctes}\n" if select.ctes else "",
                    "SELECT COUNT(DISTINCT o.member_id) AS buyers, COUNT(o.member_id) AS member_orders, "
                    "SUM(CASE WHEN o.member_id IS NOT NULL THEN o.amount ELSE 0 END) AS member_gmv, COUNT(*) AS all_orders, "
                    f"SUM(o.amount) AS gmv\n{select.tables}",
                ]
            )
        )
        buyers, orders, gmv, every, total = (float(value or 0) for value in fetched.rows[0])
        found.append((buyers, orders, gmv, every - orders, total - gmv))
        sql.append(fetched.sql)
    return found, tuple(sql)


def _gmv(subject: Subject) -> tuple[list[Factor], tuple[str, ...]]:
    (now, then), sql = _people(subject)
    if min(*now[:3], *then[:3]) <= 0:
        return [], sql
    members = _product(
        [("buyers", "count"), ("frequency", "number"), ("value", "yuan")],
        (now[0], now[1] / now[0], now[2] / now[1]),
        (then[0], then[1] / then[0], then[2] / then[1]),
    )
    if not (now[3] or then[3]):
        return members, sql
    if min(*now[3:], *then[3:]) <= 0:
        return [], sql
    guests = _product(
        [("guest_orders", "count"), ("guest_value", "yuan")],
        (now[3], now[4] / now[3]),
        (then[3], then[4] / then[3]),
    )
    return [*members, *guests], sql


def _orders(subject: Subject) -> tuple[list[Factor], tuple[str, ...]]:
    (now, then), sql = _people(subject)
    if min(*now[:2], *then[:2]) <= 0:
        return [], sql
    members = _product(
        [("buyers", "count"), ("frequency", "number")],
        (now[0], now[1] / now[0]),
        (then[0], then[1] / then[0]),
    )
    if now[3] and then[3]:
        members.append(("guest_orders", "count", now[3], then[3], now[3] - then[3]))
    return members if (now[3] > 0) == (then[3] > 0) else [], sql


def _aov(subject: Subject) -> tuple[list[Factor], tuple[str, ...]]:
    sides, sql = [], []
    pieces: Anatomy = anatomy("unit_price", "items")
    for span in (subject.span, subject.base):
        sums, ran = subject.gatherer.sums(pieces, span)
        orders, ran_orders = subject.gatherer.sums(subject.parts, span)
        item, order = sums[WHOLE], orders[WHOLE]
        sql += [ran, ran_orders]
        if min(item.x, item.y, order.x, order.y) <= 0:
            return [], tuple(sql)
        sides.append((item.y / order.y, item.x / item.y, order.x / item.x))
    found = _product([("pieces", "number"), ("price", "yuan"), ("kept", "ratio")], sides[0], sides[1])
    return found, tuple(sql)


def adds_up(figure: Figure, change: float, tolerance: float) -> bool:
    """Whether the parts of a figure are the change."""
    place = figure.place("contribution")
    return math.isclose(math.fsum(float(row[place] or 0) for row in figure.rows), change, abs_tol=tolerance)
