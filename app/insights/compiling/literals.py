"""Values in SQL text, and the days of a source. The SQL is MySQL's; the guard turns it into the engine's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.insights.metrics.catalogue import Source
from app.language.periods import Span, Unit, buckets


def quoted(value: object) -> str:
    """A literal. Names with a backslash cannot be written in a way that all engines read alike: ValueError."""
    if isinstance(value, int | float):
        return str(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    if "\\" in text or "\0" in text:
        raise ValueError("a name that cannot be quoted")
    return "'" + text.replace("'", "''") + "'"


def utc_start(day: date, zone: str) -> datetime:
    """The moment a business day begins, in UTC, without zone, as it is stored."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def within(source: Source, span: Span, zone: str) -> str:
    """The condition that a row lies in the span."""
    if source.day:
        return f"{source.day} BETWEEN {quoted(span.start)} AND {quoted(span.end)}"
    start, end = utc_start(span.start, zone), utc_start(span.end + timedelta(days=1), zone)
    return f"{source.moment} >= '{start}' AND {source.moment} < '{end}'"


def day_of(source: Source, span: Span, zone: str) -> str:
    """The business day of a row. A moment is shifted by the zone's offset; a day on which the clocks change is named."""
    if source.day:
        return source.day
    parts = _parts(source, span, zone)
    if len(parts) == 1:
        return parts[0][1]
    cases = " ".join(f"WHEN {source.moment} < '{end}' THEN {said}" for end, said in parts[:-1])
    return f"CASE {cases} ELSE {parts[-1][1]} END"


def _parts(source: Source, span: Span, zone: str) -> list[tuple[datetime, str]]:
    """The stretches of the span in which one expression gives the day, and when each ends (UTC)."""
    found: list[tuple[datetime, str]] = []
    for day in (span.start + timedelta(days=offset) for offset in range(span.days)):
        start, end = utc_start(day, zone), utc_start(day + timedelta(days=1), zone)
        minutes = round((datetime.combine(day, time()) - start).total_seconds() / 60)
        said = _shifted(source.moment, minutes) if end - start == timedelta(days=1) else quoted(day)
        if found and found[-1][1] == said:
            found.pop()
        found.append((end, said))
    return found


def _shifted(moment: str, minutes: int) -> str:
    if minutes == 0:
        return f"DATE({moment})"
    call = "DATE_ADD" if minutes > 0 else "DATE_SUB"
    return f"DATE({call}({moment}, INTERVAL {abs(minutes)} MINUTE))"


def bucket_labels(span: Span, step: Unit) -> list[str]:
    """What the buckets of a series are called: the day, the Monday of the week (or the first day), the month."""
    return [part.start.isoformat()[: 7 if step == "month" else 10] for part in buckets(span, step)]


def bucket_of(source: Source, span: Span, step: Unit, zone: str, what: str = "label") -> str:
    """The label, the first day (`start`) or the last (`end`) of the bucket that a row lies in."""
    if step == "day":
        return day_of(source, span, zone)
    parts, labels = buckets(span, step), bucket_labels(span, step)
    says = {
        "label": [quoted(label) for label in labels],
        "start": [quoted(part.start) for part in parts],
        "end": [quoted(part.end) for part in parts],
    }[what]
    if len(parts) == 1:
        return says[0]
    column = source.day or source.moment
    ends = [part.start if source.day else utc_start(part.start, zone) for part in parts[1:]]
    cases = " ".join(
        f"WHEN {column} < {quoted(str(end))} THEN {said}" for end, said in zip(ends, says, strict=False)
    )
    return f"CASE {cases} ELSE {says[-1]} END"


def bucket_of_label(column: str, span: Span, step: Unit, what: str = "label") -> str:
    """The same of a column that holds the bucket's label."""
    if step == "day" or what == "label":
        return column
    parts, labels = buckets(span, step), bucket_labels(span, step)
    days = [quoted(part.start if what == "start" else part.end) for part in parts]
    cases = " ".join(f"WHEN {quoted(label)} THEN {day}" for label, day in zip(labels, days, strict=True))
    return days[0] if len(days) == 1 else f"CASE {column} {cases} END"
