"""A page of results and the bounds of asking for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
MAX_OFFSET = 100_000


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`items` from `offset`, at most `limit` of `total`."""

    items: Sequence[Item]
    total: int
    limit: int
    offset: int = 0

    @property
    def number(self) -> int:
        return self.offset // self.limit + 1

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.limit))

    @property
    def has_previous(self) -> bool:
        return self.offset > 0

    @property
    def has_next(self) -> bool:
        return self.offset + self.limit < self.total
