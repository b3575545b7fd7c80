"""Counting people: the rows of a source by member folded, so that each member is one row of each group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.insights.metrics.catalogue import catalogue
from app.insights.question import TIME

if TYPE_CHECKING:
    from app.insights.compiling.select import Select


def is_of_rows(dimension: str, inner: str) -> bool:
    """True for what is known of a row before it is folded; what depends on the member alone is joined afterwards."""
    return dimension in TIME or inner in catalogue().dimensions[dimension].keys


def key_of(dimension: str) -> str:
    """The name of a dimension's number in the folded rows."""
    return f"{dimension}_key"


def folded(select: Select) -> str:
    """What stands in FROM: one row for each member and group, with the sums that the formulas read."""
    inner = inner_of(select)
    keys = [(inner.key(name), key_of(name)) for name in inner.dimensions]
    sums = select.folds
    columns = [f"{said} AS {name}" for said, name in keys]
    columns += ["d.member_id AS member_id", *(f"SUM(d.{name}) AS {name}" for name in sums)]
    head = "SELECT" if sums else "SELECT DISTINCT"
    # Time is grouped by its name: MySQL would have to compare two long expressions.
    groups = [name if key in TIME else said for key, (said, name) in zip(inner.dimensions, keys, strict=True)]
    tail = f"\nGROUP BY {', '.join([*groups, 'd.member_id'])}" if sums else ""
    tables = inner.tables.replace("\nWHERE ", "\n  WHERE ")
    return f"(\n{head} {', '.join(columns)}\n{tables}{tail}\n) d"


def inner_of(select: Select) -> Select:
    """The SELECT that is folded: only what concerns rows."""
    source = select.inner
    return replace(
        select,
        source=source,
        dimensions=tuple(name for name in select.dimensions if is_of_rows(name, source)),
        filters=tuple(part for part in select.filters if is_of_rows(part.dimension, source)),
        metrics=(),
        thresholds=(),
        reach=(),
        by_keys=True,
        folded=("member_id", *select.folds),
    )
