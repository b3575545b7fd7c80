"""What a metric is made of, read from its formula in the catalogue: a sum over units, or a ratio of two such sums.

A unit is what happens independently: an order, or a member where people are counted. Knowing the sums of x, y and their
squares over the units is enough for the metric, for its sampling error, and for taking its change apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from app.insights.metrics.catalogue import catalogue

UnitKind = Literal["row", "order", "member"]
_OVER = " * 1.000000 / "
_SUM = re.compile(r"SUM\((.*)\)")
_PEOPLE = re.compile(r"COUNT\(DISTINCT o\.member_id\)")
_PEOPLE_WHO = re.compile(r"COUNT\(DISTINCT CASE WHEN (.*) THEN o\.member_id END\)")
_ORDERS = re.compile(r"COUNT\(DISTINCT i\.order_id\)")
_COLUMN = re.compile(r"COUNT\(([a-z]\.[a-z_]+)\)")


@dataclass(frozen=True, slots=True)
class Anatomy:
    """`x` and `y` are SQL of one unit (aggregates of its rows, save for `row`); a metric that is no ratio has no `y`."""

    metric: str
    source: str
    unit: UnitKind
    x: str
    y: str | None
    needs: tuple[str, ...]

    @property
    def is_ratio(self) -> bool:
        return self.y is not None

    @property
    def key(self) -> str:
        """The column that names the unit."""
        return {"row": "", "order": "i.order_id", "member": "o.member_id"}[self.unit]


class NoAnatomy(ValueError):
    """A formula that is none of the forms above."""


def anatomy(metric: str, source: str) -> Anatomy:
    """The parts of a metric as counted from a source. Raises NoAnatomy."""
    entry = catalogue().metrics[metric]
    above, _, below = entry.formulas[source].partition(_OVER)
    unit = _unit(above + below, source)
    return Anatomy(
        metric, source, unit, _part(above, unit), _part(below, unit) if below else None, entry.needs
    )


def _unit(formula: str, source: str) -> UnitKind:
    if "DISTINCT o.member_id" in formula or "DISTINCT CASE" in formula:
        return "member"
    return "order" if source == "items" else "row"


def _part(said: str, unit: UnitKind) -> str:
    """A sum or count as the value of one unit."""
    if match := _PEOPLE_WHO.fullmatch(said):
        return f"MAX(CASE WHEN {match[1]} THEN 1 ELSE 0 END)"
    if _PEOPLE.fullmatch(said) or _ORDERS.fullmatch(said):
        return "1"
    if said == "COUNT(*)":
        return "1" if unit == "row" else said
    if match := _COLUMN.fullmatch(said):
        return f"CASE WHEN {match[1]} IS NOT NULL THEN 1 ELSE 0 END" if unit == "row" else said
    if (match := _SUM.fullmatch(said)) is None:
        raise NoAnatomy(said)
    return match[1] if unit == "row" else said
