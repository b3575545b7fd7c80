"""`diagnose`: the premise verified, the change taken apart, the usual suspects checked, knowledge retrieved, every claim verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.insights.answers import Definition
from app.insights.connection import QueryTimedOut
from app.insights.diagnosis.charting import charts_of
from app.insights.diagnosis.composing import write_checks, write_findings, write_hypotheses, write_next
from app.insights.diagnosis.formula import formula_figure
from app.insights.diagnosis.model import Cause, Claim, Diagnosis, Document, Figure, Ref
from app.insights.diagnosis.premise import Move, verify_premise
from app.insights.diagnosis.splits import Split, causes_of, overview_figure, split_change
from app.insights.diagnosis.subject import Subject, subject_of
from app.insights.diagnosis.suspects.channels import check_channels
from app.insights.diagnosis.suspects.customers import check_customers
from app.insights.diagnosis.suspects.days import check_closed_days, check_today
from app.insights.diagnosis.suspects.finding import Finding
from app.insights.diagnosis.suspects.goods import check_goods
from app.insights.diagnosis.suspects.offers import check_offers
from app.insights.diagnosis.suspects.payments import check_payments
from app.insights.diagnosis.verifying import verify
from app.insights.diagnosis.writing import Writer
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context
from app.insights.question import Question
from app.insights.steps import Steps
from app.insights.wording import understood_as

Check = Callable[[Subject], "Finding | list[Finding] | None"]
_ALL: tuple[Check, ...] = (
    check_customers,
    check_payments,
    check_goods,
    check_offers,
    check_channels,
    check_closed_days,
    check_today,
)
_CUSTOMERS: tuple[Check, ...] = (check_customers,)
_GOODS: tuple[Check, ...] = (check_customers, check_goods, check_offers, check_channels)
# What bears on a metric. What is not named here is looked into by all.
BEARING: dict[str, tuple[Check, ...]] = {
    **dict.fromkeys(
        ("payment_success_rate", "payment_failure_rate", "failed_payments"), (check_payments, check_today)
    ),
    **dict.fromkeys(
        ("repeat_rate", "new_buyer_rate", "returning_buyer_rate", "orders_per_buyer"), _CUSTOMERS
    ),
    **dict.fromkeys(("aov", "spend_per_buyer", "units_per_order", "unit_price"), _GOODS),
    **dict.fromkeys(("discount", "discount_rate"), (check_customers, check_offers, check_channels)),
    **dict.fromkeys(
        ("buyers", "new_buyers", "returning_buyers"),
        (check_customers, check_payments, check_closed_days, check_today),
    ),
    "new_members": (),
}


@dataclass(slots=True)
class Evidence:
    """All that the data says of a subject."""

    subject: Subject
    move: Move
    formula: Figure | None = None
    overview: Figure | None = None
    splits: list[Split] = field(default_factory=list)
    group_causes: list[Cause] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    # Checks that the database ended because their time was up.
    late: int = 0

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What moved by more than chance, suspects first."""
        suspects = [cause for finding in self.findings for cause in finding.causes]
        return (*sorted(suspects, key=lambda cause: -abs(cause.score)), *self.group_causes)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Everything that can be cited, the premise first."""
        found = [self.move.figure]
        if self.formula is not None:
            found.append(self.formula)
        if self.overview is not None:
            found.append(self.overview)
        found += [split.figure for split in self.splits]
        for finding in self.findings:
            found += [finding.figure, *finding.others]
        return tuple(found)


# Claims of the evidence from the claims in our own words and the documents that they quote.
Rewrite = Callable[[Evidence, list[Claim], list[Document]], list[Claim]]


def diagnose(
    question: Question | None,
    context: Context,
    steps: Steps,
    *,
    sentence: str = "",
    rewrite: Rewrite | None = None,
) -> Diagnosis:
    """Why the metric moved, each claim with its source.

    `sentence` is what was asked, for which way it is said to have gone; without it, it is said to have fallen. `rewrite` may
    make other claims of the evidence; they are verified like ours. Raises the guard's Rejected (for our own SQL a defect),
    what `runner.run` raises, and what `rewrite` raises.
    """
    subject = subject_of(question, context, sentence)
    with steps.step("run_sql", metric=subject.metric) as step:
        evidence = gather_evidence(subject)
        step.result |= {
            "queries": subject.gatherer.count,
            "run_ms": subject.gatherer.run_ms,
            "figures": len(evidence.figures),
        }
    with steps.step("retrieve_kb", causes=[cause.kind for cause in evidence.causes]) as step:
        claims, documents = write_claims(evidence)
        step.result |= {"documents": [document.key for document in documents]}
    with steps.step("compose") as step:
        if rewrite is not None:
            claims = rewrite(evidence, claims, documents)
        diagnosis = compose(evidence, claims, documents)
        step.result |= {"claims": len(diagnosis.claims), "dropped": len(diagnosis.dropped)}
    return diagnosis


def gather_evidence(subject: Subject) -> Evidence:
    """Run the queries: the premise, the splits, the suspects. Where there is nothing to compare with, the premise alone."""
    move = verify_premise(subject)
    evidence = Evidence(subject, move)
    if move.verdict == "unknown":
        return evidence
    evidence.formula = formula_figure(subject)
    evidence.splits = split_change(subject, move)
    evidence.overview = overview_figure(subject, evidence.splits)
    evidence.group_causes = causes_of(evidence.splits, move, is_ratio=subject.parts.is_ratio)
    for check in BEARING.get(subject.metric, _ALL):
        try:
            found = check(subject)
        except QueryTimedOut:
            evidence.late += 1
            continue
        evidence.findings += found if isinstance(found, list) else [found] if found is not None else []
    return evidence


def write_claims(evidence: Evidence) -> tuple[list[Claim], list[Document]]:
    """The four parts in our own words, unverified, and the documents they quote."""
    subject, writer = evidence.subject, Writer(evidence.subject.context.locale)
    write_findings(subject, evidence.move, evidence.formula, evidence.overview, evidence.splits, writer)
    if evidence.move.verdict == "unknown":
        return writer.claims, []
    causes = evidence.causes
    if not causes:
        writer.claims.append(Claim("finding", writer.text("nothing_stands_out"), "data", (Ref("premise"),)))
    documents = write_hypotheses(subject, causes, writer)
    write_checks(subject, evidence.group_causes, evidence.splits, evidence.findings, writer)
    documents += write_next(subject, causes, evidence.splits, evidence.findings, writer)
    return writer.claims, list({document.key: document for document in documents}.values())


def compose(evidence: Evidence, claims: Sequence[Claim], documents: Sequence[Document]) -> Diagnosis:
    """The diagnosis of claims from anywhere: those that hold are kept."""
    subject, move = evidence.subject, evidence.move
    figures = evidence.figures
    kept, dropped = verify(claims, figures, documents)
    entry, locale = catalogue().metrics[subject.metric], subject.context.locale
    cited = {key for claim in kept if claim.tag == "kb" for key in claim.sources}
    return Diagnosis(
        question=subject.question,
        metric=subject.metric,
        name=subject.name,
        locale=locale,
        understood_as=understood_as(subject.question, subject.context),
        span=subject.span,
        base=subject.base,
        premise=move.verdict,
        asked=subject.asked,
        moved=move.direction,
        claims=tuple(kept),
        dropped=tuple(dropped),
        figures=figures,
        documents=tuple(document for document in documents if document.key in cited),
        causes=evidence.causes,
        charts=charts_of(subject, move, evidence.formula, evidence.splits),
        notes=tuple(_notes(evidence)),
        definitions=(Definition(entry.key, subject.name, entry.definition(locale), entry.unit),),
    )


def _notes(evidence: Evidence) -> list[str]:
    """What the reader should know of the comparison."""
    subject = evidence.subject
    writer, found = Writer(subject.context.locale), list[str]()
    base, first = subject.base, subject.context.first_day
    if subject.named_base is not None:
        found.append(writer.text("note_base").format(start=base.start.isoformat(), end=base.end.isoformat()))
    if first is not None and base.start < first <= base.end:
        found.append(writer.text("note_partial").format(first=first.isoformat()))
    if subject.has_other_weekdays:
        found.append(writer.text("note_weekdays"))
    if evidence.late:
        found.append(writer.text("note_late"))
    return found
