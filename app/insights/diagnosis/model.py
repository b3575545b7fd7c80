"""What a diagnosis is made of: figures with their SQL, claims that refer to them, and documents that are quoted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.insights.answers import Definition
from app.insights.question import Question
from app.language.periods import Span

Section = Literal["finding", "hypothesis", "check", "next"]
SECTIONS: tuple[Section, ...] = ("finding", "hypothesis", "check", "next")
Tag = Literal["data", "kb"]
Unit = Literal["text", "date", "yuan", "count", "ratio", "points", "number"]
Role = Literal["label", "then", "now", "change", "sample", "other"]
Direction = Literal["down", "up"]
# holds: it moved as was said, by more than its usual ups and downs; noise: as was said, but within them; wrong: it did not;
# unasked: nothing was said of a direction; unknown: there is nothing to compare with.
Premise = Literal["holds", "noise", "wrong", "unasked", "unknown"]
Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a figure. `unit`: yuan, count, ratio (0..1, shown in per cent), points (difference of two ratios), ..."""

    key: str
    name: str
    unit: Unit
    role: Role = "other"


@dataclass(frozen=True, slots=True)
class Figure:
    """The result of queries, with differences and shares of them as columns of its own. `sql` is what ran."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    sql: tuple[str, ...] = ()

    def place(self, column: str) -> int:
        return next(index for index, each in enumerate(self.columns) if each.key == column)

    def value(self, row: int, column: str) -> Value:
        return self.rows[row][self.place(column)]

    def cell(self, row: int, column: str) -> Cell:
        """A reference to one value, for a sentence."""
        return Cell(self, row, column)


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a figure on its way into a sentence."""

    figure: Figure
    row: int
    column: str

    @property
    def value(self) -> Value:
        return self.figure.value(self.row, self.column)

    @property
    def unit(self) -> Unit:
        return self.figure.columns[self.figure.place(self.column)].unit


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a claim comes from: a cell of a figure, a whole figure (no row, no column), or a document by its key."""

    key: str
    row: int | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer. `data`: every number in it is a cell of its refs. `kb`: its quotations stand in its documents."""

    section: Section
    text: str
    tag: Tag
    refs: tuple[Ref, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The keys of its figures or documents, each once."""
        return tuple(dict.fromkeys(ref.key for ref in self.refs))


@dataclass(frozen=True, slots=True)
class Dropped:
    """A claim that was not shown, and what in it has no source."""

    claim: Claim
    reason: Literal["number", "quotation", "no_source", "no_quotation"]
    what: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the knowledge base that a claim quotes."""

    key: str
    title: str
    content: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Something found to have moved by more than chance: what, of whom, and which way."""

    kind: str
    subject: str
    direction: Direction
    figure: str
    row: int
    # How far from chance: standard deviations.
    score: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The change taken apart, for ECharts: `kind` waterfall has a start, steps and an end; bar has contributions only."""

    kind: Literal["waterfall", "bar"]
    title: str
    unit: Unit
    figure: str
    categories: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer to "it fell, why?". Claims are checked already; `dropped` says which were not kept."""

    question: Question
    metric: str
    name: str
    locale: str
    understood_as: str
    span: Span
    base: Span
    premise: Premise
    asked: Direction | None
    moved: Direction | None
    claims: tuple[Claim, ...]
    dropped: tuple[Dropped, ...]
    figures: tuple[Figure, ...]
    documents: tuple[Document, ...]
    causes: tuple[Cause, ...]
    charts: tuple[Chart, ...]
    definitions: tuple[Definition, ...] = ()
    notes: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    def of(self, section: str) -> tuple[Claim, ...]:
        """The claims of a section, in order."""
        return tuple(claim for claim in self.claims if claim.section == section)

    def figure(self, key: str) -> Figure:
        return next(figure for figure in self.figures if figure.key == key)

    @property
    def answer(self) -> str:
        """The claims as one text, each with its tag."""
        return "\n".join(f"{claim.text} ({claim.tag})" for claim in self.claims)

    @property
    def sql(self) -> tuple[str, ...]:
        """All that ran, each once."""
        return tuple(dict.fromkeys(sql for figure in self.figures for sql in figure.sql))

    def as_json(self) -> dict[str, Any]:
        """The form of the API."""
        from app.insights.diagnosis.presentation import as_json

        return as_json(self)
