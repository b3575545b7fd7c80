"""What became of the answers of an agent's versions, side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, select

from app.conversations.confirmations import APPROVED
from app.conversations.models import Confirmation, Message, Run
from app.db import db
from app.gateway.models import AgentVersion, Rating

ANSWERED = ("done", "aborted")
FAILED = ("error", "interrupted")
ORDERING_TOOL = "place_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionResult:
    """One version's figures.

    `answers` came to an end (also when the customer stopped them), `errors` did not. `first_word_*` are
    milliseconds from the start of a run. `asked` counts the orders that customers were asked to confirm,
    `orders` those that were placed then. Ratings count for the version that answered last in the conversation.
    """

    version_id: int
    number: int
    provider: str
    model: str
    weight: int
    answers: int = 0
    errors: int = 0
    first_word_p50_ms: int | None = None
    first_word_p95_ms: int | None = None
    asked: int = 0
    orders: int = 0
    ratings: int = 0
    rating_average: float | None = None
    thumbs_up: int = 0
    thumbs_down: int = 0

    @property
    def error_rate(self) -> float:
        """Failed runs among all, 0 to 1."""
        whole = self.answers + self.errors
        return self.errors / whole if whole else 0.0


def results_of(agent_id: int, since: datetime) -> list[VersionResult]:
    """The figures of each version since a moment, newest version first; five statements, however many there are."""
    columns = (
        AgentVersion.id, AgentVersion.number, AgentVersion.provider, AgentVersion.model, AgentVersion.app_id,
        AgentVersion.weight,
    )  # fmt: skip
    versions = db.session.execute(
        select(*columns).where(AgentVersion.agent_id == agent_id).order_by(AgentVersion.number.desc())
    ).all()
    ids = [version.id for version in versions]
    figures: dict[int, dict[str, Any]] = defaultdict(dict)
    for each in (_endings(ids, since), _first_words(ids, since), _orders(ids, since), _ratings(ids, since)):
        for version_id, values in each.items():
            figures[version_id] |= values
    return [
        VersionResult(
            version_id=version.id,
            number=version.number,
            provider=version.provider,
            model=version.model or version.app_id,
            weight=version.weight,
            **figures[version.id],
        )
        for version in versions
    ]


Figures = Mapping[int, dict[str, Any]]


def _endings(ids: Collection[int], since: datetime) -> Figures:
    rows = db.session.execute(
        select(
            Run.agent_version_id,
            func.sum(case((Run.status.in_(ANSWERED), 1), else_=0)),
            func.sum(case((Run.status.in_(FAILED), 1), else_=0)),
        )
        .where(Run.agent_version_id.in_(ids), Run.started_at >= since)
        .group_by(Run.agent_version_id)
    )
    return {version: {"answers": int(answers), "errors": int(errors)} for version, answers, errors in rows}


def _first_words(ids: Collection[int], since: datetime) -> Figures:
    """Percentiles from a count of each value: exact, on every engine, and few rows however many runs."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    rows = db.session.execute(
        select(Run.agent_version_id, Run.first_token_ms, func.count())
        .where(Run.agent_version_id.in_(ids), Run.started_at >= since, Run.first_token_ms.is_not(None))
        .group_by(Run.agent_version_id, Run.first_token_ms)
    )
    for version_id, milliseconds, count in rows:
        counts[int(version_id or 0)][int(milliseconds or 0)] = count
    return {
        version: {
            "first_word_p50_ms": percentile(found, 0.50),
            "first_word_p95_ms": percentile(found, 0.95),
        }
        for version, found in counts.items()
    }


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The smallest value that at least `share` of all are not above (nearest rank); None without values."""
    whole, seen = sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= share * whole:
            return value
    return None


def _orders(ids: Collection[int], since: datetime) -> Figures:
    """Questions to place an order and the orders that followed, by the version that asked.

    A yes runs the stored call in a run of its own (`Desk.settle`), as the first thing in it. So the outcome of
    an approved question is the conversation's next result of the tool in another run than the one that asked.
    """
    outcome = (
        select(Message.status)
        .where(
            Message.conversation_id == Confirmation.conversation_id,
            Message.role == "tool",
            Message.tool_name == ORDERING_TOOL,
            Message.run_id != Confirmation.run_id,
            Message.created_at >= Confirmation.created_at,
        )
        .order_by(Message.id)
        .limit(1)
        .correlate(Confirmation)
        .scalar_subquery()
    )
    of_version = and_(Confirmation.conversation_id == Run.conversation_id, Confirmation.run_id == Run.id)
    asked = (
        select(
            Run.agent_version_id.label("version"),
            case((Confirmation.status == APPROVED, outcome), else_=None).label("outcome"),
        )
        .join(Confirmation, of_version)
        .where(
            Run.agent_version_id.in_(ids),
            Run.started_at >= since,
            Confirmation.tool_name == ORDERING_TOOL,
        )
        .subquery()
    )
    rows = db.session.execute(
        select(asked.c.version, func.count(), func.sum(case((asked.c.outcome == "ok", 1), else_=0))).group_by(
            asked.c.version
        )
    )
    return {version: {"asked": count, "orders": int(orders)} for version, count, orders in rows}


def _ratings(ids: Collection[int], since: datetime) -> Figures:
    rows = db.session.execute(
        select(
            Rating.agent_version_id,
            func.count(Rating.score),
            func.avg(Rating.score),
            func.sum(case((Rating.thumb == 1, 1), else_=0)),
            func.sum(case((Rating.thumb == -1, 1), else_=0)),
        )
        .where(Rating.agent_version_id.in_(ids), Rating.updated_at >= since)
        .group_by(Rating.agent_version_id)
    )
    return {
        version: {
            "ratings": count,
            "rating_average": float(average) if average is not None else None,
            "thumbs_up": int(up),
            "thumbs_down": int(down),
        }
        for version, count, average, up, down in rows
    }
