"""The four parts of the answer, from what was found: each sentence with its cells, each quotation with its document."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.insights.diagnosis.model import Cause, Document, Figure
from app.insights.diagnosis.premise import Move, say_premise
from app.insights.diagnosis.quoting import Quotation, find_quotation
from app.insights.diagnosis.splits import Split, telling
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding
from app.insights.diagnosis.texts import METRIC_TAGS, SEARCHES, TEXTS
from app.insights.diagnosis.writing import Size, Words, Writer

MOST_GROUPS, MOST_PER_SUSPECT, MOST_CAUSES_QUOTED = 3, 3, 4
_PLACES = re.compile(r"{(\w+)}")
# Cells whose direction a word says, so that their sign is left out.
_SIZES = {
    "frequency": "rate_change",
    "people": "people_change",
    "orders": "orders_change",
    "order_value": "value_change",
}


def write_findings(
    subject: Subject,
    move: Move,
    formula: Figure | None,
    overview: Figure | None,
    splits: Sequence[Split],
    writer: Writer,
) -> None:
    """What the data says: the premise, the formula, the dimension that says most."""
    say_premise(subject, move, writer)
    if move.verdict == "unknown" or not move.change:
        return
    if formula is not None:
        _say_row(writer, "finding", "formula", formula, 0, metric=subject.name)
    if overview is not None:
        _say_row(writer, "finding", "behaviour_mix", overview, 0)
    for split in telling(splits)[:2]:
        _say_split(subject, split, writer)


def _say_split(subject: Subject, split: Split, writer: Writer) -> None:
    row = next(place for place, group in enumerate(split.groups) if not group.is_rest)
    small = writer.text("small") if split.groups[row].is_small else ""
    kind = "split_ratio" if subject.parts.is_ratio else "split_sum"
    _say_row(writer, "finding", kind, split.figure, row, dimension=_low(split.name, writer), small=small)


def _low(name: str, writer: Writer) -> str:
    return name.lower() if writer.locale == "en" else name


def _say_row(writer: Writer, section: str, text: str, figure: Figure, row: int, **words: str) -> None:
    """A sentence whose places are the columns of one row; a missing value leaves the sentence out."""
    places = [name for name in _PLACES.findall(TEXTS[text][0]) if name not in words and name != "moved"]
    cells = {name: figure.cell(row, name) for name in places}
    if any(cell.value is None for cell in cells.values()):
        return
    said = {name: Size(cell) if _SIZES.get(text) == name else cell for name, cell in cells.items()}
    if "{moved}" in TEXTS[text][0]:
        said["moved"] = Words(figure.cell(row, _SIZES[text]))  # type: ignore[assignment]
    writer.say(section, text, **said, **words)  # type: ignore[arg-type]


def write_checks(
    subject: Subject,
    causes: Sequence[Cause],
    splits: Sequence[Split],
    findings: Sequence[Finding],
    writer: Writer,
) -> None:
    """What was confirmed, and what was ruled out."""
    names = {split.figure.key: split for split in splits}
    for cause in causes[:MOST_GROUPS]:
        split = names[cause.figure]
        kind = cause.kind.partition(":")[0]
        text = (
            ("group_ratio" if kind == "group" else "weight_ratio") if subject.parts.is_ratio else "group_sum"
        )
        _say_row(writer, "check", text, split.figure, cause.row, dimension=_low(split.name, writer))
    for finding in findings:
        for cause in finding.causes[:MOST_PER_SUSPECT]:
            _say_row(writer, "check", _text_of(cause), finding.figure, cause.row)
        if finding.topic == "discounts" and finding.causes:
            _say_ended(finding, writer)
    for finding in findings:
        key = f"no_{finding.topic}"
        if not finding.causes and key in TEXTS and finding.figure.sql:
            _say_whole(writer, key, finding.figure)


def _text_of(cause: Cause) -> str:
    kind, _, of = cause.kind.partition(":")
    if kind == "payment_failures":
        return "payment_all" if of == "all" else "payment_store"
    return kind


def _say_ended(finding: Finding, writer: Writer) -> None:
    ended = TEXTS_STATE[writer.locale == "en"]
    for figure in finding.others:
        rows = [row for row in range(len(figure.rows)) if figure.value(row, "state") == ended]
        for row in rows[:MOST_PER_SUSPECT]:
            _say_row(writer, "check", "coupon_ended", figure, row)


TEXTS_STATE = ("结束", "Ended")


def _say_whole(writer: Writer, text: str, figure: Figure) -> None:
    """A sentence about a figure as a whole, without numbers."""
    from app.insights.diagnosis.model import Claim, Ref

    writer.claims.append(Claim("check", writer.text(text), "data", (Ref(figure.key),)))


def write_hypotheses(subject: Subject, causes: Sequence[Cause], writer: Writer) -> list[Document]:
    """What the knowledge base holds for possible explanations of what was found."""
    used: set[str] = set()
    found: list[Document] = []
    english = writer.locale == "en"
    for kind in _kinds(causes)[:MOST_CAUSES_QUOTED]:
        query, _, tags = SEARCHES[kind]
        _quote(
            writer,
            "hypothesis",
            "kb_cause",
            find_quotation(query[english], writer.locale, ("diagnosis", "metric"), used, tags),
            found,
        )
    tags = METRIC_TAGS.get(subject.metric, (subject.metric,))
    reading = find_quotation(subject.name, writer.locale, ("metric",), used, tags, only_tagged=True)
    _quote(writer, "hypothesis", "kb_reading", reading, found)
    return found


def write_next(
    subject: Subject,
    causes: Sequence[Cause],
    splits: Sequence[Split],
    findings: Sequence[Finding],
    writer: Writer,
) -> list[Document]:
    """What to do: from the data where to begin, from the knowledge base how."""
    used = {claim.text for claim in writer.claims}
    found: list[Document] = []
    english = writer.locale == "en"
    by_topic = {finding.topic: finding for finding in findings}
    for cause in causes:
        _say_next(cause, by_topic, splits, writer)
    for kind in _kinds(causes)[:MOST_CAUSES_QUOTED]:
        _, query, tags = SEARCHES[kind]
        quotation = find_quotation(
            query[english], writer.locale, ("campaign", "diagnosis", "risk"), used, tags
        )
        if quotation and not any(quotation.text in claim.text for claim in writer.claims):
            _quote(writer, "next", "kb_next", quotation, found)
    if not any(claim.section == "next" for claim in writer.claims):
        usual = f"{subject.name} checks" if english else f"{subject.name} 排查 检查"
        _quote(
            writer,
            "next",
            "kb_next",
            find_quotation(
                usual, writer.locale, ("diagnosis",), used, METRIC_TAGS.get(subject.metric, (subject.metric,))
            ),
            found,
        )
    return found


def _say_next(cause: Cause, findings: dict[str, Finding], splits: Sequence[Split], writer: Writer) -> None:
    kind = cause.kind.partition(":")[0]
    if kind == "payment_failures" and cause.direction == "up":
        _say_row(writer, "next", "next_payments", findings["payments"].figure, cause.row)
    elif kind == "frequency" and cause.direction == "down":
        _say_row(writer, "next", "next_regulars", findings["customers"].figure, cause.row)
    elif kind == "order_value" and cause.direction == "down" and cause.subject == "new":
        _say_row(writer, "next", "next_new_value", findings["customers"].figure, cause.row)
    elif kind in ("stock_out", "sales_stopped") and cause.row == 0:
        _say_row(writer, "next", "next_stock", findings["stock"].figure, cause.row)
    elif kind == "today_partial":
        _say_row(writer, "next", "next_today", findings["today"].figure, cause.row)
    elif kind == "group" and cause.direction == "down":
        split = next(each for each in splits if each.figure.key == cause.figure)
        if cause.row == 0:
            _say_row(
                writer, "next", "next_group", split.figure, cause.row, dimension=_low(split.name, writer)
            )


def _kinds(causes: Sequence[Cause]) -> list[str]:
    """What to ask the knowledge base about, once each."""
    found = [cause.kind if cause.kind in SEARCHES else cause.kind.partition(":")[0] for cause in causes]
    return [kind for kind in dict.fromkeys(found) if kind in SEARCHES]


def _quote(
    writer: Writer, section: str, text: str, quotation: Quotation | None, found: list[Document]
) -> None:
    if quotation is not None:
        writer.quote(section, text, quotation.document.key, quotation.document.title, quotation.text)  # type: ignore[arg-type]
        found.append(quotation.document)
