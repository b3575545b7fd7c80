"""What a query sees: tables, derived tables and CTEs, each with the columns that it offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.insights.guard.limits import COLUMN_SIZE, MAX_READS, at_most
from app.insights.guard.reasons import Rejected
from app.insights.schema import TABLES, Kind


@dataclass(frozen=True, slots=True)
class Field:
    """A column that a source offers. `is_key`: tables may be joined by it; `size`: its longest text, in characters."""

    name: str
    kind: Kind = Kind.UNKNOWN
    is_key: bool = False
    size: int = COLUMN_SIZE


@dataclass(frozen=True, slots=True)
class Relation:
    """The outcome of a table or a query: its columns, whether it has at most one row, how many tables it reads.

    `is_folded`: grouped or distinct, so that it is small beside the tables it was made from.
    """

    fields: tuple[Field, ...]
    has_one_row: bool = False
    reads: int = 1
    is_folded: bool = False

    def field_named(self, name: str) -> Field | None:
        """The column of that name, whatever its case."""
        return next((item for item in self.fields if item.name.lower() == name.lower()), None)

    def renamed(self, names: list[str]) -> Relation:
        """The same with other column names, as `WITH t (a, b)` gives."""
        if len(names) != len(self.fields):
            raise Rejected("AMBIGUOUS", what=", ".join(names))
        pairs = zip(self.fields, names, strict=True)
        return replace(self, fields=tuple(replace(item, name=name) for item, name in pairs))

    def check_names(self) -> None:
        """A derived table's columns must be told apart."""
        seen: set[str] = set()
        for item in self.fields:
            if item.name.lower() in seen:
                raise Rejected("AMBIGUOUS", what=item.name)
            seen.add(item.name.lower())


BASE: Mapping[str, Relation] = {
    table: Relation(tuple(Field(column.name, column.kind, column.is_key) for column in columns.values()))
    for table, columns in TABLES.items()
}


@dataclass(frozen=True, slots=True)
class Source:
    """A relation under the name by which the query speaks of it."""

    alias: str
    relation: Relation
    is_base: bool


@dataclass(frozen=True, slots=True)
class Cte:
    """A CTE and the name it gets in the SQL that runs: one that is no table's, so it can only mean the CTE."""

    name: str
    relation: Relation


@dataclass(slots=True)
class Tally:
    """What the whole query comes to, so far."""

    tables: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Scope:
    """The names that one SELECT can use. `outer` is the SELECT around a subquery; its columns are seen as well.

    `hidden` are the columns that USING merged into another source's; `reads_outer` is set when a column of `outer` is used.
    """

    ctes: Mapping[str, Cte]
    tally: Tally
    outer: Scope | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    hidden: set[tuple[str, str]] = field(default_factory=set)
    reads_outer: bool = False
    reads: int = 0

    def add(self, source: Source) -> None:
        """Bring a source in; its name must be new here."""
        key = source.alias.lower()
        if key in self.sources:
            raise Rejected("AMBIGUOUS", what=source.alias)
        self.sources[key] = source
        self.count_reads(source.relation.reads)

    def count_reads(self, reads: int) -> None:
        """Tables read by this SELECT and what is in it, with each CTE counted as often as it is named."""
        self.reads += reads
        at_most(MAX_READS, self.reads, "FROM")

    def visible(self, source: Source) -> list[Field]:
        """The columns of a source that an unqualified name or a star means."""
        return [
            item
            for item in source.relation.fields
            if (source.alias.lower(), item.name.lower()) not in self.hidden
        ]

    def find(self, name: str, table: str) -> tuple[Source, Field] | None:
        """The source and column of a name in this SELECT alone. Rejected when several have it."""
        if table:
            source = self.sources.get(table.lower())
            item = source.relation.field_named(name) if source else None
            return (source, item) if source and item else None
        found = [
            (source, item)
            for source in self.sources.values()
            for item in self.visible(source)
            if item.name.lower() == name.lower()
        ]
        if len(found) > 1:
            raise Rejected("AMBIGUOUS", what=name)
        return found[0] if found else None
