"""What the assistant used: by day, by what answered, by purpose, by person; five statements whatever the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, case, func, select

from app.accounts.models import User
from app.conversations.models import Run
from app.core.clock import business_day, now
from app.db import db
from app.gateway import ratings
from app.gateway.budgets import BUILTIN
from app.gateway.models import Agent, AgentVersion
from app.gateway.pricing import find_price
from app.gateway.usage_figures import Figures, Times, Waits
from app.runtime import settings

PERIODS = (7, 30, 90)
FAILED = ("error", "interrupted")
TOP_PEOPLE = 10
# Times are rounded to so many milliseconds: fewer different ones are counted faster.
WORD_STEP_MS = 10
RUN_STEP_MS = 100
SHOP = "shop"


@dataclass(frozen=True, slots=True)
class Source:
    """What answered: an agent's version (`agent` and `version`), else the model of the settings or the built-in one."""

    agent: str
    version: int | None
    purpose: str
    model: str
    provider: str

    @property
    def is_builtin(self) -> bool:
        return self.provider == BUILTIN


@dataclass(frozen=True, slots=True)
class Line:
    """Figures under a name: a day, a source or a purpose."""

    key: Any
    figures: Figures
    waits: Waits


@dataclass(frozen=True, slots=True)
class DayLine:
    """Figures of one source on one day, as the CSV has them."""

    day: date
    source: Source
    figures: Figures


@dataclass(frozen=True, slots=True)
class Person:
    """What was used for somebody; `name` is None for a guest."""

    name: str | None
    runs: int
    tokens: int
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The figures from `first` to `last`, both inclusive, business days of the shop."""

    first: date
    last: date
    total: Line
    days: Sequence[Line]
    sources: Sequence[Line]
    purposes: Sequence[Line]
    people: Sequence[Person]
    opinion: ratings.Opinion
    comments: Sequence[ratings.Comment]


def get_usage(days: int) -> Usage:
    """The last `days` business days, the one that runs now included."""
    first, last = period(days)
    lines = list_day_lines(days)
    begin = datetime.combine(first, time(), ZoneInfo(settings().shop_timezone))
    by_day = {first + timedelta(days=number): Figures() for number in range(days)}
    for line in lines:
        by_day.setdefault(line.day, Figures()).add(line.figures)
    sources = _grouped((line.source, line.figures) for line in lines)
    total = Figures()
    for source in sources:
        total.add(source.figures)
    return Usage(
        first=first,
        last=last,
        total=Line(None, total, Waits.of(total)),
        days=[Line(day, figures, Waits.of(figures)) for day, figures in by_day.items()],
        sources=sources,
        purposes=_grouped((each.key.purpose, each.figures) for each in sources),
        people=_list_people(first),
        opinion=ratings.opinion_since(begin),
        comments=ratings.list_comments(begin),
    )


def list_sources(days: int) -> list[Line]:
    """What answered in the last business days, what was used most first; two statements."""
    return _grouped((line.source, line.figures) for line in list_day_lines(days))


def period(days: int) -> tuple[date, date]:
    """The first and the last of so many business days up to now."""
    today = business_day(now(), settings().shop_timezone)
    return today - timedelta(days=days - 1), today


def list_day_lines(days: int) -> list[DayLine]:
    """Every source on every day it answered, in order; two statements, read from `ix_runs_usage` alone."""
    first, _ = period(days)
    rows = db.session.execute(_lines_since(first)).all()
    agents = _agents() if any(row.agent_version_id for row in rows) else {}
    return [DayLine(row.day, _source(row, agents), _figures(row)) for row in rows]


def _lines_since(first: date) -> Select[Any]:
    """In the order of the index, so that neither engine sorts; the times of a group come as one text."""
    key = (Run.day, Run.agent_version_id, Run.model, Run.provider)
    return (
        select(
            *key,
            func.count().label("runs"),
            _count(Run.status.in_(FAILED)).label("errors"),
            _count(Run.attempts > 1).label("failovers"),
            func.sum(Run.prompt_tokens).label("prompt_tokens"),
            func.sum(Run.completion_tokens).label("completion_tokens"),
            func.sum(Run.cost_micros).label("cost_micros"),
            _times(Run.first_token_ms, WORD_STEP_MS).label("first_words"),
            _times(Run.duration_ms, RUN_STEP_MS).label("durations"),
        )
        .where(Run.day >= first)
        .group_by(*key)
        .order_by(*key)
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))


def _times(column: Any, step_ms: int) -> ColumnElement[Any]:
    """All values of a group as one text. Rounded without a division, which MariaDB makes a slow decimal of."""
    upper = column + step_ms // 2
    return func.group_concat(upper - upper % step_ms)


def _figures(row: Any) -> Figures:
    tokens = row.prompt_tokens + row.completion_tokens
    return Figures(
        runs=row.runs,
        errors=int(row.errors),
        failovers=int(row.failovers),
        prompt_tokens=int(row.prompt_tokens),
        completion_tokens=int(row.completion_tokens),
        cost_micros=int(row.cost_micros),
        is_unpriced=bool(tokens)
        and row.provider != BUILTIN
        and not row.cost_micros
        and not find_price(row.model),
        first_word=Times([row.first_words] if row.first_words else []),
        duration=Times([row.durations] if row.durations else []),
    )


def _agents() -> dict[int, tuple[str, int, str]]:
    """Name, number and purpose of every version there ever was."""
    rows = db.session.execute(
        select(AgentVersion.id, Agent.name, AgentVersion.number, Agent.purpose).join(AgentVersion.agent)
    )
    return {version_id: (name, number, purpose) for version_id, name, number, purpose in rows}


def _source(row: Any, agents: dict[int, tuple[str, int, str]]) -> Source:
    name, number, purpose = agents.get(row.agent_version_id, ("", None, SHOP))
    return Source(name, number, purpose, row.model, row.provider)


def _grouped(pairs: Iterable[tuple[Any, Figures]]) -> list[Line]:
    """Lines by key, what was used most first."""
    found: dict[Any, Figures] = {}
    for key, figures in pairs:
        found.setdefault(key, Figures()).add(figures)
    lines = [Line(key, figures, Waits.of(figures)) for key, figures in found.items()]
    return sorted(lines, key=lambda line: (-line.figures.cost_micros, -line.figures.runs))


def _list_people(first: date) -> list[Person]:
    """Who cost most; where nothing has a price, who used most tokens."""
    tokens = func.sum(Run.prompt_tokens + Run.completion_tokens).label("tokens")
    cost = func.sum(Run.cost_micros).label("cost")
    rows = db.session.execute(
        select(Run.owner, func.count().label("runs"), tokens, cost)
        .where(Run.day >= first, Run.provider != BUILTIN)
        .group_by(Run.owner)
        .order_by(cost.desc(), tokens.desc(), Run.owner)
        .limit(TOP_PEOPLE)
    ).all()
    names = _names([row.owner for row in rows])
    return [Person(names.get(row.owner), row.runs, int(row.tokens), int(row.cost)) for row in rows]


def _names(owners: Sequence[str]) -> dict[str, str]:
    ids = [int(owner.removeprefix("user:")) for owner in owners if owner.startswith("user:")]
    if not ids:
        return {}
    rows = db.session.execute(select(User.id, User.username).where(User.id.in_(ids)))
    return {f"user:{user_id}": name for user_id, name in rows}
