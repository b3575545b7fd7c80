"""How the service goes: welcomes, consultants, notifications, answers, calls of tools, what went wrong, and what the processes take.

Everything but the processes is counted by the database, so the same whichever process is asked; the number of statements does
not depend on how much there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.admin.processes import Machine, Process, list_processes, machines_of
from app.consultants.figures import DeskFigures, read_desk_figures
from app.conversations.models import Run
from app.db import db
from app.delivery.figures import ChannelFigures, read_channels
from app.gateway import usage
from app.gateway.ratings import Opinion, opinion_since
from app.mcp import statistics
from app.onboarding import figures as onboarding
from app.outbox.models import OutboxMessage
from app.runtime import settings

PERIODS = (1, 7, 30, 90)
DEFAULT_PERIOD = 7
# What the reader can act on; the lists behind it have all.
MOST_TROUBLES, MOST_TOOLS = 15, 10
WELCOME, ANSWERS, TOOLS, DELIVERY, OUTBOX = "welcome", "answers", "tools", "delivery", "outbox"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of error: the area it is from, what went wrong there, its code, and how often."""

    area: str
    what: str
    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Figures from `first` to `last`, business days of the shop. `processes` is None when nobody can tell."""

    first: date
    last: date
    welcomes: onboarding.Figures
    desk: DeskFigures
    channels: Sequence[ChannelFigures]
    agents: Sequence[usage.Line]
    opinion: Opinion
    calls: statistics.Totals
    series: statistics.Series
    troubles: Sequence[Trouble]
    processes: Sequence[Process] | None
    machines: Sequence[Machine]


def read_dashboard(days: int = DEFAULT_PERIOD) -> Dashboard:
    """The last business days, today included."""
    first, last = usage.period(days)
    begin = datetime.combine(first, time(), ZoneInfo(settings().shop_timezone))
    welcomes = onboarding.read_figures(days)
    calls = statistics.totals_of_days(days)
    channels, processes = read_channels(begin), list_processes()
    troubles = [
        *_welcome_troubles(welcomes),
        *_run_troubles(begin),
        *_call_troubles(calls),
        *_delivery_troubles(channels),
        *_stuck(),
    ]
    return Dashboard(
        first=first,
        last=last,
        welcomes=welcomes,
        desk=read_desk_figures(begin),
        channels=channels,
        agents=usage.list_sources(days),
        opinion=opinion_since(begin),
        calls=calls,
        series=statistics.series_of_days(days),
        troubles=sorted(troubles, key=lambda each: -each.count)[:MOST_TROUBLES],
        processes=processes,
        machines=machines_of(processes or []),
    )


def _welcome_troubles(welcomes: onboarding.Figures) -> Iterator[Trouble]:
    for each in welcomes.errors:
        yield Trouble(WELCOME, each.step, each.code, each.steps)


def _run_troubles(begin: datetime) -> Iterator[Trouble]:
    """Answers of the assistant that ended badly; those that a customer stopped did not."""
    runs = func.count()
    counted = (
        select(Run.status, Run.error_code, runs)
        .where(Run.status.in_(usage.FAILED), Run.started_at >= begin)
        .group_by(Run.status, Run.error_code)
        .order_by(runs.desc())
        .limit(MOST_TROUBLES)
    )
    for status, code, number in db.session.execute(counted):
        yield Trouble(ANSWERS, status, code or status.upper(), number)


def _call_troubles(calls: statistics.Totals) -> Iterator[Trouble]:
    for kind in calls.kinds:
        # A tool that there is not has no name.
        yield Trouble(TOOLS, ", ".join(name for name in kind.tools[:3] if name), kind.code, kind.calls)


def _delivery_troubles(channels: Sequence[ChannelFigures]) -> Iterator[Trouble]:
    for channel in channels:
        for reason, number in channel.reasons.items():
            yield Trouble(DELIVERY, channel.channel, reason or "FAILED", number)


def _stuck() -> Iterator[Trouble]:
    """What was to follow from something and has failed so far, whenever that was."""
    waiting = (
        select(OutboxMessage.topic, func.count())
        .where(OutboxMessage.processed_at.is_(None), OutboxMessage.attempts > 0)
        .group_by(OutboxMessage.topic)
        .limit(MOST_TROUBLES)
    )
    for topic, number in db.session.execute(waiting):
        yield Trouble(OUTBOX, topic, "UNDELIVERED", number)
