"""How fast customers get a person, all counted by the database, so the same whichever process is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, literal_column, select

from app.accounts.models import User
from app.consultants.attending import count_online
from app.consultants.models import Consultation
from app.consultants.states import State
from app.core.clock import now
from app.db import db
from app.gateway.models import Rating
from app.tools.durations import percentiles

# The promises: somebody has claimed the customer, and has written to whom they have claimed.
CLAIM_TARGET, ANSWER_TARGET = timedelta(minutes=10), timedelta(minutes=5)
MOST_CONSULTANTS = 50


@dataclass(slots=True)
class Waits:
    """How long something took, in seconds, by how many took that long."""

    counts: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.counts.total()

    def within(self, target: timedelta) -> int:
        """How many took no longer."""
        return sum(number for seconds, number in self.counts.items() if seconds <= target.total_seconds())

    def percentiles(self) -> tuple[int | None, int | None]:
        """The median and the 95th percentile."""
        p50, p95 = percentiles(self.counts, 50, 95)
        return p50, p95


@dataclass(slots=True)
class Person:
    """A consultant's claims of the period. `claims` from the wait's beginning, `answers` from the claim."""

    name: str
    claimed: int = 0
    claims: Waits = field(default_factory=Waits)
    answers: Waits = field(default_factory=Waits)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFigures:
    """Customers who began to wait in a period, and how it is now.

    `late`: of the period, who waits still and for longer than promised; they count against the share of claims in time.
    A first answer counts from the claim it followed; after a release and a new claim there is none to count.
    """

    by_source: Counter[str]
    claims: Waits
    answers: Waits
    people: list[Person]
    late: int
    waiting: int
    talking: int
    online: int
    rating: float | None
    ratings: int

    @property
    def opened(self) -> int:
        return self.by_source.total()

    @property
    def claimed_in_time(self) -> float | None:
        """Of all who were claimed, or should have been by now; None without any."""
        due = self.claims.total + self.late
        return round(self.claims.within(CLAIM_TARGET) / due, 4) if due else None

    @property
    def answered_in_time(self) -> float | None:
        """Of all who were written to; None without any."""
        return (
            round(self.answers.within(ANSWER_TARGET) / self.answers.total, 4) if self.answers.total else None
        )


def read_desk_figures(begin: datetime) -> DeskFigures:
    """The figures since a moment. Four statements."""
    by_source, claims, answers = Counter[str](), Waits(), Waits()
    people: dict[str, Person] = {}
    for row in db.session.execute(_since(begin)):
        by_source[row.source] += row.number
        if row.claim is None:
            continue
        person = people.setdefault(row.username or "", Person(row.username or ""))
        person.claimed += row.number
        # Clocks of two machines differ: nobody is faster than at once.
        for whose in (claims, person.claims):
            whose.counts[max(0, row.claim)] += row.number
        if row.answer is not None and row.answer >= 0:
            for whose in (answers, person.answers):
                whose.counts[row.answer] += row.number
    waiting, late, talking = _now(begin)
    rating, ratings = _rating(begin)
    return DeskFigures(
        by_source=by_source,
        claims=claims,
        answers=answers,
        people=sorted(people.values(), key=lambda each: (-each.claimed, each.name))[:MOST_CONSULTANTS],
        late=late,
        waiting=waiting,
        talking=talking,
        online=count_online(),
        rating=rating,
        ratings=ratings,
    )


def _since(begin: datetime) -> Any:
    claim = _seconds(Consultation.waiting_since, Consultation.claimed_at).label("claim")
    answer = _seconds(Consultation.claimed_at, Consultation.first_answer_at).label("answer")
    key = (Consultation.source, User.username, claim, answer)
    return (
        select(*key, func.count().label("number"))
        .outerjoin(User, User.id == Consultation.claimed_by)
        .where(Consultation.created_at >= begin)
        .group_by(*key)
    )


def _seconds(start: Any, end: Any) -> ColumnElement[int]:
    """Whole seconds between two moments; NULL when one is missing. No two engines say it alike."""
    if db.engine.dialect.name == "sqlite":
        return cast(func.strftime("%s", end), Integer) - cast(func.strftime("%s", start), Integer)
    seconds: ColumnElement[int] = func.timestampdiff(literal_column("SECOND"), start, end)
    return seconds


def _now(begin: datetime) -> tuple[int, int, int]:
    """Who waits, who of the period waits for too long, who talks with a person."""
    is_waiting = Consultation.status == State.WAITING.value
    is_late = is_waiting & (Consultation.waiting_since < now() - CLAIM_TARGET)
    is_talking = Consultation.taken_over_at.is_not(None) & (Consultation.status == State.CLAIMED.value)
    row = db.session.execute(
        select(
            _count(is_waiting), _count(is_late & (Consultation.created_at >= begin)), _count(is_talking)
        ).where(Consultation.status.in_((State.WAITING.value, State.CLAIMED.value)))
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _rating(begin: datetime) -> tuple[float | None, int]:
    """What customers think of conversations in which a consultant has written."""
    talked = select(Consultation.conversation_id).where(
        Consultation.created_at >= begin, Consultation.first_answer_at.is_not(None)
    )
    average, number = db.session.execute(
        select(func.avg(Rating.score), func.count(Rating.score)).where(Rating.conversation_id.in_(talked))
    ).one()
    return (round(float(average), 2) if average is not None else None), number
