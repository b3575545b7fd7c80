"""The change by dimension: what each group did to it, by its behaviour and by its weight, adding up to the whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.insights.diagnosis.decomposing import Part, shift_share
from app.insights.diagnosis.gathering import HOME, WHOLE, Key, source_of
from app.insights.diagnosis.model import Cause, Column, Figure
from app.insights.diagnosis.premise import Move
from app.insights.diagnosis.statistics import NOISE_Z, SMALL, Sums, critical, z_of
from app.insights.diagnosis.subject import Subject
from app.insights.metrics.catalogue import catalogue

DIMENSIONS = ("store", "city", "channel", "category", "level", "customer")
# What the groups of a dimension leave of the whole.
RESTS = {"level": "guests", "customer": "guests", "category": "order_discounts"}
# A member's level is the one of today, and the customer groups have a check of their own: their shares drift by themselves.
NO_CAUSES = ("level", "customer")
REST_NAMES = {
    "guests": ("散客", "Guests"),
    "order_discounts": ("订单级优惠", "Order discounts"),
    "overlap": ("重复计入几组", "Counted in several groups"),
}
_NAMES = {"home_store": ("所属门店", "Home store"), "home_city": ("所属城市", "Home city")}
MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class Group:
    """One group in both periods. `score`: standard deviations of what it did apart from the others (behaviour), `weight_score`
    those of its share; 0 for what is only left over."""

    key: Key
    label: str
    now: Sums
    then: Sums
    part: Part
    score: float
    weight_score: float
    is_rest: bool = False

    @property
    def is_small(self) -> bool:
        return min(self.now.n, self.then.n) < SMALL and max(self.now.n, self.then.n) < 2 * SMALL


@dataclass(frozen=True, slots=True)
class Split:
    """The change of the metric by one dimension; the groups are ranked by the size of what they did."""

    dimension: str
    name: str
    groups: tuple[Group, ...]
    figure: Figure
    behaviour: float
    mix: float


def split_change(subject: Subject, move: Move) -> list[Split]:
    """The change by every sensible dimension, the one that says most first."""
    found = []
    for dimension in DIMENSIONS:
        if _is_fixed(subject, dimension):
            continue
        split = _split(subject, move, dimension)
        if split is not None and sum(not group.is_rest for group in split.groups) > 1:
            found.append(split)
    return found


def _is_fixed(subject: Subject, dimension: str) -> bool:
    """A filter leaves one value of it, or one store of a city."""
    single = {
        part.dimension for part in subject.question.filters if part.operator == "in" and len(part.values) == 1
    }
    return dimension in single or (dimension == "city" and "store" in single)


def _split(subject: Subject, move: Move, dimension: str) -> Split | None:
    parts = subject.parts
    counted = dimension
    if parts.unit == "member":
        if dimension == "channel" and parts.is_ratio:
            return None
        counted = {"store": "home_store", "city": "home_city"}.get(dimension, dimension)
    goods_of_gmv = dimension == "category" and subject.metric == "gmv" and parts.source == "orders"
    if not goods_of_gmv and source_of(subject.metric, subject.question.filters, counted) != parts.source:
        return None
    if dimension == "category" and (parts.x == "1" or parts.y == "1"):
        return None
    return _counted(subject, move, dimension, counted)


def _counted(subject: Subject, move: Move, dimension: str, counted: str) -> Split:
    gather, parts = subject.gatherer, subject.parts
    if dimension == "category" and subject.metric == "gmv" and parts.source == "orders":
        from app.insights.diagnosis.anatomy import anatomy

        parts = anatomy("category_sales", "items")
    by_city = counted in ("city", "home_city")
    by = {"city": "store", "home_city": "home_store"}.get(counted, counted)
    (now, sql), (then, base_sql) = gather.sums(parts, subject.span, by), gather.sums(parts, subject.base, by)
    if by_city:
        now, then = _in_cities(subject, now), _in_cities(subject, then)
    now, then, rest = _with_rest(move, now, then, dimension, is_ratio=subject.parts.is_ratio)
    shares = _parts(now, then, is_ratio=subject.parts.is_ratio)
    label_of = "store" if counted == "home_store" else "city" if counted == "home_city" else counted
    groups = [_group(subject, move, key, (now, then), shares[key], rest, label_of) for key in {**then, **now}]
    groups.sort(key=lambda group: (-abs(group.part.total), group.label))
    name = (
        _NAMES[counted][subject.context.locale == "en"]
        if counted in HOME
        else catalogue().dimensions[dimension].name(subject.context.locale)
    )
    figure = _figure(subject, dimension, name, groups, (sql, base_sql))
    return Split(
        dimension,
        name,
        tuple(groups),
        figure,
        math.fsum(group.part.behaviour for group in groups),
        math.fsum(group.part.mix for group in groups),
    )


def _in_cities(subject: Subject, sums: Mapping[Key, Sums]) -> dict[Key, Sums]:
    city_of = {store.name: store.city for store in subject.context.names.stores}
    found: dict[Key, Sums] = {}
    for key, each in sums.items():
        city = city_of.get(str(key), str(key))
        found[city] = found.get(city, Sums()) + each
    return found


def _with_rest(
    move: Move, now: dict[Key, Sums], then: dict[Key, Sums], dimension: str, *, is_ratio: bool
) -> tuple[dict[Key, Sums], dict[Key, Sums], str]:
    """The groups, and what they leave of the whole as one more, so that all of it adds up."""
    rests = [whole - _sum(groups) for whole, groups in ((move.now, now), (move.then, then))]
    if not any(
        abs(value) > 1e-6 for rest in rests for value in ((rest.x, rest.y) if is_ratio else (rest.x,))
    ):
        return now, then, ""
    name = RESTS.get(dimension, "overlap")
    return {**now, WHOLE: rests[0]}, {**then, WHOLE: rests[1]}, name


def _sum(groups: Mapping[Key, Sums]) -> Sums:
    whole = Sums()
    for each in groups.values():
        whole = whole + each
    return whole


def _parts(now: Mapping[Key, Sums], then: Mapping[Key, Sums], *, is_ratio: bool) -> dict[Key, Part]:
    if is_ratio:
        return shift_share(
            {key: (each.x, each.y) for key, each in now.items()},
            {key: (each.x, each.y) for key, each in then.items()},
        )
    return {key: Part(now.get(key, Sums()).x - then.get(key, Sums()).x, 0.0) for key in {**then, **now}}


def _group(
    subject: Subject,
    move: Move,
    key: Key,
    sums: tuple[dict[Key, Sums], dict[Key, Sums]],
    part: Part,
    rest: str,
    counted: str,
) -> Group:
    now, then = sums[0].get(key, Sums()), sums[1].get(key, Sums())
    english = subject.context.locale == "en"
    if key is WHOLE and rest:
        is_group = rest == "guests"
        score = _apart(subject, move, now, then) if is_group else 0.0
        return Group(key, REST_NAMES[rest][english], now, then, part, score, 0.0, not is_group)
    label = subject.context.names.label(counted, key, subject.context.locale)
    return Group(
        key, label, now, then, part, _apart(subject, move, now, then), _weight(subject, move, now, then)
    )


def _apart(subject: Subject, move: Move, now: Sums, then: Sums) -> float:
    """How far the group went a way of its own: its change against that of all others."""
    is_ratio = subject.parts.is_ratio
    own = z_of(now, then, is_ratio=is_ratio, dispersion=move.dispersion)
    others_now, others_then = move.now - now, move.then - then
    if is_ratio:
        changes = [_step(a, b) for a, b in ((now, then), (others_now, others_then))]
    else:
        changes = [_log_step(a, b) for a, b in ((now, then), (others_now, others_then))]
    if any(change is None for change in changes):
        return own
    (size, spread), (other, other_spread) = (change or (0.0, 0.0) for change in changes)
    deviation = math.sqrt((spread + other_spread) * move.dispersion)
    apart = (size - other) / deviation if deviation else 0.0
    # Both must hold: it moved, and not only as everything did.
    return min((own, apart), key=abs) if own * apart > 0 and abs(own) >= NOISE_Z else 0.0


def _step(now: Sums, then: Sums) -> tuple[float, float] | None:
    a, b = now.value(is_ratio=True), then.value(is_ratio=True)
    spread = now.variance(is_ratio=True) + then.variance(is_ratio=True)
    return None if a is None or b is None or not math.isfinite(spread) else (a - b, spread)


def _log_step(now: Sums, then: Sums) -> tuple[float, float] | None:
    """The relative change and its variance."""
    if now.x <= 0 or then.x <= 0:
        return None
    return math.log(now.x / then.x), now.xx / now.x**2 + then.xx / then.x**2


def _weight(subject: Subject, move: Move, now: Sums, then: Sums) -> float:
    """Whether the group's share of all units changed by more than chance (two proportions)."""
    if not subject.parts.is_ratio or not move.now.n or not move.then.n:
        return 0.0
    p1, p0 = now.n / move.now.n, then.n / move.then.n
    pooled = (now.n + then.n) / (move.now.n + move.then.n)
    spread = pooled * (1 - pooled) * (1 / move.now.n + 1 / move.then.n)
    return (p1 - p0) / math.sqrt(spread * move.dispersion) if spread > 0 else 0.0


def _figure(subject: Subject, dimension: str, name: str, groups: list[Group], sql: tuple[str, str]) -> Figure:
    locale = subject.context.locale
    is_ratio = subject.parts.is_ratio

    def said(zh: str, en: str) -> str:
        return en if locale == "en" else zh

    columns = [
        Column("label", name, "text", "label"),
        Column("then", said("对比期", "Before"), subject.unit, "then"),
        Column("now", said("本期", "Now"), subject.unit, "now"),
        Column("change", said("变化", "Change"), subject.change_unit, "change"),
        Column("contribution", said("对总变化的贡献", "Contribution"), subject.change_unit, "change"),
    ]
    if is_ratio:
        columns += [
            Column("behaviour", said("其中行为", "of it behaviour"), subject.change_unit, "change"),
            Column("mix", said("其中结构", "of it mix"), subject.change_unit, "change"),
            Column("weight_then", said("对比期权重", "Weight before"), "ratio", "then"),
            Column("weight_now", said("本期权重", "Weight now"), "ratio", "now"),
        ]
    columns += [
        Column("n_then", said("对比期样本", "Sample before"), "count", "sample"),
        Column("n_now", said("本期样本", "Sample now"), "count", "sample"),
        Column("z", said("偏离偶然的标准差数", "Standard deviations from chance"), "number"),
        Column("size", said("样本大小", "Size of sample"), "text"),
    ]
    whole_now, whole_then = (
        sum(each.y for each in sums) for sums in ([g.now for g in groups], [g.then for g in groups])
    )
    rows = tuple(_row(subject, group, (whole_now, whole_then)) for group in groups[:MOST_ROWS])
    title = said(f"{subject.name}变化按{name}拆分", f"Change of {subject.name} by {name.lower()}")
    return Figure(f"by_{dimension}", title, tuple(columns), rows, sql)


def _row(subject: Subject, group: Group, wholes: tuple[float, float]) -> tuple[str | int | float | None, ...]:
    is_ratio = subject.parts.is_ratio
    now, then = group.now.value(is_ratio=is_ratio), group.then.value(is_ratio=is_ratio)
    digits = 2 if subject.unit == "yuan" and not is_ratio else 12
    if group.is_rest and is_ratio:
        now = then = None
    change = None if now is None or then is None else round(now - then, digits)
    values: list[str | int | float | None] = [
        group.label,
        None if then is None else round(then, digits),
        None if now is None else round(now, digits),
        change,
        round(group.part.total, digits),
    ]
    if is_ratio:
        values += [group.part.behaviour, group.part.mix]
        values += [
            group.then.y / wholes[1] if wholes[1] else None,
            group.now.y / wholes[0] if wholes[0] else None,
        ]
    size = "小样本" if subject.context.locale != "en" else "small"
    small = size if group.is_small and not group.is_rest else ""
    score = group.score if abs(group.score) >= abs(group.weight_score) else group.weight_score
    return (*values, round(group.then.n), round(group.now.n), round(score, 2), small)


def telling(splits: Sequence[Split]) -> list[Split]:
    """The dimensions in which the change lies most unevenly first: by the furthest of their groups. Levels say least, see NO_CAUSES."""

    def furthest(split: Split) -> float:
        return max((max(abs(group.score), abs(group.weight_score)) for group in split.groups), default=0.0)

    return sorted(splits, key=lambda split: (split.dimension == "level", -furthest(split)))


def overview_figure(subject: Subject, splits: Sequence[Split]) -> Figure | None:
    """Behaviour and mix by each dimension, which add up to the change; None for what is no ratio."""
    if not subject.parts.is_ratio or not splits:
        return None
    english = subject.context.locale == "en"
    columns = (
        Column("label", "Split by" if english else "拆分维度", "text", "label"),
        Column("behaviour", "Behaviour" if english else "行为", subject.change_unit, "change"),
        Column("mix", "Mix" if english else "结构", subject.change_unit, "change"),
        Column("change", "Change" if english else "总变化", subject.change_unit, "change"),
    )
    rows = tuple(
        (split.name, split.behaviour, split.mix, split.behaviour + split.mix) for split in telling(splits)
    )
    title = f"{subject.name}: behaviour and mix" if english else f"{subject.name}：行为与结构"
    return Figure("behaviour_mix", title, columns, rows, splits[0].figure.sql)


def causes_of(splits: list[Split], move: Move, *, is_ratio: bool) -> list[Cause]:
    """The groups that went a way of their own by more than chance in so many comparisons, furthest first."""
    telling = [split for split in splits if split.dimension not in NO_CAUSES]
    limit = critical(sum(len(split.groups) for split in telling))
    found = []
    for split in telling:
        for row, group in enumerate(split.groups[:MOST_ROWS]):
            if group.is_rest or group.is_small:
                continue
            for kind, score, part in (
                ("group", group.score, group.part.behaviour),
                ("weight", group.weight_score, group.part.mix),
            ):
                if abs(score) >= limit and _matters(part, split, move):
                    found.append(
                        Cause(
                            f"{kind}:{split.dimension}",
                            group.label,
                            "up" if score > 0 else "down",
                            split.figure.key,
                            row,
                            score,
                        )
                    )
    return sorted(found, key=lambda cause: -abs(cause.score))


def _matters(part: float, split: Split, move: Move) -> bool:
    """A tenth of all that moved, or a hundredth of the figure."""
    moved = math.fsum(abs(group.part.total) for group in split.groups)
    return abs(part) >= 0.1 * moved or abs(part) >= 0.01 * abs(move.base or 0)
