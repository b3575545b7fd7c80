"""Reads of the call log: newest first, from any place on, by index whatever is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from app.core.errors import NotFound
from app.db import db
from app.tools.models import ToolCallLog

OK, ERROR = "ok", "error"
OUTCOMES = (OK, ERROR)
# What no index answers is looked for in so many calls at a time: a text, or a second condition.
LOOKED_THROUGH = 5_000
WITHOUT_GROUP = 0
CURSOR = re.compile(r"([0-9]{1,17})-([0-9]{1,18})")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ROW = ToolCallLog
Condition = ColumnElement[bool]
_SHOWN = (
    ROW.id, ROW.tool_name, ROW.group_id, ROW.caller_app_id, ROW.request_data, ROW.response_data, ROW.success,
    ROW.error_code, ROW.error_message, ROW.duration_ms, ROW.created_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log: what comes after it is older."""

    created_at: datetime
    id: int

    def __str__(self) -> str:
        """As an address has it."""
        return f"{(self.created_at - EPOCH) // MICROSECOND}-{self.id}"

    @classmethod
    def read(cls, text: str | None) -> Place | None:
        """The place that an address names; None for what is none."""
        found = CURSOR.fullmatch(text or "")
        try:
            return cls(EPOCH + int(found[1]) * MICROSECOND, int(found[2])) if found else None
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """What is looked for. `outcome` is ok, error or ""; `group_id` WITHOUT_GROUP for calls without a group's key.

    `text` is looked for in request, response and message. `since` is inclusive, `until` is not.
    """

    tool: str = ""
    group_id: int | None = None
    caller: str = ""
    outcome: str = ""
    error_code: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    """Rows of the log, newest first; `next` is where to go on, which there may be with few rows or none.

    `looked_until` is set when only the calls as far back as this were looked through.
    """

    items: Sequence[Any]
    next: Place | None = None
    looked_until: datetime | None = None


def list_calls(wanted: CallFilter, limit: int = 50, after: Place | None = None) -> CallPage:
    """A page of the log; one statement, two when there is more to look for than one index knows."""
    index, first, others = _conditions(wanted)
    if after is not None:
        first.append(_older_than(after))
    end = _end_of_search(index, first) if others else None
    if end is not None:
        first.append(_down_to(end))
    rows = db.session.execute(_newest_first(_SHOWN, index, [*first, *others]).limit(limit + 1)).all()
    if len(rows) > limit:
        return CallPage(items=rows[:limit], next=_place_of(rows[limit - 1]))
    return CallPage(items=rows, next=end, looked_until=end.created_at if end else None)


def get_call(call_id: int) -> Any:
    """One call. Raises NotFound."""
    row = db.session.execute(select(*_SHOWN).where(ROW.id == call_id)).first()
    if row is None:
        raise NotFound()
    return row


def _newest_first(columns: Sequence[Any], index: str, conditions: Sequence[Condition]) -> Any:
    """MariaDB is told the index: else it reads a log without a match from end to end, by time."""
    statement = select(*columns).where(*conditions).order_by(ROW.created_at.desc(), ROW.id.desc())
    hint = f"FORCE INDEX (ix_mcp_call_logs_{index})"
    return statement.with_hint(ROW, hint, "mysql").with_hint(ROW, hint, "mariadb")


def _conditions(wanted: CallFilter) -> tuple[str, list[Condition], list[Condition]]:
    """The index to read, what it answers by itself, and what each of its rows must be asked."""
    by_index = list(_by_index(wanted))
    index, *first = by_index.pop(0) if by_index else ("created_at",)
    others = [condition for _, condition in by_index]
    if wanted.since is not None:
        first.append(ROW.created_at >= wanted.since)
    if wanted.until is not None:
        first.append(ROW.created_at < wanted.until)
    if wanted.text:
        others.append(_has_text(wanted.text))
    return index, first, others


def _by_index(wanted: CallFilter) -> Iterator[tuple[str, Condition]]:
    """Conditions with the index of each, what narrows most first."""
    if wanted.error_code:
        yield "error_code_created_at", ROW.error_code == wanted.error_code
    elif wanted.outcome == ERROR:
        yield "success_created_at", ROW.success == false()
    if wanted.caller:
        yield "caller_app_id_created_at", ROW.caller_app_id == wanted.caller
    if wanted.tool:
        yield "tool_name_created_at", ROW.tool_name == wanted.tool
    if wanted.group_id == WITHOUT_GROUP:
        yield "group_id_created_at", ROW.group_id.is_(None)
    elif wanted.group_id is not None:
        yield "group_id_created_at", ROW.group_id == wanted.group_id
    if wanted.outcome == OK:
        yield "success_created_at", ROW.success == true()


def _older_than(place: Place) -> Condition:
    """Said twice, so that both engines begin at the place in their index."""
    at = place.created_at
    return and_(ROW.created_at <= at, or_(ROW.created_at < at, ROW.id < place.id))


def _down_to(place: Place) -> Condition:
    """What is not older, the place itself included."""
    at = place.created_at
    return and_(ROW.created_at >= at, or_(ROW.created_at > at, ROW.id >= place.id))


def _end_of_search(index: str, conditions: Sequence[Condition]) -> Place | None:
    """The last call of those that are looked through; None when there are no more."""
    newest = _newest_first((ROW.created_at, ROW.id), index, conditions)
    row = db.session.execute(newest.offset(LOOKED_THROUGH - 1).limit(1)).first()
    return _place_of(row) if row else None


def _has_text(text: str) -> Condition:
    columns = (ROW.request_data, ROW.response_data, ROW.error_message)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _place_of(row: Any) -> Place:
    return Place(row.created_at, row.id)
