"""What a visitor chose on the list page: read from its address, written into those of its links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext

from app.catalogue.filters import BANDS, MAX_QUERY, SORTS, ProductFilter
from app.core.money import MAX_CENTS, cents, yuan
from app.core.pagination import MAX_OFFSET

PER_PAGE = 24


@dataclass(frozen=True, slots=True)
class Choice:
    """What the visitor chose, forgiving: a value that makes no sense counts as not chosen.

    `band` is a price band's number, `low` and `high` are what was typed into the fields (yuan).
    """

    filter: ProductFilter
    band: int | None = None
    low: str = ""
    high: str = ""

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Choice:
        """Read the address."""
        band = _number(args.get("band"), 0, len(BANDS) - 1)
        low, high = (
            (_price(args.get("min_price")), _price(args.get("max_price"))) if band is None else _ends(band)
        )
        sort = args.get("sort", "")
        number = _number(args.get("page"), 1, MAX_OFFSET // PER_PAGE) or 1
        wanted = ProductFilter(
            q=args.get("q", "")[:MAX_QUERY],
            category_id=_number(args.get("category_id"), 1, 1_000_000_000),
            min_price_cents=low,
            max_price_cents=high,
            in_stock=args.get("in_stock") in ("1", "true", "on"),
            sort=sort if sort in SORTS else "relevance",  # type: ignore[arg-type]
            limit=PER_PAGE,
            offset=(number - 1) * PER_PAGE,
        )
        typed = ("", "") if band is not None else (_shown(low), _shown(high))
        return cls(wanted, band, *typed)

    def url(self, **changes: Any) -> str:
        """The list's address with some choices changed (None: taken back), from the first page on."""
        chosen: dict[str, Any] = {
            "q": self.filter.q,
            "category_id": self.filter.category_id,
            "band": self.band,
            "min_price": self.low,
            "max_price": self.high,
            "in_stock": 1 if self.filter.in_stock else None,
            "sort": self.filter.sort if self.filter.sort != "relevance" else None,
        }
        chosen.update(changes)
        query = urlencode({name: value for name, value in chosen.items() if value not in (None, "")})
        return f"/products?{query}" if query else "/products"

    def without_price(self, **changes: Any) -> str:
        """The address with another price choice."""
        return self.url(**{"band": None, "min_price": None, "max_price": None, **changes})

    @property
    def has_price(self) -> bool:
        return self.filter.min_price_cents is not None or self.filter.max_price_cents is not None

    @property
    def is_narrowed(self) -> bool:
        return self.has_price or self.filter.in_stock or self.filter.category_id is not None

    def chips(self, category: str) -> Iterator[tuple[str, str]]:
        """What is chosen, each with the address that takes it back."""
        if self.filter.q:
            yield f"“{self.filter.q}”", self.url(q=None)
        if category:
            yield category, self.url(category_id=None)
        if self.has_price:
            yield (
                price_label(self.filter.min_price_cents, self.filter.max_price_cents, self.band),
                self.without_price(),
            )
        if self.filter.in_stock:
            yield gettext("In stock"), self.url(in_stock=None)


def _number(value: str | None, low: int, high: int) -> int | None:
    if not value or not value.isascii() or not value.isdigit() or len(value) > 12:
        return None
    number = int(value)
    return number if low <= number <= high else None


def _price(value: str | None) -> int | None:
    """Typed yuan as cents; None when it is no price."""
    try:
        amount = cents((value or "").strip()[:16])
    except (ValueError, ArithmeticError):
        return None
    return amount if 0 <= amount <= MAX_CENTS else None


def _shown(amount: int | None) -> str:
    return "" if amount is None else yuan(amount).removesuffix(".00")


def _ends(band: int) -> tuple[int, int | None]:
    low, end = BANDS[band]
    return low, None if end is None else end - 1


def price_label(low: int | None, high: int | None, band: int | None = None) -> str:
    """A price range in words."""
    if band is not None:
        low, high = BANDS[band][0] or None, BANDS[band][1]
    if low is None:
        return str(gettext("Under ¥%(price)s", price=_shown(high)))
    if high is None:
        return str(gettext("¥%(price)s and more", price=_shown(low)))
    return f"¥{_shown(low)} – {_shown(high)}"
