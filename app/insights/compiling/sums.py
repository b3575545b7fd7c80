"""Answering from the sums by day (`app.sales`) where they say the same, with the days that are stale from the orders."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from app.insights.compiling.literals import quoted, utc_start
from app.insights.metrics.catalogue import Source, catalogue
from app.insights.question import Filter
from app.language.periods import Span
from app.sales.stale import Stale

GOODS = ("product", "category")
COUNTS = {"product": "product_orders", "category": "category_orders"}
# With more stale days than this in a period the orders are read as they are.
MAX_STALE_DAYS = 31


def find_sums(
    source: str,
    metrics: Sequence[str],
    dimensions: tuple[str, ...],
    filters: tuple[Filter, ...],
    span: Span,
    zone: str,
    stale: Stale | None,
) -> str | None:
    """The source of sums from which all of `metrics` can be had like this, or None."""
    if stale is None:
        return None
    reach = (*dimensions, *(part.dimension for part in filters))
    for sums in catalogue().sums_of(source):
        is_fresh = len(stale_days(sums, span, zone, stale)) <= MAX_STALE_DAYS
        if is_fresh and _has_all(sums, metrics, reach) and _counts(sums, metrics, dimensions, filters):
            return sums.key
    return None


def _has_all(sums: Source, metrics: Sequence[str], reach: Iterable[str]) -> bool:
    known = catalogue()
    return all(sums.key in known.metrics[metric].formulas for metric in metrics) and all(
        known.reaches(sums.key, key) for key in reach
    )


def _counts(
    sums: Source, metrics: Sequence[str], dimensions: tuple[str, ...], filters: tuple[Filter, ...]
) -> bool:
    """False where orders must be counted and one would count twice.

    A threshold that is the average of all asks for the whole too, where nothing is split.
    """
    formulas = [catalogue().metrics[metric].formulas[sums.key] for metric in metrics]
    if not any("{order_count}" in said for said in formulas):
        return True
    return None not in (order_count(dimensions, filters), order_count((), filters))


def order_count(dimensions: Iterable[str], filters: tuple[Filter, ...]) -> str | None:
    """The column whose sum is the number of orders; None where an order would count more than once.

    Split by product, an order counts once for each; so it does under a filter that lets one product pass.
    """
    for goods in GOODS:
        parts = [part for part in filters if part.dimension == goods]
        if goods in dimensions:
            return COUNTS[goods]
        if parts:
            is_one = len(parts) == 1 and parts[0].operator == "in" and len(parts[0].values) == 1
            return COUNTS[goods] if is_one else None
    return "baskets"


def stale_days(source: Source, span: Span, zone: str, stale: Stale) -> Sequence[date]:
    """The stale days that a span touches: business days, or UTC days for what goes by moments."""
    if source.day:
        return stale.between(source.stale, span.start, span.end)
    first, last = utc_start(span.start, zone), utc_start(span.end + timedelta(days=1), zone)
    return stale.between(source.stale, first.date(), last.date())


def rows_of(source: Source, span: Span, zone: str, stale: Stale, read: Container[str]) -> str:
    """What stands in FROM: the table, or what of it is good together with the rows of the stale days.

    Of the columns only those that are `read`: MariaDB stores what stands in UNION.
    """
    days = stale_days(source, span, zone, stale)
    if not days:
        return source.table
    column = (source.day or source.moment).partition(".")[2]
    names = [name for name in source.rows if name in read or name == column]
    good = f"SELECT {', '.join(names)} FROM {source.table} WHERE {_good(source, column, span, zone, days)}"  # noqa: S608 - catalogue text and quoted dates
    said = _is_stale(source, span, zone, days)
    tables = source.rows_from.strip()
    tables = tables.replace("{stale}", said) if "{stale}" in tables else f"{tables} AND {said}"
    rows = f"SELECT {', '.join(_named(source.rows[name], name) for name in names)}\nFROM {tables}"
    return f"(\n{good}\nUNION ALL\n{rows}\n)"


def _named(said: str, name: str) -> str:
    return said if said.rpartition(".")[2] == name else f"{said} AS {name}"


def _good(source: Source, column: str, span: Span, zone: str, days: Sequence[date]) -> str:
    if source.day:
        return f"{column} BETWEEN {quoted(span.start)} AND {quoted(span.end)} AND {column} NOT IN ({_listed(days)})"
    outside = [
        f"({column} < {quoted(str(start))} OR {column} >= {quoted(str(end))})"
        for start, end in _stretches(days, span, zone)
    ]
    first, last = utc_start(span.start, zone), utc_start(span.end + timedelta(days=1), zone)
    bounds = [f"{column} >= {quoted(str(first))}", f"{column} < {quoted(str(last))}"]
    return " AND ".join([*bounds, *outside])


def _is_stale(source: Source, span: Span, zone: str, days: Sequence[date]) -> str:
    column = source.rows_day
    if source.day:
        return f"{column} IN ({_listed(days)})"
    inside = [
        f"({column} >= {quoted(str(start))} AND {column} < {quoted(str(end))})"
        for start, end in _stretches(days, span, zone)
    ]
    return f"({' OR '.join(inside)})" if inside else f"{column} < {quoted('1970-01-01')}"


def _stretches(days: Sequence[date], span: Span, zone: str) -> list[tuple[datetime, datetime]]:
    """The stale UTC days as moments, as far as they lie in the span."""
    first, last = utc_start(span.start, zone), utc_start(span.end + timedelta(days=1), zone)
    found: list[tuple[datetime, datetime]] = []
    for day in days:
        start = datetime.combine(day, time(), UTC).replace(tzinfo=None)
        end = start + timedelta(days=1)
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return [(max(start, first), min(end, last)) for start, end in found if start < last and end > first]


def _listed(days: Sequence[date]) -> str:
    return ", ".join(quoted(day) for day in days)
