"""Counting calls by hour and business day, in the transaction that writes their rows into the log.

So statistics are exact at once, in every process, and take no longer when the log has a million rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table, delete, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql.dml import Insert

from app.core.clock import business_day, now
from app.db import db, in_transaction
from app.runtime import settings
from app.tools.durations import rounded
from app.tools.models import ToolCallCount
from app.tools.registry import registry

HOUR, DAY = "hour", "day"
# Hours are looked at one by one for a short while only.
HOURS_KEPT = timedelta(days=8)
DAYS_KEPT = timedelta(days=400)
MAX_STARTS = 500
COUNTS: Table = ToolCallCount.__table__  # type: ignore[assignment]
KEY = [column.name for column in COUNTS.primary_key]


def count(rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows of the log to the counts; in the current transaction."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        for span, start in spans_of(row["created_at"]):
            found[(span, start, *_kind(row))] += 1
    if found:
        # Sorted, so that two processes never wait for one another's rows.
        values = [{**dict(zip(KEY, key, strict=True)), "calls": found[key]} for key in sorted(found)]
        db.session.execute(_upsert(), values)


def spans_of(moment: datetime) -> tuple[tuple[str, datetime], tuple[str, datetime]]:
    """The hour and the business day that a moment is in, by their beginnings."""
    return (HOUR, hour_of(moment)), (DAY, day_of(moment))


def hour_of(moment: datetime) -> datetime:
    """The beginning of its hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The beginning of its business day."""
    zone = ZoneInfo(settings().shop_timezone)
    return datetime.combine(business_day(moment, settings().shop_timezone), time(), zone)


def delete_old() -> int:
    """Drop what is past its time, one hour or day after the other; how many of those there were."""
    moment, starts = now(), 0
    for span, kept in ((HOUR, HOURS_KEPT), (DAY, DAYS_KEPT)):
        while starts < MAX_STARTS and in_transaction(lambda span=span, kept=kept: _drop(span, moment - kept)):  # type: ignore[misc]
            starts += 1
    return starts


def _drop(span: str, until: datetime) -> bool:
    is_old = (COUNTS.c.span == span) & (COUNTS.c.start < until)
    oldest = db.session.scalar(select(COUNTS.c.start).where(is_old).order_by(COUNTS.c.start).limit(1))
    if oldest is not None:
        db.session.execute(delete(COUNTS).where(COUNTS.c.span == span, COUNTS.c.start == oldest))
    return oldest is not None


def _kind(row: Mapping[str, Any]) -> tuple[str, int, str, int]:
    """Whatever names a caller makes up for tools that there are not, they count as one."""
    name = row["tool_name"] if registry.find(row["tool_name"]) else ""
    return name, row["group_id"] or 0, row["error_code"], rounded(row["duration_ms"])


def _upsert() -> Insert:
    if db.engine.dialect.name == "sqlite":
        lite = sqlite.insert(COUNTS)
        return lite.on_conflict_do_update(
            index_elements=KEY, set_={"calls": COUNTS.c.calls + lite.excluded.calls}
        )
    new = mysql.insert(COUNTS)
    return new.on_duplicate_key_update(calls=COUNTS.c.calls + new.inserted.calls)
