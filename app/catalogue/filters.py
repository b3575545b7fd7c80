"""What a visitor may ask of the product list, and what the list counts beside it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from app.core.errors import N_, InvalidParam
from app.core.money import MAX_CENTS
from app.core.pagination import MAX_OFFSET

Sort = Literal["relevance", "price", "-price", "-created_at", "-sales"]
SORTS: tuple[str, ...] = get_args(Sort)
MAX_LIMIT = 100
MAX_QUERY = 100
# Upper ends of the price bands, cents, exclusive; the last band is open.
BAND_ENDS = (10_000, 20_000, 40_000)
BANDS: tuple[tuple[int, int | None], ...] = tuple(zip((0, *BAND_ENDS), (*BAND_ENDS, None), strict=True))

# How many products stand in (category, price band, in stock).
Cube = Mapping[tuple[int, int, bool], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFilter:
    """A request for a page of products. Prices are cents, both ends included.

    `best_only` keeps, of a search, only what fits best: the cheapest sunscreen must be one, not a gift box
    that mentions it. `words_only` leaves out what only a model for meaning finds. Raises InvalidParam with the fields that are wrong.
    """

    q: str = ""
    category_id: int | None = None
    min_price_cents: int | None = None
    max_price_cents: int | None = None
    in_stock: bool = False
    sort: Sort = "relevance"
    limit: int = 20
    offset: int = 0
    best_only: bool = False
    words_only: bool = False

    def __post_init__(self) -> None:
        wrong = dict(_wrong(self))
        if wrong:
            raise InvalidParam(fields=wrong)
        object.__setattr__(self, "q", self.q[:MAX_QUERY].strip())


def _wrong(asked: ProductFilter) -> Iterable[tuple[str, str]]:
    if asked.sort not in SORTS:
        yield "sort", N_("There is no such way to sort.")
    if not 1 <= asked.limit <= MAX_LIMIT:
        yield "limit", N_("Ask for 1 to 100 at a time.")
    if not 0 <= asked.offset <= MAX_OFFSET:
        yield "offset", N_("This is out of range.")
    for name in ("min_price_cents", "max_price_cents"):
        value = getattr(asked, name)
        if value is not None and not 0 <= value <= MAX_CENTS:
            yield name, N_("A price is 0 or more.")


def band_of(price_cents: int) -> int:
    """The number of the price band, from 0."""
    return bisect_right(BAND_ENDS, price_cents)


@dataclass(frozen=True, slots=True)
class Facets:
    """How many products each choice would show, the other choices being as they are. Hashable, to keep pages by."""

    total: int
    any_category: int
    in_stock: int
    categories: Mapping[int, int] = field(default_factory=dict, hash=False)
    bands: tuple[int, ...] = (0,) * len(BANDS)


def count_facets(asked: ProductFilter, everything: Cube, in_price: Cube) -> Facets:
    """Facets from two cubes: of all prices, and of the prices asked for (the same one when none are)."""
    categories: dict[int, int] = {}
    total = in_stock = 0
    for (category_id, _band, stocked), count in in_price.items():
        if stocked or not asked.in_stock:
            categories[category_id] = categories.get(category_id, 0) + count
        if asked.category_id in (None, category_id):
            total += count if stocked or not asked.in_stock else 0
            in_stock += count if stocked else 0
    return Facets(total, sum(categories.values()), in_stock, categories, _count_bands(asked, everything))


def _count_bands(asked: ProductFilter, everything: Cube) -> tuple[int, ...]:
    bands = [0] * len(BANDS)
    for (category_id, band, stocked), count in everything.items():
        if asked.category_id in (None, category_id) and (stocked or not asked.in_stock):
            bands[band] += count
    return tuple(bands)
