"""First of all: did it fall? Both periods counted again, and the change set against chance and against the periods before."""

from __future__ import annotations

from dataclasses import dataclass

from app.insights.diagnosis.gathering import WHOLE
from app.insights.diagnosis.model import Column, Direction, Figure, Premise, Value
from app.insights.diagnosis.statistics import NOISE_Z, Sums, dispersion, z_of
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.writing import Size, Words, Writer

HISTORY = 4


@dataclass(frozen=True, slots=True)
class Move:
    """What the metric did: the totals of both periods, how far from chance, and what of the premise is true."""

    now: Sums
    then: Sums
    value: float | None
    base: float | None
    change: float | None
    z: float
    dispersion: float
    verdict: Premise
    figure: Figure

    @property
    def direction(self) -> Direction | None:
        if not self.change:
            return None
        return "up" if self.change > 0 else "down"

    @property
    def is_noise(self) -> bool:
        return abs(self.z) < NOISE_Z


def verify_premise(subject: Subject) -> Move:
    """Both periods counted, and what became of the premise."""
    gather, parts = subject.gatherer, subject.parts
    (now, sql), (then, base_sql) = gather.sums(parts, subject.span), gather.sums(parts, subject.base)
    earlier = [gather.sums(parts, span)[0][WHOLE] for span in subject.earlier(HISTORY)]
    first, second = now[WHOLE], then[WHOLE]
    is_ratio = parts.is_ratio
    spread = dispersion([*reversed(earlier), second], is_ratio=is_ratio)
    z = z_of(first, second, is_ratio=is_ratio, dispersion=spread)
    value, base = _value(subject, first), _value(subject, second)
    change = None if value is None or base is None else value - base
    verdict = _verdict(subject, second, change, z)
    figure = _figure(subject, (first, second), (value, base, change), z, (sql, base_sql))
    return Move(first, second, value, base, change, z, spread, verdict, figure)


def _value(subject: Subject, sums: Sums) -> float | None:
    value = sums.value(is_ratio=subject.parts.is_ratio)
    return (
        None
        if value is None
        else round(value, 2)
        if subject.unit == "yuan" and not subject.parts.is_ratio
        else value
    )


def _verdict(subject: Subject, then: Sums, change: float | None, z: float) -> Premise:
    if change is None or not then.n:
        return "unknown"
    if subject.asked is None:
        return "unasked"
    if (change < 0) != (subject.asked == "down") or change == 0:
        return "wrong"
    return "noise" if abs(z) < NOISE_Z else "holds"


def _figure(
    subject: Subject,
    sums: tuple[Sums, Sums],
    values: tuple[float | None, float | None, float | None],
    z: float,
    sql: tuple[str, str],
) -> Figure:
    english = subject.context.locale == "en"
    value, base, change = values
    relative = change / base if change is not None and base else None
    columns = (
        Column("start", "From" if english else "开始", "date"),
        Column("end", "To" if english else "结束", "date"),
        Column("base_start", "Before, from" if english else "对比期开始", "date"),
        Column("base_end", "Before, to" if english else "对比期结束", "date"),
        Column("then", "Before" if english else "对比期", subject.unit, "then"),
        Column("now", "Now" if english else "本期", subject.unit, "now"),
        Column("change", "Change" if english else "变化", subject.change_unit, "change"),
        Column("relative", "Change in %" if english else "变化率", "ratio", "change"),
        Column("n_then", "Sample before" if english else "对比期样本", "count", "sample"),
        Column("n_now", "Sample now" if english else "本期样本", "count", "sample"),
        Column("z", "Standard deviations from chance" if english else "偏离偶然的标准差数", "number"),
    )
    dates: list[Value] = [
        each.isoformat()
        for each in (subject.span.start, subject.span.end, subject.base.start, subject.base.end)
    ]
    row = (*dates, base, value, change, relative, round(sums[1].n), round(sums[0].n), round(z, 2))
    title = f"{subject.name}: both periods" if english else f"{subject.name}：两期对比"
    return Figure("premise", title, columns, (row,), sql)


def say_premise(subject: Subject, move: Move, writer: Writer) -> None:
    """The first finding: what it did, and whether that is what was asked about."""
    cell = move.figure.cell
    spans = {
        "start": cell(0, "start"),
        "end": cell(0, "end"),
        "base_start": cell(0, "base_start"),
        "base_end": cell(0, "base_end"),
    }
    if move.verdict == "unknown":
        writer.say("finding", "no_base", metric=subject.name, **spans)
        return
    key = (
        "premise_flat"
        if not move.change
        else "premise_moved"
        if move.figure.value(0, "relative") is not None
        else "premise_from_zero"
    )
    writer.say(
        "finding",
        key,
        metric=subject.name,
        moved=Words(cell(0, "change")),
        change=Size(cell(0, "change")),
        relative=Size(cell(0, "relative")),
        now=cell(0, "now"),
        then=cell(0, "then"),
        **spans,
    )
    if move.verdict == "wrong":
        writer.say(
            "finding", f"wrong_{subject.asked}", metric=subject.name, now=cell(0, "now"), then=cell(0, "then")
        )
    if move.change and move.is_noise:
        writer.say(
            "finding",
            "noise",
            metric=subject.name,
            z=Size(cell(0, "z")),
            n_then=cell(0, "n_then"),
            n_now=cell(0, "n_now"),
        )
