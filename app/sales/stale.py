"""Which days' sums are not to be trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Kind = Literal["sales", "attempts"]
KINDS: tuple[Kind, ...] = ("sales", "attempts")


@dataclass(frozen=True, slots=True, eq=False)
class Stale:
    """The stale days of each kind: business days for sales, UTC days for attempts."""

    days: Mapping[str, frozenset[date]] = field(default_factory=dict)

    def between(self, kind: Kind, first: date, last: date) -> list[date]:
        """Those from `first` to `last`, in order."""
        return sorted(day for day in self.days.get(kind, ()) if first <= day <= last)
